"""How alike two models represent samples, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Likeness:
    """Linear CKA of `model` with `to` on one split ('forget' or 'retain'), layer by layer.

    'retrain' stands for every Re-train that is not the model itself: mean (L,) over them, low and
    high (L,) the smallest and largest; of Re-trains among themselves where both say 'retrain'.
    At most 1; NaN for fewer than 4 samples, and where a layer tells no samples apart.
    """

    split: str
    model: str
    to: str
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Similarity:
    """How alike models a and b represent samples, to Original, to the Re-trains and each other.

    layers: L names in the order they run; samples: split -> how many were looked at; seconds: time
    it took.
    """

    a: str
    b: str
    layers: tuple[str, ...]
    samples: Mapping[str, int]
    lines: tuple[Likeness, ...]
    seconds: float

    def line(self, split: str, model: str, to: str) -> Likeness | None:
        """The line of that split, model and reference; None where there is none."""
        wanted = (split, model, to)
        return next((one for one in self.lines if (one.split, one.model, one.to) == wanted), None)
