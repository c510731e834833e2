"""EU-k: re-initialize the last k layers and train only these on the retain set."""

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
class EUk(TailTuning):
    """Settings of EU-k; defaults of the residual-knowledge paper."""


def cost(config: EUk, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r (an upper bound: the backward pass ends early)."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "eu-k",
    label="EU-k",
    help="Re-initialize the last k layers and train only these on S_r, minimizing CE(S_r). Cost: "
    "1 forward + 1 backward through k layers x epochs x |S_r|.",
    config=EUk,
    cost=cost,
    space={"k": (1, 8), "lr": (1e-4, 0.5), "epochs": (1, 40)},
    source="Goel et al. 2022, Evaluating Inexact Unlearning",
)
def unlearn(problem: Problem, config: EUk) -> Classifier:
    """The Original with its last k layers re-initialized and trained on S_r."""
    from engine.methods.eu_k import computation

    return computation.unlearn(problem, config)
