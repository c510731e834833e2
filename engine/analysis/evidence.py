"""What the stored statistics show of one model: verdicts on samples, and its curve and the band.

Nothing is drawn or trained here: everything is read from a `Residual`. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Mask
from engine.residual.posterior import exceedance
from engine.residual.verdict import RESIDUAL, UNDECIDED, overall, threshold, verdict
from engine.results import Residual, retrain_names

ORIGINAL = "original"
MOST = 10  # Re-trains that are judged by all others
SLIGHT = 1e-3  # share of copies with different answers, below which two models answer alike


@dataclass(frozen=True, eq=False)
class Evidence:
    """The numbers behind the finding on one model.

    samples (m,): forget samples with the verdict RESIDUAL, largest r first, None where verdicts are
    withheld or there is no Re-train; undecided: how many have the verdict UNDECIDED; unperturbed:
    for how many of `samples` only tau 0 shows it; beats_all: whether each of them is recognized
    more often than by every Re-train, not only on average; size: of the forget set; retrains:
    their number; between: smallest and largest number of samples with the verdict RESIDUAL when a
    Re-train is judged by the others, None for fewer than two. above, below (T,) bool: where the
    curve lies outside the null band, never at tau 0; compared (T,): where there are both curve and
    band; undefined (T,): perturbed norms at which r is undefined; fewer: whether the model
    recognizes fewer copies than every Re-train wherever its curve is below the band.
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

    @property
    def count(self) -> int | None:
        """How many forget samples have the verdict RESIDUAL; None where verdicts are not given."""
        return None if self.samples is None else len(self.samples)

    @property
    def excess(self) -> bool:
        """Whether more samples have the verdict RESIDUAL than when a Re-train is judged."""
        return bool(self.count and (self.between is None or self.count > self.between[1]))


def evidence(residual: Residual, model: str, between: tuple[int, int] | None = None) -> Evidence:
    """The evidence on a model that has a curve; between: from `between_retrains`.

    The verdicts are those of `engine.residual.verdict.overall`. A curve is outside the null band
    where its mean is, as it is drawn. At tau 0 no r exceeds 1, so nothing is compared there.

    Three samples of 100 copies at tau 0.1, where GD recognizes 90 of the first, and each Re-train
    50 of all of them:

    >>> from engine.results import Curve
    >>> counts = {"gd": np.array([[90], [50], [50]])}
    >>> counts |= {f"retrain-{j}": np.full((3, 1), 50) for j in range(2)}
    >>> sure = {"gd": exceedance(counts["gd"], counts["retrain-0"][None], 100)}
    >>> one, band, tau = np.array([1.3]), np.array([1.0]), np.array([0.1])
    >>> curves = {"gd": Curve(one, one, one, one, np.zeros(1), one)}
    >>> samples = np.array([4, 8, 9])
    >>> study = Residual("gaussian", tau, 100, samples, counts, curves, band, band, sure)
    >>> found = evidence(study, "gd", between_retrains(study))
    >>> found.samples.tolist(), found.above.tolist(), found.between, found.undecided
    ([4], [True], (0, 0), 2)
    """
    curve, taus = residual.curves[model], residual.taus
    defined, perturbed = np.isfinite(curve.mean), taus > 0
    compared = perturbed & defined & np.isfinite(residual.null_low)
    above = compared & (np.nan_to_num(curve.mean) > np.nan_to_num(residual.null_high))
    below = compared & (np.nan_to_num(curve.mean) < np.nan_to_num(residual.null_low))
    retrains = len(retrain_names(residual.counts))
    judged = _Judged() if residual.withheld or not retrains else _judged(residual, model)
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
    )


def between_retrains(residual: Residual) -> tuple[int, int] | None:
    """Smallest and largest number of samples RESIDUAL when one Re-train is judged by the others.

    The yardstick for a model's own number: Re-trains differ in their seed alone, and yet recognize
    some samples more often than one another. Of the first `MOST` Re-trains, since every one is
    compared with every other. None for fewer than two, and where verdicts are withheld. This
    project's addition, like the verdicts.
    """
    names = retrain_names(residual.counts)
    if residual.withheld or len(names) < 2:
        return None
    sure = threshold(len(residual.taus))
    found = [int((_exceeds(residual, name, names) > sure).any(1).sum()) for name in names[:MOST]]
    return min(found), max(found)


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
    verdicts = verdict(residual, model)
    codes = overall(verdicts)
    rows = np.flatnonzero(codes == RESIDUAL)
    sure: Mask = np.asarray(verdicts.exceeds[rows] > threshold(len(residual.taus)))
    more = np.all(residual.counts[model][rows] > residual.reference(model)[:, rows], 0)
    unperturbed = ~(sure & (residual.taus > 0)).any(1)
    ratio, own = residual.ratio(model)[rows], residual.counts[model][rows].sum(1)
    largest = np.where(np.isfinite(ratio), ratio, -np.inf).max(1, initial=-np.inf)
    worst = np.lexsort((-own, -largest))  # without any r last, by the model's own count
    return _Judged(
        np.asarray(residual.samples[rows[worst]], np.intp),
        int((codes == UNDECIDED).sum()),
        int(unperturbed.sum()),
        bool(np.any(sure & more, 1).all()),
    )


def _exceeds(residual: Residual, name: str, retrains: Sequence[str]) -> np.ndarray:
    """(n_f, T) posterior probability that this Re-train recognizes more often than the others."""
    counts = residual.counts
    others = [counts.get(f"{one}@{name}", counts[one]) for one in retrains if one != name]
    return exceedance(counts[name], np.stack(others), residual.per_cell)


def _fewer(residual: Residual, model: str, below: Mask) -> bool:
    own = residual.share(model)[:, below].sum(0)
    others = residual.reference_share(model)[:, :, below].sum(1)
    return bool(np.all(own < others))
