"""The share of the forget set that is certified, against the radius of shifts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.analysis.curves import SHOWN, Line
from engine.analysis.measures import Trace
from engine.drawing.labels import model_label
from engine.residual.certificate import certified_share
from engine.results import Residual

POINTS = 101
TITLE = "Certified residual knowledge"
AXES = ("radius of shifts (L2, pixel range [0, 1])", "forget samples certified (%)")
HELP = (
    "Percent of forget samples for which no shift up to this length makes the smoothed model less "
    "sure of the true class than any smoothed Re-train, with 95 % confidence for each sample"
)
NONE = "Nothing is certified: this takes Gaussian noise, and samples that only the model recognizes"
CAVEAT = "Floating-point rounding is not covered by the certificate."


def certified_lines(residual: Residual, labels: Mapping[str, str]) -> list[Line]:
    """One curve per model with a certified radius: x radii, y percent of the forget set.

    From 0 to the largest radius of any model, and a little beyond; empty if nothing is certified.
    """
    radii = residual.certified_radius
    largest = max((float(one.max(initial=0)) for one in radii.values()), default=0.0)
    if largest == 0:
        return []
    x = np.linspace(0, 1.05 * largest, POINTS)
    return [
        Line(name, model_label(name, labels), SHOWN, 0, x, Trace(certified_share(radius, x)))
        for name, radius in radii.items()
    ]
