"""What is selected: the sample under the lens, and the highlighted ones. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

REPLACE, ADD, REMOVE, INTERSECT = "replace", "add", "remove", "intersect"


@dataclass(frozen=True)
class Selection:
    """`current`: the sample under the lens (training-set index or None); `chosen`: highlighted."""

    current: int | None = None
    chosen: frozenset[int] = frozenset()

    def combine(self, indices: Iterable[int], mode: str) -> Selection:
        """The selection after `indices` arrive in `mode`; the current sample stays."""
        new = frozenset(int(i) for i in indices)
        chosen = {
            REPLACE: new,
            ADD: self.chosen | new,
            REMOVE: self.chosen - new,
            INTERSECT: self.chosen & new,
        }[mode]
        return Selection(self.current, chosen)
