"""The last layers of any network, and fine-tuning them alone (EU-k and CF-k)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from engine.methods._settings import TailTuning
from engine.methods._tuning import fit, tune
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.training.sgd import Pass, Step

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, eq=False)
class Tail:
    """The last layers (output first), the batch norms among them, and the batch norms before."""

    layers: list[nn.Module]
    norms: list[nn.Module]
    norms_before: list[nn.Module]


def tail_of(model: nn.Module, k: int) -> Tail:
    """The last k layers in the order of registration; all of them where there are fewer."""
    parts = [part for part in model.modules() if isinstance(part, (*_LAYERS, *_NORMS))]
    layers: list[nn.Module] = []
    norms: list[nn.Module] = []
    while parts and len(layers) < k:
        part = parts.pop()
        (norms if isinstance(part, _NORMS) else layers).append(part)
    if not any(isinstance(part, _LAYERS) for part in parts):
        norms += parts  # no layer is left before the tail that these could belong to
        parts = []
    return Tail(layers, norms, [part for part in parts if isinstance(part, _NORMS)])


def tune_tail(problem: Problem, config: TailTuning, model: Classifier, salt: str) -> Classifier:
    """`model`, in place, after fine-tuning its last k layers on S_r; the rest is unchanged."""
    tail = tail_of(model, config.k)
    trained = tail.layers + ([] if config.batch_norm == "frozen" else tail.norms)
    frozen_by_mode = {
        "tail": tail.norms_before,
        "leaky": [],
        "frozen": tail.norms_before + tail.norms,
    }
    frozen = frozen_by_mode[config.batch_norm]
    loss_of = fit(problem)

    def loss(net: nn.Module, step: Step) -> Tensor:
        for norm in frozen:
            norm.eval()
        return loss_of(net, step)

    parameters = [weight for part in trained for weight in part.parameters()]
    with _only(model, parameters):
        sweep = Pass(loss, problem.retain)
        options: dict[str, Any] = {"parameters": parameters, "batch_norm": "train"}
        tune(problem, config, lambda epoch: [sweep], salt, model, **options)
    return model


@contextlib.contextmanager
def _only(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Restrict gradients to these parameters, so that the backward pass ends at the tail."""
    model.requires_grad_(False)
    for weight in parameters:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        model.requires_grad_(True)
