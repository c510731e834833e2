"""Fisher forgetting: noise on each weight, stronger where the retain set depends on it less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registry import register
from engine.spec import TrainSpec, setting

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier

PASSES = 21  # 1 forward + 10 backward: the number of classes is unknown here


@dataclass(frozen=True)
class Fisher:
    """Settings of Fisher forgetting; defaults of SelectiveForgetting."""

    alpha: float = setting(
        1e-6,
        label="Noise variance α",
        help="scale of the noise variance",
        low=0.0,
        high=1.0,
        exclusive_low=True,
    )


def cost(config: Fisher, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes, assuming ten classes: one gradient per retain sample and class."""
    return float(PASSES * n_retain)


@register(
    "method",
    "fisher",
    label="Fisher",
    help="Add noise of variance alpha / F to every weight, with F its Fisher information on S_r. "
    "Cost: 1 forward + 1 backward per class, over S_r.",
    config=Fisher,
    cost=cost,
    space={"alpha": (1e-8, 1e-3)},
    source="Golatkar et al. 2020, SelectiveForgetting",
)
def unlearn(problem: Problem, config: Fisher) -> Classifier:
    """The Original plus Gaussian noise; the row of an entirely forgotten class is redrawn."""
    from engine.methods.fisher import computation

    return computation.unlearn(problem, config)
