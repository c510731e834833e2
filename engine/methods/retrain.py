"""Re-train: the reference model, trained from scratch without the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registry import register
from engine.spec import TrainSpec
from engine.training.costs import cost_of_training

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class Retrain:
    """Re-train has no settings of its own: it is trained like the Original."""


def cost(config: Retrain, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: the epochs of a Re-train over the retain set."""
    return cost_of_training(train.of_retrain(), n_retain)


@register(
    "method",
    "retrain",
    label="Re-train",
    help="Exact unlearning: train from scratch on S_r. Cost: 1 forward + 1 backward x epochs x "
    "|S_r|.",
    config=Retrain,
    cost=cost,
    source="the definition of exact unlearning",
)
def unlearn(problem: Problem, config: Retrain) -> Classifier:
    """A model A(S_r), initialized and trained with `problem.seed`."""
    from engine.training.sgd import train_from_scratch

    model = (problem.beginning or problem.fresh)("retrain")
    train_from_scratch(
        model,
        problem.samples,
        problem.retain,
        problem.train.of_retrain(),
        seed=problem.seed,
        report=problem.report,
        resume=problem.resume,
    )
    return model
