"""Random labels: fine-tune on random labels of the forget set and true ones of the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import RelabelTuning, relabel_cost
from engine.registry import register

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class RandomLabels(RelabelTuning):
    """Settings of random labels; defaults of the Unlearn-Saliency code."""


@register(
    "method",
    "random-labels",
    label="Random labels",
    help="Fine-tune on S_f with random labels and on S_r with the true ones. Cost: 1 forward + "
    "1 backward x epochs x |S|.",
    config=RandomLabels,
    cost=relabel_cost,
    space={"lr": (1e-4, 0.5), "epochs": (1, 20)},
    source="Golatkar et al. 2020; Fan et al. 2024, Unlearn-Saliency",
)
def unlearn(problem: Problem, config: RandomLabels) -> Classifier:
    """The Original after fine-tuning on random labels of S_f, redrawn in each step, and on S_r."""
    from engine.methods._relabel import relabel_plan
    from engine.methods._tuning import tune

    return tune(problem, config, relabel_plan(problem, config), "random-labels")
