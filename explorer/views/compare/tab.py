"""What the tabs of Compare share: each draws one thing about a pair, with options of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.comparison.pair import Groups
from explorer.points.lasso import lasso_mode
from explorer.state.selection import REPLACE
from explorer.theme import Theme
from explorer.views.compare.pair import Pair
from explorer.widgets.panel import SPACING

MANY = 12  # classes from which those outside the forget set begin as one row


class Tab(QWidget):
    """One tab: `chosen` gives samples with a selection mode, `said` a sentence on what was done."""

    name = ""
    title = ""
    help = ""
    hint = ""  # what a person can do here

    chosen = Signal(list, str)
    said = Signal(str)
    changed = Signal()  # an option

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pair: Pair | None = None
        self.theme: Theme | None = None
        self.options = QHBoxLayout()
        self.options.setSpacing(SPACING)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, SPACING, 0, 0)
        self.body.setSpacing(SPACING)
        self.body.addLayout(self.options)

    def show_pair(self, pair: Pair, theme: Theme) -> None:
        """Draw another pair, or the same in other colors."""
        self.pair, self.theme = pair, theme
        self.draw(pair, theme)

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw the pair."""

    def redraw(self) -> None:
        """Draw again after an option was changed."""
        if self.pair is not None and self.theme is not None:
            self.draw(self.pair, self.theme)
        self.changed.emit()

    def kept(self) -> dict[str, Any]:
        """The options, as JSON data; also what its figure takes."""
        return {}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take options back; anything unknown or wrong is ignored."""

    def choose(self, samples: np.ndarray, words: str, modifiers: Qt.KeyboardModifier) -> None:
        """Ask for samples to be selected and say which."""
        if not len(samples):
            self.said.emit(f"No sample is {words}; the selection stays.")
            return
        mode = lasso_mode(modifiers)
        self.chosen.emit(samples.tolist(), mode)
        count = f"{len(samples):,} {'sample is' if len(samples) == 1 else 'samples are'} {words}"
        how = {REPLACE: "selected"}.get(mode, f"now taken into the selection ({mode})")
        self.said.emit(f"{count}: {how}.")


class Grouping(QCheckBox):
    """Whether classes outside the forget set are one row; on by itself where there are many."""

    def __init__(self) -> None:
        super().__init__("Group other classes")
        self.setToolTip("Put all classes without any forget sample into one row")
        self._decided = False
        self.clicked.connect(self._decide)

    def fit(self, pair: Pair) -> None:
        """Offer it where it changes anything, and switch it on where classes are many."""
        self.setVisible(pair.groupable)
        if not self._decided:
            self.setChecked(len(pair.dataset.classes) > MANY)

    def restore(self, on: Any) -> None:
        """Take a person's own choice back."""
        if isinstance(on, bool):
            self._decided = True
            self.setChecked(on)

    def groups(self, pair: Pair) -> Groups:
        """The rows that are shown."""
        return pair.groups(self.isChecked())

    def _decide(self) -> None:
        self._decided = True


def choose_data(box: QComboBox, data: Any) -> None:
    """Choose the entry with this data where there is one."""
    place = box.findData(data) if isinstance(data, str) else -1
    if place >= 0:
        box.setCurrentIndex(place)
