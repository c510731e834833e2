"""SCRUB: a student that diverges from the Original on the forget set and follows it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import SpecError
from engine.methods._settings import Tuning
from engine.registry import register
from engine.spec import TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class SCRUB(Tuning):
    """Settings of SCRUB; defaults of the residual-knowledge paper for small CIFAR-5.

    Temperature and epochs, which that paper leaves open, follow the reference's large-scale
    setting.
    """

    gamma: float = setting(
        1.0,
        label="Weight of the cross-entropy γ",
        help="weight of the cross-entropy on the retain set",
        low=0.0,
        high=1000.0,
    )
    alpha: float = setting(
        0.001,
        label="Weight of the divergence α",
        help="weight of the divergence from the Original on the retain set",
        low=0.0,
        high=1000.0,
    )
    temperature: float = setting(
        4.0,
        label="Temperature",
        help="temperature of the divergence",
        low=0.0,
        high=1000.0,
        exclusive_low=True,
    )
    max_epochs: int = setting(
        2,
        label="Epochs that forget",
        help="first epochs that also ascend on the forget set",
        unit="epochs",
        low=0,
        high=10_000,
    )
    milestones: str = setting(
        "3,5,9",
        label="Epochs that lower the learning rate",
        help="epochs after which the learning rate is divided by 10, e.g. 3,5,9",
    )
    forget_batch: int = setting(
        0,
        label="Forget samples per step",
        help="samples per step on the forget set; 0 = as on the retain set",
        unit="samples",
        low=0,
        high=65_536,
    )
    epochs: int = setting_of(Tuning, "epochs", 3)
    lr: float = setting_of(Tuning, "lr", 5e-4)
    weight_decay: float = setting_of(Tuning, "weight_decay", 5e-4)


def cost(config: SCRUB, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: the teacher once over S, the student over S_r and, initially, over S_f."""
    ascent_epochs = min(config.epochs, config.max_epochs)
    student = PASSES_PER_STEP * (config.epochs * n_retain + ascent_epochs * n_forget)
    return float(n_retain + n_forget + student)


def milestones(text: str) -> list[int]:
    """The epochs in '3,5,9' (none in ''); SpecError if the text is malformed."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise SpecError(f"scrub.milestones must list epochs, such as 3,5,9, but is '{text}'.")
    return [int(part) for part in parts]


@register(
    "method",
    "scrub",
    label="SCRUB",
    help="Each epoch: maximize KL(Original || model) on S_f, then minimize gamma CE + alpha KL on "
    "S_r. Cost: 1 forward of S, and 1 forward + 1 backward of S_r per epoch and of S_f in the "
    "first max_epochs.",
    config=SCRUB,
    cost=cost,
    space={
        "lr": (1e-4, 0.5),
        "epochs": (1, 20),
        "max_epochs": (1, 10),
        "alpha": (1e-4, 1.0),
    },
    source="Kurmanji et al. 2023, SCRUB; Hsu et al. 2025, baselines",
)
def unlearn(problem: Problem, config: SCRUB) -> Classifier:
    """The Original after alternating ascent on KL over S_f and descent over S_r.

    With batch norm in eval mode (batch_norm = eval) the first ascent has no gradient, since student
    and teacher still agree. Raises SpecError if `milestones` is not a list of epochs.
    """
    from engine.methods.scrub import computation

    return computation.unlearn(problem, config)
