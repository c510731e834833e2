"""NegGrad+: descent on the retain set and, with a small weight, ascent on the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning, steps_beside
from engine.registry import register
from engine.spec import TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class NegGradPlus(Tuning):
    """Settings of NegGrad+; defaults of the residual-knowledge paper."""

    beta: float = setting(
        0.001,
        label="Weight of the forget set β",
        help="weight of the forget set; the retain set has weight 1 - beta",
        low=0.0,
        high=1.0,
    )
    forget_batch: int = setting(
        0,
        label="Forget samples per step",
        help="forget samples per step; 0 = as many as retain samples",
        unit="samples",
        low=0,
        high=65_536,
    )
    epochs: int = setting_of(Tuning, "epochs", 1)
    clip: float = setting_of(Tuning, "clip", 1.0)


def cost(config: NegGradPlus, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of all epochs over S_r, each step with an additional batch of S_f."""
    width = config.forget_batch or config.batch
    steps, beside = steps_beside(n_retain, n_forget, config.batch, width)
    return PASSES_PER_STEP * config.epochs * (n_retain + steps * beside)


@register(
    "method",
    "neggrad-plus",
    label="NegGrad+",
    help="Minimize (1 - beta) CE(S_r) - beta CE(S_f): descend on S_r while ascending, weakly, on "
    "S_f. Cost per step: 1 forward + 1 backward of a retain batch and of a forget batch.",
    config=NegGradPlus,
    cost=cost,
    space={"beta": (1e-3, 0.5), "lr": (1e-4, 0.5), "epochs": (1, 20)},
    source="Kurmanji et al. 2023, NegGrad+; Hsu et al. 2025, baselines",
)
def unlearn(problem: Problem, config: NegGradPlus) -> Classifier:
    """The Original after descent on (1 - beta) CE(S_r) - beta CE(S_f)."""
    from engine.methods.neggrad_plus import computation

    return computation.unlearn(problem, config)
