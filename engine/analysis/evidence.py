"""What the stored statistics show of one model: verdicts on samples, and its curve and Re-trains'.

Nothing is drawn or trained here: everything is read from a `Residual`. Plain numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Mask
from engine.residual.discoveries import FEWEST, model_q_values
from engine.residual.prediction import Prediction, prediction, retrains_for_a_claim
from engine.residual.verdict import RESIDUAL, SURE, UNDECIDED, verdicts, verdicts_given
from engine.results import Residual, retrain_names

ORIGINAL = "original"
MOST = 10  # Re-trains that are judged by all others
SLIGHT = 1e-3  # share of copies with different answers, below which two models answer alike


@dataclass(frozen=True, eq=False)
class Evidence:
    """The numbers behind the finding on one model.

    samples (m,): forget samples with the verdict RESIDUAL, largest r first, None where no verdicts
    are given; undecided: how many have the verdict UNDECIDED; unperturbed: for how many of
    `samples` only tau 0 shows it; beats_all: whether each of them is recognized more often than by
    every Re-train, not only on average; size: of the forget set; retrains: their number; between:
    smallest and largest number of samples with the verdict RESIDUAL when a Re-train is judged by
    the others, None for fewer than three. above, below (T,) bool: where the pooled ratio lies
    outside the prediction interval for one more Re-train that holds for the whole grid, never at
    tau 0; compared (T,): where there are both; undefined (T,): perturbed norms at which it is
    undefined; fewer: whether the model recognizes fewer copies than every Re-train wherever it is
    below; beyond: whether it leaves the range of the Re-trains themselves; needed: number of
    Re-trains at which it would leave the interval if they kept their spread, None if no number
    would do.
    """

    samples: NDArray[np.intp] | None
    undecided: int
    unperturbed: int
    beats_all: bool
    size: int
    retrains: int
    between: tuple[int, int] | None
    taus: np.ndarray
    above: Mask
    below: Mask
    compared: Mask
    undefined: Mask
    fewer: bool
    beyond: bool = False
    needed: int | None = None

    @property
    def count(self) -> int | None:
        """How many forget samples have the verdict RESIDUAL; None where verdicts are not given."""
        return None if self.samples is None else len(self.samples)

    @property
    def excess(self) -> bool:
        """Whether more samples have the verdict RESIDUAL than when a Re-train is judged."""
        return bool(self.count and (self.between is None or self.count > self.between[1]))


def evidence(
    residual: Residual,
    model: str,
    between: tuple[int, int] | None = None,
    own: Prediction | None = None,
) -> Evidence:
    """The evidence on a model that has a curve.

    between: from `between_retrains`; own: from `engine.residual.prediction`, computed if absent.
    The verdicts are those of `engine.residual.verdict.verdicts`. At tau 0 a copy equals the sample,
    so nothing is compared there.

    Three samples of 100 copies at tau 0.1, where GD recognizes 90 of the first, and each Re-train
    50 of all of them:

    >>> from engine.results import Curve
    >>> counts = {"gd": np.array([[90], [50], [50]])}
    >>> counts |= {f"retrain-{j}": np.full((3, 1), 50) for j in range(2)}
    >>> one, band, tau = np.array([3.0]), np.array([1.0]), np.array([0.1])
    >>> curves = {"gd": Curve(one, one, one, one, np.zeros(1), one)}
    >>> evidence_on = {"gd": np.array([0.01, 1, 1])}, {"gd": np.array([[1e5], [0.1], [0.1]])}
    >>> study = Residual(
    ...     "gaussian", tau, 100, np.array([4, 8, 9]), counts, curves, band, band, {},
    ...     q_values=evidence_on[0], e_values=evidence_on[1], absence=evidence_on[1],
    ... )
    >>> found = evidence(study, "gd", between_retrains(study))
    >>> found.samples.tolist(), found.above.tolist(), found.between, found.undecided
    ([4], [True], None, 2)
    """
    ratio, taus = residual.curves[model].pooled, residual.taus
    own = prediction(residual) if own is None else own
    defined, perturbed = np.isfinite(ratio), taus > 0
    compared = perturbed & defined & np.isfinite(own.grid_low)
    with np.errstate(invalid="ignore"):
        above = compared & (ratio > own.grid_high)
        below = compared & (ratio < own.grid_low)
        beyond = compared & ((ratio > own.envelope_high) | (ratio < own.envelope_low))
    retrains = own.retrains
    judged = _judged(residual, model) if verdicts_given(residual) else _Judged()
    return Evidence(
        samples=judged.samples,
        undecided=judged.undecided,
        unperturbed=judged.unperturbed,
        beats_all=judged.beats_all,
        size=len(residual.samples),
        retrains=retrains,
        between=between,
        taus=taus,
        above=above,
        below=below,
        compared=compared,
        undefined=perturbed & ~defined,
        fewer=bool(retrains) and _fewer(residual, model, below),
        beyond=bool(beyond.any()),
        needed=retrains_for_a_claim(residual, own, [model]) if retrains >= FEWEST else None,
    )


def between_retrains(residual: Residual) -> tuple[int, int] | None:
    """Smallest and largest number of samples RESIDUAL when one Re-train is judged by the others.

    The yardstick for a model's own number: Re-trains differ in their seed alone, and yet recognize
    some samples more often than one another. Of the first `MOST` Re-trains, since every one is
    compared with every other; by q-values from counts alone. None for fewer than three, and where
    no verdicts are given. This project's addition, like the verdicts.
    """
    names = retrain_names(residual.counts)
    if not verdicts_given(residual) or len(names) <= FEWEST:
        return None
    numbers = [int((model_q_values(residual, name) <= residual.fdr).sum()) for name in names[:MOST]]
    return min(numbers), max(numbers)


def differing(residual: Residual, model: str, other: str) -> tuple[int, int] | None:
    """(number of perturbed copies that two models classify differently, of how many copies).

    (0, 0) where predictions are not stored but all counts agree. None if the models do not answer
    alike: a count differs, or more than the share `SLIGHT` of the answers.
    """
    if not np.array_equal(residual.counts[model], residual.counts[other]):
        return None
    if model not in residual.predictions or other not in residual.predictions:
        return 0, 0
    one, two = residual.predictions[model], residual.predictions[other]
    apart = int((one != two).sum())
    return (apart, one.size) if apart <= SLIGHT * one.size else None


def runs_of(hits: Mask, among: Mask) -> list[list[int]]:
    """Indices of `hits` in runs without a gap, where only those of `among` count as neighbors.

    >>> runs_of(np.array([0, 1, 1, 0, 1], bool), np.array([0, 1, 1, 1, 1], bool))
    [[1, 2], [4]]
    """
    runs: list[list[int]] = []
    last = False
    for index in np.flatnonzero(among).tolist():
        if hits[index] and last:
            runs[-1].append(index)
        elif hits[index]:
            runs.append([index])
        last = bool(hits[index])
    return runs


class _Judged(NamedTuple):
    """The part of `Evidence` that verdicts give."""

    samples: NDArray[np.intp] | None = None
    undecided: int = 0
    unperturbed: int = 0
    beats_all: bool = True


def _judged(residual: Residual, model: str) -> _Judged:
    codes = verdicts(residual, model)
    rows = np.flatnonzero(codes == RESIDUAL)
    sure: Mask = np.asarray(np.nan_to_num(residual.e_values[model][rows]) >= 1 / (1 - SURE))
    more = np.all(residual.share(model)[rows] > residual.reference_share(model)[:, rows], 0)
    unperturbed = sure.any(1) & ~(sure & (residual.taus > 0)).any(1)
    ratio, own = residual.ratio(model)[rows], residual.counts[model][rows].sum(1)
    largest = np.where(np.isfinite(ratio), ratio, -np.inf).max(1, initial=-np.inf)
    worst = np.lexsort((-own, -largest))  # without any r last, by the model's own count
    return _Judged(
        np.asarray(residual.samples[rows[worst]], np.intp),
        int((codes == UNDECIDED).sum()),
        int(unperturbed.sum()),
        bool(np.any(more, 1).all()),
    )


def _fewer(residual: Residual, model: str, below: Mask) -> bool:
    own = residual.share(model)[:, below].sum(0)
    others = residual.reference_share(model)[:, :, below].sum(1)
    return bool(np.all(own < others))
