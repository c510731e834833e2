"""How EU-k unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.methods._tail import tail_of, tune_tail
from engine.methods.base import Problem
from engine.methods.eu_k import EUk
from engine.models.base import Classifier
from engine.runtime.seeds import generator

DRAWN = ("weight", "weight_orig", "weight_v")  # the last two: names under pruning and weight norm


def unlearn(problem: Problem, config: EUk) -> Classifier:
    """The Original with its last k layers re-initialized and trained on S_r."""
    model = problem.start()
    rng = generator(problem.seed, "eu-k", device=problem.device)
    redraw(tail_of(model, config.k).layers, rng)
    return tune_tail(problem, config, model, "eu-k")


@torch.no_grad()
def redraw(layers: Iterable[nn.Module], rng: torch.Generator) -> None:
    """Redraw these layers' weights (He normal, fan in, gain sqrt 2) and set their biases to 0.

    This includes computed weights: those under pruning, spectral norm or weight norm.
    """
    for layer in layers:
        own = dict(layer.named_parameters(recurse=False))
        for name, weight in own.items():
            _redraw_one(name, weight, rng)
        if "weight_g" in own:  # the norm of weight_v, in the older weight norm
            own["weight_g"].copy_(_length(own["weight_v"], own["weight_g"]))
        for name, computed in getattr(layer, "parametrizations", {}).items():
            _redraw_computed(layer, name, computed, rng)


def _redraw_one(name: str, weight: Tensor, rng: torch.Generator) -> None:
    if name in DRAWN:
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=rng)
    else:
        nn.init.zeros_(weight)


def _redraw_computed(
    layer: nn.Module, name: str, computed: nn.Module, rng: torch.Generator
) -> None:
    """Redraw a computed weight if it can be assigned, else the parameters it is computed from."""
    value = torch.empty_like(getattr(layer, name))
    _redraw_one(name, value, rng)
    try:
        setattr(layer, name, value)
    except (NotImplementedError, RuntimeError, ValueError):  # no inverse, or none for this value
        for part in computed.parameters(recurse=False):
            _redraw_one("weight" if part.ndim > 1 else "", part, rng)


def _length(direction: Tensor, like: Tensor) -> Tensor:
    """The norm of `direction` over the dimensions that `like` lacks."""
    dims = [dim for dim in range(direction.ndim) if like.ndim == 0 or like.shape[dim] == 1]
    length: Tensor = torch.linalg.vector_norm(direction, dim=dims, keepdim=like.ndim > 0)
    return length
