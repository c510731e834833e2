"""Visualize the perturbations of a sample's copies, in plain numpy."""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats32

FULL = 1.0  # magnitude to which the largest change is scaled


def amplified(copies: np.ndarray, sample: np.ndarray) -> tuple[Floats32, float]:
    """(changes, factor): factor * (copies (c, ...) - sample (...)), float32 in [-1, 1].

    The factor is the same for all copies, so that they can be compared, and scales the largest
    change to -1 or 1; it is 0 if nothing was changed.
    """
    changes = np.asarray(copies, np.float32) - np.asarray(sample, np.float32)
    largest = float(np.abs(changes).max(initial=0.0))
    factor = FULL / largest if largest > 0 else 0.0
    return np.asarray(changes * np.float32(factor), np.float32), factor


def around_gray(changes: np.ndarray) -> Floats32:
    """Map changes in [-1, 1] to pixels in [0, 1]: no change is middle gray."""
    return np.asarray((np.asarray(changes, np.float32) + 1) / 2, np.float32)
