"""l1-sparse: fine-tune on the retain set with an L1 penalty that decays to 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning
from engine.registry import register
from engine.spec import TrainSpec, setting, setting_of
from engine.training.costs import cost_of_training

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class L1Sparse(Tuning):
    """Settings of l1-sparse; optimizer defaults of the Unlearn-Saliency code.

    The usual alpha is 5e-4; the default in that code belongs to another method.
    """

    alpha: float = setting(
        5e-4,
        label="Weight of the L1 penalty",
        help="initial weight of the L1 penalty",
        low=0.0,
        high=100.0,
    )
    free_epochs: int = setting(
        0,
        label="Final epochs without penalty",
        help="final epochs without the penalty",
        unit="epochs",
        low=0,
        high=10_000,
    )
    weight_decay: float = setting_of(Tuning, "weight_decay", 5e-4)
    batch: int = setting_of(Tuning, "batch", 256)


def cost(config: L1Sparse, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "l1-sparse",
    label="l1-sparse",
    help="Fine-tune on S_r, minimizing CE(S_r) + alpha_t ||theta||_1 with alpha_t decaying "
    "linearly to 0. Cost: 1 forward + 1 backward x epochs x |S_r|.",
    config=L1Sparse,
    cost=cost,
    space={"alpha": (1e-6, 0.1), "lr": (1e-4, 0.5), "epochs": (1, 40)},
    source="Jia et al. 2023, Model sparsity can simplify machine unlearning",
)
def unlearn(problem: Problem, config: L1Sparse) -> Classifier:
    """The Original after descent on CE(S_r) + a_t ||theta||_1, a_t from `penalty`."""
    from engine.methods.l1_sparse import computation

    return computation.unlearn(problem, config)
