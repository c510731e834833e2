"""Tug of war: how near a model is to Re-train on forget, retain and test samples at once.

Source: Zhao et al. 2024, ToW. A model scores high only if all three accuracies are Re-train's:
forgetting too much counts as much as forgetting too little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.metrics.base import Case, Metric, Nothing, measure

COMPARED = ("unlearn_acc", "retain_acc", "test_acc")
METRIC = Metric(
    "tow", "ToW", "0 to 1", "up",
    "tug of war: product of 1 - |difference from Re-train| over unlearn, retain and test accuracy",
    "none: derived from the other measures", compares=True, digits=3, null=True, further=True,
)  # fmt: skip


def tug_of_war(
    row: Mapping[str, float], retrain: Mapping[str, float], compared: tuple[str, ...] = COMPARED
) -> float:
    """Product of the agreements of a model with Re-train, 0 to 1; both rows in percent.

        ToW = (1 - |u - u_r|) (1 - |r - r_r|) (1 - |t - t_r|)

    with u, r, t the unlearn, retain and test accuracies as shares; NaN if one is missing. Source:
    Zhao et al. 2024, ToW. With several Re-trains, u_r, r_r and t_r are their means.

    Half of the forget set is remembered that Re-train does not know:

    >>> same = {"retain_acc": 100.0, "test_acc": 90.0}
    >>> tug_of_war({"unlearn_acc": 20.0, **same}, {"unlearn_acc": 70.0, **same})
    0.5
    """
    gaps = [abs(row.get(name, math.nan) - retrain.get(name, math.nan)) for name in compared]
    return math.prod(1 - gap / 100 for gap in gaps)


@measure(METRIC)
def tow(case: Case, config: Nothing) -> float:
    """Tug of war of this model's accuracies with the Re-trains' mean."""
    return tug_of_war(case.figures, case.reference)
