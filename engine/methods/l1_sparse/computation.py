"""How l1-sparse unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.l1_sparse import L1Sparse
from engine.models.base import Classifier
from engine.training.sgd import Loss, Pass, Step


def unlearn(problem: Problem, config: L1Sparse) -> Classifier:
    """The Original after descent on CE(S_r) + a_t ||theta||_1, a_t from `penalty`."""
    return tune(problem, config, plan(problem, config), "l1-sparse")


def plan(problem: Problem, config: L1Sparse) -> Callable[[int], Sequence[Pass]]:
    """S_r once per epoch, with that epoch's penalty."""
    return lambda epoch: [Pass(objective(problem, penalty(config, epoch)), problem.retain)]


def penalty(config: L1Sparse, epoch: int) -> float:
    """Weight of the L1 norm in an epoch (from 0): alpha (1 - epoch / penalized epochs)."""
    penalized = config.epochs - config.free_epochs
    return config.alpha * (1 - epoch / penalized) if epoch < penalized else 0.0


def objective(problem: Problem, alpha: float) -> Loss:
    """CE + alpha ||theta||_1 of the step's batch, over all parameters."""

    def loss(model: nn.Module, step: Step) -> Tensor:
        norm = torch.stack([weight.abs().sum() for weight in model.parameters()]).sum()
        return problem.loss_on(model, step.batch) + alpha * norm

    return loss
