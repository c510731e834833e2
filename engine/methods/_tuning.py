"""Fine-tuning of the Original: settings and entry point shared by most methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.spec import SGDSpec, setting, setting_of
from engine.training.sgd import Loss, Pass, descend


@dataclass(frozen=True)
class Tuning(SGDSpec):
    """Settings of SGD from the Original, with defaults common to most baselines of the paper."""

    epochs: int = setting_of(SGDSpec, "epochs", 10)
    lr: float = setting_of(SGDSpec, "lr", 0.01)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 1e-4)
    schedule: str = setting_of(SGDSpec, "schedule", "constant")
    batch_norm: str = setting(
        "train",
        label="Batch norm",
        words={"train": "updated from the batches", "eval": "frozen"},
        help="running statistics of batch norm: updated from the batches (train) or frozen (eval)",
        choices=("train", "eval"),
    )


def tune(
    problem: Problem,
    config: Tuning,
    plan: Callable[[int], Sequence[Pass]],
    salt: str,
    model: Classifier | None = None,
    **options: Any,
) -> Classifier:
    """The Original (or `model`, in place) after `descend` along `plan` with these settings.

    salt: identifies the random order of batches; options: further arguments of `descend`.
    """
    model = problem.start() if model is None else model
    descend(
        model,
        plan,
        config,
        seed=problem.seed,
        salt=salt,
        report=problem.report,
        resume=problem.resume,
        **{"batch_norm": config.batch_norm, **options},
    )
    return model


def fit(problem: Problem) -> Loss:
    """The loss of a step: mean cross-entropy of its batch against the true labels."""
    return lambda model, step: problem.loss_on(model, step.batch)


def steps_beside(n_drive: int, n_beside: int, batch: int, beside: int) -> tuple[int, float]:
    """Steps of a sweep over n_drive samples, and the mean size of the batch beside each step."""
    parts = -(-n_beside // beside)
    return -(-n_drive // batch), n_beside / parts
