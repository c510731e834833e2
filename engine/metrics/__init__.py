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
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")

__all__ = [
    "ACCURACIES", "CENSORED", "COMPARED", "METRICS", "Case", "Metric", "accuracies", "accuracy",
    "average_gap", "is_censored", "mean_of", "with_censored",
]  # fmt: skip
