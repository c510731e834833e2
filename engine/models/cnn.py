"""A small convolutional network (about 60,000 parameters) that trains in seconds on a laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.registry import register

if TYPE_CHECKING:
    from torch import nn


def _block(inside: int, outside: int) -> list[nn.Module]:
    from torch import nn

    return [
        nn.Conv2d(inside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    ]


@register(
    "model",
    "cnn",
    label="Small CNN",
    help="three 3x3 convolutions with batch norm, 60 k parameters",
    smallest=4,
)
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """Three 3x3 convolutions with batch norm (32, 64, 64), pooled to 2x2, linear head."""
    from torch import nn

    net = nn.Sequential(
        *_block(shape[0], 32),
        nn.MaxPool2d(2),
        *_block(32, 64),
        nn.MaxPool2d(2) if min(shape[1:]) >= 16 else nn.Identity(),
        *_block(64, 64),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, n_classes),
    )
    return net, str(len(net) - 1)
