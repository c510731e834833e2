"""The settings of a method that are searched, and between which values.

A method may state them when it is registered, as `space={"lr": (1e-4, 0.5), "labels": ("any",
"other")}`: two numbers are the ends of a range, anything else are choices. Otherwise they follow
from the fields of its settings.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine import registry
from engine.errors import SpecError
from engine.fields import amend, field_kind, need_of
from engine.spec import SGDSpec

COMMON: Mapping[str, tuple[Any, ...]] = {"lr": (1e-4, 0.5), "epochs": (1, 40)}
FACTOR = 100.0  # a number is searched between its default divided and multiplied by this
FACTOR_WHOLE = 4  # a whole number, likewise

Value = int | float | str


@dataclass(frozen=True)
class Range:
    """Every number from low to high, both included; whole: whole numbers alone.

    The scale is logarithmic where low is positive, because learning rates and weights act by their
    order of magnitude; otherwise it is linear.
    """

    low: float
    high: float
    whole: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether the scale is logarithmic."""
        return self.low > 0

    def nearest(self, value: Value) -> Value:
        """The number in the range that is nearest to `value`.

        >>> Range(0.001, 1.0).nearest(0.0)
        0.001
        """
        bounded = min(max(float(value), self.low), self.high)
        return round(bounded) if self.whole else bounded


@dataclass(frozen=True)
class Choice:
    """One of these values; a single one is set and not searched."""

    values: tuple[Value, ...]

    def nearest(self, value: Value) -> Value:
        """`value` if it can be chosen, otherwise the first that can."""
        return value if value in self.values else self.values[0]


Space = Mapping[str, Range | Choice]


def space_of(method: str, without: Collection[str] = ()) -> Space:
    """Setting -> its range or choice, for a registered method; without the settings in `without`.

    Where the method states no space: its learning rate and epochs (see `COMMON`), and every other
    number of its own that has an effect by default and is not 0, from its default divided by
    `FACTOR` to its default times `FACTOR` (`FACTOR_WHOLE` for whole numbers), within its bounds.
    What `engine.spec.SGDSpec` has besides (momentum, batch ...), words and switches stay as they
    are: the methods share them, and few trials do not suffice for many settings. SpecError for an
    unknown method, or a stated space that its settings do not allow.
    """
    entry = registry.get("method", method)
    config = entry.config
    assert config is not None
    stated = entry.facts.get("space")
    values = dict(_default_values(config)) if stated is None else dict(stated)
    found = {name: _one(config, name, tuple(values[name])) for name in values}
    _check(method, config, found)
    return {name: one for name, one in found.items() if name not in without}


def as_plain(space: Space) -> dict[str, Any]:
    """The space as JSON data."""
    return {name: dataclasses.asdict(one) for name, one in space.items()}


def _one(config: type[Any], name: str, values: tuple[Any, ...]) -> Range | Choice:
    """Two numbers are the ends of a range; anything else is a choice."""
    if len(values) != 2 or not all(isinstance(value, (int, float)) for value in values):
        return Choice(values)
    known = {item.name for item in dataclasses.fields(config)}
    whole = name in known and field_kind(config, name) is int
    return Range(*values, whole=whole)


def _default_values(config: type[Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    shared = {item.name for item in dataclasses.fields(SGDSpec)}
    start = config()
    for item in dataclasses.fields(config):
        if item.name in COMMON:
            yield item.name, COMMON[item.name]
        elif item.name not in shared and _has_effect(start, item):
            ends = _ends(getattr(start, item.name), item.metadata)
            if ends:
                yield item.name, ends


def _has_effect(start: Any, item: dataclasses.Field[Any]) -> bool:
    need = need_of(item.metadata)
    return not item.metadata.get("expert") and (need is None or getattr(start, need[0]) in need[1])


def _ends(default: Any, facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """Low and high end of a number; () for what is no number or 0, which means none or all."""
    if isinstance(default, bool) or not isinstance(default, (int, float)) or default <= 0:
        return ()
    low, high = facts.get("low"), facts.get("high")
    first: float = default / FACTOR
    last: float = default * FACTOR
    if isinstance(default, int):
        first, last = max(1, default // FACTOR_WHOLE), default * FACTOR_WHOLE
    lowest = -math.inf if low is None else low
    highest = math.inf if high is None else high
    return max(first, lowest), min(last, highest)


def _check(method: str, config: type[Any], space: Space) -> None:
    """SpecError if a setting does not exist or does not allow an end or a choice."""
    for name, one in space.items():
        values = (one.low, one.high) if isinstance(one, Range) else one.values
        if not values or (isinstance(one, Range) and not one.low < one.high):
            raise SpecError(
                f"The space of {method}.{name} is empty. State two different numbers, the smaller "
                "first, or some choices."
            )
        for value in values:
            amend(config(), {name: value}, f"{method}.")
