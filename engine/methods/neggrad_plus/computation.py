"""How NegGrad+ unlearns; the package describes it without importing torch."""

from __future__ import annotations

from torch import Tensor, nn

from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.neggrad_plus import NegGradPlus
from engine.models.base import Classifier
from engine.training.sgd import Loss, Pass, Step


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
