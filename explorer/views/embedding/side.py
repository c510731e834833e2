"""One side of the embedding: model combo, panel, and counts of highlighted points."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox

from engine.analysis.highlights import FORGOTTEN, HIGHLIGHTS, LOST
from engine.results import FORGET, RETAIN, TEST, Embedding
from explorer.points.pane import Pane
from explorer.points.stamps import DOUBLE_RING, RING
from explorer.theme import Theme
from explorer.views.embedding.marks import Marks
from explorer.widgets import markup
from explorer.widgets.panel import muted_label


class Side(QObject):
    """A model combo, its panel and its counts, laid out by the view.

    drawn: the model shown, '' before any; highlighted: (m,) mask of its highlighted points, None
    without a highlight.
    """

    chosen = Signal()

    def __init__(self, place: str, parent: QObject) -> None:
        super().__init__(parent)
        self.drawn = ""
        self.highlighted: np.ndarray | None = None
        self.model = QComboBox()
        self.model.setAccessibleName(f"Model on the {place}")
        self.model.setToolTip(f"The model whose features are shown on the {place}")
        self.model.activated.connect(self._choose)
        self.pane = Pane(f"Embedding on the {place}")
        markup.allow_tips(self.pane)
        self.counts = muted_label()
        markup.allow(self.counts)
        self.counts.setAlignment(Qt.AlignmentFlag.AlignTop)

    def offer(self, labels: Mapping[str, str], wanted: str) -> None:
        """Offer these models, name to label, and select `wanted`."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for name, label in labels.items():
                self.model.addItem(label, name)
            self.model.setCurrentIndex(max(0, self.model.findData(wanted)))

    def draw(self, model: str, highlighted: np.ndarray | None, marks: Marks, theme: Theme) -> None:
        """Draw the points of a model with these marks."""
        self.drawn, self.highlighted = model, highlighted
        self.pane.points.set_colors(marks.colors, theme.text)
        self.pane.points.set_marks(marks.color, marks.shape, marks.weight)

    def ring(self, chosen: np.ndarray, current: np.ndarray, theme: Theme) -> None:
        """Ring the rows of chosen and current samples."""
        self.pane.points.set_rings(
            [(chosen, RING, theme.accent), (current, DOUBLE_RING, theme.text)]
        )

    def count(
        self, masks: Mapping[str, np.ndarray], highlighted: str, shown: Embedding, note: str
    ) -> None:
        """Show the count of each highlight, the current one in bold, and a note."""
        words = {
            name: f"{int(mask.sum()):,} {name}".replace(" ", "\u00a0")
            for name, mask in masks.items()
        }
        if highlighted in words:
            words[highlighted] = f"<b>{words[highlighted]}</b>"
        forget = int((shown.kind == FORGET).sum())
        others = int(np.isin(shown.kind, (RETAIN, TEST)).sum())
        if words:
            words[FORGOTTEN] = f"of {forget:,} forget samples: {words[FORGOTTEN]}"
            words[LOST] = f"of {others:,} others: {words[LOST]}"
        self.counts.setText(" · ".join([*words.values(), *filter(None, [html.escape(note)])]))
        self.counts.setToolTip("\n".join(f"{name}: {HIGHLIGHTS[name]}" for name in masks))

    def _choose(self) -> None:
        self.chosen.emit()
