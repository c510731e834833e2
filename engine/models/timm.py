"""Any classifier of timm by name, timm:convnext_atto: fresh weights, never downloaded."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from engine.models._named import check_name, entry_of
from engine.registry import Family, Registration, register
from engine.runtime.libraries import require, torchvision_importable

if TYPE_CHECKING:
    from torch import nn

LIBRARY = "timm"
EXAMPLE = "timm:convnext_atto"
HELP = "a classifier of timm with fresh weights; needs the optional package timm"


def member(name: str) -> Registration:
    """The entry of a network of this name, whether or not timm has it: see `check`."""
    return entry_of(LIBRARY, name, make, check, HELP)


def check(name: str = "") -> None:
    """SpecError with the nearest name unless timm is installed and has a network of this name."""
    check_name(name, _timm().list_models(), LIBRARY, EXAMPLE)


FAMILY = Family(member, "the name of a network in timm", EXAMPLE)


@register("model", LIBRARY, label="timm", help=HELP, family=FAMILY, check=check)
def make(shape: tuple[int, ...], n_classes: int, name: str = "") -> tuple[nn.Module, str]:
    """The network of this name; SpecError where there is none, or if images do not fit."""
    from engine.models._libraries import fitted

    check(name)
    return fitted(f"{LIBRARY}:{name}", functools.partial(_made, name), shape, n_classes)


def _made(name: str, shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """The network for images of this size, as far as it depends on their size."""
    create = functools.partial(
        _timm().create_model, name, pretrained=False, num_classes=n_classes, in_chans=shape[0]
    )
    try:
        net: nn.Module = create(img_size=shape[1:])
    except TypeError:  # a network for images of any size
        net = create()
    return net


def _timm() -> ModuleType:
    require(LIBRARY, "Networks named timm:NAME need")
    with torchvision_importable():
        return importlib.import_module(LIBRARY)
