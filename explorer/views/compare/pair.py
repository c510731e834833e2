"""The pair of models that the tabs of Compare draw."""

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
    """Models a and b with their labels; forget: S_f of the study; split: one of SPLITS."""

    a: ModelResult
    b: ModelResult
    labels: tuple[str, str]
    dataset: Dataset
    forget: tuple[int, ...]
    split: str

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """Split -> comparison: on the split, the forget set, and `beside`."""
        splits = dict.fromkeys((self.split, FORGET, self.beside))
        return {split: self._on(split) for split in splits}

    @property
    def comparison(self) -> Comparison:
        """The comparison on the split."""
        return self.comparisons[self.split]

    @property
    def beside(self) -> str:
        """The split beside the forget set: the retain set where the split is the forget set."""
        return RETAIN if self.split == FORGET else self.split

    @cached_property
    def forgotten(self) -> np.ndarray:
        """The classes of the forget set."""
        return np.unique(self.dataset.train_y[list(self.forget)])

    @property
    def groupable(self) -> bool:
        """Whether two or more classes have no forget sample and can be grouped."""
        return len(self.groups(True).names) < len(self.dataset.classes)

    def groups(self, grouped: bool) -> Groups:
        """Every class by itself, or the classes of the forget set and one group of the rest."""
        if not grouped:
            return every_class(self.dataset.classes)
        return forgotten_and_rest(self.dataset.classes, self.forgotten.tolist())

    def styles(self, theme: Theme) -> tuple[ModelStyle, ModelStyle]:
        """The models' usual styles, made distinct where they would coincide."""
        first, second = theme.model_style(self.a.name), theme.model_style(self.b.name)
        if first.color == second.color:
            second = second._replace(color=theme.legible(ORANGE))
        if first.symbol == second.symbol:
            second = second._replace(symbol="d" if first.symbol != "d" else "s")
        return first, second

    def _on(self, split: str) -> Comparison:
        y, test_y = self.dataset.train_y, self.dataset.test_y
        validation = self.dataset.validation
        return compare(self.a, self.b, split, y, test_y, self.forget, validation)
