"""Measures of a model: one file each, with unit, cost and the direction of improvement.

Begin with `base`. Importing this package imports neither torch nor scikit-learn.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from engine import registry
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

COLUMNS = (retain_acc, unlearn_acc, test_acc, mia_acc, avg_gap, seconds, relearn_epochs)


def _others() -> Iterator[Metric]:
    """Measures of additional files in this folder, by name: their columns come last."""
    known = {module.METRIC.name for module in COLUMNS}
    for name in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        if name not in known and name != "base" and not name.startswith("_"):
            yield registry.get("metric", name.replace("_", "-")).facts["metric"]


METRICS = (*(module.METRIC for module in COLUMNS), *_others())
UNSTATED: Mapping[str, Any] = {  # settings of measures in studies that specify none
    "mia-acc": mia_acc.UNSTATED,
}
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")

__all__ = [
    "ACCURACIES", "CENSORED", "COMPARED", "METRICS", "UNSTATED", "Case", "Metric", "accuracies",
    "accuracy", "average_gap", "is_censored", "mean_of", "with_censored",
]  # fmt: skip
