"""Measures of one model: each is one file, knows its unit, its cost and which way is better.

Importing this imports neither torch nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.metrics import (
    avg_gap,
    mia_acc,
    relearn_epochs,
    retain_acc,
    seconds,
    test_acc,
    unlearn_acc,
)
from engine.metrics.avg_gap import COMPARED, average_gap
from engine.metrics.base import (
    CENSORED,
    Case,
    Metric,
    accuracies,
    accuracy,
    is_censored,
    mean_of,
    with_censored,
)

METRICS = tuple(
    module.METRIC
    for module in (retain_acc, unlearn_acc, test_acc, mia_acc, avg_gap, seconds, relearn_epochs)
)
UNSTATED: Mapping[str, Any] = {  # settings of measures in studies that state none for them
    "mia-acc": mia_acc.UNSTATED,
}
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")

__all__ = [
    "ACCURACIES", "CENSORED", "COMPARED", "METRICS", "UNSTATED", "Case", "Metric", "accuracies",
    "accuracy", "average_gap", "is_censored", "mean_of", "with_censored",
]  # fmt: skip
