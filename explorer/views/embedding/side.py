"""One side of the embedding: its model, its panel, and a caption of what is highlighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel

from engine.analysis.highlights import LOST
from engine.analysis.point_colors import PointColors
from engine.results import FORGET, RETAIN, TEST, Embedding
from explorer.points.pane import Pane
from explorer.points.stamps import DOUBLE_RING, RING
from explorer.theme import Theme
from explorer.views.embedding.marks import Marks, mixed

RIM = 0.45  # how far the rims of marks fade to the background


class Side(QObject):
    """A model combo, its panel and its caption, laid out by the view.

    drawn: the model shown, '' before any; highlighted: (m,) mask of its highlighted points, None
    without a highlight; colors: of its points, None before any.
    """

    chosen = Signal()

    def __init__(self, place: str, parent: QObject) -> None:
        super().__init__(parent)
        self.drawn = ""
        self.highlighted: np.ndarray | None = None
        self.colors: PointColors | None = None
        self.model = QComboBox()
        self.model.setAccessibleName(f"Model on the {place}")
        self.model.setToolTip("The model whose features are shown")
        self.model.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.model.setMinimumContentsLength(7)
        self.model.activated.connect(self._choose)
        self.pane = Pane(f"Embedding on the {place}")
        self.caption = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.caption.setObjectName("map-caption")
        self.caption.hide()

    def offer(self, labels: Mapping[str, str], wanted: str) -> None:
        """Offer these models, name to label, and select `wanted`."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for name, label in labels.items():
                self.model.addItem(label, name)
            self.model.setCurrentIndex(max(0, self.model.findData(wanted)))

    def draw(self, highlighted: np.ndarray | None, marks: Marks, theme: Theme) -> None:
        """Draw the points with these marks."""
        self.highlighted = highlighted
        self.pane.points.set_colors(marks.colors, mixed(theme.text, theme.base, RIM))
        self.pane.points.set_marks(marks.color, marks.shape, marks.weight)
        self.pane.pictures.set_shades(self.pane.points.shades)

    def ring(self, chosen: np.ndarray, current: np.ndarray, theme: Theme) -> None:
        """Ring the rows of chosen and current samples."""
        self.pane.points.set_rings(
            [(chosen, RING, theme.accent), (current, DOUBLE_RING, theme.text)]
        )
        self.pane.pictures.set_marks(chosen.tolist(), current.tolist())

    def say(self, parts: Sequence[str]) -> None:
        """Show these words over the panel; without any, no caption."""
        self.caption.setText(" · ".join(part for part in parts if part))
        self.caption.setVisible(any(parts))
        self.caption.adjustSize()

    def arrange(self, edge: int) -> None:
        """Put caption and model into the corner of the panel."""
        corner = self.pane.pos()
        x, y = corner.x() + edge, corner.y() + edge
        if self.model.parentWidget() is self.pane.parentWidget() and not self.model.isHidden():
            self.model.adjustSize()
            self.model.move(x, y)
            x += self.model.width() + edge
        self.caption.move(x, y + 3)

    def _choose(self) -> None:
        self.chosen.emit()


def counted(highlight: str, mask: np.ndarray, shown: Embedding) -> str:
    """The number of highlighted points, and of how many: '7 of 200 forget samples'."""
    whole = np.isin(shown.kind, (RETAIN, TEST)) if highlight == LOST else shown.kind == FORGET
    what = "retain and test samples" if highlight == LOST else "forget samples"
    return f"{int(mask.sum()):,} of {int(whole.sum()):,} {what}"
