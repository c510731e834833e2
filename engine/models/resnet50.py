"""ResNet-50, for larger images such as those of ImageNet-100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.models.resnet18 import SMALLEST, fit_stem
from engine.registry import register
from engine.runtime.libraries import torchvision

if TYPE_CHECKING:
    from torch import nn


@register(
    "model",
    "resnet50",
    label="ResNet-50",
    help="CIFAR stem up to 64 px, 24 M parameters",
    smallest=SMALLEST,
)
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """torchvision's ResNet-50, randomly initialized."""
    net = torchvision("torchvision.models").resnet50(num_classes=n_classes)
    fit_stem(net, shape)
    return net, "fc"
