"""What membership inference finds: plain numpy, so that the explorer needs no torch to draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A measured figure with its 95 % bootstrap interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Roc:
    """What an attack's threshold trades, one step for each distinct score: all arrays (k + 1,).

    fp, tp: int64 non-members and members that are called members, from none to all of them;
    thresholds: float64 in the score's unit at which that is so, halfway between two scores.
    """

    fp: np.ndarray
    tp: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True, eq=False)
class Attacked:
    """Membership inference on one model.

    values (m,), held_out (h,): float64 scores of the attack's reported and held-out samples; roc:
    of the reported ones; threshold: chosen on the held-out ones, NaN without any. auc in [0, 1];
    accuracy at that threshold and tpr_at_low: true positive rate at a false positive rate of at
    most 1 %, in percent, the latter NaN with fewer than 100 non-members.
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
    """Membership inference on models A and B, which are shown the same samples.

    score: one of engine.membership.scores.SCORES; members: 'forget' or 'retain'; matched: whether
    both sides have the same classes. samples (m,), held_out (h,): int64, training samples 0 .. n-1
    then test samples n ..; member (m,), held_member (h,): bool, as many true as false. models: name
    -> what was found, A first, one entry where B is A; difference: AUC of A less that of B.
    """

    score: str
    members: str
    matched: bool
    samples: np.ndarray
    member: np.ndarray
    held_out: np.ndarray
    held_member: np.ndarray
    models: Mapping[str, Attacked]
    difference: Estimate

    @property
    def size(self) -> int:
        """Reported members, which are as many as the reported non-members."""
        return int(self.member.sum())
