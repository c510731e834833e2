"""ResNet-20 for CIFAR: the smallest of He et al. 2016, section 4.2 (0.27 million weights)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.registry import register

if TYPE_CHECKING:
    from torch import nn

SMALLEST = 5  # px; 4 px would end in 1x1 maps, on which batch norm fails for batches of one sample


@register(
    "model",
    "resnet20",
    label="ResNet-20",
    help="CIFAR's: 19 convolutions of 16, 32 and 64 channels, 0.27 M parameters",
    smallest=SMALLEST,
)
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """Three stages of three residual blocks; shortcuts without weights (He et al.'s option A)."""
    from engine.models._residual import SmallResNet

    return SmallResNet(shape[0], n_classes), "head"
