"""EU-k: draw the last k layers anew and train them alone on the retain set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from engine.methods._tail import TailTuning, tail_of, tune_tail
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.registry import register
from engine.runtime import generator
from engine.spec import TrainSpec
from engine.train import cost_of_training


@dataclass(frozen=True)
class EUk(TailTuning):
    """Settings of EU-k; defaults of the residual-knowledge paper."""


def cost(config: EUk, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of the epochs over S_r (an upper bound: the backward pass ends early)."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "eu-k",
    label="EU-k",
    help="Draw the last k layers anew and train only these on S_r. Cost: 1 forward + 1 backward "
    "through k layers x epochs x |S_r|.",
    config=EUk,
    cost=cost,
    source="Goel et al. 2022, Evaluating Inexact Unlearning",
)
def unlearn(problem: Problem, config: EUk) -> Classifier:
    """The Original with its last k layers drawn anew and trained on S_r."""
    model = problem.start()
    rng = generator(problem.seed, "eu-k", device=problem.device)
    redraw(tail_of(model, config.k).layers, rng)
    return tune_tail(problem, config, model, "eu-k")


@torch.no_grad()
def redraw(layers: Iterable[nn.Module], rng: torch.Generator) -> None:
    """Draw these layers' weights (He normal, fan in, gain sqrt 2) and set their biases to 0."""
    for layer in layers:
        for name, weight in layer.named_parameters(recurse=False):
            if name == "weight":
                nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=rng)
            else:
                nn.init.zeros_(weight)
