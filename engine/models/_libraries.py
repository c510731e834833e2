"""Networks that a library makes by name, fitted to the samples: their first layer and head."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from engine.errors import SpecError
from engine.models.base import last_linear, replace_dropout
from engine.runtime.batching import is_shortage

Make = Callable[[tuple[int, ...], int], nn.Module]  # of the samples' shape and number of classes
SIDES = (28, 32, 48, 64, 96, 128, 192, 224, 256)  # px that are tried for the least size
MISFIT = (RuntimeError, ValueError, AssertionError, TypeError, IndexError, ZeroDivisionError)
COLORS = 3


def fitted(name: str, make: Make, shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, str]:
    """(network, name of its last linear layer) that `make` makes for samples of this shape.

    Its first convolution takes the samples' channels. Raises SpecError if the network cannot
    process images of this size, or does not end in a linear layer.
    """
    try:
        net = make(shape, n_classes)
        replace_dropout(net)
        output, head = last_linear(
            net.eval(), torch.zeros(2, *shape, dtype=torch.float32), n_classes
        )
        learns(net, shape)
    except MISFIT as error:
        if is_shortage(error):
            raise
        raise _misfit(name, make, shape, n_classes, error) from error
    if head is None or not isinstance(output, Tensor) or tuple(output.shape) != (2, n_classes):
        raise SpecError(
            f"Model '{name}' does not end in a linear layer for {n_classes} classes, whose input "
            "would be its features, so it cannot be studied. Choose another network."
        )
    return net, head


def take_channels(net: nn.Module, channels: int) -> None:
    """Replace the first convolution of a network for color images, in place, if they are not."""
    if channels == COLORS:
        return
    parts = ((path, part) for path, part in net.named_modules() if isinstance(part, nn.Conv2d))
    path, first = next(parts)
    fitting = nn.Conv2d(
        channels,
        first.out_channels,
        _pair(first.kernel_size),
        _pair(first.stride),
        first.padding if isinstance(first.padding, str) else _pair(first.padding),
        _pair(first.dilation),
        bias=first.bias is not None,
    )
    net.set_submodule(path, fitting)


@torch.no_grad()
def learns(net: nn.Module, shape: tuple[int, ...], device: str = "cpu") -> None:
    """Pass two samples in train mode; raises what the network raises, and leaves it as it was."""
    before = {name: value.clone() for name, value in net.named_buffers()}
    was_training = net.training
    try:
        net.train()(torch.zeros(2, *shape, device=device))
    finally:
        net.train(was_training)
        for name, value in net.named_buffers():
            value.copy_(before[name])


def _pair(sizes: Iterable[int]) -> tuple[int, int]:
    first, second = sizes
    return first, second


def _misfit(
    name: str, make: Make, shape: tuple[int, ...], n_classes: int, error: Exception
) -> SpecError:
    """The sentence about images that are too small, or of the wrong size."""
    size = "x".join(map(str, shape[1:]))
    larger = (side for side in SIDES if side > max(shape[1:]))
    fits = functools.partial(_fits, make, shape[0], n_classes)
    least = next(filter(fits, larger), None)
    advice = f"It can process {least}x{least} px: resize them (--side {least}), where the dataset "
    advice = f"{advice}can be, or choose" if least else "Choose"
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return SpecError(
        f"Model '{name}' cannot process images of {size} px ({reason}). {advice} another network, "
        "such as resnet18."
    )


def _fits(make: Make, channels: int, n_classes: int, side: int) -> bool:
    """Whether such a network processes square images of this side; computes no values."""
    shape = (channels, side, side)
    try:
        with torch.device("meta"):
            learns(make(shape, n_classes), shape, "meta")
    except MISFIT:
        return False
    return True
