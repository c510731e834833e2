"""Measures of one model against the forget set: each knows its unit and which way is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metric:
    """better: 'up', 'down', or 'retrain' where the Re-train's value is the goal."""

    name: str
    label: str
    unit: str
    better: str
    help: str


METRICS = (
    Metric("retain_acc", "Retain", "%", "retrain", "accuracy on the retain set S_r"),
    Metric("unlearn_acc", "Unlearn", "%", "retrain", "100 - accuracy on the forget set S_f"),
    Metric("test_acc", "Test", "%", "retrain", "accuracy on the test set"),
    Metric("seconds", "Time", "s", "down", "run time, set-up included, evaluation excluded"),
)
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")


def accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    """Percent of rows of logits (n, K) whose largest entry is at y (n,)."""
    return float(100 * np.mean(logits.argmax(1) == y))


def accuracies(
    train_logits: np.ndarray,
    test_logits: np.ndarray,
    train_y: np.ndarray,
    test_y: np.ndarray,
    forget: np.ndarray,
) -> dict[str, float]:
    """retain_acc, unlearn_acc, test_acc in percent; forget: indices into the training set."""
    kept = np.ones(len(train_y), dtype=bool)
    kept[forget] = False
    return {
        "retain_acc": accuracy(train_logits[kept], train_y[kept]),
        "unlearn_acc": 100 - accuracy(train_logits[forget], train_y[forget]),
        "test_acc": accuracy(test_logits, test_y),
    }


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over several models."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def average_gap(row: Mapping[str, float], retrain: Mapping[str, float]) -> float:
    """Mean absolute gap to Re-train over the accuracies, in percent points."""
    return float(np.mean([abs(row[name] - retrain[name]) for name in ACCURACIES]))
