"""ResNet-18 with the CIFAR stem: a 3x3 first convolution of stride 1 and no pooling after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.registry import register
from engine.runtime.libraries import torchvision

if TYPE_CHECKING:
    from torch import nn

CIFAR_STEM_UP_TO = 64  # px; larger images use the original stem
SMALLEST = 9  # px; 8 px would end in 1x1 maps, on which batch norm fails for batches of one sample


@register(
    "model",
    "resnet18",
    label="ResNet-18",
    help="CIFAR stem up to 64 px, 11 M parameters",
    smallest=SMALLEST,
)
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """torchvision's ResNet-18, randomly initialized."""
    net = torchvision("torchvision.models").resnet18(num_classes=n_classes)
    fit_stem(net, shape)
    return net, "fc"


def fit_stem(net: nn.Module, shape: tuple[int, ...]) -> None:
    """Adapt the first layers of a torchvision ResNet to images of `shape` (C, H, W)."""
    from torch import nn

    if max(shape[1:]) <= CIFAR_STEM_UP_TO:
        net.conv1 = nn.Conv2d(shape[0], 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
    elif shape[0] != 3:
        net.conv1 = nn.Conv2d(shape[0], 64, 7, stride=2, padding=3, bias=False)
