"""Results of membership inference, in plain numpy so that they can be drawn without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % bootstrap interval; NaN if undefined."""

    value: float
    low: float
    high: float


UNDEFINED = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Roc:
    """The ROC curve of an attack, one step for each distinct score: all arrays (k + 1,).

    fp, tp: int64 false and true positives, from none to all; thresholds: float64 in the score's
    unit, halfway between two scores.
    """

    fp: np.ndarray
    tp: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True, eq=False)
class AttackResult:
    """Membership inference on one model.

    values (m,), held_out (h,): float64 scores of the attack's reported and held-out samples; roc:
    of the reported ones; threshold: chosen on the held-out ones, NaN without any. auc in [0, 1];
    accuracy at that threshold, and tpr_at_low, tpr_at_lowest: true positive rates at a false
    positive rate of at most 1 % and 0.1 %, all in percent, the latter NaN with fewer than 100 and
    1,000 non-members.
    """

    values: np.ndarray
    held_out: np.ndarray
    roc: Roc
    threshold: float
    auc: Estimate
    accuracy: Estimate
    tpr_at_low: Estimate
    tpr_at_lowest: Estimate = UNDEFINED


@dataclass(frozen=True, eq=False)
class Attack:
    """Membership inference on models A and B with the same samples.

    score: one of engine.membership.scores.SCORES; members: 'forget' or 'retain'; matched: whether
    both sides have the same classes. samples (m,), held_out (h,): int64, training samples 0 .. n-1
    then test samples n ..; member (m,), held_member (h,): bool, as many true as false. models: name
    -> result, A first, a single entry if B is A; difference: AUC(A) - AUC(B); note: what further
    models the score compares with, in sentences, '' if it needs none; null: the AUC on each
    Re-train in the place of A, judged by the others, () for scores that need no further models, or
    with too few.
    """

    score: str
    members: str
    matched: bool
    samples: np.ndarray
    member: np.ndarray
    held_out: np.ndarray
    held_member: np.ndarray
    models: Mapping[str, AttackResult]
    difference: Estimate
    note: str = ""
    null: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Number of reported members, equal to the number of reported non-members."""
        return int(self.member.sum())

    def per_sample(self) -> list[tuple[int, bool, bool, tuple[float, ...]]]:
        """(sample, whether a member, whether held out, its scores under A and B), by sample.

        Samples as in `samples`: training samples from 0, then test samples.
        """
        models = self.models.values()
        reported = [self.samples, self.member, *(one.values for one in models)]
        held_out = [self.held_out, self.held_member, *(one.held_out for one in models)]
        return sorted(
            (int(sample), bool(member), apart, tuple(map(float, scores)))
            for part, apart in ((reported, False), (held_out, True))
            for sample, member, *scores in zip(*part, strict=True)
        )
