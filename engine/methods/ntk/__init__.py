"""NTK forgetting: one step of the linearized network, from training on S to training on S_r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.training.costs import PASSES_PER_STEP

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier

PASSES = 21  # 1 forward + 10 backward: the number of classes is unknown here
PRODUCT_PASSES = 8  # a backward (3 with its forward), and another with its own backward (5)


@dataclass(frozen=True)
class NTK:
    """Settings of NTK forgetting; defaults of SelectiveForgetting.

    weight_decay is the pull towards the initial weights that linearized training assumes, not the
    decay towards 0 in the Original's own training.
    """

    weight_decay: float = setting(
        0.1,
        label="Weight decay",
        help="weight decay of linearized training, per sample",
        low=0.0,
        high=100.0,
        exclusive_low=True,
    )
    retain_samples: int = setting(
        0,
        label="Retain samples",
        help="retain samples drawn for the linearization; 0 = all, as in the reference code",
        unit="samples",
        low=0,
        high=10_000_000,
    )
    solver: str = setting(
        "gram",
        label="Solver",
        words={"gram": "exact, from the Gram matrix", "cg": "conjugate gradients"},
        help="how the system of |S| x classes equations is solved. gram: exactly, from its Gram "
        "matrix; cg: by conjugate gradients, which need hardly any memory but often hundreds of "
        "steps",
        choices=("gram", "cg"),
    )
    budget: float = setting(
        8.0,
        label="Memory",
        only_if=("solver", ("gram",)),
        help="memory for the Gram matrix and a slice of the Jacobian",
        unit="GiB",
        low=0.0,
        high=4096.0,
        exclusive_low=True,
    )
    tolerance: float = setting(
        1e-6,
        label="Tolerance",
        only_if=("solver", ("cg",)),
        help="relative residual at which conjugate gradients stop",
        low=0.0,
        high=1.0,
        exclusive_low=True,
    )
    max_steps: int = setting(
        200,
        label="Most steps",
        only_if=("solver", ("cg",)),
        help="maximum number of conjugate gradient steps",
        unit="steps",
        low=1,
        high=100_000,
    )
    batch: int = setting_of(SGDSpec, "batch", 512)


def cost(config: NTK, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: Jacobians of S (ten classes), or the maximum of conjugate gradient steps."""
    n_retain = min(n_retain, config.retain_samples or n_retain)
    n = n_retain + n_forget
    solve = PRODUCT_PASSES * config.max_steps * (n + n_retain)
    final = PASSES_PER_STEP * (n + n_retain) + (PRODUCT_PASSES - PASSES_PER_STEP) * n_forget
    return float(n + final + (PASSES * n if config.solver == "gram" else solve))


@register(
    "method",
    "ntk",
    label="NTK",
    help="Linearize the network at the Original and move by w(S_r) - w(S), the difference between "
    "training on S_r and on S. Cost: per-sample Jacobians of S (1 forward + 1 backward per class, "
    "repeated for each slice of the weights that fits the budget) and a system of |S| x classes "
    "equations; with cg, up to max_steps x (3 backward + 2 forward) of S and S_r instead.",
    config=NTK,
    cost=cost,
    space={"weight_decay": (1e-3, 10.0)},
    deterministic=True,
    source="Golatkar et al. 2020, Forgetting Outside the Box; SelectiveForgetting",
)
def unlearn(problem: Problem, config: NTK) -> Classifier:
    """The Original plus s times the update of `linear_update`, s from `step_length`.

    Raises TrainingError if the Gram matrix does not fit into `config.budget`.
    """
    from engine.methods.ntk import computation

    return computation.unlearn(problem, config)
