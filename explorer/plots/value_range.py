"""The range of values that a chart shows: that of its main curves, whatever lies beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats

STRETCH = 0.6  # of the main curves' range, that intervals and other curves may add on each side
LEAST = 0.02  # of the largest value, the smallest range


@dataclass(frozen=True)
class ValueRange:
    """low, high: the range shown; lowest, highest: of all that is drawn."""

    low: float
    high: float
    lowest: float
    highest: float

    @property
    def cuts(self) -> bool:
        """Whether something lies beyond the range."""
        return self.lowest < self.low or self.highest > self.high


def value_range(main: Sequence[Floats], others: Iterable[Floats]) -> ValueRange | None:
    """The range that contains all `main` values, and of the others what does not squeeze them.

    Undefined values are ignored. None if there is no value at all.

    >>> value_range([np.array([1.0, 2.0])], [np.array([0.8, 2.5])])
    ValueRange(low=0.8, high=2.5, lowest=0.8, highest=2.5)
    >>> value_range([np.array([1.0, 2.0])], [np.array([0.8, 40.0])])
    ValueRange(low=0.8, high=2.6, lowest=0.8, highest=40.0)
    """
    inner, outer = _finite(main), _finite(others)
    every = np.concatenate([inner, outer])
    if not len(every):
        return None
    core = inner if len(inner) else every
    low, high = float(core.min()), float(core.max())
    lowest, highest = float(every.min()), float(every.max())
    room = STRETCH * max(high - low, LEAST * abs(high), 1e-9)
    return ValueRange(max(lowest, low - room), min(highest, high + room), lowest, highest)


def _finite(values: Iterable[Floats]) -> Floats:
    joined = np.concatenate([np.zeros(0), *(np.ravel(one) for one in values)])
    return np.asarray(joined[np.isfinite(joined)], np.float64)
