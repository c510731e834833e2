"""The selection: the current sample and the highlighted ones. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

REPLACE, ADD, REMOVE, INTERSECT = "replace", "add", "remove", "intersect"


@dataclass(frozen=True)
class Selection:
    """`current`: the current sample (training-set index or None); `chosen`: highlighted samples."""

    current: int | None = None
    chosen: frozenset[int] = frozenset()

    def combine(self, indices: Iterable[int], mode: str) -> Selection:
        """The selection combined with `indices` in `mode`; the current sample stays."""
        new = frozenset(int(i) for i in indices)
        chosen = {
            REPLACE: new,
            ADD: self.chosen | new,
            REMOVE: self.chosen - new,
            INTERSECT: self.chosen & new,
        }[mode]
        return Selection(self.current, chosen)
