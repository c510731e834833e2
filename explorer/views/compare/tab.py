"""Base of the tabs of Compare: each draws one aspect of a pair and has its own options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.comparison.pair import Groups
from explorer.points.lasso import lasso_mode
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE
from explorer.theme import Theme
from explorer.views.compare.pair import Pair
from explorer.widgets.panel import SPACING

MANY = 12  # classes, above which those outside the forget set are grouped by default
OUTCOMES = {  # selection mode -> what happened to the samples
    REPLACE: "selected", ADD: "added to the selection", REMOVE: "removed from the selection",
    INTERSECT: "intersected with the selection",
}  # fmt: skip


class Tab(QWidget):
    """One tab: `chosen` gives samples and a selection mode, `message` a sentence on the result."""

    name = ""
    title = ""
    help = ""
    hint = ""  # what the user can do here

    chosen = Signal(list, str)
    message = Signal(str)
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
        """Draw another pair, or the same pair in another theme."""
        self.pair, self.theme = pair, theme
        self.draw(pair, theme)

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw the pair."""

    def redraw(self) -> None:
        """Draw again after an option was changed."""
        if self.pair is not None and self.theme is not None:
            self.draw(self.pair, self.theme)
        self.changed.emit()

    def choices(self) -> dict[str, Any]:
        """The options, as JSON data; also the options of the tab's figure."""
        return {}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore options; anything unknown or invalid is ignored."""

    def choose(self, samples: np.ndarray, words: str, modifiers: Qt.KeyboardModifier) -> None:
        """Request a selection and report it; words: which samples these are."""
        if not len(samples):
            self.message.emit(f"No sample {words}; the selection is unchanged.")
            return
        mode = lasso_mode(modifiers)
        self.chosen.emit(samples.tolist(), mode)
        count = f"{len(samples):,} sample{'s' * (len(samples) != 1)} {words}"
        self.message.emit(f"{count}: {OUTCOMES[mode]}.")


class Grouping(QCheckBox):
    """Whether classes outside the forget set share one row; on by default where there are many."""

    def __init__(self) -> None:
        super().__init__("Group other classes")
        self.setToolTip("Put all classes without any forget sample into one row")
        self._decided = False
        self.clicked.connect(self._decide)

    def fit(self, pair: Pair) -> None:
        """Show the box where it has an effect, and check it where there are many classes."""
        self.setVisible(pair.groupable)
        if not self._decided:
            self.setChecked(len(pair.dataset.classes) > MANY)

    def restore(self, on: Any) -> None:
        """Restore the user's own choice."""
        if isinstance(on, bool):
            self._decided = True
            self.setChecked(on)

    def groups(self, pair: Pair) -> Groups:
        """The rows shown."""
        return pair.groups(self.isChecked())

    def _decide(self) -> None:
        self._decided = True


def choose_data(box: QComboBox, data: Any) -> None:
    """Select the entry with this data, if there is one."""
    place = box.findData(data) if isinstance(data, str) else -1
    if place >= 0:
        box.setCurrentIndex(place)
