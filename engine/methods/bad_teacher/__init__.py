"""Bad Teacher: distill a random network on the forget set and the Original on the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning
from engine.registry import register
from engine.spec import TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class BadTeacher(Tuning):
    """Settings of Bad Teacher; defaults of the code of Selective Synaptic Dampening.

    The optimizer is Adam; `momentum` is the decay rate of its first moment.
    """

    share: float = setting(
        0.3,
        label="Share of the retain set",
        help="share of the retain set used for distillation, drawn at random",
        low=0.0,
        high=1.0,
    )
    epochs: int = setting_of(Tuning, "epochs", 1)
    lr: float = setting_of(Tuning, "lr", 1e-4)
    weight_decay: float = setting_of(Tuning, "weight_decay", 0.0)
    batch: int = setting_of(Tuning, "batch", 256)


def cost(config: BadTeacher, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: the teachers once, the student in every epoch."""
    n = n_forget + retain_count(config, n_retain)
    return float(n + PASSES_PER_STEP * config.epochs * n)


def retain_count(config: BadTeacher, n_retain: int) -> int:
    """Number of retain samples used for distillation."""
    return int(config.share * n_retain)


@register(
    "method",
    "bad-teacher",
    label="Bad Teacher",
    help="Distill: minimize KL(teacher || student) to a random network on S_f and to the Original "
    "on a share of S_r. Cost: 1 forward of both by the teachers, then 1 forward + 1 backward x "
    "epochs.",
    config=BadTeacher,
    cost=cost,
    space={"lr": (1e-5, 1e-2), "epochs": (1, 20), "share": (0.05, 1.0)},
    source="Chundawat et al. 2023, Bad Teacher",
)
def unlearn(problem: Problem, config: BadTeacher) -> Classifier:
    """The Original after distillation from both teachers, mixed in random batches."""
    from engine.methods.bad_teacher import computation

    return computation.unlearn(problem, config)
