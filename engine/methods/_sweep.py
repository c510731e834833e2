"""Walks over samples that leave the model as it is: logits, and gradients batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.methods.base import Problem
from engine.train import PASSES_PER_STEP

WALK = 512  # samples per forward pass where the batch size cannot change the result


@torch.no_grad()
def logits_at(model: nn.Module, problem: Problem, indices: Tensor, batch: int = WALK) -> Tensor:
    """Logits (n, K) of the samples at `indices` (n,), the model in the mode it is in."""
    rows = []
    for part in indices.split(batch):
        rows.append(model(problem.samples.pixels(part)))
        problem.report.advance(len(part))
    return torch.cat(rows)


def batch_gradients(
    model: nn.Module, problem: Problem, indices: Tensor, batch: int
) -> Iterator[list[Tensor]]:
    """Gradient of each batch's mean cross-entropy, one tensor per parameter, in stored order."""
    parameters = list(model.parameters())
    for part in indices.split(batch):
        yield gradients(problem.loss_on(model, part), parameters)
        problem.report.advance(PASSES_PER_STEP * len(part))


def gradients(value: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """d value / d parameter of each; 0 where a parameter is frozen, or has no part in it."""
    free = [one for one in parameters if one.requires_grad]
    found = torch.autograd.grad(value, free, allow_unused=True, materialize_grads=True)
    each = dict(zip(map(id, free), found, strict=True))
    return [each.get(id(one), torch.zeros_like(one)) for one in parameters]


def double(x: Tensor) -> Tensor:
    """x in float64, on the CPU where its device has none (Apple's mps)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
