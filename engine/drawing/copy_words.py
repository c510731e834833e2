"""What a copy changed, in words: features moved, or words dropped and replaced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.perturbations import EditedMessage

MOST = 4  # changes that are named
LEAST = 0.0005  # smallest change of a feature that is


def moved_features(copy: np.ndarray, sample: np.ndarray, names: Sequence[str]) -> str:
    """The features (d,) in [0, 1] that a copy moved most, with their names and by how much.

    >>> moved_features(np.array([0.5, 0.2, 0.3]), np.array([0.1, 0.2, 0.4]), ("age", "size", "x"))
    'age +0.400, x -0.100'
    """
    change = np.asarray(copy, np.float64) - np.asarray(sample, np.float64)
    order = np.argsort(-np.abs(change), kind="stable")
    moved = [place for place in order.tolist() if abs(change[place]) >= LEAST]
    words = [f"{names[place]} {change[place]:+.3f}" for place in moved[:MOST]]
    return _listed(words, len(moved))


def changed_words(message: EditedMessage) -> str:
    """The words that a copy dropped or replaced.

    >>> changed_words(EditedMessage(("win", "a", "prize"), ("win", "", "phone")))
    "'a' dropped, 'prize' → 'phone'"
    """
    pairs = [(old, new) for old, new in zip(message.words, message.copy, strict=True) if old != new]
    words = [f"'{old}' → '{new}'" if new else f"'{old}' dropped" for old, new in pairs[:MOST]]
    return _listed(words, len(pairs))


def _listed(words: Sequence[str], count: int) -> str:
    more = count - len(words)
    return ", ".join(words) + (f" and {more:,} more" if more > 0 else "")
