"""Numbers of copies: how many are drawn, and how many of them are recognized. Imports no torch."""

from __future__ import annotations

import math

import numpy as np

from engine.perturbations import BLOCK
from engine.spec import ProbeSpec

HALVINGS = 10  # bisections of a step of the grid, to a thousandth of it, for the smallest tau


def blocks_of(draws: int) -> int:
    """Number of blocks of `BLOCK` draws needed for `draws`."""
    return math.ceil(draws / BLOCK)


def copies(probe: ProbeSpec, n: int) -> float:
    """Number of copies of n samples that each model predicts if every cell gets all draws."""
    each = sum(1 / BLOCK if tau == 0 else 1 for tau in probe.taus)
    return n * blocks_of(probe.draws) * BLOCK * each


def correct_counts(predictions: np.ndarray, y: np.ndarray, draws: int) -> np.ndarray:
    """(n, T) int32 correct predictions among the first `draws` copies of predictions (n, T, c)."""
    counts: np.ndarray = (predictions[:, :, :draws] == y[:, None, None]).sum(2, dtype=np.int32)
    return counts


def truncated(predictions: np.ndarray, drawn: np.ndarray | None) -> np.ndarray:
    """Predictions (n, T, c) restricted to the first drawn (n, T) of each cell; None: all.

    Entries beyond are set to the largest number of the dtype, which is never a class.
    """
    if drawn is None:
        return predictions
    beyond = np.arange(predictions.shape[2]) >= drawn[:, :, None]
    return np.where(beyond, np.iinfo(predictions.dtype).max, predictions)
