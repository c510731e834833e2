"""Reject third-party weights with invalid values, naming the tensor that contains them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping

import torch
from torch import Tensor

from engine.errors import CheckpointError

LARGEST = 1e6  # bound on parameters; those of trained networks are far smaller
SMALLEST_DEVIATION = 1e-12  # bound on the standard deviation that input is divided by
VARIANCE, DEVIATION = "running_var", "std"  # last name components of divisors
SMALLEST = 1e-5  # the epsilon that batch norm adds to a variance
TRAINED = "Give the weights as trained."
Called = Callable[[str], str]


def check(
    path: object, state: Mapping[str, Tensor], parameters: Collection[str], called: Called
) -> None:
    """Raise CheckpointError for values that no trained network has.

    parameters: names of trainable tensors, without buffers such as masks; called: maps a name to
    the tensor's name in the file.
    """
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{path} contains NaN or infinite values, in {called(name)}.")
        if name == DEVIATION and not (value > 0).all():
            raise CheckpointError(
                f"{path} normalizes by a deviation of 0 or less, in {called(name)}. {TRAINED}"
            )
        if name == DEVIATION and value.min() < SMALLEST_DEVIATION:
            raise CheckpointError(
                f"{path} normalizes by a deviation of {value.min():.3g}, in {called(name)}: far "
                f"smaller than that of any data. {TRAINED}"
            )
        if _last(name) == VARIANCE and (value < 0).any():
            raise CheckpointError(
                f"{path} has a negative variance ({value.min():.3g}), in {called(name)}. {TRAINED}"
            )
        if name in parameters and value.numel() and value.abs().max() > LARGEST:
            raise CheckpointError(
                f"{path} has values up to {value.abs().max():.3g}, in {called(name)}: far larger "
                f"than in any trained network. {TRAINED}"
            )


def unusable_weights_error(
    path: object, state: Mapping[str, Tensor], called: Called
) -> CheckpointError:
    """The error for weights whose outputs are not finite, naming their most extreme value."""
    _, value, name = max(_extremes(state), default=(0.0, 0.0, ""))
    where = f": their most extreme value is {value:.3g}, in {called(name)}" if name else ""
    return CheckpointError(
        f"The weights in {path} give NaN or infinite outputs on this data{where}. "
        f"{TRAINED[:-1]}, with their own normalization."
    )


def _extremes(state: Mapping[str, Tensor]) -> Iterator[tuple[float, float, str]]:
    """(order of magnitude of its effect on outputs, value, name) of every tensor."""
    for name, tensor in state.items():
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        largest, least = float(tensor.abs().max()), float(tensor.min())
        yield math.log10(max(largest, SMALLEST)), largest, name
        if _last(name) == VARIANCE:
            yield -math.log10(max(least, SMALLEST)), least, name
        if name == DEVIATION:
            yield -math.log10(max(least, math.ulp(0.0))), least, name


def _last(name: str) -> str:
    return name.rpartition(".")[2]
