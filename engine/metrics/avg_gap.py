"""Average gap: mean distance of a model's accuracies from those of the Re-trains."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from engine.metrics.base import Case, Metric, Nothing, measure

COMPARED = ("retain_acc", "unlearn_acc", "test_acc", "mia_acc")
METRIC = Metric(
    "avg_gap", "Gap", "% points", "down",
    "mean absolute gap to the mean of the Re-trains over retain, unlearn, test and MIA accuracy",
    "none: derived from the other measures", compares=True,
)  # fmt: skip


def average_gap(row: Mapping[str, float], retrain: Mapping[str, float]) -> float:
    """Mean absolute gap over the accuracies present in both rows, in percentage points.

    Four accuracies, or three where no MIA accuracy was measured. Source: Hsu et al. 2025, the Avg.
    gap of the tables.
    """
    gaps = [abs(row.get(name, math.nan) - retrain.get(name, math.nan)) for name in COMPARED]
    defined = [gap for gap in gaps if not math.isnan(gap)]
    return float(np.mean(defined)) if defined else math.nan


@measure(METRIC)
def avg_gap(case: Case, config: Nothing) -> float:
    """Average gap of this model's measures to the Re-trains' mean."""
    return average_gap(case.figures, case.reference)
