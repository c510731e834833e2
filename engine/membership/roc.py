"""ROC curves of an attack: rates at every threshold, the area below, and the best threshold.

Without scikit-learn, whose import takes longer than everything else that the window needs to show
an attack; the tests compare with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.membership.results import AttackResult, Roc
from engine.membership.scores import Score


@dataclass(frozen=True)
class Counts:
    """Confusion matrix: true positives, false negatives, false positives, true negatives."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def accuracy(self) -> float:
        """Percent of samples classified correctly."""
        return 100 * (self.tp + self.tn) / (self.tp + self.fn + self.fp + self.tn)

    @property
    def tpr(self) -> float:
        """True positive rate in percent."""
        return 100 * self.tp / (self.tp + self.fn)

    @property
    def fpr(self) -> float:
        """False positive rate in percent."""
        return 100 * self.fp / (self.fp + self.tn)


def roc(score: Score, values: np.ndarray, member: np.ndarray) -> Roc:
    """ROC curve of scores (m,) with member (m,) bool: every distinct operating point.

        TPR = true positives / members,   FPR = false positives / non-members

    at every threshold that separates the scores; ties move together. Source: Carlini et al. 2022.

    >>> from engine.membership.scores import score_named
    >>> curve = roc(score_named("margin"), np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    >>> curve.fp, curve.tp, curve.thresholds[1:]
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]), array([2.5, 1.5, 1. ]))

    values: finite, at least one; there may be no members or no non-members.
    """
    oriented = score.sign * np.asarray(values, np.float64)
    order = np.argsort(-oriented, kind="stable")
    ranked = oriented[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each group of ties
    tp = np.cumsum(np.asarray(member, np.int64)[order])[last]
    fp, tp = (np.concatenate([[0], sums]) for sums in (last + 1 - tp, tp))
    return Roc(fp, tp, score.sign * _cuts(ranked[last]))


def auc(curve: Roc) -> float:
    """Area under the curve: the share of correctly ordered pairs, with ties counting half.

        AUC = Pr[score of a member > score of a non-member] + Pr[equal] / 2

    NaN without pairs. Source: Hanley and McNeil 1982.

    Members at 3 and 1 and a non-member at 2: one of two pairs is ordered correctly.

    >>> auc(Roc(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.zeros(4)))
    0.5
    """
    if not (curve.tp[-1] and curve.fp[-1]):
        return float("nan")
    x, y = curve.fp / curve.fp[-1], curve.tp / curve.tp[-1]
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2)


def tpr_at(curve: Roc, fpr: float) -> float:
    """True positive rate in percent at a false positive rate of at most `fpr` (a share).

        TPR at FPR = max of true positives / members, over thresholds with false positives <=
        fpr * non-members

    Source: Carlini et al. 2022. ZeroDivisionError without members.

    >>> tpr_at(Roc(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.zeros(4)), 0.01)
    50.0
    """
    allowed = np.searchsorted(curve.fp, np.floor(fpr * int(curve.fp[-1])), side="right") - 1
    return 100 * float(curve.tp[allowed]) / int(curve.tp[-1])


def counts(score: Score, values: np.ndarray, member: np.ndarray, threshold: float) -> Counts:
    """The confusion matrix of scores (m,), with member (m,) bool, at this threshold."""
    predicted = score.called(values, threshold)
    tp, fp = int((predicted & member).sum()), int((predicted & ~member).sum())
    return Counts(tp, int(member.sum()) - tp, fp, int((~member).sum()) - fp)


def best_threshold(curve: Roc) -> float:
    """The threshold with the highest accuracy; among ties, the one with the fewest positives."""
    return float(curve.thresholds[np.argmax(curve.tp - curve.fp)])


def stepped_threshold(score: Score, result: AttackResult, threshold: float, by: int) -> float:
    """The threshold `by` distinct scores to the right, clipped at the ends."""
    current = 0 if np.isnan(threshold) else score.step(result.values, threshold)
    step = np.clip(current - score.sign * by, 0, len(result.roc.thresholds) - 1)
    return float(result.roc.thresholds[step])


def _cuts(distinct: Floats) -> Floats:
    """(k + 1,) thresholds that separate decreasing `distinct` (k,): above all, then below each."""
    below = np.append(distinct[1:], distinct[-1])
    middle = below + (distinct - below) / 2
    cuts = np.where(middle > below, middle, distinct)  # adjacent floating-point numbers
    return np.concatenate([[np.nextafter(distinct[0], np.inf)], cuts])
