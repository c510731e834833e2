"""Tug of war by membership: as ToW, with MIA accuracy in the place of unlearn accuracy.

Source: Zhao et al. 2024, ToW-MIA. Where Re-train recognizes most of the forget set, accuracy
cannot tell whether a model forgot; an attack on its confidence may.
"""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, measure
from engine.metrics.tow import tug_of_war

COMPARED = ("mia_acc", "retain_acc", "test_acc")
METRIC = Metric(
    "tow_mia", "ToW-MIA", "0 to 1", "up",
    "tug of war: product of 1 - |difference from Re-train| over MIA, retain and test accuracy",
    "none: derived from the other measures", compares=True, digits=3, null=True, further=True,
)  # fmt: skip


@measure(METRIC)
def tow_mia(case: Case, config: Nothing) -> float:
    """Tug of war of this model's accuracies with the Re-trains' mean, NaN without MIA accuracy."""
    return tug_of_war(case.figures, case.reference, COMPARED)
