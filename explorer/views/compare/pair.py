"""Two models of a study, as the tabs of Compare see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.comparison.pair import (
    FORGET,
    RETAIN,
    Comparison,
    Groups,
    compare,
    every_class,
    forgotten_and_rest,
)
from engine.datasets.base import Dataset
from engine.drawing.palette import ORANGE
from engine.results import ModelResult
from explorer.theme import ModelStyle, Theme

SIDES = ("a", "b")


@dataclass(frozen=True, eq=False)
class Pair:
    """Models a and b with what people call them; forget: S_f of the study; split: one of SPLITS."""

    a: ModelResult
    b: ModelResult
    labels: tuple[str, str]
    dataset: Dataset
    forget: tuple[int, ...]
    split: str

    @cached_property
    def found(self) -> Mapping[str, Comparison]:
        """What both say on the split, on the forget set, and on what stands beside it."""
        wanted = dict.fromkeys((self.split, FORGET, self.beside))
        return {split: self._on(split) for split in wanted}

    @property
    def here(self) -> Comparison:
        """What both say on the split."""
        return self.found[self.split]

    @property
    def beside(self) -> str:
        """What forget samples are compared with: the split, the retain set where it is theirs."""
        return RETAIN if self.split == FORGET else self.split

    @cached_property
    def forgotten(self) -> np.ndarray:
        """The classes of the forget set."""
        return np.unique(self.dataset.train_y[list(self.forget)])

    @property
    def groupable(self) -> bool:
        """Whether some classes have nothing to do with the forget set, so that they can be one."""
        return len(self.groups(True).names) < len(self.dataset.classes)

    def groups(self, grouped: bool) -> Groups:
        """Every class for itself, or those of the forget set and the rest."""
        if not grouped:
            return every_class(self.dataset.classes)
        return forgotten_and_rest(self.dataset.classes, self.forgotten.tolist())

    def styles(self, theme: Theme) -> tuple[ModelStyle, ModelStyle]:
        """How the two are drawn: as everywhere, but never alike."""
        first, second = theme.model_style(self.a.name), theme.model_style(self.b.name)
        if first.color == second.color:
            second = second._replace(color=theme.legible(ORANGE))
        if first.symbol == second.symbol:
            second = second._replace(symbol="d" if first.symbol != "d" else "s")
        return first, second

    def _on(self, split: str) -> Comparison:
        y, test_y = self.dataset.train_y, self.dataset.test_y
        held = self.dataset.validation
        return compare(self.a, self.b, split, y, test_y, self.forget, held)
