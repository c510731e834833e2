"""What noise and attacks are given, and in which blocks they are drawn."""

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
    """What an attack is given; it may move each sample by tau, whatever tau measures.

    model: that is attacked; x: (m, *shape) in [0, 1]; y: (m,) labels to lead away from; target:
    (m,) labels to lead to instead, or None. steps, step_size: of attacks that iterate. seed: of
    all that is drawn for the samples together; starts: one seed for each sample, whose copies
    (m / len(starts) of them) lie side by side; () where they share `seed`.
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
