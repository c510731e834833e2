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
    accuracy at that threshold, and tpr_at_low: true positive rate at a false positive rate of at
    most 1 %, both in percent, the latter NaN with fewer than 100 non-members.
    """

    values: np.ndarray
    held_out: np.ndarray
    roc: Roc
    threshold: float
    auc: Estimate
    accuracy: Estimate
    tpr_at_low: Estimate


@dataclass(frozen=True, eq=False)
class Attack:
    """Membership inference on models A and B with the same samples.

    score: one of engine.membership.scores.SCORES; members: 'forget' or 'retain'; matched: whether
    both sides have the same classes. samples (m,), held_out (h,): int64, training samples 0 .. n-1
    then test samples n ..; member (m,), held_member (h,): bool, as many true as false. models: name
    -> result, A first, a single entry if B is A; difference: AUC(A) - AUC(B).
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

    @property
    def size(self) -> int:
        """Number of reported members, equal to the number of reported non-members."""
        return int(self.member.sum())
