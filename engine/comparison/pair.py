"""Two models side by side on one split: accuracy by class, predictions, confidence.

Plain numpy on the outputs that every ModelResult carries, so that tables, figures and the
explorer can use it without torch. Samples are numbered through: training, then test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.arrays import Floats, Integers, Mask
from engine.results import ModelResult

RETAIN, FORGET, TEST = "retain", "forget", "test"
SPLITS = (RETAIN, FORGET, TEST)
A, B, EITHER = "a", "b", "either"
BINS = 20  # of a histogram of confidence
Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True, eq=False)
class Said:
    """What one model says of n samples, all arrays (n,).

    predicted: classes; confidence: probability of the true class; top: probability of the
    predicted one, both in [0, 1].
    """

    predicted: Integers
    confidence: Floats
    top: Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """What models A and B say of the same samples of one split.

    samples (n,): their numbers; labels (n,): true classes, below `classes`.
    """

    split: str
    samples: Integers
    labels: Integers
    classes: int
    a: Said
    b: Said

    def side(self, name: str) -> Said:
        """What model A or B says."""
        return self.a if name == A else self.b


class Groups(NamedTuple):
    """Classes, or groups of them, that share a row: their names and, per class, which one (K,)."""

    names: tuple[str, ...]
    of: Integers


@dataclass(frozen=True, eq=False)
class ClassGaps:
    """Accuracy of A and B by group of classes, all arrays (G,); NaN where a group has no sample.

    samples: how many there are; a, b: percent right, with 95 % Wilson intervals; gap: a - b in
    percentage points, with Newcombe's 95 % interval for pairs.
    """

    samples: Integers
    a: Floats
    a_low: Floats
    a_high: Floats
    b: Floats
    b_low: Floats
    b_high: Floats
    gap: Floats
    gap_low: Floats
    gap_high: Floats


@dataclass(frozen=True, eq=False)
class Matrix:
    """What one model calls the samples: rows are true groups, columns predicted ones, all (G, G).

    counts: samples; share: percent of the row, NaN in an empty row; confidence: mean probability
    of the predicted class, NaN in an empty cell; right: how many of the samples are called right.
    """

    counts: Integers
    share: Floats
    confidence: Floats
    right: Integers


def compare(
    a: ModelResult,
    b: ModelResult,
    split: str,
    train_y: np.ndarray,
    test_y: np.ndarray,
    forget: Sequence[int],
    held: Sequence[int] | np.ndarray = (),
) -> Comparison:
    """Both models' answers on one of SPLITS.

    forget: indices of S_f in the training set; held: of those held out of training.
    """
    gone, out = np.asarray(forget, np.int64), np.asarray(held, np.int64)
    rows = _rows(split, len(train_y), len(test_y), gone, out)
    labels = np.concatenate([train_y, test_y])[rows].astype(np.int64)
    said = [_said(_logits(one, split, rows, len(train_y)), labels) for one in (a, b)]
    return Comparison(split, rows, labels, a.train_logits.shape[1], *said)


def every_class(names: Sequence[str]) -> Groups:
    """Each class for itself."""
    return Groups(tuple(names), np.arange(len(names)))


def forgotten_and_rest(names: Sequence[str], forgotten: Sequence[int]) -> Groups:
    """The classes of the forget set each for itself, all others together in the last row.

    `every_class` where there are fewer than two others to put together.
    """
    kept = sorted({int(one) for one in forgotten})
    others = len(names) - len(kept)
    if others < 2:
        return every_class(names)
    of = np.full(len(names), len(kept))
    of[kept] = np.arange(len(kept))
    return Groups((*(names[one] for one in kept), f"{others} other classes"), of)


def class_gaps(found: Comparison, groups: Groups) -> ClassGaps:
    """Accuracy by group, its gap, and what both are worth."""
    size = len(groups.names)
    rows = groups.of[found.labels]
    right_a, right_b = (_right(found, side) for side in (A, B))
    total = np.bincount(rows, minlength=size)
    k_a, k_b, both = (
        np.bincount(rows[hit], minlength=size) for hit in (right_a, right_b, right_a & right_b)
    )
    a, b = _percent(k_a, total), _percent(k_b, total)
    low, high = newcombe(both, k_a - both, k_b - both, total - k_a - k_b + both)
    (a_low, a_high), (b_low, b_high) = wilson(k_a, total), wilson(k_b, total)
    return ClassGaps(
        total, a, 100 * a_low, 100 * a_high, b, 100 * b_low, 100 * b_high, a - b, 100 * low,
        100 * high,
    )  # fmt: skip


def matrix(found: Comparison, groups: Groups, side: str) -> Matrix:
    """True against predicted groups of one model."""
    size, said = len(groups.names), found.side(side)
    cells = groups.of[found.labels] * size + groups.of[said.predicted]

    def total(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(cells, weights, size * size).reshape(size, size)

    counts = total()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * counts / counts.sum(1, keepdims=True)
        confidence = total(said.top) / counts
    right = total(_right(found, side).astype(np.float64)).astype(np.int64)
    return Matrix(counts, share, confidence, right)


def members(
    found: Comparison, groups: Groups, true: int, predicted: int = -1, side: str = EITHER
) -> Integers:
    """Numbers of the samples of a true group; only those that A, B or either calls `predicted`."""
    wanted = groups.of[found.labels] == true
    if predicted >= 0:
        sides = (A, B) if side == EITHER else (side,)
        calls = [groups.of[found.side(one).predicted] == predicted for one in sides]
        wanted &= np.logical_or.reduce(calls)
    chosen: Integers = found.samples[wanted]
    return chosen


def histogram(values: np.ndarray) -> Floats:
    """(BINS,) percent of the values (n,) in equal bins of [0, 1]; NaN without any value."""
    counts, _ = np.histogram(np.clip(values, 0, 1), BINS, (0, 1))
    return _percent(counts, np.full(BINS, len(values)))


def wilson(hits: np.ndarray, total: np.ndarray) -> tuple[Floats, Floats]:
    """95 % score interval (low, high) of the shares hits / total; NaN where total is 0.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    n = np.where(total > 0, total, np.nan)
    p, z2 = hits / n, Z * Z
    center = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # at the ends the limit is exact, where rounding would leave it a hair beyond the share
    low = np.where(hits == 0, np.where(total > 0, 0.0, np.nan), center - half)
    high = np.where(hits == total, np.where(total > 0, 1.0, np.nan), center + half)
    return low, high


def newcombe(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, neither: np.ndarray
) -> tuple[Floats, Floats]:
    """95 % interval (low, high) of the difference of two shares found on the same samples.

    both, first, second, neither: how many samples both get right, only the first, only the
    second, none of the two. NaN without samples. Source: Newcombe, "Improved confidence intervals
    for the difference between binomial proportions based on paired data", 1998, method 10.
    """
    n = both + first + second + neither
    k_1, k_2 = both + first, both + second
    known = np.where(n > 0, n, np.nan)
    p_1, p_2 = k_1 / known, k_2 / known
    (low_1, high_1), (low_2, high_2) = wilson(k_1, n), wilson(k_2, n)
    phi = _correlation(both, first, second, neither)
    below = _combined(p_1 - low_1, high_2 - p_2, phi)
    above = _combined(high_1 - p_1, p_2 - low_2, phi)
    return p_1 - p_2 - below, p_1 - p_2 + above


def _correlation(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, neither: np.ndarray
) -> Floats:
    """Newcombe's phi: the correlation of the pairs, corrected for continuity, 0 where undefined."""
    cross = (both * neither - first * second).astype(np.float64)
    half = (both + first + second + neither) / 2
    cross = np.where(cross > 0, np.maximum(cross - half, 0), cross)
    sides = (both + first, both + second, first + neither, second + neither)
    product = math.prod(one.astype(np.float64) for one in sides)
    return np.where(product > 0, cross / np.sqrt(np.where(product > 0, product, 1)), 0.0)


def _combined(one: Floats, other: Floats, phi: Floats) -> Floats:
    squared = one * one - 2 * phi * one * other + other * other
    combined: Floats = np.sqrt(np.maximum(squared, 0))
    return combined


def _rows(split: str, train: int, test: int, forget: Integers, held: Integers) -> Integers:
    """Numbers of the samples of a split."""
    if split == TEST:
        return np.arange(train, train + test)
    if split == FORGET:
        return np.sort(forget)
    return np.setdiff1d(np.arange(train), np.concatenate([forget, held]))


def _logits(one: ModelResult, split: str, rows: Integers, train: int) -> np.ndarray:
    return one.test_logits[rows - train] if split == TEST else one.train_logits[rows]


def _said(logits: np.ndarray, labels: Integers) -> Said:
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True, initial=-np.inf)
    chances = np.exp(wide)
    chances /= chances.sum(1, keepdims=True)
    every = np.arange(len(labels))
    predicted = wide.argmax(1)
    return Said(predicted, chances[every, labels], chances[every, predicted])


def _right(found: Comparison, side: str) -> Mask:
    hit: Mask = found.side(side).predicted == found.labels
    return hit


def _percent(part: np.ndarray, whole: np.ndarray) -> Floats:
    share: Floats = 100 * part / np.where(whole > 0, whole, np.nan)
    return share
