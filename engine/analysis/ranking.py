"""Ranking of forget samples by residual knowledge, and ordering of samples by any value.

Plain numpy on pipeline results, so that the explorer can use it without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.residual.verdict import (
    NONE,
    NOT_GIVEN,
    RESIDUAL,
    UNDECIDED,
    verdicts,
    verdicts_given,
)
from engine.results import Residual


def measured_methods(residual: Residual) -> tuple[str, ...]:
    """The methods with measured residual knowledge; Original if there are none."""
    return tuple(name for name in residual.curves if name != "original") or ("original",)


def leading_method(residual: Residual) -> str:
    """The method whose forget samples are recognized above Re-train most often, over all tau.

    Counts pairs of sample and tau with r > 1; of equal methods the first.
    """
    names = measured_methods(residual)
    with np.errstate(invalid="ignore"):
        above = [int((residual.ratio(name) > 1).sum()) for name in names]
    return names[int(np.argmax(above))]


def worst_ratio(residual: Residual, models: Sequence[str] = ()) -> Floats:
    """(n_f,) largest r_tau of each forget sample over tau and models; NaN if undefined.

    models: () means the methods.
    """
    ratios = np.stack([residual.ratio(name) for name in models or measured_methods(residual)])
    worst = np.where(np.isfinite(ratios), ratios, -np.inf).max((0, 2))
    return np.where(np.isfinite(worst), worst, np.nan)


def worst_verdict(residual: Residual, models: Sequence[str] = ()) -> NDArray[np.int8]:
    """(n_f,) verdict (see engine.residual.verdict) on each forget sample over all tau and models.

    RESIDUAL if it is the verdict of any model, NONE if that of every model, else UNDECIDED;
    NOT_GIVEN where there are no verdicts. models: () means the methods.
    """
    if not verdicts_given(residual):
        return np.full(len(residual.samples), NOT_GIVEN, np.int8)
    each = np.stack([verdicts(residual, name) for name in models or measured_methods(residual)])
    residual_any, none_all = (each == RESIDUAL).any(0), (each == NONE).all(0)
    return np.where(residual_any, RESIDUAL, np.where(none_all, NONE, UNDECIDED)).astype(np.int8)


def least_q_value(residual: Residual, models: Sequence[str] = ()) -> Floats:
    """(n_f,) smallest q-value of each forget sample over models; NaN without any.

    models: () means the methods.
    """
    names = models or measured_methods(residual)
    unknown = np.full(len(residual.samples), np.nan)
    return np.asarray(np.fmin.reduce([residual.q_values.get(name, unknown) for name in names]))


def largest_radius(residual: Residual, models: Sequence[str] = ()) -> Floats:
    """(n_f,) largest certified radius of each forget sample over models; NaN without any.

    models: () means the methods.
    """
    names = models or measured_methods(residual)
    unknown = np.full(len(residual.samples), np.nan)
    return np.asarray(
        np.fmax.reduce([residual.certified_radius.get(name, unknown) for name in names])
    )


def carriers(residual: Residual, model: str, column: int) -> NDArray[np.intp]:
    """Forget samples (training-set indices) whose own r in `model` exceeds 1, largest r first.

    column: index into `residual.taus`.
    """
    own = residual.ratio(model)[:, column]
    rows = np.flatnonzero(own > 1)  # False for NaN, where r is undefined
    order = np.argsort(-own[rows], kind="stable")
    return np.asarray(residual.samples[rows[order]], np.intp)


def worst_first(residual: Residual, model: str, column: int) -> NDArray[np.intp]:
    """All forget samples (training-set indices), largest own r in `model` first.

    column: index into `residual.taus`. Samples with undefined r come last, by the model's own
    count; ties keep their order.
    """
    own, count = residual.ratio(model)[:, column], residual.counts[model][:, column]
    keys = (-count, -np.where(np.isfinite(own), own, -np.inf))
    return np.asarray(residual.samples[np.lexsort(keys)], np.intp)


def neighbor_in(order: np.ndarray, sample: int | None, step: int) -> int | None:
    """The sample `step` positions after this one in `order` (n,), None past either end.

    For a sample outside the order, any step leads to the first sample.
    """
    positions = np.flatnonzero(order == sample)
    position = int(positions[0]) + step if len(positions) else 0
    return int(order[position]) if 0 <= position < len(order) else None


def values_by_sample(values: np.ndarray, samples: np.ndarray, n: int) -> Floats:
    """(n,) the values (m,) at the indices `samples` (m,), NaN everywhere else."""
    everywhere = np.full(n, np.nan)
    inside = (samples >= 0) & (samples < n)
    everywhere[samples[inside]] = values[inside]
    return everywhere


def order(samples: np.ndarray, values: np.ndarray, *, descending: bool = False) -> NDArray[np.intp]:
    """The samples `shown` (m,) sorted by their values (n,); stable, NaN last."""
    keyed = np.asarray(values[samples], np.float64)
    keys = -keyed if descending else keyed
    return np.asarray(samples[np.argsort(keys, kind="stable")], np.intp)
