"""The canvas of the embedding: one or two panels, and what floats on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.views.embedding.hover_card import HoverCard
from explorer.views.embedding.legend import MapLegend
from explorer.views.embedding.selection_bar import SelectionBar
from explorer.views.embedding.side import Side
from explorer.views.embedding.tools import Tools

WIDE = 720  # logical pixels in which the legend takes one line, unless something is selected
EDGE = 8  # logical pixels between what floats and the edge


class MapCanvas(QWidget):
    """Panels side by side, with legend, tools, selection bar and card over them.

    resized: the place for the legend changed.
    """

    resized = Signal()

    def __init__(self, sides: Sequence[Side], tools: Tools, bar: SelectionBar) -> None:
        super().__init__()
        self._sides, self.tools, self.bar = tuple(sides), tools, bar
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        for side in sides:
            row.addWidget(side.pane, 1)
        self.legend = MapLegend(self)
        self.card = HoverCard(self)
        for part in (tools, bar, *(side.caption for side in sides), *(s.model for s in sides[:1])):
            part.setParent(self)
            part.raise_()

    def minimumSizeHint(self) -> QSize:
        """Small enough for a dock beside others."""
        return QSize(160, 120)

    def aspect(self, panels: int) -> float:
        """Width over height of each of so many panels side by side."""
        return self.width() / max(1, panels) / max(1, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put everything in its place."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Put what floats in its place."""
        self._row.activate()
        width, height = self.width(), self.height()
        self.tools.adjustSize()
        self.tools.move(width - self.tools.width() - EDGE, EDGE)
        self.legend.fit(width - 2 * EDGE)
        self.legend.move(EDGE, height - self.legend.height() - EDGE // 2)
        self.bar.fit(width - 2 * EDGE)
        beside = width - self.tools.width() - 3 * EDGE
        below = self.bar.width() > beside or self._captioned()
        top = EDGE + (self.tools.height() + EDGE // 2 if below else 0)
        self.bar.move(QPoint(EDGE, top))
        for side in self._sides:
            side.arrange(EDGE)
            lines = 1 if width >= WIDE else max(2, self.legend.lines)
            side.pane.set_room(2 if below and not self.bar.isHidden() else 1, lines)

    def _captioned(self) -> bool:
        return any(side.caption.isVisible() for side in self._sides)
