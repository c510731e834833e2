"""Run time of making the model."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, measure

METRIC = Metric(
    "seconds", "Time", "s", "down", "run time, set-up included, evaluation excluded",
    "none: taken while the model was made",
)  # fmt: skip


@measure(METRIC)
def seconds(case: Case, config: Nothing) -> float:
    """Seconds the model took, those before an interruption included."""
    return case.seconds
