"""The Predictions tab: confusion matrices of both models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from engine.comparison.pair import EITHER, A, group_samples, matrix
from engine.drawing.palette import BLUE, ORANGE
from explorer.plots.split_matrix import SplitMatrix
from explorer.plots.split_painter import Split, mixed, strength
from explorer.theme import Theme
from explorer.views.compare.pair import Pair
from explorer.views.compare.tab import Grouping, Tab
from explorer.widgets.legend import Legend, LegendEntry

SHARE = 10.0  # percent of a class: the color sample in the legend


class PredictionsTab(Tab):
    """True against predicted classes of both models."""

    name = "predictions"
    title = "Predictions"
    help = "Confusion matrices of A and B with their confidence, or the difference"
    hint = "Click half a cell to select that model's samples in it; Ctrl adds them."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix, self.grouping, self.mode = SplitMatrix(), Grouping(), QComboBox()
        self.mode.setAccessibleName("Contents of the cells")
        self.mode.setToolTip("Both models in each cell, or the difference of their shares")
        for label, name in (("A and B", "both"), ("Difference A − B", "difference")):
            self.mode.addItem(label, name)
        self.options.addWidget(self.mode)
        self.options.addWidget(self.grouping)
        self.options.addStretch(1)
        self.legend = Legend()
        self.body.addWidget(self.legend)
        self.body.addWidget(self.matrix, 1)
        self.matrix.picked.connect(self._pick)
        self.grouping.clicked.connect(self.redraw)
        self.mode.activated.connect(self.redraw)

    @property
    def difference(self) -> bool:
        """Whether the cells show the difference."""
        return bool(self.mode.currentData() == "difference")

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw the matrix."""
        self.grouping.fit(pair)
        groups, (a, b) = self.grouping.groups(pair), pair.styles(theme)
        poles = (theme.legible(ORANGE), theme.legible(BLUE))
        first, second = (matrix(pair.comparison, groups, side) for side in ("a", "b"))
        colors, difference = (a.color, b.color), self.difference
        rows = np.flatnonzero(first.counts.sum(1)).tolist()
        shown = Split(first, second, groups.names, rows, pair.labels, colors, poles, difference)
        self.matrix.set_split(shown, theme)
        self.legend.set_entries(self._key(pair, shown, theme), theme.text)

    def choices(self) -> dict[str, Any]:
        """Mode and grouping."""
        return {"difference": self.difference, "grouped": self.grouping.isChecked()}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore mode and grouping."""
        if isinstance(stored.get("difference"), bool):
            self.mode.setCurrentIndex(int(stored["difference"]))
        self.grouping.restore(stored.get("grouped"))

    def _key(self, pair: Pair, shown: Split, theme: Theme) -> list[LegendEntry]:
        if shown.difference:
            more, less = shown.poles
            return [
                _shade(f"+30 points: {pair.labels[0]} more often", more, 30.0, theme),
                _shade(f"−30 points: {pair.labels[1]} more often", less, 30.0, theme),
            ]
        words = (f"left: A {pair.labels[0]}", f"right: B {pair.labels[1]}")
        names = [LegendEntry(word, color, area=True)
                 for word, color in zip(words, shown.colors, strict=True)]  # fmt: skip
        share = _shade(f"{SHARE:g} %", shown.colors[0], SHARE, theme)
        return [*names, share, LegendEntry("low confidence", _gray(shown.colors[0]), area=True)]

    def _pick(self, true: int, predicted: int, side: str, modifiers: Qt.KeyboardModifier) -> None:
        if self.pair is None:
            return
        groups = self.grouping.groups(self.pair)
        who = "A or B" if side == EITHER else self.pair.labels[0 if side == A else 1]
        words = f"of class {groups.names[true]}, predicted as {groups.names[predicted]} by {who}"
        samples = group_samples(self.pair.comparison, groups, true, predicted, side)
        self.choose(samples, words, modifiers)


def _shade(label: str, color: str, percent: float, theme: Theme) -> LegendEntry:
    return LegendEntry(label, mixed(color, theme.base, strength(percent)).name(), area=True)


def _gray(color: str) -> str:
    return mixed(color, "#808080", 0.2).name()
