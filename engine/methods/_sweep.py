"""Sweeps over samples that do not change the model: logits, and gradients batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.methods._settings import STORED, SWEEP
from engine.methods.base import Problem
from engine.runtime.device_samples import Samples
from engine.runtime.seeds import derive
from engine.training.costs import PASSES_PER_STEP


@torch.no_grad()
def logits_at(model: nn.Module, problem: Problem, indices: Tensor, batch: int = SWEEP) -> Tensor:
    """Logits (n, K) of the samples at `indices` (n,), in the model's current mode."""
    rows = []
    for part in indices.split(batch):
        rows.append(model(problem.samples.pixels(part)))
        problem.report.advance(len(part))
    return torch.cat(rows)


def batch_gradients(
    model: nn.Module, problem: Problem, indices: Tensor, batch: int
) -> Iterator[list[Tensor]]:
    """Gradient of each batch's mean cross-entropy, one tensor per parameter, in batch order."""
    parameters = list(model.parameters())
    for part in indices.split(batch):
        yield gradients(problem.loss_on(model, part), parameters)
        problem.report.advance(PASSES_PER_STEP * len(part))


def gradients(value: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """d value / d parameter for each parameter; 0 for those that are frozen or unused."""
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    derivatives = torch.autograd.grad(value, trainable, allow_unused=True, materialize_grads=True)
    by_id = dict(zip(map(id, trainable), derivatives, strict=True))
    return [by_id.get(id(parameter), torch.zeros_like(parameter)) for parameter in parameters]


def ordered(problem: Problem, indices: Tensor, order: str) -> Tensor:
    """`indices` (n,) in one of the orders of `order_setting`."""
    if order == STORED:
        return indices
    return indices[by_content(problem.samples, indices, derive(problem.seed, "order"))]


def by_content(samples: Samples, indices: Tensor, seed: int) -> Tensor:
    """(n,) positions in `indices` (n,), in a random order that depends on the samples' content.

    Sorted by a hash of seed, values and label, so that renumbering the samples does not change
    their order; duplicates end up next to each other.
    """
    x, y = samples.values(indices).cpu().numpy(), samples.y[indices].cpu().numpy()
    salt = seed.to_bytes(8, "big")
    hashes = [
        hashlib.blake2b(values.tobytes() + label.tobytes(), digest_size=16, salt=salt).digest()
        for values, label in zip(x, y, strict=True)
    ]
    places = sorted(range(len(hashes)), key=hashes.__getitem__)
    return torch.tensor(places, dtype=torch.int64, device=indices.device)


def double(x: Tensor) -> Tensor:
    """x in float64, on the CPU if its device does not support that (Apple's mps)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
