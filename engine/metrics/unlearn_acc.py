"""Unlearn accuracy: share of the forget set that is no longer recognized."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, accuracy, measure

METRIC = Metric(
    "unlearn_acc", "Unlearn", "%", "retrain", "100 - accuracy on the forget set S_f",
    "none: stored outputs",
)  # fmt: skip


@measure(METRIC)
def unlearn_acc(case: Case, config: Nothing) -> float:
    """Percent of S_f that is misclassified."""
    return 100 - accuracy(case.train_logits[case.forget], case.train_y[case.forget])
