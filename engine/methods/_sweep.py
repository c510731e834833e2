"""Walks over samples that leave the model as it is: logits, and gradients batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.methods.base import Problem
from engine.runtime.device_samples import Samples
from engine.runtime.seeds import derive
from engine.spec import setting
from engine.training.sgd import PASSES_PER_STEP

WALK = 512  # samples per forward pass where the batch size cannot change the result
SHUFFLED, STORED = "shuffled", "stored"  # orders in which samples fall into batches


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
    """Gradient of each batch's mean cross-entropy, one tensor per parameter, in this order."""
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


def order_setting() -> Any:
    """A field of a method's settings: how samples fall into the batches of gradients.

    Earlier results, whose settings lack it, were made in stored order.
    """
    return setting(
        SHUFFLED,
        help="which samples share a batch of gradients. shuffled: drawn from the seed and each "
        "sample's content, however the data are stored; stored: as they lie in the data, where "
        "folders are sorted by class",
        choices=(SHUFFLED, STORED),
        before=STORED,
    )


def ordered(problem: Problem, indices: Tensor, order: str) -> Tensor:
    """`indices` (n,) in the order that `order_setting` offers."""
    if order == STORED:
        return indices
    return indices[by_content(problem.samples, indices, derive(problem.seed, "order"))]


def by_content(samples: Samples, indices: Tensor, seed: int) -> Tensor:
    """(n,) places in `indices` (n,), in a random order of what these samples are.

    They are sorted by a hash of seed, values and label, so that samples which were renumbered come
    in the same order; those that are alike stand together.
    """
    x, y = samples.x[indices].cpu().numpy(), samples.y[indices].cpu().numpy()
    salt = seed.to_bytes(8, "big")
    marks = [
        hashlib.blake2b(one.tobytes() + label.tobytes(), digest_size=16, salt=salt).digest()
        for one, label in zip(x, y, strict=True)
    ]
    places = sorted(range(len(marks)), key=marks.__getitem__)
    return torch.tensor(places, dtype=torch.int64, device=indices.device)


def double(x: Tensor) -> Tensor:
    """x in float64, on the CPU where its device has none (Apple's mps)."""
    return (x.cpu() if x.device.type == "mps" else x).double()
