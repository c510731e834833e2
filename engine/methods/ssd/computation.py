"""How SSD unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from engine.methods._sweep import batch_gradients, ordered
from engine.methods.base import Problem
from engine.methods.ssd import SSD
from engine.models.base import Classifier


def unlearn(problem: Problem, config: SSD) -> Classifier:
    """The Original with weights that are salient for S_f dampened; logs how many these are.

    Both passes, over S and over S_f, form batches in `config.order`. If shuffled, the order
    depends on the seed and on the samples' content, not on their numbering.
    """
    model = problem.start().eval()
    everything = ordered(problem, torch.cat([problem.retain, problem.forget]), config.order)
    forgotten = ordered(problem, problem.forget, config.order)
    on_all = importance(batch_gradients(model, problem, everything, config.batch))
    on_forget = importance(batch_gradients(model, problem, forgotten, config.batch))
    selected = 0
    with torch.no_grad():
        for weight, full, forget in zip(model.parameters(), on_all, on_forget, strict=True):
            factor, chosen = dampen(full, forget, config.alpha, config.dampening)
            weight.mul_(factor)
            selected += int(chosen.sum())
    total = sum(weight.numel() for weight in model.parameters())
    problem.report.log(f"SSD dampened {selected} of {total} weights.")
    return model


def importance(gradients: Iterable[list[Tensor]]) -> list[Tensor]:
    """Mean over batches of the squared gradient, one tensor per parameter."""
    total: list[Tensor] = []
    count = 0
    for batch in gradients:
        squares = [gradient**2 for gradient in batch]
        total = [a + b for a, b in zip(total, squares, strict=True)] if total else squares
        count += 1
    return [square / count for square in total]


def dampen(full: Tensor, forget: Tensor, alpha: float, dampening: float) -> tuple[Tensor, Tensor]:
    """The factor of a parameter, elementwise, and the mask (bool) of its selected weights."""
    chosen = forget > alpha * full
    ratio = torch.where(chosen, dampening * full / forget, torch.ones_like(full))
    return ratio.clamp(max=1.0), chosen
