"""Layers of a network by their path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def set_submodule(net: nn.Module, path: str, layer: nn.Module) -> None:
    """Put `layer` in the place of the one at this path, such as 'body.3', in place.

    torch has this as a method from 2.5 on. AttributeError if there is no such place.

    >>> from torch import nn
    >>> net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    >>> set_submodule(net, "1.0", nn.ReLU())
    >>> type(net[1][0]).__name__
    'ReLU'
    """
    parent, _, name = path.rpartition(".")
    owner = net.get_submodule(parent)
    owner.get_submodule(name)
    setattr(owner, name, layer)
