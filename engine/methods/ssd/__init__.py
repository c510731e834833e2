"""SSD: dampen, without training, the weights far more important to the forget set than to S."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import order_setting
from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class SSD:
    """Settings of selective synaptic dampening; defaults of the residual-knowledge paper.

    With one-sample batches the ratio of importances cannot exceed |S| / |S_f|, so a larger alpha
    selects nothing; larger batches relax this bound but do not remove it. Importances are squared
    mean gradients of batches, which are larger for batches of one class than for mixed ones: with
    data sorted by class, in stored order, S looks more important than it is and fewer weights are
    selected. Hence the samples of S and of S_f are shuffled by default.
    """

    alpha: float = setting(
        10.0,
        label="Selection threshold α",
        help="a weight is dampened if its importance to S_f exceeds alpha times its importance to "
        "S",
        low=0.0,
        high=1e6,
    )
    dampening: float = setting(
        1.0,
        label="Dampening λ",
        help="dampening constant (the paper's lambda): smaller values dampen more",
        low=0.0,
        high=1e6,
    )
    batch: int = setting_of(SGDSpec, "batch", 128)
    order: str = order_setting()


def cost(config: SSD, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: gradients over S and again over S_f."""
    return float(PASSES_PER_STEP * (n_retain + 2 * n_forget))


@register(
    "method",
    "ssd",
    label="SSD",
    help="Multiply weights with I_f > alpha I by min(1, dampening I / I_f), where I is the mean "
    "squared gradient on S and I_f on S_f; no training. Cost: 1 forward + 1 backward over S and "
    "S_f.",
    config=SSD,
    cost=cost,
    space={"alpha": (0.1, 3000.0), "dampening": (0.01, 100.0), "batch": (8, 256)},
    source="Foster et al. 2024, Selective Synaptic Dampening",
)
def unlearn(problem: Problem, config: SSD) -> Classifier:
    """The Original with weights that are salient for S_f dampened; logs how many these are.

    Both passes, over S and over S_f, form batches in `config.order`. If shuffled, the order
    depends on the seed and on the samples' content, not on their numbering.
    """
    from engine.methods.ssd import computation

    return computation.unlearn(problem, config)
