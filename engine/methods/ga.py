"""GA: gradient ascent on the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning
from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting_of
from engine.training.costs import cost_of_training

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class GA(Tuning):
    """Gradient ascent on S_f; defaults of the residual-knowledge paper.

    At lr 1e-5 with clipping at 1, a step changes the weights by at most 1e-5 in L2: expect a model
    close to the Original.
    """

    epochs: int = setting_of(SGDSpec, "epochs", 1)
    lr: float = setting_of(SGDSpec, "lr", 1e-5)
    clip: float = setting_of(SGDSpec, "clip", 1.0)


def cost(config: GA, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_f."""
    return cost_of_training(config, n_forget)


@register(
    "method",
    "ga",
    label="GA",
    help="Gradient ascent: maximize CE(S_f). Cost: 1 forward + 1 backward x epochs x |S_f|.",
    config=GA,
    cost=cost,
    space={"lr": (1e-5, 1.0), "epochs": (1, 20)},
    source="Hsu et al. 2025, baselines; gradient ascent",
)
def unlearn(problem: Problem, config: GA) -> Classifier:
    """The Original after `config.epochs` epochs of ascent on the cross-entropy of S_f."""
    from engine.methods._tuning import fit, tune
    from engine.training.sgd import Pass

    loss = fit(problem)
    sweep = Pass(lambda model, step: -loss(model, step), problem.forget)
    return tune(problem, config, lambda epoch: [sweep], "ga")
