"""SalUn: random labels, but only the weights most salient for the forget set are updated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import RelabelTuning, order_setting, relabel_cost
from engine.registry import register
from engine.spec import TrainSpec, setting
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class SalUn(RelabelTuning):
    """Settings of SalUn; defaults of the Unlearn-Saliency code.

    Saliency sums the mean gradients of batches, so that samples of a smaller last batch weigh more:
    in stored order these belong to the last classes, hence the shuffling by default.
    """

    share: float = setting(
        0.5,
        label="Share of weights that change",
        help="share of all weights that may change",
        low=0.0,
        high=1.0,
        exclusive_low=True,
    )
    order: str = order_setting()


def cost(config: SalUn, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: gradients over S_f, then the epochs over S_f and S_r."""
    return relabel_cost(config, n_retain, n_forget, train) + PASSES_PER_STEP * n_forget


@register(
    "method",
    "salun",
    label="SalUn",
    help="Fine-tune on S_f with random labels and on S_r, updating only the weights with the "
    "largest |gradient of CE(S_f)|. Cost: 1 forward + 1 backward over S_f, then x epochs x |S|.",
    config=SalUn,
    cost=cost,
    space={"lr": (1e-4, 0.5), "epochs": (1, 20), "share": (0.05, 1.0)},
    source="Fan et al. 2024, SalUn",
)
def unlearn(problem: Problem, config: SalUn) -> Classifier:
    """The Original after fine-tuning its salient weights on random labels of S_f and on S_r."""
    from engine.methods.salun import computation

    return computation.unlearn(problem, config)
