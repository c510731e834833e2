"""Optimizers of the SGD loop, and the learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from engine.spec import ADAMW, SGDSpec


def optimizer_of(
    kind: str, parameters: Sequence[nn.Parameter], spec: SGDSpec
) -> torch.optim.Optimizer:
    """A new optimizer of these parameters: 'sgd', 'adam' (Bad Teacher's) or 'adamw'.

    Momentum is the decay rate of the first moment of Adam and AdamW.
    """
    betas = (spec.momentum, 0.999)  # 0.999: Adam's default for the second moment
    fused = True if all(one.is_cuda for one in parameters) else None  # one kernel per step
    if kind == "adam":
        return torch.optim.Adam(parameters, spec.lr, betas=betas, weight_decay=spec.weight_decay)
    if kind == ADAMW:
        return torch.optim.AdamW(
            parameters, spec.lr, betas=betas, weight_decay=spec.weight_decay, fused=fused
        )
    return torch.optim.SGD(
        parameters,
        lr=spec.lr,
        momentum=spec.momentum,
        weight_decay=spec.weight_decay,
        fused=fused,
    )


def learning_rate(spec: SGDSpec, step: int, total: int, warmup: float = 0.0) -> float:
    """The learning rate of a step (from 0) of `total`, the first `warmup` x total of which rise.

    >>> settings = SGDSpec(lr=1.0, schedule="constant")
    >>> [learning_rate(settings, step, 8, warmup=0.5) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    rising = math.ceil(warmup * total)
    if step < rising:
        return spec.lr * (step + 1) / rising
    if spec.schedule == "constant":
        return spec.lr
    return spec.lr * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising)))
