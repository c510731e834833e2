"""The threshold of an attack: the score from which samples are predicted members."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.membership.results import Attack, AttackResult
from engine.membership.roc import Counts, counts, stepped_threshold
from engine.membership.scores import SCORES, Score

LARGE = 10  # a large step passes one in this many samples


class Threshold(QObject):
    """Chosen on the held-out half of the samples until the user moves it; `moved` follows both.

    attack: the attack it belongs to, or None; by_hand: the value set by the user, or None.
    """

    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.attack: Attack | None = None
        self.by_hand: float | None = None

    def follow(self, attack: Attack | None) -> None:
        """Switch to another attack; a value set by hand stays while the score is the same."""
        before, self.attack = self.attack, attack
        if before is not None and attack is not None and before.score != attack.score:
            self.by_hand = None  # it means nothing on another axis

    @property
    def value(self) -> float:
        """The current threshold; NaN without an attack, or where none could be chosen."""
        if self.by_hand is not None:
            return self.by_hand
        return first(self.attack).threshold if self.attack is not None else float("nan")

    @property
    def step_on_roc(self) -> int:
        """The step of model A's ROC at the threshold; -1 where there is none."""
        if self.attack is None or not np.isfinite(self.value):
            return -1
        return score_of(self.attack).step(first(self.attack).values, self.value)

    @property
    def counts(self) -> Counts | None:
        """Model A's confusion counts at the threshold; None without a threshold."""
        attack = self.attack
        if attack is None or not np.isfinite(self.value):
            return None
        return counts(score_of(attack), first(attack).values, attack.member, self.value)

    def move(self, value: float) -> None:
        """Set the threshold by hand."""
        self.by_hand = value
        self.moved.emit()

    def move_to_step(self, step: int) -> None:
        """Set the threshold to a step of model A's ROC."""
        if self.attack is not None:
            self.move(float(first(self.attack).roc.thresholds[step]))

    def step(self, direction: int, large: bool) -> None:
        """Move past one sample, or a tenth of them, to the left or right of the histogram."""
        attack = self.attack
        if attack is not None:
            by = direction * (max(1, len(attack.samples) // LARGE) if large else 1)
            self.move(stepped_threshold(score_of(attack), first(attack), self.value, by))

    def step_along(self, direction: int, large: bool) -> None:
        """Move along the ROC: to the right, more samples are predicted members."""
        if self.attack is not None:
            self.step(-score_of(self.attack).sign * direction, large)

    def leap(self, where: str) -> None:
        """Jump to the 'first' or 'last' sample, or 'back' to the held-out threshold."""
        if where == "back":
            self.reset()
        elif self.attack is not None:
            self.step((-1 if where == "first" else 1) * len(self.attack.samples), False)

    def reset(self) -> None:
        """Restore the threshold chosen on the held-out half."""
        self.by_hand = None
        self.moved.emit()


def first(attack: Attack) -> AttackResult:
    """The result for model A."""
    return next(iter(attack.models.values()))


def score_of(attack: Attack) -> Score:
    """The score that the attack uses."""
    return SCORES[attack.score]
