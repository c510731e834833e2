"""MLP with one hidden layer of 100 units: the network of the paper's Figure 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.registry import register

if TYPE_CHECKING:
    from torch import nn


@register("model", "mlp", label="MLP", help="one hidden layer of 100 ReLU units", takes="any")
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """Flatten, 100 ReLU units, linear head."""
    from torch import nn

    net = nn.Sequential(
        nn.Flatten(), nn.Linear(math.prod(shape), 100), nn.ReLU(), nn.Linear(100, n_classes)
    )
    return net, "3"
