"""Retain accuracy: accuracy on the samples that the model should still know."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, accuracy, measure

METRIC = Metric(
    "retain_acc", "Retain", "%", "retrain", "accuracy on the retain set S_r", "none: stored outputs"
)


@measure(METRIC)
def retain_acc(case: Case, config: Nothing) -> float:
    """Percent of S_r that is classified correctly."""
    return accuracy(case.train_logits[case.retain], case.train_y[case.retain])
