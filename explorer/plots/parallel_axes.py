"""The axes of parallel coordinates: values, scale, and brushes on them. No widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats

Brush = tuple[float, float]  # lowest and highest value, in the unit of the axis
STEPS = 20  # of a continuous axis, by keyboard
MOST_TICKS = 12  # of values that are all marked; more are a continuous axis
MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a continuous axis


@dataclass(frozen=True, eq=False)
class ParallelAxis:
    """One axis. values (n,): of each line, NaN where undefined; ticks: (value, label); below: a
    second line of the title; tip: which way is better, and what the axis means; goal: the best
    value, NaN if there is no single one.
    """

    name: str
    title: str
    below: str
    values: Floats
    ticks: tuple[tuple[float, str], ...]
    discrete: bool = False
    tip: str = ""
    goal: float = math.nan

    @property
    def range(self) -> tuple[float, float]:
        """The values at the bottom and at the top."""
        marks = [value for value, _ in self.ticks]
        return (min(marks), max(marks)) if marks else (0.0, 1.0)

    def positions(self, values: Floats) -> Floats:
        """Heights of values, 0 at the bottom and 1 at the top; NaN where undefined."""
        low, high = self.range
        if high <= low:
            return np.where(np.isfinite(values), 0.5, np.nan)
        return np.asarray((values - low) / (high - low))

    def value_at(self, position: float) -> float:
        """The value at this height."""
        low, high = self.range
        return low + position * (high - low)

    @property
    def step(self) -> float:
        """How far a key moves a brush."""
        low, high = self.range
        return 1.0 if self.discrete else (high - low) / STEPS or 1.0

    def first_brush(self) -> Brush:
        """The brush that a key begins with: the uppermost value, or quarter."""
        low, high = self.range
        return self.within(
            (high - 0.5, high + 0.5) if self.discrete else (high - (high - low) / 4, high)
        )

    def within(self, brush: Brush) -> Brush:
        """The brush, moved back if it left the axis, and no longer than it."""
        low, high = self.range
        margin = 0.5 if self.discrete or high <= low else 0.0
        low, high = low - margin, high + margin
        length = min(brush[1] - brush[0], high - low)
        start = min(max(brush[0], low), high - length)
        return start, start + length


def numeric_axis(
    name: str,
    title: str,
    below: str,
    values: Sequence[float],
    digits: int,
    tip: str = "",
    goal: float = math.nan,
) -> ParallelAxis:
    """An axis of numbers, with marks at quarters."""
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return ParallelAxis(name, title, below, numbers, (), False, tip)
    low, high = float(finite.min()), float(finite.max())
    shares = MARKS if high > low else (0.0,)
    ticks = tuple(
        (low + share * (high - low), f"{low + share * (high - low):.{digits}f}") for share in shares
    )
    return ParallelAxis(name, title, below, numbers, ticks, False, tip, goal)


def setting_axis(
    name: str, title: str, below: str, texts: Sequence[str], tip: str = ""
) -> ParallelAxis:
    """An axis of a setting: its values in order at equal distances; numbers if there are many."""
    distinct = sorted({text for text in texts if text}, key=_order)
    if len(distinct) > MOST_TICKS and all(math.isfinite(_number(text)) for text in distinct):
        return _marked(numeric_axis(name, title, below, [_number(t) for t in texts], 3, tip))
    places = {text: float(place) for place, text in enumerate(distinct)}
    values = np.array([places.get(text, math.nan) for text in texts])
    ticks = tuple((place, text) for text, place in places.items())
    return ParallelAxis(name, title, below, values, ticks, True, tip)


def _marked(axis: ParallelAxis) -> ParallelAxis:
    """The axis with the shortest labels of its numbers."""
    return replace(axis, ticks=tuple((value, f"{value:.4g}") for value, _ in axis.ticks))


def passing(axes: Sequence[ParallelAxis], brushes: Mapping[str, Brush]) -> NDArray[np.bool_]:
    """(n,) which lines pass through all brushes; undefined values pass through none."""
    n = len(axes[0].values) if axes else 0
    inside = np.ones(n, dtype=bool)
    for axis in axes:
        if axis.name in brushes:
            low, high = brushes[axis.name]
            inside &= (axis.values >= low) & (axis.values <= high)  # False for NaN
    return inside


def _order(text: str) -> tuple[int, float, str]:
    number = _number(text)
    return (0, number, "") if math.isfinite(number) else (1, 0.0, text.casefold())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
