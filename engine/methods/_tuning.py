"""Fine-tuning of the Original: settings and entry point shared by most methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.methods._settings import Tuning
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.training.sgd import Loss, Pass, descend


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
