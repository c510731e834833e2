"""One forget sample's r over tau, and the distribution of r over the whole forget set.

Plain numpy on a `Residual`, so that figures and the explorer can use it without torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.residual.sample_ratio import Ratio, ratio_at_any_time, ratio_of
from engine.results import Residual

HALF, MOST = (25, 75), (5, 95)  # percentiles that bound 50 % and 90 % of the samples


@dataclass(frozen=True, eq=False)
class Spread:
    """Distribution of one model's r over forget samples: arrays (T,), NaN where all are undefined.

    half, most: (low, high) of the middle 50 % and 90 % of the samples; undefined: number of samples
    excluded because no Re-train recognizes any of their copies.
    """

    median: Floats
    half: tuple[Floats, Floats]
    most: tuple[Floats, Floats]
    undefined: NDArray[np.intp]


def row_of(residual: Residual, sample: int) -> int | None:
    """Row of this sample in the counts; None if it is not in the forget set."""
    rows = np.flatnonzero(residual.samples == sample)
    return int(rows[0]) if len(rows) else None


def own_curve(residual: Residual, model: str, row: int) -> Ratio:
    """r_tau of one forget sample in one model with its interval, arrays (T,).

    Of adaptive draws the interval is a confidence sequence, valid however many draws there were.
    """
    counted = residual.reference(model)[:, row]
    of = ratio_of if residual.drawn is None else ratio_at_any_time
    return of(residual.counts[model][row], counted, residual.per_cell[row])


def own_curves(residual: Residual, sample: int) -> dict[str, Ratio]:
    """model -> r_tau (T,) of one sample; empty if it is not in the forget set."""
    row = row_of(residual, sample)
    return {} if row is None else {name: own_curve(residual, name, row) for name in residual.curves}


def spread(residual: Residual, model: str) -> Spread:
    """Distribution of the samples' own r in `model` at each tau."""
    own = residual.ratio(model)
    most = np.full((5, own.shape[1]), np.nan)
    defined = ~np.isnan(own).all(0)  # columns in which at least one sample has an r
    levels = [MOST[0], HALF[0], 50, HALF[1], MOST[1]]
    most[:, defined] = np.nanpercentile(own[:, defined], levels, axis=0)
    undefined = np.isnan(own).sum(0)
    return Spread(most[2], (most[1], most[3]), (most[0], most[4]), undefined)
