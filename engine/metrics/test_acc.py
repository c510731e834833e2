"""Test accuracy: accuracy on samples that the model was not trained on."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, accuracy, measure

METRIC = Metric(
    "test_acc", "Test", "%", "retrain", "accuracy on the test set", "none: stored outputs"
)


@measure(METRIC)
def test_acc(case: Case, config: Nothing) -> float:
    """Percent of the test set that is classified correctly."""
    return accuracy(case.test_logits, case.test_y)
