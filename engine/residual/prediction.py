"""How far the pooled ratio of one more Re-train may lie from 1: a null band with a level.

The envelope of a few Re-trains has no level: another Re-train leaves that of three in every second
case. A prediction interval does: if the logarithms of Re-trains' pooled ratios are normal, one more
Re-train lies inside with the stated probability. This project's addition. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.results import Residual, retrain_names

LEVEL = 0.95
MOST = 1000  # Re-trains, beyond which no claim is in sight


@dataclass(frozen=True, eq=False)
class Prediction:
    """Where the pooled ratio of one more Re-train to the others lies, all arrays (T,).

    center: mean of the logarithms of the Re-trains' own; spread: their deviation, of a single one;
    error: standard error that c draws leave in such a logarithm; retrains: their number K. low,
    high: for each tau alone; grid_low, grid_high: for the whole grid at once. envelope_low,
    envelope_high: the smallest and largest of the Re-trains' own. NaN with fewer than two
    Re-trains.
    """

    center: Floats
    spread: Floats
    error: Floats
    retrains: int
    low: Floats
    high: Floats
    grid_low: Floats
    grid_high: Floats
    envelope_low: Floats
    envelope_high: Floats


def prediction(residual: Residual, level: float = LEVEL) -> Prediction:
    """The prediction interval for the pooled ratio of one more Re-train, as a `Prediction`.

        center -/+ t sqrt(s^2 (1 + 1/K) + e^2)    of the logarithm of the ratio,

    with s the deviation over the K Re-trains, t the quantile of Student's t with K - 1 degrees of
    freedom at (1 + level) / 2, or at 1 - (1 - level) / (2 T) for the whole grid of T norms, and e
    the standard error of the draws. Each Re-train's ratio is to the mean of the others, whose
    deviation is K / (K - 1) times that of one Re-train. Source: prediction interval of a normal
    sample (e.g. Geisser 1993); Bonferroni over the grid.

    Three Re-trains that recognize 40, 50 and 60 of 100 copies of each of 20 samples, at one tau:

    >>> from engine.results import Residual
    >>> counts = {f"retrain-{j}": np.full((20, 1), 40 + 10 * j) for j in range(3)}
    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> one = prediction(Residual("l2", tau, 100, np.arange(20), counts, {}, none, none, {}))
    >>> [round(float(end[0]), 2) for end in (one.envelope_low, one.envelope_high)]
    [0.73, 1.33]
    >>> [round(float(end[0]), 2) for end in (one.low, one.high)]
    [0.36, 2.72]
    """
    names = retrain_names(residual.counts)
    n_taus, k = len(residual.taus), len(names)
    nothing = np.full(n_taus, np.nan)
    if k < 2:
        return Prediction(nothing, nothing, nothing, k, *[nothing] * 6)
    logs, error = _log_ratios(residual, names)
    center, spread = logs.mean(0), logs.std(0, ddof=1) * (k - 1) / k
    width, grid = (_half_width(spread, error, k, level, parts) for parts in (1, n_taus))
    return Prediction(
        center, spread, error, k,
        np.exp(center - width), np.exp(center + width),
        np.exp(center - grid), np.exp(center + grid),
        np.exp(logs.min(0)), np.exp(logs.max(0)),
    )  # fmt: skip


def retrains_for_a_claim(
    residual: Residual, own: Prediction, models: Sequence[str] = (), level: float = LEVEL
) -> int | None:
    """How many Re-trains it takes until a curve leaves the interval of the whole grid.

    models: whose curves, () = any of them. If the Re-trains' center, deviation and errors stay as
    they are; their present number where a curve lies outside already, None where no number up to
    `MOST` would do, and with fewer than two Re-trains, which do not tell how they differ.
    """
    perturbed = (residual.taus > 0) & np.isfinite(own.center)
    if not perturbed.any():
        return None
    curves = [residual.curves[name] for name in models or residual.curves]
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.log(np.stack([one.pooled for one in curves])) - own.center)[:, perturbed]
    numbers = np.arange(max(own.retrains, 2), MOST + 1)
    widths = np.stack(
        [_half_width(own.spread, own.error, k, level, len(residual.taus)) for k in numbers.tolist()]
    )[:, perturbed]
    outside = (apart[:, None] > widths).any((0, 2))
    return int(numbers[outside.argmax()]) if outside.any() else None


def _half_width(
    spread: Floats, error: Floats, retrains: int, level: float, intervals: int
) -> Floats:
    from scipy.special import stdtrit

    quantile = stdtrit(retrains - 1, 1 - (1 - level) / (2 * intervals))
    width: Floats = quantile * np.sqrt(spread**2 * (1 + 1 / retrains) + error**2)
    return width


def _log_ratios(residual: Residual, names: list[str]) -> tuple[Floats, Floats]:
    """(k, T) log pooled ratio of each Re-train to the others, and (T,) standard error of one."""
    logs, variances = [], []
    for i, name in enumerate(names):
        others = np.arange(len(names)) != i
        own, reference = residual.share(name), residual.reference_share(name)[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            logs.append(np.log(own.sum(0)) - np.log(reference.sum(1).mean(0)))
            draws = residual.per_cell
            variance = (own * (1 - own) / draws).sum(0) / own.sum(0) ** 2
            beside = (reference * (1 - reference) / draws).sum((0, 1))
            variances.append(variance + beside / reference.sum((0, 1)) ** 2)
    values = np.stack(logs)
    values[~np.isfinite(values)] = np.nan
    return values, np.sqrt(np.mean(variances, 0))
