"""The null band of a figure: tinted, hatched and edged, unlike any model and its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from engine.drawing.palette import NULL_BAND

HATCH = "////"
LABEL = "null band (Re-train against Re-train)"


def draw_null_band(
    axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, label: str = LABEL
) -> None:
    """Draw what Re-trains differ by among themselves, below all curves; x, low, high (n,)."""
    axes.fill_between(
        x, low, high, facecolor=NULL_BAND.fill, edgecolor=NULL_BAND.edge, hatch=HATCH, lw=0.6,
        zorder=1, label=label,
    )  # fmt: skip
