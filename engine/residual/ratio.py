"""Residual knowledge r of a forget set from integer counts: mean, intervals and null band.

Source: Hsu et al., "The Unseen Threat: Residual Knowledge in Machine Unlearning under Perturbed
Samples", NeurIPS 2025 (arXiv:2601.22359), definition of residual knowledge and its Monte Carlo
estimate. The paper does not define r where Re-train recognizes no copy, and gives neither intervals
nor a confidence level: undefined samples, the bootstrap and the null band are this project's
additions. Plain numpy.

Throughout, u is the number of copies that a model recognizes, a the number of the same copies that
Re-train recognizes; n samples, T norms tau, k Re-trains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Floats, nanmean
from engine.results import Curve, pooled_ratio
from engine.runtime.seeds import numpy_generator

RESAMPLES = 1000
LEVEL = 0.95  # of every interval


def ratios(u: np.ndarray, a: np.ndarray) -> Floats:
    """r of each sample: u / a of broadcastable integer counts, NaN where a = 0.

        r_tau(x, y) = Pr[m(x') = y] / Pr[a(x') = y]

    for copies x' of (x, y) at distance tau, estimated by u / a, in which the number of copies
    cancels. Above 1, the model recognizes more of them than Re-train does. Source: Hsu et al. 2025,
    residual knowledge of a sample.

    >>> ratios(np.array([9, 5, 4]), np.array([6, 5, 0]))
    array([1.5, 1. , nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a > 0, u / np.maximum(a, 1), np.nan)


def prevalence(u: np.ndarray, a: np.ndarray) -> Floats:
    """(T,) percent of forget samples with u > a, over samples and Re-trains; u (n, T), a (k, n, T).

    Source: Hsu et al. 2025, prevalence: the share of forget samples whose own r exceeds 1.
    Since counts are compared, a sample that Re-train never recognizes counts if the model does.

    >>> prevalence(np.array([[9], [5], [4], [0]]), np.array([[[6], [5], [0], [0]]]))
    array([50.])
    """
    return np.asarray(100 * (u[None] > a).mean((0, 1)))


def resampling_weights(n: int, seed: int, stream: str = "bootstrap") -> Floats:
    """(RESAMPLES, n) multiplicity of each of n samples in each bootstrap resample of size n.

    Multinomial with equal probabilities (Efron 1979); deterministic in seed and stream.

    >>> weights = resampling_weights(5, seed=1)
    >>> weights.shape, set(weights.sum(1).tolist())
    ((1000, 5), {5.0})
    """
    drawn = numpy_generator(seed, stream).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return drawn.astype(np.float64)


def bootstrap_interval(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(low, high), each (T,): the 95 % percentile interval of the mean over samples.

    values (k, n, T): of each sample, whose means are averaged over the k Re-trains; NaN is ignored,
    and (low, high) is NaN where nothing is defined. weights: from `resampling_weights`; all k share
    a resample, since the samples are the same. Source: Efron 1979, percentile method.

    Resampling 0 and 1, half of the resamples contain both once, and a quarter either twice:

    >>> bootstrap_interval(np.array([[[0.0], [1.0]]]), resampling_weights(2, seed=1))
    (array([0.]), array([1.]))
    >>> bootstrap_interval(np.full((1, 9, 1), 1.5), resampling_weights(9, seed=1))
    (array([1.5]), array([1.5]))
    """
    defined = np.isfinite(values)
    totals = np.einsum("bn,knt->kbt", weights, np.where(defined, values, 0), optimize=True)
    sizes = np.einsum("bn,knt->kbt", weights, defined.astype(np.float64), optimize=True)
    means = np.where(sizes > 0, totals / np.maximum(sizes, 1), np.nan)
    return _percentiles(nanmean(means, 0))


def _percentiles(resampled: Floats) -> tuple[Floats, Floats]:
    """(low, high), each (T,): the 95 % percentile interval of each column (RESAMPLES, T).

    Undefined values are ignored; NaN where there are no others.
    """
    defined = np.isfinite(resampled)
    low, high = np.full(resampled.shape[1], np.nan), np.full(resampled.shape[1], np.nan)
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    whole = defined.all(0)
    if whole.any():
        low[whole], high[whole] = np.percentile(resampled[:, whole], tails, axis=0)
    for t in np.flatnonzero(defined.any(0) & ~whole):
        low[t], high[t] = np.percentile(resampled[defined[:, t], t], tails)
    return low, high


def curve(
    u: np.ndarray,
    a: np.ndarray,
    weights: Floats,
    shares: tuple[np.ndarray, np.ndarray] | None = None,
    complete: np.ndarray | None = None,
    looks_at: int = 0,
) -> Curve:
    """Residual knowledge r_tau(S_f) of counts u (n, T) against the Re-trains' counts a (k, n, T).

        r_tau(S_f) = mean over (x, y) in S_f of r_tau(x, y)

    over the samples that a Re-train recognizes, then averaged over the Re-trains; with its
    `bootstrap_interval` over forget samples, the pooled ratio and the `prevalence`. shares:
    shares of recognized copies in the shapes of u and a, for adaptive draws: the pooled ratio is
    computed from them; complete (T,): the norms at which a prevalence is given, as ties among few
    draws would bias it, None for all; looks_at: the number of draws at a look before the last one,
    for which the pooled interval is widened, see `pooled_at_any_time`. Source: Hsu et al. 2025,
    residual knowledge of a forget set.

    Ratios of 1.5 and 1, and a sample that Re-train never recognizes; pooled, 18 copies against 11:

    >>> u, a = np.array([[9], [5], [4]]), np.array([[[6], [5], [0]]])
    >>> result = curve(u, a, resampling_weights(3, seed=1))
    >>> result.mean, result.pooled.round(4), result.undefined
    (array([1.25]), array([1.6364]), array([1]))
    """
    per_sample = ratios(u[None], a)  # (k, n, T)
    low, high = bootstrap_interval(per_sample, weights)
    percent = prevalence(u, a)
    pooled_low, pooled_high = pooled_interval(*(shares or (u, a)), weights)
    if looks_at:
        pooled_low, pooled_high = pooled_at_any_time(u, a, looks_at, pooled_low, pooled_high)
    return Curve(
        mean=nanmean(nanmean(per_sample, 1), 0),
        low=low,
        high=high,
        pooled=pooled_ratio(*(shares or (u, a))),
        undefined=(a == 0).any(0).sum(0),
        prevalence=percent if complete is None else np.where(complete, percent, np.nan),
        pooled_low=pooled_low,
        pooled_high=pooled_high,
    )


def pooled_interval(u: np.ndarray, a: np.ndarray, weights: Floats) -> tuple[Floats, Floats]:
    """(low, high), each (T,): the 95 % percentile interval of the pooled ratio over forget samples.

    u (n, T), a (k, n, T): counts or shares of copies; weights: from `resampling_weights`. NaN where
    the ratio is. Source: Efron 1979, percentile method.

    >>> pooled_interval(np.full((5, 1), 6), np.full((2, 5, 1), 4), resampling_weights(5, seed=1))
    (array([1.5]), array([1.5]))
    """
    own, others = weights @ u.astype(np.float64), weights @ a.astype(np.float64).mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = np.where(others > 0, own / np.where(others > 0, others, 1), np.nan)
    return _percentiles(resampled)


def pooled_at_any_time(
    u: np.ndarray, a: np.ndarray, draws: int, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """(low, high), each (T,): an interval of the pooled ratio, for looks at any number of draws.

    u (n, T), a (k, n, T): counts out of `draws`; low, high: the bootstrap interval, which the error
    of the draws widens in quadrature. That error is bounded at all numbers of draws at once by a
    confidence sequence of the mean share over the n samples, whose copies are independent:

        share -/+ sqrt((c + 1) / (4 n c^2) * 2 log(2 sqrt(c + 1) / (1 - 0.95)))

    for the model and for the Re-trains. Source: Robbins 1970, normal mixture of sub-Gaussian sums.
    NaN where the Re-trains' share may be 0.

    >>> u, a = np.full((50, 1), 40), np.full((2, 50, 1), 20)
    >>> ends = pooled_at_any_time(u, a, 50, np.array([2.0]), np.array([2.0]))
    >>> [float(end[0].round(2)) for end in ends]
    [1.75, 2.3]
    """
    n = u.shape[0]
    error = math.sqrt(
        (draws + 1) / (2 * n * draws**2) * math.log(4 * math.sqrt(draws + 1) / (1 - LEVEL))
    )
    own, others = u.mean(0) / draws, a.mean((0, 1)) / draws
    some = np.where(others > error, others, np.nan)
    ratio, most = own / some, (own + error) / (some - error)
    least = np.maximum(own - error, 0) / (some + error)
    wide = np.hypot(ratio - low, ratio - least), np.hypot(high - ratio, most - ratio)
    return np.maximum(ratio - wide[0], 0), ratio + wide[1]


def null_band(
    counts: Mapping[str, np.ndarray], retrains: Sequence[str], weights: Floats
) -> tuple[Floats, Floats]:
    """(low, high), each (T,): the null band, the range of r of one Re-train against another.

    The envelope of the `bootstrap_interval` of every ordered pair (i, j), i != j,

        low = min over pairs of low(r of i against j),   high = max over pairs of high(...)

    so that the band covers the variation over training seeds and over forget samples; NaN for fewer
    than two Re-trains or where no pair is defined. Only a curve outside the band is evidence of
    residual knowledge. counts: model -> (n, T), 'retrain-0@retrain-1' for copies attacked against a
    model; retrains: names of the Re-trains. This project's addition.

    Two Re-trains that recognize 8 and 4 copies of every sample have a band from 1/2 to 2:

    >>> counts = {"retrain-0": np.full((3, 1), 8), "retrain-1": np.full((3, 1), 4)}
    >>> null_band(counts, list(counts), resampling_weights(3, seed=1))
    (array([0.5]), array([2.]))
    """
    taus = counts[retrains[0]].shape[1]
    low, high = np.full(taus, np.nan), np.full(taus, np.nan)
    for model in retrains:
        others = [name for name in retrains if name != model]
        pairs = [
            ratios(counts[model], counts.get(f"{name}@{model}", counts[name])) for name in others
        ]
        if pairs:
            ends = bootstrap_interval(np.concatenate(pairs, 1)[None], weights)
            lows, highs = (end.reshape(len(pairs), taus) for end in ends)
            low = np.fmin(low, np.fmin.reduce(lows))
            high = np.fmax(high, np.fmax.reduce(highs))
    return low, high
