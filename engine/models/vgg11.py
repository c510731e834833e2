"""VGG-11: the network of the paper's comparison of architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.registry import register
from engine.runtime.libraries import torchvision

if TYPE_CHECKING:
    from torch import nn


@register("model", "vgg11", label="VGG-11", help="no batch norm, 129 M parameters", smallest=32)
def make(shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """torchvision's VGG-11, randomly initialized, with dropout drawn from the run's generator."""
    from torch import nn

    from engine.models.base import Dropout

    net = torchvision("torchvision.models").vgg11(num_classes=n_classes, init_weights=False)
    if shape[0] != 3:
        net.features[0] = nn.Conv2d(shape[0], 64, 3, padding=1)
    for name, part in list(net.classifier.named_children()):
        if isinstance(part, nn.Dropout):
            net.classifier[int(name)] = Dropout(part.p)
    return net, "classifier.6"
