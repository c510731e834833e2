"""Membership inference: can an attacker tell from a model's answers what it was trained on?

Members are forget samples (or retained ones), non-members test samples, equally many of both. A
random half of them is held out: it chooses the threshold and teaches learned scores. Only the
other half is reported. An attack on Re-train is the level that says "nothing left": what it finds
there is due to the samples, not to memory.

Non-members have the members' classes unless asked otherwise: a forget set of one hard class against
a test set of all classes is told apart by its class alone, on Re-train as on any model.

Sources: equal sizes and learned attacks, Shokri et al. 2017; a threshold on the loss, Yeom et al.
2018; ROC and true positive rate at a low false positive rate, Carlini et al. 2022; the SVM, Hsu
et al. 2025 (engine.metrics.mia_acc). Curves, areas and learned scores are scikit-learn's, which is
imported when the first is asked for; resampled areas, a thousand at once, are plain numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Integers
from engine.errors import SpecError, unknown
from engine.membership.results import Attack, Attacked, Estimate, Roc
from engine.membership.scores import PLAIN, Score, confidence, entropy, loss, margin, score_named
from engine.metrics.mia_acc import MIA, taught
from engine.results import ModelResult
from engine.runtime.seeds import numpy_generator

MEMBERS = {  # which training samples the attack has to find
    "forget": "Forget set",
    "retain": "Retain set",
}
LOW_FPR = 0.01
FEWEST = 100  # non-members below which a false positive rate of 1 % cannot be told from 0
RESAMPLES = 1000
LEVEL = 0.95
AT_ONCE = 2_000_000  # resampled samples held in memory at once
NOTHING = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Counts:
    """How many were called what: members caught and missed, non-members accused and cleared."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def accuracy(self) -> float:
        """Percent of all that were called rightly."""
        return 100 * (self.tp + self.tn) / (self.tp + self.fn + self.fp + self.tn)

    @property
    def tpr(self) -> float:
        """Percent of members that were caught."""
        return 100 * self.tp / (self.tp + self.fn)

    @property
    def fpr(self) -> float:
        """Percent of non-members that were called members."""
        return 100 * self.fp / (self.fp + self.tn)


@dataclass(frozen=True, eq=False)
class Draw:
    """Members and non-members, each (m,) reported and (h,) held out: rows of their own arrays."""

    member: Integers
    other: Integers
    held_member: Integers
    held_other: Integers


def attack(
    models: Mapping[str, ModelResult],
    train_y: np.ndarray,
    test_y: np.ndarray,
    forget: np.ndarray,
    *,
    score: str = "confidence",
    members: str = "forget",
    matched: bool = True,
    seed: int = 0,
    validation: Sequence[int] | np.ndarray = (),
) -> Attack:
    """The attack on one or two models by name, A first.

    train_y (n,), test_y (m,): true classes; forget (n_f,): indices of S_f in the training set;
    matched: draw non-members of the members' classes only, as many of each; seed: who is drawn
    and held out; validation (v,): indices of what was held out of training. SpecError for unknown
    words, for outputs that are no numbers, and where there is nobody to attack.
    """
    how = score_named(score)
    found = chosen(len(train_y), forget, members, validation)
    groups = (train_y[found], test_y) if matched else (found * 0, test_y * 0)
    rows = draw(groups[0], groups[1], seed)
    _check(models, rows, how, matched)
    side = _Side(found[rows.member], rows.other, train_y, test_y)
    held = _Side(found[rows.held_member], rows.held_other, train_y, test_y)
    weights = _Weights(len(rows.member), seed)
    told = {name: _attacked(model, how, side, held, weights) for name, model in models.items()}
    return Attack(
        how.name, members, matched, side.samples, side.member, held.samples, held.member,
        {name: one for name, (one, _) in told.items()},
        _difference([(one.auc.value, resampled) for one, resampled in told.values()]),
    )  # fmt: skip


def chosen(
    n: int, forget: np.ndarray, members: str, held: Sequence[int] | np.ndarray = ()
) -> Integers:
    """Indices of the members in a training set of `n`: S_f or S_r; SpecError if neither.

    held: indices of what was held out of training, which belongs to none of the two.
    """
    if members not in MEMBERS:
        raise unknown("set of members", members, MEMBERS)
    if members == "forget":
        return np.unique(np.asarray(forget, np.intp))
    gone = np.concatenate([np.asarray(forget, np.intp), np.asarray(held, np.intp)])
    return np.setdiff1d(np.arange(n), gone)


def draw(member_groups: np.ndarray, other_groups: np.ndarray, seed: int) -> Draw:
    """Pairs of a member and a non-member of the same group, as many as there are, halved.

    member_groups (i,), other_groups (j,): group numbers, all alike where groups do not matter. Of
    an odd number of pairs the odd one is reported.
    """
    pairs = np.concatenate(
        [_pairs(member_groups, other_groups, g, seed) for g in np.unique(member_groups)]
        or [np.empty((0, 2), np.int64)]
    )
    order = numpy_generator(seed, "attack", "held out").permutation(len(pairs))
    held, told = np.split(pairs[order], [len(pairs) // 2])
    return Draw(told[:, 0], told[:, 1], held[:, 0], held[:, 1])


def roc(score: Score, values: np.ndarray, member: np.ndarray) -> Roc:
    """Every distinct operating point of scores (m,), member (m,) bool; ties move together.

        TPR = true positives / members,   FPR = false positives / non-members

    at every threshold that parts the scores. Source: Carlini et al. 2022.

    >>> found = roc(score_named("margin"), np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    >>> found.fp, found.tp, found.thresholds[1:]
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]), array([2.5, 1.5, 1. ]))

    values: finite, at least one; of members or non-members there may be none.
    """
    from sklearn.metrics import confusion_matrix_at_thresholds

    oriented = score.sign * np.asarray(values, np.float64)
    _, fp, _, tp, distinct = confusion_matrix_at_thresholds(member, oriented, pos_label=True)
    fp, tp = (np.concatenate([[0], found]).astype(np.int64) for found in (fp, tp))
    return Roc(fp, tp, score.sign * _cuts(distinct))


def auc(found: Roc) -> float:
    """Area under the curve: the share of (member, non-member) pairs in order, ties counting half.

        AUC = Pr[score of a member > score of a non-member] + Pr[equal] / 2

    NaN where there is no pair. Source: Hanley and McNeil 1982.

    Members at 3 and 1, a non-member at 2: one of two pairs is in order.

    >>> auc(Roc(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.zeros(4)))
    0.5
    """
    from sklearn.metrics import auc as area

    if not (found.tp[-1] and found.fp[-1]):
        return float("nan")
    return float(area(found.fp / found.fp[-1], found.tp / found.tp[-1]))


def tpr_at(found: Roc, fpr: float) -> float:
    """Percent of members caught where at most the share `fpr` of non-members is accused.

        TPR at FPR = max of true positives / members, over thresholds with false positives <=
        fpr * non-members

    Source: Carlini et al. 2022. ZeroDivisionError without members.

    >>> tpr_at(Roc(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.zeros(4)), 0.01)
    50.0
    """
    allowed = np.searchsorted(found.fp, np.floor(fpr * int(found.fp[-1])), side="right") - 1
    return 100 * float(found.tp[allowed]) / int(found.tp[-1])


def counts(score: Score, values: np.ndarray, member: np.ndarray, threshold: float) -> Counts:
    """What the attack calls scores (m,) of member (m,) bool at this threshold."""
    said = score.called(values, threshold)
    tp, fp = int((said & member).sum()), int((said & ~member).sum())
    return Counts(tp, int(member.sum()) - tp, fp, int((~member).sum()) - fp)


def best_threshold(found: Roc) -> float:
    """The threshold of the largest accuracy; among equals, the one that accuses the fewest."""
    return float(found.thresholds[np.argmax(found.tp - found.fp)])


def stepped(score: Score, found: Attacked, threshold: float, by: int) -> float:
    """The threshold that lies `by` samples of other scores to the right, at most at an end."""
    here = 0 if np.isnan(threshold) else score.step(found.values, threshold)
    step = np.clip(here - score.sign * by, 0, len(found.roc.thresholds) - 1)
    return float(found.roc.thresholds[step])


def _tie_ends(ranked: Floats) -> NDArray[np.intp]:
    """The last row of each run of equal values in sorted `ranked` (m,)."""
    return np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))


def _cuts(distinct: Floats) -> Floats:
    """(k + 1,) values that part falling `distinct` (k,): above all, then below each of them."""
    below = np.append(distinct[1:], distinct[-1])
    middle = below + (distinct - below) / 2
    apart = np.where(middle > below, middle, distinct)  # neighbors without a number between them
    return np.concatenate([[np.nextafter(distinct[0], np.inf)], apart])


def _pairs(mine: np.ndarray, others: np.ndarray, group: int, seed: int) -> Integers:
    rng = numpy_generator(seed, "attack", int(group))
    own, other = np.flatnonzero(mine == group), np.flatnonzero(others == group)
    size = min(len(own), len(other))
    return np.stack([rng.permutation(own)[:size], rng.permutation(other)[:size]], 1)


def _check(models: Mapping[str, ModelResult], rows: Draw, how: Score, matched: bool) -> None:
    if not len(rows.member):
        raise SpecError(
            "No test sample has a class of the members. Compare them with test samples of any "
            "class, not of the same classes alone (on the command line: --any-class)."
            if matched
            else "There is nobody to attack: the set of members or the test set is empty."
        )
    if how.learned and not len(rows.held_member):
        raise SpecError(
            f"The score '{how.label}' is taught on held-out members, but there is only one "
            "member. Choose another score, or more members."
        )
    for model in models.values():
        if not (np.isfinite(model.train_logits).all() and np.isfinite(model.test_logits).all()):
            raise SpecError(
                f"The outputs of {model.label} are no numbers: it diverged. Choose another model."
            )


class _Side:
    """Equally many members, then non-members, with their true classes.

    samples (m,): training samples from 0, test samples from n on; member (m,) bool; y (m,).
    """

    def __init__(
        self, member: Integers, other: Integers, train_y: np.ndarray, test_y: np.ndarray
    ) -> None:
        self.rows = (member, other)
        self.samples = np.concatenate([member, other + len(train_y)])
        self.member = np.repeat([True, False], [len(member), len(other)])
        self.y = np.concatenate([train_y[member], test_y[other]])

    def logits(self, model: ModelResult) -> np.ndarray:
        """(m, K) the model's outputs for these samples."""
        member, other = self.rows
        return np.concatenate([model.train_logits[member], model.test_logits[other]])


def _attacked(
    model: ModelResult, how: Score, side: _Side, held: _Side, weights: _Weights
) -> tuple[Attacked, Floats]:
    """What is found of one model, and its resampled AUC (RESAMPLES,)."""
    values, held_values = _scored(model, how, side, held)
    curve = roc(how, values, side.member)
    threshold = _threshold(how, held_values, held.member)
    said = how.called(values, threshold) == side.member
    resampled = weights.resampled(how.sign * values, said)
    n = int(side.member.sum())
    low = tpr_at(curve, LOW_FPR) if n >= FEWEST else np.nan
    accuracy = 100 * float(said.mean()) if np.isfinite(threshold) else np.nan
    found = Attacked(
        values, held_values, curve, threshold,
        _estimate(auc(curve), resampled[0]),
        _estimate(accuracy, resampled[1]),
        _estimate(low, resampled[2]),
    )  # fmt: skip
    return found, resampled[0]


def _scored(model: ModelResult, how: Score, side: _Side, held: _Side) -> tuple[Floats, Floats]:
    """Scores of the reported (m,) and of the held-out (h,) samples."""
    told, kept = side.logits(model), held.logits(model)
    if how.name == "svm":
        return _by_svm(confidence(told, side.y), confidence(kept, held.y), held.member)
    if how.name == "logistic":
        return _by_regression(_features(told, side.y), _features(kept, held.y), held.member)
    of = PLAIN[how.name]
    return of(told, side.y), of(kept, held.y)


def _by_svm(told: Floats, kept: Floats, member: np.ndarray) -> tuple[Floats, Floats]:
    most = MIA().most // 2  # the SVM's time is quadratic; the rows are in random order
    attacker = taught(kept[member][:most], kept[~member][:most])
    return attacker.decision_function(told[:, None]), attacker.decision_function(kept[:, None])


def _by_regression(told: Floats, kept: Floats, member: np.ndarray) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    center, width = kept.mean(0), np.maximum(kept.std(0), 1e-12)
    attacker = LogisticRegression(max_iter=1000).fit((kept - center) / width, member)
    return (
        attacker.decision_function((told - center) / width),
        attacker.decision_function((kept - center) / width),
    )


def _features(logits: np.ndarray, y: np.ndarray) -> Floats:
    return np.stack([of(logits, y) for of in (loss, entropy, margin)], 1)


def _threshold(how: Score, held: Floats, member: np.ndarray) -> float:
    if not len(held):
        return float("nan")
    return 0.0 if how.learned else best_threshold(roc(how, held, member))


class _Weights:
    """How often each of `n` members and `n` non-members is drawn in each bootstrap resample.

    Members and non-members are resampled apart, so that sizes stay equal; both models see the
    same resamples, so that their difference has an interval too.
    """

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        rng = numpy_generator(seed, "attack", "bootstrap")
        self._drawn = np.concatenate([_resample(n, rng), _resample(n, rng)], 1)

    def resampled(self, oriented: Floats, right: np.ndarray) -> Floats:
        """(3, RESAMPLES) AUC, accuracy and TPR at 1 % FPR of every resample, the latter in percent.

        oriented: (2 n,) scores, members first, larger for members; right: (2 n,) bool. NaN where
        there is one pair only.
        """
        if self._n < 2:  # one pair resampled is itself again, which is not certainty
            return np.full((3, RESAMPLES), np.nan)
        rows = max(1, AT_ONCE // (2 * self._n))
        parts = [self._drawn[i : i + rows] for i in range(0, RESAMPLES, rows)]
        return np.concatenate([self._of(part, oriented, right) for part in parts], 1)

    def _of(self, drawn: NDArray[np.int32], oriented: Floats, right: np.ndarray) -> Floats:
        n, order = self._n, np.argsort(-oriented, kind="stable")
        ends, member = _tie_ends(oriented[order]), order < n
        ranked = drawn[:, order]
        tp = np.cumsum(ranked * member, 1, dtype=np.int32)[:, ends]
        fp = np.cumsum(ranked * ~member, 1, dtype=np.int32)[:, ends]
        steps = np.diff(fp, axis=1, prepend=0)
        middle = 2 * tp - np.diff(tp, axis=1, prepend=0)  # twice the height between two points
        area = np.einsum("bk,bk->b", steps.astype(np.float64), middle) / (2 * n * n)
        accuracy = 100 * (drawn @ right) / (2 * n)
        low = np.where(fp <= np.floor(LOW_FPR * n), tp, 0).max(1)
        return np.stack([area, accuracy, 100 * low / n])


def _resample(n: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """(RESAMPLES, n) how often each of `n` is drawn."""
    places = rng.integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=n * RESAMPLES).reshape(-1, n).astype(np.int32)


def _estimate(value: float, resampled: Floats) -> Estimate:
    """With its percentile interval, NaN where nothing could be resampled."""
    if not np.isfinite(value):
        return NOTHING
    if not np.isfinite(resampled).all():
        return Estimate(float(value), np.nan, np.nan)
    low, high = np.percentile(resampled, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(float(value), float(low), float(high))


def _difference(found: list[tuple[float, Floats]]) -> Estimate:
    if len(found) < 2:
        return NOTHING
    (a, one), (b, other) = found
    return _estimate(a - b, one - other)
