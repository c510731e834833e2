"""Adaptive allocation of draws to the samples that the first few draws leave undecided.

A cell is one sample at one tau. All models share its copies, so a cell has one number of draws and
r = u / a stays a ratio of counts. Draws are added to a cell until every Re-train has recognized a
target number of its copies ("inverse sampling", Haldane 1945): u / a is then an unbiased estimate
of r by Wald's identity, although the number of draws depends on the observations, and rarely
recognized cells, which cause the heavy tail of r, get all c draws. Models whose margins are so far
from zero that no prediction is expected to change are exempt.

The target is raised at those tau where this would still narrow the interval. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Integers, Mask

Counts = Integers
FIRST = 4  # initial draws of every cell, and initial target of recognitions by each Re-train
RISK = 1e-3  # probability that any draw omitted from a cell would be predicted differently
SLIGHT = 0.005  # of r: standard error below which further draws are not worth their cost


@dataclass(frozen=True, eq=False)
class Answers:
    """Each model's predictions on the copies of every cell, arrays (n, T, c).

    right: bool, whether a copy was recognized; margins: the true class's logit minus the best other
    one. Entries beyond a cell's draws are ignored.
    """

    right: Mapping[str, Mask]
    margins: Mapping[str, NDArray[np.floating]]


Ask = Callable[[Counts], Answers]  # (n, T) draws of each cell -> at least those answers


def allocate(
    ask: Ask,
    judged: Sequence[str],
    retrains: Sequence[str],
    fixed: Mask,
    draws: int,
    wider: float,
) -> Counts:
    """(n, T) draws of each cell, between `FIRST` and `draws`.

        draws of a cell: until every Re-train has recognized `wanted` of its copies, at most `draws`

    with `wanted` doubled at those tau where the interval is still too wide. Source of the
    unbiasedness of u / a: Haldane 1945, inverse sampling.

    judged: models whose r is estimated; fixed (n, T): cells whose copies are all identical, which
    count as fully drawn; wider: tolerated relative increase of the interval of the mean r, at any
    tau and for any judged model, over `draws` draws everywhere, as estimated by `widening`. This is
    a target, not a bound: few draws understate their own noise, so that intervals come out wider.

    A cell whose copies are all recognized gets the first four draws; one of which Re-train
    recognizes every second copy gets eight, for four recognitions; a fixed cell is fully drawn:

    >>> right = np.ones((3, 1, 16), bool)
    >>> right[1, 0, ::2] = False
    >>> margins = np.where(right, 1.0, -1.0)
    >>> models = ("gd", "retrain-0")
    >>> answers = Answers(dict.fromkeys(models, right), dict.fromkeys(models, margins))
    >>> fixed = np.array([[False], [False], [True]])
    >>> allocate(lambda drawn: answers, ["gd"], ["retrain-0"], fixed, 16, wider=0.25)[:, 0]
    array([ 4,  8, 16])
    """
    drawn = np.where(fixed, draws, min(FIRST, draws)).astype(np.int64)
    wanted = np.full(fixed.shape[1], FIRST)
    while True:
        answers = ask(drawn)
        more = lacking(answers, drawn, wanted, retrains, draws)
        if more.any():
            drawn = drawn + more
            continue
        wide = (wanted < draws) & (widening(answers, drawn, judged, retrains, draws) > 1 + wider)
        if not wide.any():
            return drawn
        wanted = np.where(wide, 2 * wanted, wanted)


def lacking(
    answers: Answers, drawn: Counts, wanted: Integers, retrains: Sequence[str], draws: int
) -> Counts:
    """(n, T) minimum number of further draws that each cell needs, 0 where it has enough.

    wanted (T,): target of recognitions by each Re-train that is not exempt. A cell never gets a
    draw beyond the one that reaches the target, which keeps u / a unbiased.
    """
    cells = np.nonzero(drawn < draws)
    current, goal = drawn[cells], wanted[cells[1]]
    longest = int(current.max(initial=0))
    need, exempt = np.zeros_like(current), np.ones(len(current), bool)
    for name, right in answers.right.items():
        observed = right[cells][:, :longest] & (np.arange(longest) < current[:, None])
        settled = certain(observed, answers.margins[name][cells][:, :longest], current, draws)
        exempt &= settled
        if name in retrains:
            count = observed.sum(1)
            need = np.maximum(need, np.where(settled & (count == 0), 0, goal - count))
    more = np.zeros_like(drawn)
    more[cells] = np.where(exempt, 0, np.clip(need, 0, draws - current))
    return more


def complete(ask: Ask, drawn: Counts, columns: Sequence[int], draws: int) -> tuple[Counts, Mask]:
    """(draws of each cell (n, T), settled (n, T)): all draws at the norms in `columns`.

    Comparisons of counts, as verdicts and prevalence need them, depend on the number of draws. At
    these norms every sample therefore gets all of them, except in settled cells.
    """
    alike = settled(ask(drawn), drawn, draws)
    chosen = np.zeros(drawn.shape, bool)
    chosen[:, list(columns)] = True
    full = np.where(chosen & ~alike, draws, drawn)
    ask(full)
    return full, alike


def settled(answers: Answers, drawn: Counts, draws: int) -> Mask:
    """(n, T) cells in which all models recognize all copies, or none, and none is expected not to.

    No model's answer to any of the missing draws is expected to differ, see `certain`. Cells with
    all draws are not settled: nothing is left to expect.
    """
    cells = np.nonzero(drawn < draws)
    current = drawn[cells]
    if not len(current):
        return np.zeros(drawn.shape, bool)
    longest = int(current.max())
    alike, first = np.ones(len(current), bool), None
    for name, right in answers.right.items():
        observed = right[cells][:, :longest] & (np.arange(longest) < current[:, None])
        alike &= certain(observed, answers.margins[name][cells][:, :longest], current, draws)
        first = observed[:, 0] if first is None else first
        alike &= observed[:, 0] == first
    result = np.zeros(drawn.shape, bool)
    result[cells] = alike
    return result


def certain(right: Mask, margins: np.ndarray, drawn: Counts, draws: int) -> Mask:
    """(m,) whether one model's prediction of each cell is certain to be the same for all draws.

    right, margins (m, k): of the first drawn (m,) of k draws. True where all predictions so far
    agree and the expected number of deviating ones is below `RISK`, if margins are normal with
    unknown mean and variance: the next margin then follows Student's t (Jeffreys' prior).
    """
    from scipy.special import stdtr

    observed = np.arange(right.shape[1]) < drawn[:, None]
    count = right.sum(1)
    observed_margins = np.where(observed, margins, 0).astype(np.float64)
    mean = observed_margins.sum(1) / drawn
    variance = (np.where(observed, observed_margins - mean[:, None], 0) ** 2).sum(1) / np.maximum(
        drawn - 1, 1
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(mean) / np.sqrt(variance * (1 + 1 / drawn))
    chance = (draws - drawn) * stdtr(np.maximum(drawn - 1, 1), -distance)
    unanimous = (count == 0) | (count == drawn)
    return np.asarray(unanimous & (drawn > 1) & (chance < RISK))


def widening(
    answers: Answers, drawn: Counts, judged: Sequence[str], retrains: Sequence[str], draws: int
) -> Floats:
    """(T,) width of the widest interval of r relative to that with `draws` draws in every cell.

    The variance of r over samples contains a part due to the draws, which is estimated from the
    draws themselves (the linearized variance of the ratio estimator with shared copies, or, where
    few draws happen to agree, that of independent ones with smoothed probabilities); the part of it
    that further draws would remove widens the interval. 1 where r does not vary, and where that
    part is negligible (`SLIGHT`).
    """
    most = int(drawn.max())
    observed = np.arange(most) < drawn[:, :, None]
    certain_cells = settled(answers, drawn, draws)
    a = np.stack([answers.right[name][:, :, :most] & observed for name in retrains])
    widest = np.ones(drawn.shape[1])
    for name in judged:
        u = answers.right[name][:, :, :most] & observed
        ratio, noise = _ratio_and_noise(u, a)
        noise = np.maximum(noise, np.where(certain_cells, 0, _smoothed_noise(u, a, drawn)))
        defined = np.isfinite(ratio)
        spread, excess = _variance(ratio), _mean(noise * (1 - drawn / draws), defined)
        matters = (spread > 0) & (excess > SLIGHT**2 * defined.sum(0))
        remainder = np.where(matters, 1 - excess / np.where(matters, spread, 1), 1)
        widest = np.maximum(widest, 1 / np.sqrt(np.maximum(remainder, 1e-6)))
    return widest


def rates(right: Mask, drawn: Counts) -> Floats:
    """(n, T) unbiased share of recognized copies, from right (n, T, c).

    The draw that ended a cell's sampling was a recognition by some Re-train; the others are
    exchangeable, and their mean is unbiased (Girshick, Mosteller and Savage, 1946):

        share = (recognized among the first drawn - 1 copies) / (drawn - 1)

    and all draws count where a cell got all c of them.

    >>> right = np.array([[[True, False, True, True]], [[True, False, True, False]]])
    >>> rates(right, np.array([[3], [4]]))[:, 0]
    array([0.5, 0.5])
    """
    fair = fair_draws(drawn, right.shape[2])
    counted = (right & (np.arange(right.shape[2]) < fair[:, :, None])).sum(2)
    share: Floats = counted / fair
    return share


def fair_draws(drawn: Counts, draws: int) -> Counts:
    """(n, T) number of a cell's draws that are independent of when its sampling ended."""
    return np.where(drawn < draws, np.maximum(drawn - 1, 1), drawn)


def _ratio_and_noise(u: Mask, a: Mask) -> tuple[Floats, Floats]:
    """(r, variance of r over draws), each (n, T), averaged over the Re-trains a (k, n, T, c)."""
    counts = a.sum(3)
    defined = counts > 0
    each = np.where(defined, u.sum(2) / np.maximum(counts, 1), 0)
    n_defined = defined.sum(0)
    mean_ratio = np.where(n_defined > 0, each.sum(0) / np.maximum(n_defined, 1), np.nan)
    weight = np.where(defined, 1 / (np.maximum(counts, 1) * np.maximum(n_defined, 1)), 0)
    residue = np.zeros(u.shape)
    for ratio, share, retrain in zip(each, weight, a, strict=True):
        residue += share[:, :, None] * (u - ratio[:, :, None] * retrain)
    return mean_ratio, (residue**2).sum(2)


def _smoothed_noise(u: Mask, a: Mask, drawn: Counts) -> Floats:
    """(n, T) variance of r over draws that are independent, averaged over the Re-trains.

    With probabilities (count + 1/2) / (drawn + 1), so that it is not 0 where all draws agree.
    """
    p_u, p_a = (u.sum(2) + 0.5) / (drawn + 1), (a.sum(3) + 0.5) / (drawn + 1)
    ratio = p_u / p_a
    each = (p_u * (1 - p_u) + ratio**2 * p_a * (1 - p_a)) / (drawn * p_a**2)
    variance: Floats = each.mean(0)
    return variance


def _mean(values: Floats, defined: Mask) -> Floats:
    total: Floats = np.where(defined, values, 0).sum(0) / np.maximum(defined.sum(0), 1)
    return total


def _variance(values: Floats) -> Floats:
    """(T,) variance of the defined values (n, T); 0 for fewer than two."""
    defined = np.isfinite(values)
    deviation = np.where(defined, values - _mean(values, defined), 0)
    variance: Floats = (deviation**2).sum(0) / np.maximum(defined.sum(0) - 1, 1)
    return variance
