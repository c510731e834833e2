"""Per-sample Jacobians of logits with respect to parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from engine.errors import NetworkError
from engine.models.base import shell

CACHED = 64 * 2**20  # bytes of one chunk's Jacobian on a CPU; more would not fit its caches
PARALLEL = 4 * 2**30  # bytes of one chunk's Jacobian on a GPU, which needs many samples at once


def jacobians(model: nn.Module, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    """d logits / d parameter, (n, K, *shape of the parameter), for the parameters `names`.

    The model must be in eval mode: batch statistics would couple the samples.
    """
    private, places = shell(model), places_of(model)
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    chosen = {name: parameters.pop(name) for name in names}

    def logits(weights: dict[str, Tensor], sample: Tensor) -> Tensor:
        values = {**parameters, **weights}
        put = {place: values[name] for name, paths in places.items() for place in paths}
        out: Tensor = functional_call(private, put, (sample[None],), tie_weights=False)
        return out[0]

    try:
        result: dict[str, Tensor] = vmap(jacrev(logits), in_dims=(None, 0))(chosen, x)
    except (RuntimeError, NetworkError) as error:
        if "memory" in str(error):
            raise
        return _one_by_one(logits, chosen, x)  # a user's layer that does not support vmap
    return result


def _one_by_one(
    logits: Callable[[dict[str, Tensor], Tensor], Tensor], chosen: Mapping[str, Tensor], x: Tensor
) -> dict[str, Tensor]:
    """`jacobians` by one backward pass per sample and class."""
    weights = {name: value.clone().requires_grad_() for name, value in chosen.items()}
    rows: dict[str, list[Tensor]] = {name: [] for name in chosen}
    with torch.enable_grad():
        for sample in x:
            for value in logits(weights, sample):
                derivatives = torch.autograd.grad(
                    value, list(weights.values()), retain_graph=True, allow_unused=True,
                    materialize_grads=True,
                )  # fmt: skip
                for name, derivative in zip(weights, derivatives, strict=True):
                    rows[name].append(derivative)
    return {name: torch.stack(parts).unflatten(0, (len(x), -1)) for name, parts in rows.items()}


def places_of(model: nn.Module) -> dict[str, list[str]]:
    """First name of each parameter -> all names under which layers hold it (tied weights)."""
    first = {id(value): name for name, value in model.named_parameters()}
    places: dict[str, list[str]] = {name: [] for name in first.values()}
    for path, part in model.named_modules():
        for name, value in part.named_parameters(recurse=False, remove_duplicate=False):
            places[first[id(value)]].append(f"{path}.{name}".lstrip("."))
    return places


def chunk_size(n_parameters: int, n_classes: int, like: Tensor) -> int:
    """Samples per chunk of a Jacobian by `n_parameters` scalars, on the device of `like`."""
    memory = CACHED if like.device.type == "cpu" else PARALLEL
    return max(1, memory // max(1, n_parameters * n_classes * like.dtype.itemsize))
