"""One side of the embedding: whose features, the panel, and counts of what is remarkable."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox

from explorer.points.pane import Pane
from explorer.points.stamps import DOUBLE_RING, RING
from explorer.theme import Theme
from explorer.views.embedding.marks import Marks
from explorer.widgets import markup
from explorer.widgets.panel import muted


class Side(QObject):
    """A model chosen above its panel; the view lays the three widgets out.

    drawn: the model that is shown, '' before any; highlighted: (m,) which of its points are, None
    where all are alike.
    """

    chosen = Signal()

    def __init__(self, place: str, parent: QObject) -> None:
        super().__init__(parent)
        self.drawn = ""
        self.highlighted: np.ndarray | None = None
        self.model = QComboBox()
        self.model.setAccessibleName(f"Model on the {place}")
        self.model.setToolTip(f"Whose features are shown on the {place}")
        self.model.activated.connect(self._choose)
        self.pane = Pane(f"Embedding on the {place}")
        markup.allow_tips(self.pane)
        self.counts = muted()
        markup.allow(self.counts)
        self.counts.setAlignment(Qt.AlignmentFlag.AlignTop)

    def offer(self, labels: Mapping[str, str], wanted: str) -> None:
        """Offer these models, by label; `wanted` is the one that is chosen."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for name, label in labels.items():
                self.model.addItem(label, name)
            self.model.setCurrentIndex(max(0, self.model.findData(wanted)))

    def draw(self, model: str, highlighted: np.ndarray | None, marks: Marks, theme: Theme) -> None:
        """Give the points of a model their looks."""
        self.drawn, self.highlighted = model, highlighted
        self.pane.points.set_colors(marks.colors, theme.text)
        self.pane.points.set_marks(marks.color, marks.shape, marks.weight)

    def ring(self, chosen: np.ndarray, current: np.ndarray, theme: Theme) -> None:
        """Ring the rows of chosen and current samples."""
        self.pane.points.set_rings(
            [(chosen, RING, theme.accent), (current, DOUBLE_RING, theme.text)]
        )

    def count(self, found: Mapping[str, np.ndarray], highlighted: str, note: str) -> None:
        """Say how many points each highlight picks, the highlighted one in bold, and a note."""
        words = {name: f"{int(mask.sum()):,} {name}" for name, mask in found.items()}
        if highlighted in words:
            words[highlighted] = f"<b>{words[highlighted]}</b>"
        parts = [part.replace(" ", "\u00a0") for part in words.values()]
        self.counts.setText(" · ".join([*parts, html.escape(note)] if note else parts))

    def _choose(self) -> None:
        self.chosen.emit()
