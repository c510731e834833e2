"""Measures of one model: each is one file, knows its unit, its cost and which way is better.

Importing this imports neither torch nor scikit-learn.
"""

from __future__ import annotations

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
from engine.metrics.base import Case, Metric, accuracies, accuracy, mean_of

METRICS = tuple(
    module.METRIC
    for module in (retain_acc, unlearn_acc, test_acc, mia_acc, avg_gap, seconds, relearn_epochs)
)
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")

__all__ = [
    "ACCURACIES", "COMPARED", "METRICS", "Case", "Metric", "accuracies", "accuracy",
    "average_gap", "mean_of",
]  # fmt: skip
