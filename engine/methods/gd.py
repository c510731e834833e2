"""GD: gradient descent on the retain set alone (fine-tuning), so that the forget set fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning
from engine.registry import register
from engine.spec import TrainSpec
from engine.training.costs import cost_of_training

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class GD(Tuning):
    """Gradient descent on S_r; defaults of the residual-knowledge paper."""


def cost(config: GD, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "gd",
    label="GD",
    help="Gradient descent: fine-tune on S_r, minimizing CE(S_r). Cost: 1 forward + 1 backward x "
    "epochs x |S_r|.",
    config=GD,
    cost=cost,
    source="Hsu et al. 2025, baselines; fine-tuning",
)
def unlearn(problem: Problem, config: GD) -> Classifier:
    """The Original after `config.epochs` epochs of descent on the cross-entropy of S_r."""
    from engine.methods._tuning import fit, tune
    from engine.training.sgd import Pass

    sweep = Pass(fit(problem), problem.retain)
    return tune(problem, config, lambda epoch: [sweep], "gd")
