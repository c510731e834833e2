"""Per-sample derivatives of logits with respect to parameters."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

CACHED = 64 * 2**20  # bytes of one chunk's Jacobian on a CPU; more would only leave its caches
PARALLEL = 4 * 2**30  # bytes of one chunk's Jacobian on a GPU, which wants many samples at once


def jacobians(model: nn.Module, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    """d logits / d parameter, (n, K, *shape of the parameter), for the named parameters.

    The model must be in eval mode: batch statistics would tie the samples together.
    """
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    chosen = {name: parameters.pop(name) for name in names}
    rest = {**parameters, **dict(model.named_buffers())}

    def logits(weights: dict[str, Tensor], sample: Tensor) -> Tensor:
        out: Tensor = functional_call(model, {**rest, **weights}, (sample[None],))
        return out[0]

    result: dict[str, Tensor] = vmap(jacrev(logits), in_dims=(None, 0))(chosen, x)
    return result


def chunk_size(n_parameters: int, n_classes: int, like: Tensor) -> int:
    """Samples whose Jacobian by so many scalars is taken at once, on the device of `like`."""
    memory = CACHED if like.device.type == "cpu" else PARALLEL
    return max(1, memory // max(1, n_parameters * n_classes * like.dtype.itemsize))
