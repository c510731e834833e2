"""What samples are sorted, filtered and picked by: a model's answers, and what is left in it.

Plain numpy on what the pipeline hands out, so that the explorer can use it without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.residual.verdict import NONE, NOT_GIVEN, RESIDUAL, UNDECIDED, overall, verdict
from engine.results import Residual


def judged(residual: Residual) -> tuple[str, ...]:
    """The methods whose residual knowledge was measured; Original while there is none."""
    return tuple(name for name in residual.curves if name != "original") or ("original",)


def worst_ratio(residual: Residual, models: Sequence[str] = ()) -> Floats:
    """(n_f,) the largest r_tau of each forget sample over tau and models; NaN if undefined.

    models: () means the methods.
    """
    found = np.stack([residual.ratio(name) for name in models or judged(residual)])
    worst = np.where(np.isfinite(found), found, -np.inf).max((0, 2))
    return np.where(np.isfinite(worst), worst, np.nan)


def worst_verdict(residual: Residual, models: Sequence[str] = ()) -> NDArray[np.int8]:
    """(n_f,) engine.residual.verdict's verdict on each forget sample over all tau and models.

    RESIDUAL if it is that of any model, NONE if it is that of every model, else UNDECIDED;
    NOT_GIVEN where draws were adaptive.
    models: () means the methods.
    """
    if residual.withheld:
        return np.full(len(residual.samples), NOT_GIVEN, np.int8)
    found = np.stack([overall(verdict(residual, name)) for name in models or judged(residual)])
    left, clear = (found == RESIDUAL).any(0), (found == NONE).all(0)
    return np.where(left, RESIDUAL, np.where(clear, NONE, UNDECIDED)).astype(np.int8)


def carriers(residual: Residual, model: str, column: int) -> NDArray[np.intp]:
    """Forget samples (training-set indices) whose own r in `model` exceeds 1, largest r first.

    column: which tau of `residual.taus`.
    """
    own = residual.ratio(model)[:, column]
    rows = np.flatnonzero(own > 1)  # NaN, where r is undefined, is not
    order = np.argsort(-own[rows], kind="stable")
    return np.asarray(residual.samples[rows[order]], np.intp)


def worst_first(residual: Residual, model: str, column: int) -> NDArray[np.intp]:
    """All forget samples (training-set indices), the largest own r in `model` first.

    column: which tau of `residual.taus`. Where r is undefined the model's own count decides, after
    all the others; equal ones stay in order.
    """
    own, count = residual.ratio(model)[:, column], residual.counts[model][:, column]
    keys = (-count, -np.where(np.isfinite(own), own, -np.inf))
    return np.asarray(residual.samples[np.lexsort(keys)], np.intp)


def stepped(order: np.ndarray, sample: int | None, step: int) -> int | None:
    """The sample `step` places after this one in `order` (n,), None past either end.

    From outside the order every step leads to its first sample.
    """
    found = np.flatnonzero(order == sample)
    place = int(found[0]) + step if len(found) else 0
    return int(order[place]) if 0 <= place < len(order) else None


def placed(values: np.ndarray, samples: np.ndarray, n: int) -> Floats:
    """(n,) the values (m,) at the places `samples` (m,), NaN everywhere else."""
    everywhere = np.full(n, np.nan)
    there = (samples >= 0) & (samples < n)
    everywhere[samples[there]] = values[there]
    return everywhere


def order(shown: np.ndarray, values: np.ndarray, *, descending: bool = False) -> NDArray[np.intp]:
    """The samples `shown` (m,) by their values (n,); equal ones stay in order, NaN comes last."""
    own = np.asarray(values[shown], np.float64)
    keys = -own if descending else own
    return np.asarray(shown[np.argsort(keys, kind="stable")], np.intp)
