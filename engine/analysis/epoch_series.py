"""Predictions and accuracies of a method after every epoch, for plotting and replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class EpochView:
    """Observation of a model after one epoch; epoch 0 is the Original that methods start from.

    predictions: (n, T, c) uint8 or uint16 predicted class of every watched copy; accuracy:
    retain_acc, unlearn_acc and test_acc in percent, on the subsets they are evaluated on.
    """

    epoch: int
    predictions: np.ndarray
    accuracy: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Epochs:
    """One method, epoch by epoch, always observed on the same perturbed copies.

    perturbation, taus (T,): how the copies were made; samples, labels (n,): indices and classes of
    the watched forget samples; references: `original` and `retrain-0` ... -> (n, T, c) predicted
    classes of the copies; null_low, null_high (T,): null band of Re-train against Re-train on them
    (NaN with a single Re-train); views: the observed epochs, in order; planned: number of epochs
    the method is configured for (0 if it has none); seconds: time spent on watching; training:
    time spent on the method itself; finished: whether the last view is of the finished model;
    exact: False where that differs from the model in the store in any bit.
    """

    model: str
    perturbation: str
    taus: np.ndarray
    samples: np.ndarray
    labels: np.ndarray
    references: Mapping[str, np.ndarray]
    null_low: np.ndarray
    null_high: np.ndarray
    views: tuple[EpochView, ...]
    planned: int = 0
    seconds: float = 0.0
    training: float = float("nan")
    finished: bool = False
    exact: bool = True

    @property
    def draws(self) -> int:
        """Number of copies per sample and tau."""
        return int(self.references["original"].shape[2])

    @property
    def epochs(self) -> np.ndarray:
        """(E,) numbers of the observed epochs."""
        return np.array([view.epoch for view in self.views], dtype=np.int64)

    def row(self, sample: int) -> int | None:
        """Row of a training sample among the watched ones, None if it is not watched."""
        rows = np.flatnonzero(self.samples == sample)
        return int(rows[0]) if len(rows) else None

    def right(self, predictions: np.ndarray) -> np.ndarray:
        """(n, T, c) bool: which of these predictions are correct."""
        return np.asarray(predictions == self.labels[:, None, None])

    def retrains(self) -> np.ndarray:
        """(k, n, T, c) bool: which copies each Re-train recognizes."""
        names = [name for name in self.references if name.startswith("retrain-")]
        return np.stack([self.right(self.references[name]) for name in names])

    def curve(self, at: int) -> np.ndarray:
        """(T,) residual knowledge r_tau of view `at`, NaN where undefined."""
        return self.curve_of(self.views[at].predictions)

    def curve_of(self, predictions: np.ndarray) -> np.ndarray:
        """(T,) mean of u / a over Re-trains and samples, NaN where a is 0 everywhere."""
        return _mean(_mean(self._ratios(predictions), 1), 0)

    def undefined(self) -> np.ndarray:
        """(T,) number of samples with undefined r: a Re-train recognizes none of their copies."""
        missed = self.retrains().sum(3) == 0
        return np.asarray(missed.any(0).sum(0))

    def overhead(self) -> float:
        """Ratio of watching time to training time; NaN where the latter is unknown."""
        return self.seconds / self.training if self.training > 0 else float("nan")

    def _ratios(self, predictions: np.ndarray) -> np.ndarray:
        """(k, n, T) u / a for every Re-train, NaN where a = 0."""
        u, a = self.right(predictions).sum(2), self.retrains().sum(3)
        return np.where(a > 0, u / np.maximum(a, 1), np.nan)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean over the defined values, NaN where there are none."""
    defined = np.isfinite(values)
    count, total = defined.sum(axis), np.where(defined, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
