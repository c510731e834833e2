"""Aggregation of studies that differ only in their seed: means, deviations and intervals.

Deviations have the divisor n, as in the paper's tables (4.67 ± 3.3 over three integer
percentages); Student's intervals allow for that. Plain numpy, so that tables and figures need no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.arrays import Floats, nanmean
from engine.metrics import METRICS, is_censored
from engine.residual.ratio import LEVEL, bootstrap_interval, resampling_weights
from engine.results import Curve, Residual, Study


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a measure over n seeds; NaN deviation for n = 1.

    bound: whether a value is censored, so that the mean is a lower bound without deviation.
    """

    mean: float
    deviation: float
    n: int
    bound: bool = False


@dataclass(frozen=True, eq=False)
class SeedCurve:
    """r_tau(S_f) of one model over several seeds, all arrays (T,) but per_seed (s, T).

    mean: of the seeds' means; deviation: over seeds; low, high: a 95 % interval that covers the
    variation over seeds and over forget samples. NaN where undefined.
    """

    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats
    per_seed: Floats


def spreads(studies: Sequence[Study]) -> dict[str, dict[str, Spread]]:
    """model -> measure -> Spread over the studies, for models and measures common to all."""
    first = studies[0].metrics
    return {
        model: {
            measure: _spread_of(measure, [one.metrics[model] for one in studies])
            for measure in first[model]
            if all(measure in one.metrics[model] for one in studies)
        }
        for model in first
        if all(model in one.metrics for one in studies)
    }


def _spread_of(measure: str, rows: Sequence[Mapping[str, float]]) -> Spread:
    result = spread([row[measure] for row in rows])
    metric = next((one for one in METRICS if one.name == measure), None)
    if metric is None or not any(is_censored(metric, row) for row in rows):
        return result
    return replace(result, deviation=np.nan, bound=True)


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of the finite values.

        mean = sum of x / n,   deviation = sqrt(sum of (x - mean)^2 / n)

    NaN if there are none; the deviation of a single value is NaN. Source of the divisor n: the
    paper's tables.

    >>> spread([1.0, 3.0, np.nan])
    Spread(mean=2.0, deviation=1.0, n=2, bound=False)
    """
    finite = np.array([value for value in values if np.isfinite(value)])
    mean = float(finite.mean()) if len(finite) else np.nan
    deviation = float(finite.std()) if len(finite) > 1 else np.nan
    return Spread(mean, deviation, len(finite))


def seed_curve(studies: Sequence[Study], model: str) -> SeedCurve:
    """r_tau(S_f) of `model` over the studies, which share their grid of tau.

    The half-widths of two intervals are added in quadrature: Student's t over the seeds' means, and
    a bootstrap over the union of the forget samples (the ratio of each averaged over the seeds in
    which it is forgotten), which works for equal, overlapping and disjoint forget sets. For
    disjoint sets the variation over samples is counted twice: the interval is then up to sqrt(2)
    too wide. A single study keeps its own interval.

        mean -/+ sqrt((t s / sqrt(n - 1))^2 + b^2)

    with s the seeds' deviation, t the 97.5 % quantile of Student's t with n - 1 degrees of freedom
    and b the bootstrap's half-width on that side. This project's addition, as the paper's figures
    have no intervals. KeyError if a study lacks the model.

    Two seeds with r = 1 and r = 1.2 on both samples: there is no variation over samples, s is 0.1,
    and Student's t with one degree of freedom is 12.7, so that the lower end is clipped to 0:

    >>> def seed(r: float) -> Study:
    ...     counts = {"gd": np.full((2, 1), round(100 * r)), "retrain-0": np.full((2, 1), 100)}
    ...     r_tau, none = np.array([r]), np.array([np.nan])
    ...     one = Curve(r_tau, r_tau, r_tau, r_tau, none, none)
    ...     tau, samples = np.array([0.1]), np.arange(2)
    ...     residual = Residual("gaussian", tau, 200, samples, counts, {"gd": one}, none, none, {})
    ...     return Study("", {}, samples, {}, {}, residual)
    >>> result = seed_curve([seed(1.0), seed(1.2)], "gd")
    >>> parts = (result.mean, result.deviation, result.low, result.high)
    >>> [part.round(2).item() for part in parts]
    [1.1, 0.1, 0.0, 2.37]
    """
    curves = [one.residual.curves[model] for one in studies]
    per_seed = np.stack([one.mean for one in curves])
    mean = nanmean(per_seed, 0)
    if len(studies) == 1:
        return SeedCurve(mean, np.full_like(mean, np.nan), curves[0].low, curves[0].high, per_seed)
    deviation = _deviation(per_seed)
    sample_low, sample_high = _sample_interval(studies, model)
    seed_half_width = _student(per_seed) * deviation
    low = mean - np.hypot(seed_half_width, np.maximum(0, mean - sample_low))
    high = mean + np.hypot(seed_half_width, np.maximum(0, sample_high - mean))
    return SeedCurve(mean, deviation, np.maximum(0, low), high, per_seed)


def null_band_envelope(residuals: Sequence[Residual]) -> tuple[Floats, Floats]:
    """(low, high), each (T,): the envelope of the null bands of all residuals.

    The smallest lower and the largest upper end; NaN where none has a band. The band of one study
    is `engine.residual.ratio.null_band`.
    """
    lows = [one.null_low for one in residuals]
    highs = [one.null_high for one in residuals]
    return np.fmin.reduce(lows), np.fmax.reduce(highs)


def seed_prevalence(studies: Sequence[Study], model: str) -> tuple[Floats, Floats]:
    """(mean, deviation) over seeds, each (T,), of the percent of forget samples with u > a."""
    curves: list[Curve] = [one.residual.curves[model] for one in studies]
    percentages = np.stack([one.prevalence for one in curves]).astype(np.float64)
    return percentages.mean(0), _deviation(percentages)


def _sample_interval(studies: Sequence[Study], model: str) -> tuple[Floats, Floats]:
    """Bootstrap interval (T,), (T,) of the seed-averaged ratio over the union of forget samples."""
    ids = np.unique(np.concatenate([one.residual.samples for one in studies]))
    table = np.full((len(studies), len(ids), len(studies[0].residual.taus)), np.nan)
    for row, one in enumerate(studies):
        table[row, np.searchsorted(ids, one.residual.samples)] = one.residual.ratio(model)
    ratio = nanmean(table, 0)
    weights = resampling_weights(len(ids), 0, "over seeds")
    low, high = bootstrap_interval(ratio[None], weights)
    shift = nanmean(np.stack([one.residual.curves[model].mean for one in studies]), 0)
    shift = shift - nanmean(ratio, 0)  # where samples forgotten more often weigh more
    return low + shift, high + shift


def _student(per_seed: Floats) -> Floats:
    """(T,) half-width of Student's interval divided by the seeds' deviation."""
    from scipy.special import stdtrit

    n = np.isfinite(per_seed).sum(0)
    freedom = np.maximum(1, n - 1)
    factor: Floats = stdtrit(freedom, (1 + LEVEL) / 2) / np.sqrt(freedom)
    return factor


def _deviation(values: Floats) -> Floats:
    """(T,) standard deviation over the defined rows; NaN for fewer than two."""
    defined = np.isfinite(values)
    n = defined.sum(0)
    residue = np.where(defined, values - nanmean(values, 0), 0)
    return np.where(n > 1, np.sqrt((residue**2).sum(0) / np.maximum(1, n)), np.nan)
