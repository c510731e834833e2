"""Two models side by side on one split: accuracy by class, predictions, confidence.

Plain numpy on the outputs stored in every ModelResult, so that tables, figures and the explorer can
use it without torch. Sample indices count training samples first, then test samples.
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
class SidePredictions:
    """One model's predictions for n samples, all arrays (n,).

    predicted: classes; confidence: probability of the true class; top: probability of the
    predicted one, both in [0, 1].
    """

    predicted: Integers
    confidence: Floats
    top: Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """Predictions of models A and B for the same samples of one split.

    samples (n,): their indices; labels (n,): true classes, below `classes`.
    """

    split: str
    samples: Integers
    labels: Integers
    classes: int
    a: SidePredictions
    b: SidePredictions

    def side(self, name: str) -> SidePredictions:
        """The predictions of model A or B."""
        return self.a if name == A else self.b


class Groups(NamedTuple):
    """Groups of classes that share a row: their names, and the group of each class (K,)."""

    names: tuple[str, ...]
    of: Integers


@dataclass(frozen=True, eq=False)
class ClassGaps:
    """Accuracy of A and B by group of classes, all arrays (G,); NaN for groups without samples.

    samples: their number; a, b: percent correct, with 95 % Wilson intervals; gap: a - b in
    percentage points, with Newcombe's 95 % interval for paired data.
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
    """Confusion matrix of one model: rows are true groups, columns predicted ones, all (G, G).

    counts: samples; share: percent of the row, NaN in an empty row; confidence: mean probability
    of the predicted class, NaN in an empty cell; right: number of samples classified correctly.
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
    """Compare the predictions of both models on one of SPLITS.

    forget: indices of S_f in the training set; held: indices held out of training.
    """
    forgotten, held_out = np.asarray(forget, np.int64), np.asarray(held, np.int64)
    rows = _rows(split, len(train_y), len(test_y), forgotten, held_out)
    labels = np.concatenate([train_y, test_y])[rows].astype(np.int64)
    predictions = [
        _predictions(_logits(model, split, rows, len(train_y)), labels) for model in (a, b)
    ]
    return Comparison(split, rows, labels, a.train_logits.shape[1], *predictions)


def every_class(names: Sequence[str]) -> Groups:
    """Each class as a group of its own."""
    return Groups(tuple(names), np.arange(len(names)))


def forgotten_and_rest(names: Sequence[str], forgotten: Sequence[int]) -> Groups:
    """Each class of the forget set as a group of its own, and all others as the last group.

    Same as `every_class` if there are fewer than two other classes.
    """
    forgotten_classes = sorted({int(label) for label in forgotten})
    others = len(names) - len(forgotten_classes)
    if others < 2:
        return every_class(names)
    group_of_class = np.full(len(names), len(forgotten_classes))
    group_of_class[forgotten_classes] = np.arange(len(forgotten_classes))
    return Groups(
        (*(names[label] for label in forgotten_classes), f"{others} other classes"), group_of_class
    )


def class_gaps(comparison: Comparison, groups: Groups) -> ClassGaps:
    """Accuracy by group and the gap between the models, with confidence intervals."""
    size = len(groups.names)
    rows = groups.of[comparison.labels]
    right_a, right_b = (_right(comparison, side) for side in (A, B))
    total = np.bincount(rows, minlength=size)
    k_a, k_b, both = (
        np.bincount(rows[correct], minlength=size)
        for correct in (right_a, right_b, right_a & right_b)
    )
    a, b = _percent(k_a, total), _percent(k_b, total)
    low, high = newcombe(both, k_a - both, k_b - both, total - k_a - k_b + both)
    (a_low, a_high), (b_low, b_high) = wilson(k_a, total), wilson(k_b, total)
    return ClassGaps(
        total, a, 100 * a_low, 100 * a_high, b, 100 * b_low, 100 * b_high, a - b, 100 * low,
        100 * high,
    )  # fmt: skip


def matrix(comparison: Comparison, groups: Groups, side: str) -> Matrix:
    """The confusion matrix of one model by groups."""
    size, predictions = len(groups.names), comparison.side(side)
    cells = groups.of[comparison.labels] * size + groups.of[predictions.predicted]

    def total(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(cells, weights, size * size).reshape(size, size)

    counts = total()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * counts / counts.sum(1, keepdims=True)
        confidence = total(predictions.top) / counts
    right = total(_right(comparison, side).astype(np.float64)).astype(np.int64)
    return Matrix(counts, share, confidence, right)


def group_samples(
    comparison: Comparison, groups: Groups, true: int, predicted: int = -1, side: str = EITHER
) -> Integers:
    """Indices of the samples of a true group, optionally only those predicted as `predicted`.

    side: by A, B or EITHER.
    """
    wanted = groups.of[comparison.labels] == true
    if predicted >= 0:
        sides = (A, B) if side == EITHER else (side,)
        predicted_by = [groups.of[comparison.side(model).predicted] == predicted for model in sides]
        wanted &= np.logical_or.reduce(predicted_by)
    indices: Integers = comparison.samples[wanted]
    return indices


def histogram(values: np.ndarray) -> Floats:
    """(BINS,) percent of the values (n,) in equal bins of [0, 1]; NaN without values."""
    counts, _ = np.histogram(np.clip(values, 0, 1), BINS, (0, 1))
    return _percent(counts, np.full(BINS, len(values)))


def wilson(hits: np.ndarray, total: np.ndarray) -> tuple[Floats, Floats]:
    """95 % score interval (low, high) of the proportions hits / total; NaN where total is 0.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    n = np.where(total > 0, total, np.nan)
    p, z2 = hits / n, Z * Z
    center = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # at 0 and 1 the limit is exact, while rounding could leave it slightly beyond the proportion
    low = np.where(hits == 0, np.where(total > 0, 0.0, np.nan), center - half)
    high = np.where(hits == total, np.where(total > 0, 1.0, np.nan), center + half)
    return low, high


def newcombe(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, neither: np.ndarray
) -> tuple[Floats, Floats]:
    """95 % interval (low, high) of the difference of two proportions on the same samples.

    both, first, second, neither: number of samples correct in both, only in the first, only in the
    second, or in neither. NaN without samples. Source: Newcombe, "Improved confidence intervals
    for the difference between binomial proportions based on paired data", 1998, method 10.
    """
    n = both + first + second + neither
    k_1, k_2 = both + first, both + second
    defined = np.where(n > 0, n, np.nan)
    p_1, p_2 = k_1 / defined, k_2 / defined
    (low_1, high_1), (low_2, high_2) = wilson(k_1, n), wilson(k_2, n)
    phi = _correlation(both, first, second, neither)
    below = _combined(p_1 - low_1, high_2 - p_2, phi)
    above = _combined(high_1 - p_1, p_2 - low_2, phi)
    return p_1 - p_2 - below, p_1 - p_2 + above


def _correlation(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, neither: np.ndarray
) -> Floats:
    """Newcombe's phi: the continuity-corrected correlation of the pairs, 0 where undefined."""
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
    """Indices of the samples of a split."""
    if split == TEST:
        return np.arange(train, train + test)
    if split == FORGET:
        return np.sort(forget)
    return np.setdiff1d(np.arange(train), np.concatenate([forget, held]))


def _logits(one: ModelResult, split: str, rows: Integers, train: int) -> np.ndarray:
    return one.test_logits[rows - train] if split == TEST else one.train_logits[rows]


def _predictions(logits: np.ndarray, labels: Integers) -> SidePredictions:
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True, initial=-np.inf)
    probabilities = np.exp(wide)
    probabilities /= probabilities.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    predicted = wide.argmax(1)
    return SidePredictions(predicted, probabilities[rows, labels], probabilities[rows, predicted])


def _right(comparison: Comparison, side: str) -> Mask:
    correct: Mask = comparison.side(side).predicted == comparison.labels
    return correct


def _percent(part: np.ndarray, total: np.ndarray) -> Floats:
    share: Floats = 100 * part / np.where(total > 0, total, np.nan)
    return share
