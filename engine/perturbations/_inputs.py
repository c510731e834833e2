"""Inputs of noise and attacks, and the blocks in which draws are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

BLOCK = 10  # draws that share one generator: the unit in which estimates are refined

Draw = Callable[["Tensor", "torch.Generator"], None]


@dataclass(frozen=True)
class AttackInputs:
    """Inputs of an attack, which may move each sample by tau, in whatever measure tau is.

    model: the attacked model; x: (m, *shape) in [0, 1]; y: (m,) labels to move away from; target:
    (m,) labels to move towards instead, or None; steps, step_size: of iterative attacks; seed: of
    the randomness shared by all samples; starts: one seed per sample, whose m / len(starts) copies
    are adjacent, or () if all share `seed`.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    target: Tensor | None
    tau: float
    steps: int
    step_size: float
    seed: int
    starts: tuple[int, ...] = ()
