"""NegGrad+: descent on the retain set and, with a small weight, ascent on the forget set."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from engine.methods._tuning import Tuning, steps_beside, tune
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.registry import register
from engine.spec import TrainSpec, setting, setting_of
from engine.training.sgd import PASSES_PER_STEP, Loss, Pass, Step


@dataclass(frozen=True)
class NegGradPlus(Tuning):
    """Settings of NegGrad+; defaults of the residual-knowledge paper."""

    beta: float = setting(
        0.001,
        label="Weight of the forget set β",
        help="weight of the forget set; the retain set has weight 1 - beta",
        low=0.0,
        high=1.0,
    )
    forget_batch: int = setting(
        0,
        label="Forget samples per step",
        help="forget samples per step; 0 = as many as retain samples",
        unit="samples",
        low=0,
        high=65_536,
    )
    epochs: int = setting_of(Tuning, "epochs", 1)
    clip: float = setting_of(Tuning, "clip", 1.0)


def cost(config: NegGradPlus, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r, each step with an additional batch of S_f."""
    width = config.forget_batch or config.batch
    steps, beside = steps_beside(n_retain, n_forget, config.batch, width)
    return PASSES_PER_STEP * config.epochs * (n_retain + steps * beside)


@register(
    "method",
    "neggrad-plus",
    label="NegGrad+",
    help="Minimize (1 - beta) CE(S_r) - beta CE(S_f): descend on S_r while ascending, weakly, on "
    "S_f. Cost per step: 1 forward + 1 backward of a retain batch and of a forget batch.",
    config=NegGradPlus,
    cost=cost,
    source="Kurmanji et al. 2023, NegGrad+; Hsu et al. 2025, baselines",
)
def unlearn(problem: Problem, config: NegGradPlus) -> Classifier:
    """The Original after descent on (1 - beta) CE(S_r) - beta CE(S_f)."""
    sweep = sweep_of(problem, config)
    return tune(problem, config, lambda epoch: [sweep], "neggrad-plus")


def sweep_of(problem: Problem, config: NegGradPlus) -> Pass:
    """One epoch: S_r once, with S_f cycled beside it."""
    width = config.forget_batch or config.batch
    return Pass(objective(problem, config.beta), problem.retain, problem.forget, width)


def objective(problem: Problem, beta: float) -> Loss:
    """(1 - beta) CE(batch) - beta CE(batch beside it).

    Two forward passes, so that batch norm sees retain and forget samples separately, as in the
    reference code.
    """

    def loss(model: nn.Module, step: Step) -> Tensor:
        retain = problem.loss_on(model, step.batch)
        return (1 - beta) * retain - beta * problem.loss_on(model, step.beside)

    return loss
