"""Residual knowledge r of one sample with its interval, from integer counts.

Point estimate: u / a, averaged over the Re-trains that recognize the sample (Hsu et al. 2025,
r_tau(x, y)). Interval: equal-tailed quantiles of the posterior of that average under independent
Jeffreys' priors Beta(1/2, 1/2), as in `engine.residual.posterior`; its lower end is 0 where u is 0,
as in Brown, Cai and DasGupta ("Interval Estimation for a Binomial Proportion", 2001). It covers the
uncertainty of c draws, not the variation over Re-train seeds, which the null band covers. All
models predict the same copies, so that their counts are mostly positively correlated: the interval
is then conservative. Plain numpy, so that figures and the explorer can use it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.residual.e_process import ratio_sequence
from engine.residual.ratio import LEVEL
from engine.results import Neighborhood, retrain_names
from engine.runtime.seeds import numpy_generator

STRATA = 2048  # the probabilities of the quantiles are then accurate to about 0.002


@dataclass(frozen=True, eq=False)
class Ratio:
    """r, low, high (...): a ratio and its 95 % interval, NaN where no Re-train recognizes a copy.

    against (...): number of Re-trains over which r is averaged.
    """

    r: Floats
    low: Floats
    high: Floats
    against: NDArray[np.intp]


def ratio_of(u: np.ndarray, a: np.ndarray, draws: int | np.ndarray) -> Ratio:
    """r of counts u (...) against those of k Re-trains a (k, ...), out of `draws` copies each.

        r = mean over the Re-trains with a > 0 of u / a

    and the 2.5 % and 97.5 % quantiles of the same mean of p_m / p_a, with p_m ~ Beta(u + 1/2,
    draws - u + 1/2) and each p_a likewise. draws: one number, or (...). ValueError for a count that
    is not between 0 and `draws`. Source: Hsu et al. 2025, residual knowledge of a sample; the
    interval is this project's addition.

    18 copies against 6 and 9 give r = (3 + 2) / 2; r is 0 if the model recognizes none, and
    undefined if no Re-train recognizes any:

    >>> one = ratio_of(np.array([18, 0, 5]), np.array([[6, 4, 0], [9, 4, 0]]), 20)
    >>> one.r, one.against
    (array([2.5, 0. , nan]), array([2, 2, 0]))
    >>> [bool(low < 2.5 < high) for low, high in zip(one.low[:1], one.high[:1])], one.low[1].item()
    ([True], 0.0)
    """
    u, a = np.asarray(u), np.asarray(a)
    totals = np.broadcast_to(draws, u.shape)
    if min(u.min(), a.min()) < 0 or max((u - totals).max(), (a - totals).max()) > 0:
        raise ValueError(f"Counts must lie between 0 and {draws}.")
    results = np.full((3, u.size), np.nan)
    cells = zip(u.ravel(), a.reshape(len(a), -1).T, totals.ravel(), strict=True)
    for cell, (count, references, c) in enumerate(cells):
        results[:, cell] = _interval_of(
            int(count), tuple(int(n) for n in references if n > 0), int(c)
        )
    r, low, high = results.reshape(3, *u.shape)
    return Ratio(r, low, high, (a > 0).sum(0))


def ratio_at_any_time(u: np.ndarray, a: np.ndarray, draws: int | np.ndarray) -> Ratio:
    """As `ratio_of`, with the wider interval of `engine.residual.e_process.ratio_sequence`.

    It covers r whenever somebody stops drawing, as adaptive draws do.

    >>> one = ratio_at_any_time(np.array([18]), np.array([[6], [9]]), 20)
    >>> one.r, bool(one.low[0] < 2.5 < one.high[0])
    (array([2.5]), True)
    """
    own = ratio_of(u, a, draws)
    low, high = ratio_sequence(np.asarray(u), np.asarray(a), draws, LEVEL)
    return Ratio(own.r, low, high, own.against)


def ratios_around(shown: Neighborhood) -> dict[str, Ratio]:
    """model -> r () on these copies, for Original and every method; empty without a Re-train."""
    counts, draws = shown.counts, len(shown.copies)
    retrains = retrain_names(counts)
    if not retrains:
        return {}
    a = np.array([counts[name] for name in retrains])
    others = [name for name in counts if name not in retrains]
    return {name: ratio_of(np.array(counts[name]), a, draws) for name in others}


@functools.lru_cache(maxsize=4096)
def _interval_of(u: int, a: tuple[int, ...], draws: int) -> tuple[float, float, float]:
    """(r, low, high) of one sample; NaN without a Re-train that recognizes it."""
    if not a:
        return np.nan, np.nan, np.nan
    inverse = sum(1 / _posterior(n, draws, k) for k, n in enumerate(a, 1))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(_posterior(u, draws, 0) * inverse / len(a), [tail, 1 - tail])
    r = u * sum(1 / n for n in a) / len(a)
    return r, 0.0 if u == 0 else float(low), float(high)


def _posterior(count: int, draws: int, column: int) -> Floats:
    """(STRATA,) one value from each stratum of the posterior, in the random order of a column.

    A Latin hypercube (McKay, Beckman and Conover, 1979): deterministic, and far more accurate than
    as many random draws.
    """
    return _strata(count, draws)[_order(column)]


@functools.lru_cache(maxsize=1024)
def _strata(count: int, draws: int) -> Floats:
    """(STRATA,) quantiles of Beta(count + 1/2, draws - count + 1/2) at midpoints of strata."""
    from scipy.special import betaincinv

    middle = (np.arange(STRATA) + 0.5) / STRATA
    quantiles: Floats = betaincinv(count + 0.5, draws - count + 0.5, middle)
    return quantiles


@functools.cache
def _order(column: int) -> NDArray[np.intp]:
    """(STRATA,) the random order of the strata in a column."""
    return np.asarray(numpy_generator(column, "ratio").permutation(STRATA), np.intp)
