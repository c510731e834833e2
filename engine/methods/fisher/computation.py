"""How Fisher forgetting unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from engine.methods._jacobian import chunk_size, jacobians
from engine.methods.base import Problem
from engine.methods.fisher import PASSES, Fisher
from engine.models.base import Classifier
from engine.runtime.seeds import generator

FLOOR = 1e-8  # added to the information before it is inverted

CEILING, CEILING_LAST = 1e3, 1e2  # largest inverse information; of the last layer

STRENGTHENED = 10  # variance factor of the last layer, biases and batch norm
LOST_VARIANCE = 1e-4  # of the last layer's row of a class that is forgotten entirely


def unlearn(problem: Problem, config: Fisher) -> Classifier:
    """The Original plus Gaussian noise; the row of an entirely forgotten class is redrawn."""
    model = problem.start().eval()
    information = fisher_information(model, problem)
    rng = generator(problem.seed, "fisher", device=problem.device)
    last = {id(weight) for weight in model.head.parameters()}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            mean, variance = moments(
                weight, information[name], config.alpha, id(weight) in last, problem.lost_class()
            )
            weight.copy_(sample(mean, variance, rng))
    return model


def fisher_information(model: nn.Module, problem: Problem) -> dict[str, Tensor]:
    """Mean over S_r of sum_y p_y(x) (d CE(f(x), y) / d theta)^2, by parameter."""
    names = [name for name, _ in model.named_parameters()]
    total = {name: torch.zeros_like(weight) for name, weight in model.named_parameters()}
    for part in _chunks(model, problem):
        with torch.no_grad():
            for name, square in squared_scores(model, names, problem.samples.pixels(part)).items():
                total[name] += square
        problem.report.advance(PASSES * len(part))
    return {name: value.detach() / len(problem.retain) for name, value in total.items()}


def squared_scores(model: nn.Module, names: list[str], x: Tensor) -> dict[str, Tensor]:
    """Sum over samples x (n, ...) and classes y of p_y (d CE / d theta)^2, by parameter."""
    p = softmax(model(x), dim=1)
    return {name: _expected_square(p, jac) for name, jac in jacobians(model, names, x).items()}


def moments(
    weight: Tensor, information: Tensor, alpha: float, last: bool, lost: int | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance of a parameter's new values.

    last: whether it belongs to the last layer; lost: the class forgotten entirely, if any.
    """
    mean = weight.detach().clone()
    variance = (1 / (information + FLOOR)).clamp(max=CEILING)
    if last:
        variance = variance.clamp(max=CEILING_LAST)
    variance = alpha * variance
    if weight.dim() > 1:  # one variance for all inputs of a unit
        variance = variance.mean(1, keepdim=True).expand_as(weight).clone()
    if last and lost is not None:
        mean[lost], variance[lost] = 0, LOST_VARIANCE
    return mean, variance * STRENGTHENED if last or weight.dim() == 1 else variance


def sample(mean: Tensor, variance: Tensor, rng: torch.Generator) -> Tensor:
    """One draw from N(mean, variance), element by element."""
    return mean + variance.sqrt() * torch.empty_like(mean).normal_(generator=rng)


def _chunks(model: nn.Module, problem: Problem) -> Iterator[Tensor]:
    weights = list(model.parameters())
    size = sum(weight.numel() for weight in weights)
    yield from problem.retain.split(chunk_size(size, problem.samples.n_classes, weights[0]))


def _expected_square(p: Tensor, jac: Tensor) -> Tensor:
    """E_y[(d CE_y / d theta)^2] summed over samples, with d CE_y / d theta = sum_c p_c J_c - J_y.

    p: (n, K); jac: (n, K, *shape), which is overwritten.
    """
    scores = jac.flatten(2)
    scores.sub_(p[:, None] @ scores).square_()
    return (p.flatten() @ scores.flatten(0, 1)).reshape(jac.shape[2:])
