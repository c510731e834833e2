"""How NGD unlearns; the package describes it without importing torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.ngd import NGD
from engine.models.base import Classifier
from engine.runtime.seeds import generator
from engine.training.sgd import Pass, Step


def unlearn(problem: Problem, config: NGD) -> Classifier:
    """The Original after `config.epochs` epochs of noisy descent on the cross-entropy of S_r."""
    noise = Noise(problem, config)
    on_gradient = config.noise == "gradient"
    return tune(
        problem,
        config,
        lambda epoch: [Pass(noise.loss, problem.retain)],
        "ngd",
        before_step=noise.perturb_gradients if on_gradient else None,
        after_step=None if on_gradient else noise.perturb_weights,
    )


def deviation(config: NGD) -> float:
    """Standard deviation of the noise that one step adds to each gradient entry or weight."""
    langevin = math.sqrt(2 * config.eta) * config.sigma
    return {
        "gradient": config.sigma,
        "langevin": langevin,
        "langevin-scaled": config.lr * langevin,
        "langevin-lr": math.sqrt(2 * config.lr) * config.sigma,
    }[config.noise]


class Noise:
    """The noise of each step, drawn from (seed, step), so that a resumed run continues the same."""

    def __init__(self, problem: Problem, config: NGD) -> None:
        self._problem = problem
        self._deviation = deviation(config)
        self._step = 0

    def loss(self, model: nn.Module, step: Step) -> Tensor:
        """Mean cross-entropy of the step's batch; records the step's number."""
        self._step = step.number
        return self._problem.loss_on(model, step.batch)

    def perturb_gradients(self, model: nn.Module) -> None:
        """Add the step's noise to every gradient."""
        self._add([weight.grad for weight in model.parameters() if weight.grad is not None])

    def perturb_weights(self, model: nn.Module) -> None:
        """Add the step's noise to every weight."""
        self._add(list(model.parameters()))

    @torch.no_grad()
    def _add(self, tensors: list[Tensor]) -> None:
        rng = generator(self._problem.seed, "ngd", self._step, device=self._problem.device)
        for tensor in tensors:
            tensor.add_(torch.empty_like(tensor).normal_(generator=rng), alpha=self._deviation)
