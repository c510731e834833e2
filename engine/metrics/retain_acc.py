"""Retain accuracy: what the model still knows of the samples it was to keep."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, accuracy, measure

METRIC = Metric(
    "retain_acc", "Retain", "%", "retrain", "accuracy on the retain set S_r", "none: stored outputs"
)


@measure(METRIC)
def retain_acc(case: Case, config: Nothing) -> float:
    """Percent of S_r that is classified rightly."""
    return accuracy(case.train_logits[case.retain], case.train_y[case.retain])
