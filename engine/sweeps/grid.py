"""Every combination of several values of several settings, as plain names and values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.errors import SpecError

MAX_RUNS = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class Point(Generic[T]):
    """One combination: owner -> setting -> value, and the swept ones as 'rurk.tau' -> value."""

    settings: Mapping[str, Mapping[str, T]]
    swept: Mapping[str, T]

    @property
    def name(self) -> str:
        """The swept settings in one line."""
        return ", ".join(f"{path}={value}" for path, value in self.swept.items())


def count(options: Mapping[str, Sequence[object]]) -> int:
    """How many combinations there are of 'rurk.tau' -> values; 1 for no settings at all."""
    return math.prod(map(len, options.values()))


def combinations(options: Mapping[str, Sequence[T]]) -> list[Point[T]]:
    """Every combination of 'rurk.tau' -> values, the last setting changing fastest.

    SpecError if there are more than `MAX_RUNS`.
    """
    total = count(options)
    if total > MAX_RUNS:
        raise SpecError(
            f"This grid has {total} combinations, but at most {MAX_RUNS} can be run. "
            "Remove some values."
        )
    return [_point(options, values) for values in itertools.product(*options.values())]


def _point(options: Mapping[str, Sequence[T]], values: Sequence[T]) -> Point[T]:
    settings: dict[str, dict[str, T]] = {}
    for path, value in zip(options, values, strict=True):
        owner, _, name = path.partition(".")
        settings.setdefault(owner, {})[name] = value
    chosen = dict(zip(options, values, strict=True))
    return Point(settings, {path: chosen[path] for path in options if len(options[path]) > 1})
