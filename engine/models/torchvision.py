"""Any classifier of torchvision by name, torchvision:vgg13: fresh weights, never downloaded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from engine.models._named import check_name, entry_of
from engine.registry import Family, Registration, register
from engine.runtime.libraries import torchvision

if TYPE_CHECKING:
    from torch import nn

LIBRARY = "torchvision"
EXAMPLE = "torchvision:resnet34"
HELP = "a classifier of torchvision with fresh weights"
OWN = {  # arguments of some networks: no second outputs, and no slow draw of weights
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


def member(name: str) -> Registration:
    """The entry of a classifier of this name, whether or not torchvision has it: see `check`."""
    return entry_of(LIBRARY, name, make, check, HELP)


def check(name: str = "") -> None:
    """SpecError with the nearest name unless torchvision has a classifier of this name."""
    models = torchvision("torchvision.models")
    check_name(name, models.list_models(module=models), LIBRARY, EXAMPLE)


FAMILY = Family(member, "the name of a classifier in torchvision.models", EXAMPLE)


@register("model", LIBRARY, label="torchvision", help=HELP, family=FAMILY, check=check)
def make(shape: tuple[int, ...], n_classes: int, name: str = "") -> tuple[nn.Module, str]:
    """The classifier of this name; SpecError where there is none, or if images do not fit."""
    from engine.models._libraries import fitted

    check(name)
    return fitted(f"{LIBRARY}:{name}", functools.partial(_made, name), shape, n_classes)


def _made(name: str, shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """The network for images of this size, as far as it depends on their size."""
    from engine.models._libraries import take_channels

    builder = torchvision("torchvision.models").get_model_builder(name)
    options: dict[str, Any] = {"weights": None, "num_classes": n_classes, **OWN.get(name, {})}
    if name.startswith("vit_"):
        options["image_size"] = _side(shape)
    elif name.startswith("maxvit"):
        options["input_size"] = shape[1:]
    net: nn.Module = builder(**options)
    take_channels(net, shape[0])
    return net


def _side(shape: tuple[int, ...]) -> int:
    """The side of square images; ValueError for others."""
    _, height, width = shape
    if height != width:
        raise ValueError("it needs square images")
    return height
