"""Where draws go: to samples about which the first few leave something open.

A cell is one sample at one tau. All models share its copies, so a cell has one number of draws and
r = u / a stays a ratio of counts. Draws are added to a cell until every Re-train has recognized as
many of its copies as are wanted ("inverse sampling", Haldane 1945): u / a is then an unbiased
estimate of r by Wald's identity, although the number of draws depends on what was seen, and rare
recognition, from which r has its heavy tail, gets all c draws. A model whose margins lie so far
from zero that no verdict can be expected to change is not waited for.

More recognitions are wanted at those tau where they would still narrow the interval. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Integers, Mask

Counts = Integers
FIRST = 4  # draws of every cell, and recognitions that are wanted of each Re-train, to begin with
RISK = 1e-3  # of any other verdict among all draws that are left out of a cell
SLIGHT = 0.005  # of r: a standard error below which draws are not worth their while


@dataclass(frozen=True, eq=False)
class Answers:
    """What each model said of the copies of every cell, arrays (n, T, c).

    right: bool, whether a copy was recognized; margins: by how much the true class's logit exceeds
    the best other one. What lies behind a cell's draws is never looked at.
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

    with `wanted` doubled at those tau where the interval is still too wide. Source of u / a being
    unbiased then: Haldane 1945, inverse sampling.

    judged: models whose r is wanted; fixed (n, T): cells whose copies are all alike, which count
    as fully drawn; wider: by what share the interval of the mean r may seem wider to `widening`,
    at any tau and for any of them, than that of `draws` draws everywhere. That is an aim: few draws
    understate their own noise, so that intervals come out wider still.

    A sample whose copies are all recognized gets the first four; one of which Re-train recognizes
    every second copy gets the eight that show it four; one fixed cell counts as fully drawn:

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
    """(n, T) draws that each cell needs at the very least, 0 where it has enough.

    wanted (T,): recognitions by each Re-train that is waited for. A cell never gets a draw beyond
    the one that completes them, which is what keeps u / a unbiased.
    """
    cells = np.nonzero(drawn < draws)
    at, goal = drawn[cells], wanted[cells[1]]
    most = int(at.max(initial=0))
    need, settled = np.zeros_like(at), np.ones(len(at), bool)
    for name, right in answers.right.items():
        said = right[cells][:, :most] & (np.arange(most) < at[:, None])
        sure = certain(said, answers.margins[name][cells][:, :most], at, draws)
        settled &= sure
        if name in retrains:
            count = said.sum(1)
            need = np.maximum(need, np.where(sure & (count == 0), 0, goal - count))
    more = np.zeros_like(drawn)
    more[cells] = np.where(settled, 0, np.clip(need, 0, draws - at))
    return more


def certain(said: Mask, margins: np.ndarray, drawn: Counts, draws: int) -> Mask:
    """(m,) whether one model's verdict of each cell is the same for all `draws` draws.

    said, margins (m, k): of the first drawn (m,) of k draws. True where all verdicts so far agree
    and another one is expected with a chance below `RISK`, if margins are normal with unknown mean
    and variance: the next margin then follows Student's t (Jeffreys' prior).
    """
    from scipy.special import stdtr

    seen = np.arange(said.shape[1]) < drawn[:, None]
    count = said.sum(1)
    known = np.where(seen, margins, 0).astype(np.float64)
    mean = known.sum(1) / drawn
    variance = (np.where(seen, known - mean[:, None], 0) ** 2).sum(1) / np.maximum(drawn - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(mean) / np.sqrt(variance * (1 + 1 / drawn))
    chance = (draws - drawn) * stdtr(np.maximum(drawn - 1, 1), -distance)
    same = (count == 0) | (count == drawn)
    return np.asarray(same & (drawn > 1) & (chance < RISK))


def widening(
    answers: Answers, drawn: Counts, judged: Sequence[str], retrains: Sequence[str], draws: int
) -> Floats:
    """(T,) how many times wider the widest interval of r is than `draws` draws would make it.

    The spread of r over samples holds the draws' own share, which is known from the draws
    themselves (the ratio estimator's linearized variance, copies being shared); the part of it
    that further draws would remove is what widens the interval. 1 where nothing spreads,
    and where that part is `SLIGHT`.
    """
    most = int(drawn.max())
    seen = np.arange(most) < drawn[:, :, None]
    a = np.stack([answers.right[name][:, :, :most] & seen for name in retrains])
    widest = np.ones(drawn.shape[1])
    for name in judged:
        u = answers.right[name][:, :, :most] & seen
        found, noise = _ratio_and_noise(u, a)
        defined = np.isfinite(found)
        spread, share = _variance(found), _mean(noise * (1 - drawn / draws), defined)
        matters = (spread > 0) & (share > SLIGHT**2 * defined.sum(0))
        left = np.where(matters, 1 - share / np.where(matters, spread, 1), 1)
        widest = np.maximum(widest, 1 / np.sqrt(np.maximum(left, 1e-6)))
    return widest


def rates(right: Mask, drawn: Counts) -> Floats:
    """(n, T) unbiased share of recognized copies, from right (n, T, c).

    The draw that ended a cell's sampling was a recognition by some Re-train; without it the others
    are exchangeable, and their mean is unbiased (Girshick, Mosteller and Savage, 1946):

        share = (recognized among the first drawn - 1 copies) / (drawn - 1)

    and all of them count where a cell got all c draws.

    >>> right = np.array([[[True, False, True, True]], [[True, False, True, False]]])
    >>> rates(right, np.array([[3], [4]]))[:, 0]
    array([0.5, 0.5])
    """
    fair = fair_draws(drawn, right.shape[2])
    counted = (right & (np.arange(right.shape[2]) < fair[:, :, None])).sum(2)
    share: Floats = counted / fair
    return share


def fair_draws(drawn: Counts, draws: int) -> Counts:
    """(n, T) how many of a cell's draws do not depend on when its sampling ended."""
    return np.where(drawn < draws, np.maximum(drawn - 1, 1), drawn)


def _ratio_and_noise(u: Mask, a: Mask) -> tuple[Floats, Floats]:
    """(r, its variance over draws), each (n, T): against the Re-trains a (k, n, T, c), averaged."""
    counted = a.sum(3)
    defined = counted > 0
    each = np.where(defined, u.sum(2) / np.maximum(counted, 1), 0)
    known = defined.sum(0)
    found = np.where(known > 0, each.sum(0) / np.maximum(known, 1), np.nan)
    weight = np.where(defined, 1 / (np.maximum(counted, 1) * np.maximum(known, 1)), 0)
    residue = np.zeros(u.shape)
    for ratio, share, one in zip(each, weight, a, strict=True):
        residue += share[:, :, None] * (u - ratio[:, :, None] * one)
    return found, (residue**2).sum(2)


def _mean(values: Floats, defined: Mask) -> Floats:
    total: Floats = np.where(defined, values, 0).sum(0) / np.maximum(defined.sum(0), 1)
    return total


def _variance(values: Floats) -> Floats:
    """(T,) over the defined samples (n, T); 0 for fewer than two."""
    defined = np.isfinite(values)
    apart = np.where(defined, values - _mean(values, defined), 0)
    spread: Floats = (apart**2).sum(0) / np.maximum(defined.sum(0) - 1, 1)
    return spread
