"""CF-k: fine-tune only the last k layers on the retain set (catastrophic forgetting)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import TailTuning
from engine.registry import register
from engine.spec import TrainSpec
from engine.training.costs import cost_of_training

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class CFk(TailTuning):
    """Settings of CF-k; defaults of the residual-knowledge paper."""


def cost(config: CFk, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r (an upper bound: the backward pass ends early)."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "cf-k",
    label="CF-k",
    help="Fine-tune only the last k layers on S_r, minimizing CE(S_r). Cost: 1 forward + 1 "
    "backward through k layers x epochs x |S_r|.",
    config=CFk,
    cost=cost,
    space={"k": (1, 8), "lr": (1e-4, 0.5), "epochs": (1, 40)},
    source="Goel et al. 2022, Evaluating Inexact Unlearning",
)
def unlearn(problem: Problem, config: CFk) -> Classifier:
    """The Original with its last k layers fine-tuned on S_r."""
    from engine.methods._tail import tune_tail

    return tune_tail(problem, config, problem.start(), "cf-k")
