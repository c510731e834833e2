"""Average gap: how far a model's accuracies lie from those of the Re-trains."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from engine.metrics.base import Case, Metric, Nothing, measure

COMPARED = ("retain_acc", "unlearn_acc", "test_acc", "mia_acc")
METRIC = Metric(
    "avg_gap", "Gap", "% points", "down",
    "mean absolute gap to the mean of the Re-trains over retain, unlearn, test and MIA accuracy",
    "none: from the other measures", compares=True,
)  # fmt: skip


def average_gap(row: Mapping[str, float], retrain: Mapping[str, float]) -> float:
    """Mean absolute gap over those of the four accuracies that both rows have, percent points.

    Three where no MIA accuracy was measured. Source: Hsu et al. 2025, the Avg. gap of the tables.
    """
    gaps = [abs(row.get(name, math.nan) - retrain.get(name, math.nan)) for name in COMPARED]
    known = [gap for gap in gaps if not math.isnan(gap)]
    return float(np.mean(known)) if known else math.nan


@measure(METRIC)
def avg_gap(case: Case, config: Nothing) -> float:
    """The average gap of this model's figures to the Re-trains' mean."""
    return average_gap(case.figures, case.reference)
