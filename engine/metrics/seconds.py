"""Run time of training or unlearning."""

from __future__ import annotations

from engine.metrics.base import Case, Metric, Nothing, measure

METRIC = Metric(
    "seconds", "Time", "s", "down",
    "run time including set-up, without evaluation; Re-trains trained together share it equally",
    "none: recorded while the model is made",
)  # fmt: skip


@measure(METRIC)
def seconds(case: Case, config: Nothing) -> float:
    """Run time of the model in seconds, including the time before an interruption."""
    return case.seconds
