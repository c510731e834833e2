"""The null band of a figure: tinted, hatched and edged, unlike any model and its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from engine.drawing.palette import NULL_BAND

HATCH = "////"
LABEL = "null band (Re-train against Re-train)"
RANGE = "range of the Re-trains"
PREDICTION = "one more Re-train, 95 % over the grid"


def draw_null_band(
    axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, label: str = LABEL
) -> None:
    """Draw what Re-trains differ by among themselves, below all curves; x, low, high (n,)."""
    axes.fill_between(
        x, low, high, facecolor=NULL_BAND.fill, edgecolor=NULL_BAND.edge, hatch=HATCH, lw=0.6,
        zorder=1, label=label,
    )  # fmt: skip


def draw_prediction(axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Draw where one more Re-train lies, below the range of the Re-trains; x, low, high (n,)."""
    axes.fill_between(
        x, low, high, facecolor=NULL_BAND.fill, edgecolor=NULL_BAND.edge, alpha=0.5, lw=0.6,
        linestyle=(0, (4, 2)), zorder=0.8, label=PREDICTION,
    )  # fmt: skip
