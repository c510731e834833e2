"""RURK: robust unlearning that suppresses residual knowledge around each forgotten sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.methods._settings import Tuning
from engine.perturbations import iterating, named, search_names
from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class RURK(Tuning):
    """Settings of RURK; defaults of the paper for small CIFAR-5."""

    search: str = setting(
        "gaussian",
        label="Search of perturbed copies",
        help="how perturbed copies are searched: by random noise, or by an attack inside the ball",
        choices=search_names,
        words={
            "gaussian": "Gaussian noise",
            "l2": "noise in an L2 ball",
            "linf": "noise in an L-infinity ball",
            "fgsm": "FGSM",
            "pgd": "PGD",
        },
    )
    tau: float = setting(
        0.03,
        label="Norm of the search τ",
        help="perturbation norm tau of the search",
        unit="pixel range",
        low=0.0,
        high=1.0,
    )
    v: int = setting(
        1,
        label="Copies per forget sample v",
        help="perturbed copies per forget sample",
        low=1,
        high=1000,
    )
    lambda_f: float = setting(
        0.03,
        label="Ascent on forget samples λ_f",
        help="weight of the ascent on the forget samples",
        low=0.0,
        high=1000.0,
    )
    lambda_a: float = setting(
        0.03,
        label="Ascent on perturbed copies λ_a",
        help="weight of the ascent on their perturbed copies",
        low=0.0,
        high=1000.0,
    )
    epochs: int = setting_of(SGDSpec, "epochs", 2)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 5e-4)
    schedule: str = setting_of(SGDSpec, "schedule", "cosine")
    clip: float = setting_of(SGDSpec, "clip", 1.0)
    max_steps: int = setting(
        200,
        label="Most steps",
        help="maximum number of steps over all epochs",
        unit="steps",
        low=1,
        high=1_000_000,
    )
    steps: int = setting(
        10,
        label="PGD steps",
        only_if=("search", iterating),
        help="PGD steps of the search",
        low=1,
        high=1000,
    )
    step_size: float = setting(
        2 / 255,
        label="PGD step size",
        only_if=("search", iterating),
        help="PGD step size",
        unit="pixel range",
        low=0.0,
        high=1.0,
        exclusive_low=True,
    )


def cost(config: RURK, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: retain, forget and v perturbed batches in each step, plus the search."""
    steps = min(config.max_steps, config.epochs * -(-n_retain // config.batch))
    batches = -(-n_forget // config.batch)
    beside = _passes_over_forget(config) * n_forget / batches
    per_step = n_retain / -(-n_retain // config.batch) + beside
    return float(PASSES_PER_STEP * steps * per_step)


def _passes_over_forget(config: RURK) -> float:
    """Passes over a forget batch in one step: the batch, its copies and their search."""
    return 1.0 + config.v * (1 + named(config.search).passes(config.steps))


@register(
    "method",
    "rurk",
    label="RURK",
    help="Minimize CE(S_r) - lambda_f CE(S_f) - lambda_a CE(perturbed copies of S_f). Cost per "
    "step: 1 forward + 1 backward of a retain batch and of 1 + v forget batches, plus the search "
    "(1 for FGSM, 1 per attack step for PGD).",
    config=RURK,
    cost=cost,
    space={
        "tau": (0.01, 0.5),
        "lambda_f": (1e-3, 0.3),
        "lambda_a": (1e-3, 0.3),
        "lr": (1e-3, 0.1),
        "epochs": (1, 60),
        "max_steps": (1000,),
    },
    source="Hsu et al. 2025, RURK",
)
def unlearn(problem: Problem, config: RURK) -> Classifier:
    """The Original after descent on L = CE(S_r) - lambda_f CE(S_f) - lambda_a CE(copies, y).

    The three batches of a step pass through the model together, so that batch norm sees them all.

    If the search is an attack (FGSM, PGD), copies are attacked towards a random other label y' and
    the last term becomes + lambda_a CE(copies, y'): the model is trained to predict y'.
    """
    from engine.methods.rurk import computation

    return computation.unlearn(problem, config)
