"""Columns of text as features in [0, 1]: numbers by their training range, categories one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.datasets._tables import is_missing
from engine.errors import DataError, shown

MOST_CATEGORIES = 200
FEW = 5  # columns named in a note


@dataclass
class Features:
    """names: of the features; columns: (n,) float32 in [0, 1] each; the rest is said in notes.

    missing: column -> number of missing values; constant: columns with one value, left out; beyond:
    number of test values outside the training range; unseen: of categories that it lacks.
    """

    names: list[str] = field(default_factory=list)
    columns: list[np.ndarray] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)
    constant: list[str] = field(default_factory=list)
    beyond: int = 0
    unseen: int = 0

    def add(self, source: str, name: str, values: Sequence[str], train: np.ndarray) -> None:
        """Add a column; train: rows whose range, median and categories are used."""
        absent = np.array([is_missing(value) for value in values])
        if absent.any():
            self.missing[name] = int(absent.sum())
        if absent[train].all():
            self.constant.append(name)
            return
        numbers = _numbers(values, absent)
        if numbers is None:
            self._add_categories(source, name, np.array(values), absent, train)
        else:
            self._add_numbers(name, numbers, train)

    def _add_numbers(self, name: str, numbers: np.ndarray, train: np.ndarray) -> None:
        """Scale by the training range; the training median stands for missing values (NaN)."""
        known = numbers[train][~np.isnan(numbers[train])]
        low, high = known.min(), known.max()
        if low == high:
            self.constant.append(name)
            return
        filled = np.where(np.isnan(numbers), np.median(known), numbers)
        scaled = (filled - low) / (high - low)
        self.beyond += int(((scaled < 0) | (scaled > 1)).sum())
        self.names.append(name)
        self.columns.append(np.clip(scaled, 0, 1).astype(np.float32))

    def _add_categories(
        self, source: str, name: str, values: np.ndarray, absent: np.ndarray, train: np.ndarray
    ) -> None:
        """One feature for each category of the training rows; a missing value has none of them."""
        known = np.unique(values[train][~absent[train]])
        if len(known) > MOST_CATEGORIES:
            raise DataError(
                f"The column '{shown(name)}' of {source} has {len(known):,} different texts; at "
                f"most {MOST_CATEGORIES} categories are supported. If it names a person or a "
                f"group, say so (--columns group={shown(name)}); otherwise remove it."
            )
        if len(known) == 1 and not absent.any():
            self.constant.append(name)
            return
        self.unseen += int((~np.isin(values, known) & ~absent).sum())
        for category in known.tolist():
            self.names.append(f"{name}={category}")
            self.columns.append((values == category).astype(np.float32))

    def notes(self) -> list[str]:
        """Sentences on missing, constant and unusual values."""
        said = []
        if self.missing:
            counts = [f"{count:,} in '{shown(name)}'" for name, count in self.missing.items()]
            said.append(
                f"Missing values: {_few(counts)}. The training median stands for a missing number, "
                "and a missing category has none of the features of its column."
            )
        if self.constant:
            names = _few([f"'{shown(name)}'" for name in self.constant])
            said.append(f"Columns with a single training value are left out: {names}.")
        if self.beyond:
            said.append(
                f"{self.beyond:,} values of test samples lie outside the training range and are "
                "clipped to it."
            )
        if self.unseen:
            said.append(
                f"{self.unseen:,} values of test samples are categories unseen in training."
            )
        return said


def _few(words: Sequence[str]) -> str:
    more = len(words) - FEW
    return ", ".join(words[:FEW]) + (f" and {more:,} more" if more > 0 else "")


def _numbers(values: Sequence[str], absent: np.ndarray) -> np.ndarray | None:
    """(n,) float64 with NaN where a value is absent; None unless all others are finite numbers."""
    numbers = np.full(len(values), np.nan)
    try:
        for row in np.flatnonzero(~absent).tolist():
            numbers[row] = float(values[row])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers[~absent]).all() else None
