"""What a tuning minimizes: one number per study and method, 0 for a model like Re-train."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import unknown
from engine.results import Residual, Study


@dataclass(frozen=True)
class Objective:
    """A number to minimize, NaN where it is undefined.

    label: what people call it; help: what it is, with its unit; of: (study, model) -> number;
    measures_residual: whether the study needs residual knowledge.
    """

    name: str
    label: str
    help: str
    of: Callable[[Study, str], float]
    measures_residual: bool

    def probe(self, taus: str, draws: int) -> dict[str, Any]:
        """Words for `compose`: one copy without a perturbation where none are needed."""
        return {"taus": taus, "draws": draws} if self.measures_residual else {
            "taus": "0", "draws": 1
        }  # fmt: skip


def average_gap(study: Study, model: str) -> float:
    """The average gap of a model to the Re-trains in percentage points."""
    return float(study.metrics[model].get("avg_gap", math.nan))


def residual_distance(residual: Residual, model: str) -> float:
    """Distance of a model's residual knowledge from Re-train's.

        mean over tau > 0 of |ln pooled ratio|

    over the values of tau at which some Re-train recognizes a copy; NaN if there is none. A ratio
    and its inverse are equally far from 1: to recognize half as many copies as Re-train does is as
    unlike it as to recognize twice as many. A ratio of 0 counts as half a recognized copy among
    all n_f x c, 1 / (2 n_f c), so that the distance stays finite. This project's addition.

    >>> taus, none = np.array([0.0, 0.1, 0.2]), np.full(3, np.nan)
    >>> from engine.results import Curve
    >>> curve = Curve(none, none, none, np.array([9.0, 2.0, 0.5]), none, none)
    >>> residual = Residual(
    ...     "gaussian", taus, 10, np.arange(2), {}, {"gd": curve}, none, none, {}
    ... )
    >>> round(residual_distance(residual, "gd"), 4)  # ln 2 at both
    0.6931
    """
    pooled = np.asarray(residual.curves[model].pooled, np.float64)[residual.taus > 0]
    pooled = pooled[np.isfinite(pooled)]
    if not len(pooled):
        return math.nan
    least = 1 / (2 * len(residual.samples) * residual.draws)
    return float(np.abs(np.log(np.maximum(pooled, least))).mean())


def gap_and_residual_distance(study: Study, model: str) -> float:
    """Average gap and residual distance, each as a share of the Original's, added.

        gap(model) / gap(Original) + distance(model) / distance(Original)

    2 for a model that forgot nothing, 0 for one like Re-train. The distance alone would not do: a
    model that is destroyed, and answers the forgotten class to everything, recognizes as many
    copies as it likes; its accuracies give it away. The Original's values are the scale because
    they are what there is to be repaired, on the same seed and samples: both parts have the same
    say. NaN where the Original is already like Re-train.
    """
    gap, residual = average_gap(study, "original"), study.residual
    distance = residual_distance(residual, "original")
    if not gap > 0 or not distance > 0:
        return math.nan
    return average_gap(study, model) / gap + residual_distance(residual, model) / distance


OBJECTIVES: Mapping[str, Objective] = {
    one.name: one
    for one in (
        Objective("gap", "average gap", "average gap to Re-train, % points", average_gap, False),
        Objective(
            "rk",
            "average gap and residual knowledge",
            "average gap plus distance of residual knowledge, each as a share of the Original's",
            gap_and_residual_distance,
            True,
        ),
    )
}


def objective(name: str) -> Objective:
    """The objective of that name; SpecError with the nearest one if it is unknown."""
    if name not in OBJECTIVES:
        raise unknown("objective", name, OBJECTIVES)
    return OBJECTIVES[name]
