"""The last layers of any network, and fine-tuning them alone (EU-k and CF-k)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from engine.methods._tuning import Tuning, fit, tune
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.spec import setting
from engine.training.sgd import Pass, Step

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class TailTuning(Tuning):
    """Fine-tuning of the last k layers; defaults of the residual-knowledge paper.

    k = 6 is ResNet-18's classifier and last two residual blocks (their four convolutions and the
    shortcut); ResNet-50 needs 7 for the same. A network of fewer layers is tuned as a whole.
    """

    k: int = setting(
        6, help="convolutions and linear layers, counted from the output", unit="layers", low=1,
        high=10_000,
    )  # fmt: skip
    batch_norm: str = setting(
        "tail",
        help="which batch norm learns and updates its statistics. tail: those among the last k "
        "layers; frozen: none; leaky: as the reference, those of the tail learn, but all update "
        "their statistics",
        choices=("tail", "frozen", "leaky"),
    )


@dataclass(frozen=True, eq=False)
class Tail:
    """The last layers (output first), batch norms among them, and those before them."""

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
        norms += parts  # nothing is left before the tail that these could belong to
        parts = []
    return Tail(layers, norms, [part for part in parts if isinstance(part, _NORMS)])


def tune_tail(problem: Problem, config: TailTuning, model: Classifier, salt: str) -> Classifier:
    """`model`, in place, after fine-tuning its last k layers on S_r; all the rest stays."""
    tail = tail_of(model, config.k)
    learning = tail.layers + ([] if config.batch_norm == "frozen" else tail.norms)
    still = {"tail": tail.norms_before, "leaky": [], "frozen": tail.norms_before + tail.norms}
    frozen = still[config.batch_norm]
    loss_of = fit(problem)

    def loss(net: nn.Module, step: Step) -> Tensor:
        for norm in frozen:
            norm.eval()
        return loss_of(net, step)

    parameters = [weight for part in learning for weight in part.parameters()]
    with _only(model, parameters):
        sweep = Pass(loss, problem.retain)
        more: dict[str, Any] = {"parameters": parameters, "batch_norm": "train"}
        tune(problem, config, lambda epoch: [sweep], salt, model, **more)
    return model


@contextlib.contextmanager
def _only(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Gradients for these parameters alone, so that the backward pass ends at the tail."""
    model.requires_grad_(False)
    for weight in parameters:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        model.requires_grad_(True)
