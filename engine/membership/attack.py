"""Membership inference: can an attacker infer a model's training samples from its outputs?

Members are forget samples (or retain samples), non-members are test samples, in equal numbers. A
random half of them is held out to choose the threshold and to train learned scores; only the other
half is reported. The attack on Re-train is the baseline: its success is due to the samples, not to
memorization.

By default non-members have the members' classes: otherwise a forget set of one hard class could be
distinguished from a test set of all classes by its class alone, on Re-train as on any model.

Sources: equal sizes and learned attacks, Shokri et al. 2017; a threshold on the loss, Yeom et al.
2018; ROC and true positive rate at a low false positive rate, Carlini et al. 2022; the SVM, Hsu
et al. 2025 (engine.metrics.mia_acc); scores per sample, engine.membership.reference_scores. Learned
scores use scikit-learn, which is imported on first use; resampled areas, a thousand at once, are
plain numpy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Integers
from engine.errors import SpecError, unknown
from engine.membership.reference_scores import ReferenceScores
from engine.membership.references import References
from engine.membership.results import UNDEFINED, Attack, AttackResult, Estimate
from engine.membership.roc import auc, best_threshold, roc, tpr_at
from engine.membership.scores import PLAIN, Score, confidence, entropy, loss, margin, score_named
from engine.metrics.mia_acc import MIA, fitted_svm
from engine.results import ModelResult
from engine.runtime.seeds import numpy_generator

MEMBERS = {  # the training samples that the attack tries to identify
    "forget": "Forget set",
    "retain": "Retain set",
}
LOW_FPR, LOWEST_FPR = 0.01, 0.001
FEWEST = 100  # non-members required to distinguish a false positive rate of 1 % from 0
FEWEST_AT_LOWEST = 1000  # and to distinguish 0.1 % from 0
RESAMPLES = 1000
LEVEL = 0.95
AT_ONCE = 2_000_000  # resampled samples held in memory at once


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
    references: References | None = None,
) -> Attack:
    """Attack one or two models by name, A first.

    train_y (n,), test_y (m,): true classes; forget (n_f,): indices of S_f in the training set;
    matched: draw non-members from the members' classes only, in equal numbers; seed: of the draw
    and the held-out half; validation (v,): indices held out of training; references: the further
    models that U-LiRA and RMIA compare with. SpecError for unknown names, for outputs that are not
    finite, if there are no members or non-members, and for too few references.
    """
    attack_score = score_named(score)
    if attack_score.referenced and members == "retain":
        raise SpecError(
            f"{attack_score.label} compares with models that never saw the members, but all models "
            "saw the retain set. Attack the forget set, or choose another score."
        )
    member_indices = member_rows(len(train_y), forget, members, validation)
    groups = (train_y[member_indices], test_y) if matched else (member_indices * 0, test_y * 0)
    rows = draw_pairs(groups[0], groups[1], seed)
    _check(models, rows, attack_score, matched)
    reported = _Samples(member_indices[rows.member], rows.other, train_y, test_y)
    held_out = _Samples(member_indices[rows.held_member], rows.held_other, train_y, test_y)
    weights, note = _Weights(len(rows.member), seed), ""
    scored: Callable[[ModelResult], tuple[Floats, Floats]] = functools.partial(
        _scored, score=attack_score, reported=reported, held_out=held_out
    )
    null: tuple[float, ...] = ()
    if attack_score.referenced:
        beside = references or References(())
        by_sample = functools.partial(
            ReferenceScores, attack_score, beside, member_indices, (rows.member, rows.other),
            (rows.held_member, rows.held_other), (train_y, test_y),
        )  # fmt: skip
        scores = by_sample({one.key for one in models.values()})
        null = _null(attack_score, by_sample, beside.retrains, reported.member)
        scored, note = scores.of, scores.note(next(iter(models)), null)
    results = {
        name: _attacked(scored(model), attack_score, reported, held_out, weights)
        for name, model in models.items()
    }
    return Attack(
        attack_score.name, members, matched,
        reported.samples, reported.member, held_out.samples, held_out.member,
        {name: result for name, (result, _) in results.items()},
        _difference([(result.auc.value, resampled) for result, resampled in results.values()]),
        note,
        null,
    )  # fmt: skip


def member_rows(
    n: int, forget: np.ndarray, members: str, held: Sequence[int] | np.ndarray = ()
) -> Integers:
    """Indices of the members, S_f or S_r, in a training set of size `n`; SpecError if neither.

    held: indices held out of training, which belong to neither.
    """
    if members not in MEMBERS:
        raise unknown("set of members", members, MEMBERS)
    if members == "forget":
        return np.unique(np.asarray(forget, np.intp))
    excluded = np.concatenate([np.asarray(forget, np.intp), np.asarray(held, np.intp)])
    return np.setdiff1d(np.arange(n), excluded)


def draw_pairs(member_groups: np.ndarray, other_groups: np.ndarray, seed: int) -> Draw:
    """Draw the largest number of member and non-member pairs of the same group, and halve them.

    member_groups (i,), other_groups (j,): group numbers, all equal if groups do not matter. With an
    odd number of pairs, the reported half is larger by one.
    """
    pairs = np.concatenate(
        [_pairs(member_groups, other_groups, g, seed) for g in np.unique(member_groups)]
        or [np.empty((0, 2), np.int64)]
    )
    order = numpy_generator(seed, "attack", "held out").permutation(len(pairs))
    held_out, reported = np.split(pairs[order], [len(pairs) // 2])
    return Draw(reported[:, 0], reported[:, 1], held_out[:, 0], held_out[:, 1])


def _pairs(member_groups: np.ndarray, other_groups: np.ndarray, group: int, seed: int) -> Integers:
    rng = numpy_generator(seed, "attack", int(group))
    members, non_members = (
        np.flatnonzero(member_groups == group),
        np.flatnonzero(other_groups == group),
    )
    size = min(len(members), len(non_members))
    return np.stack([rng.permutation(members)[:size], rng.permutation(non_members)[:size]], 1)


def _check(models: Mapping[str, ModelResult], rows: Draw, score: Score, matched: bool) -> None:
    if not len(rows.member):
        raise SpecError(
            "No test sample belongs to the members' classes. Compare the members with test samples "
            "of any class instead of the same classes (on the command line: --any-class)."
            if matched
            else "There is nothing to attack: the set of members or the test set is empty."
        )
    if score.learned and not len(rows.held_member):
        raise SpecError(
            f"The score '{score.label}' is trained on held-out members, but there is only one "
            "member. Choose another score, or more members."
        )
    for model in models.values():
        if not (np.isfinite(model.train_logits).all() and np.isfinite(model.test_logits).all()):
            raise SpecError(
                f"The outputs of {model.label} are not finite: it diverged. Choose another model."
            )


def _null(
    score: Score,
    by_sample: Callable[[set[str]], ReferenceScores],
    retrains: Sequence[ModelResult],
    member: np.ndarray,
) -> tuple[float, ...]:
    """The AUC of an attack on each Re-train, judged by the others; () with too few of these."""
    try:
        judged = [by_sample({one.key}).of(one)[0] for one in retrains]
    except SpecError:
        return ()
    return tuple(auc(roc(score, values, member)) for values in judged)


class _Samples:
    """Members followed by equally many non-members, with their true classes.

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
        """(m, K) logits of the model for these samples."""
        member, other = self.rows
        return np.concatenate([model.train_logits[member], model.test_logits[other]])


def _attacked(
    scores: tuple[Floats, Floats],
    score: Score,
    reported: _Samples,
    held_out: _Samples,
    weights: _Weights,
) -> tuple[AttackResult, Floats]:
    """The result for one model with these scores, and its resampled AUC (RESAMPLES,)."""
    values, held_values = scores
    curve = roc(score, values, reported.member)
    threshold = _threshold(score, held_values, held_out.member)
    correct = score.called(values, threshold) == reported.member
    resampled = weights.resampled(score.sign * values, correct)
    n = int(reported.member.sum())
    low_fpr_tpr = tpr_at(curve, LOW_FPR) if n >= FEWEST else np.nan
    lowest_fpr_tpr = tpr_at(curve, LOWEST_FPR) if n >= FEWEST_AT_LOWEST else np.nan
    accuracy = 100 * float(correct.mean()) if np.isfinite(threshold) else np.nan
    result = AttackResult(
        values, held_values, curve, threshold,
        _estimate(auc(curve), resampled[0]),
        _estimate(accuracy, resampled[1]),
        _estimate(low_fpr_tpr, resampled[2]),
        _estimate(lowest_fpr_tpr, resampled[3]),
    )  # fmt: skip
    return result, resampled[0]


def _scored(
    model: ModelResult, score: Score, reported: _Samples, held_out: _Samples
) -> tuple[Floats, Floats]:
    """Scores of the reported (m,) and the held-out (h,) samples."""
    logits, held_logits = reported.logits(model), held_out.logits(model)
    if score.name == "svm":
        return _by_svm(
            confidence(logits, reported.y), confidence(held_logits, held_out.y), held_out.member
        )
    if score.name == "logistic":
        return _by_regression(
            _features(logits, reported.y), _features(held_logits, held_out.y), held_out.member
        )
    statistic = PLAIN[score.name]
    return statistic(logits, reported.y), statistic(held_logits, held_out.y)


def _by_svm(values: Floats, held_values: Floats, member: np.ndarray) -> tuple[Floats, Floats]:
    limit = MIA().most // 2  # the SVM's time is quadratic; the rows are in random order
    attacker = fitted_svm(held_values[member][:limit], held_values[~member][:limit])
    return attacker.decision_function(values[:, None]), attacker.decision_function(
        held_values[:, None]
    )


def _by_regression(
    features: Floats, held_features: Floats, member: np.ndarray
) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    center, width = held_features.mean(0), np.maximum(held_features.std(0), 1e-12)
    attacker = LogisticRegression(max_iter=1000).fit((held_features - center) / width, member)
    return (
        attacker.decision_function((features - center) / width),
        attacker.decision_function((held_features - center) / width),
    )


def _features(logits: np.ndarray, y: np.ndarray) -> Floats:
    return np.stack([statistic(logits, y) for statistic in (loss, entropy, margin)], 1)


def _threshold(score: Score, held_values: Floats, member: np.ndarray) -> float:
    if not len(held_values):
        return float("nan")
    return 0.0 if score.learned else best_threshold(roc(score, held_values, member))


class _Weights:
    """Counts of each of `n` members and `n` non-members in each bootstrap resample.

    Members and non-members are resampled separately, so their numbers stay equal; both models use
    the same resamples, which gives an interval for their difference.
    """

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        rng = numpy_generator(seed, "attack", "bootstrap")
        self._drawn = np.concatenate([_resample(n, rng), _resample(n, rng)], 1)

    def resampled(self, oriented: Floats, correct: np.ndarray) -> Floats:
        """(4, RESAMPLES) AUC, accuracy and TPR at 1 % and 0.1 % FPR of every resample, in percent.

        oriented: (2 n,) scores, members first, larger for members; right: (2 n,) bool. NaN if there
        is only one pair.
        """
        if self._n < 2:  # resampling one pair has no variance, which does not mean certainty
            return np.full((4, RESAMPLES), np.nan)
        rows = max(1, AT_ONCE // (2 * self._n))
        parts = [self._drawn[i : i + rows] for i in range(0, RESAMPLES, rows)]
        return np.concatenate([self._of(part, oriented, correct) for part in parts], 1)

    def _of(self, drawn: NDArray[np.int32], oriented: Floats, correct: np.ndarray) -> Floats:
        n, order = self._n, np.argsort(-oriented, kind="stable")
        ends, member = _tie_ends(oriented[order]), order < n
        ranked = drawn[:, order]
        tp = np.cumsum(ranked * member, 1, dtype=np.int32)[:, ends]
        fp = np.cumsum(ranked * ~member, 1, dtype=np.int32)[:, ends]
        steps = np.diff(fp, axis=1, prepend=0)
        middle = 2 * tp - np.diff(tp, axis=1, prepend=0)  # twice the height between two points
        area = np.einsum("bk,bk->b", steps.astype(np.float64), middle) / (2 * n * n)
        accuracy = 100 * (drawn @ correct) / (2 * n)
        low, lowest = (
            np.where(fp <= np.floor(fpr * n), tp, 0).max(1) for fpr in (LOW_FPR, LOWEST_FPR)
        )
        return np.stack([area, accuracy, 100 * low / n, 100 * lowest / n])


def _resample(n: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """(RESAMPLES, n) number of times each of `n` is drawn."""
    places = rng.integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=n * RESAMPLES).reshape(-1, n).astype(np.int32)


def _estimate(value: float, resampled: Floats) -> Estimate:
    """A value with its percentile interval, NaN if nothing could be resampled."""
    if not np.isfinite(value):
        return UNDEFINED
    if not np.isfinite(resampled).all():
        return Estimate(float(value), np.nan, np.nan)
    low, high = np.percentile(resampled, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate(float(value), float(low), float(high))


def _difference(results: list[tuple[float, Floats]]) -> Estimate:
    if len(results) < 2:
        return UNDEFINED
    (a, resampled_a), (b, resampled_b) = results
    return _estimate(a - b, resampled_a - resampled_b)


def _tie_ends(ranked: Floats) -> NDArray[np.intp]:
    """The last row of each run of equal values in sorted `ranked` (m,)."""
    return np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
