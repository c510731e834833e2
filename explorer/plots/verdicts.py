"""Verdicts on every copy of one sample: blocks of tau by copy with a check or a cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.theme import LIGHT, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

TITLE, FOOT, GAP, PAD = 18, 15, 14, 8  # logical pixels: above, below, between and beside blocks
LEGIBLE = 8  # logical pixels that a cell needs for its mark
HIGH, LOW = 16, 9  # largest and smallest height of a cell


@dataclass(frozen=True, eq=False)
class Block:
    """One model, or several: share (T, c) of them that recognize each copy, in [0, 1].

    predictions: (T, c) classes predicted by a single model, None for several.
    """

    label: str
    color: str
    share: np.ndarray
    predictions: np.ndarray | None = None

    @property
    def result(self) -> str:
        """The number of recognized copies, as '7/110'."""
        return f"{int((self.share == 1).sum())}/{self.share.size}"


class VerdictStrip(QWidget):
    """Draws blocks side by side, columns = tau, rows = copies; ✓ recognized by all, ✗ by none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._blocks: tuple[Block, ...] = ()
        self._taus = np.zeros(0)
        self._classes: Sequence[str] = ()
        self._theme = LIGHT
        self.setAccessibleName("Verdicts on the copies of the current sample")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_blocks(
        self, blocks: Sequence[Block], taus: np.ndarray, classes: Sequence[str], theme: Theme
    ) -> None:
        """Show these verdicts; taus (T,), classes: names by number."""
        self._blocks, self._taus, self._classes = tuple(blocks), taus, classes
        self._theme = theme
        words = (f"{one.label} {one.result} copies recognized" for one in blocks)
        self.setAccessibleDescription("; ".join(words))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for cells of a good size."""
        return QSize(420, TITLE + FOOT + self._copies() * 12)

    def minimumSizeHint(self) -> QSize:
        """Room for small cells."""
        return QSize(200, TITLE + FOOT + self._copies() * LOW)

    def describe(self, at: QPoint) -> str:
        """The tooltip of a point, '' where it is empty."""
        for number, block in enumerate(self._blocks):
            box, columns = self.grid_of(number), self._columns()
            if not box.contains(QPointF(at)):
                continue
            place = int((at.x() - box.left()) / box.width() * len(columns))
            copy = int((at.y() - box.top()) / box.height() * self._copies())
            t = int(
                columns[min(place, len(columns) - 1)]
            )  # the right border belongs to the last cell
            return self._words(block, t, min(copy, self._copies() - 1))
        return ""

    def event(self, event: QEvent) -> bool:
        """Show the tooltip of the cell under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), literal(self.describe(event.pos())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        with no_collection():
            self._paint()

    # -- layout ---------------------------------------------------------------------------
    def _copies(self) -> int:
        return self._blocks[0].share.shape[1] if self._blocks else 10

    def _columns(self) -> np.ndarray:
        """The indices of the taus drawn: all, or as many as are legible, evenly spaced."""
        fitting = max(2, int(self._width() / LEGIBLE))
        count = min(len(self._taus), fitting)
        return np.linspace(0, len(self._taus) - 1, count).round().astype(int)

    def _width(self) -> float:
        """Width of one block."""
        number = max(1, len(self._blocks))
        return (self.width() - 2 * PAD - (number - 1) * GAP) / number

    def grid_of(self, number: int) -> QRectF:
        """The rectangle of the cells of a block."""
        cell = min(HIGH, (self.height() - TITLE - FOOT) / self._copies())
        left = PAD + number * (self._width() + GAP)
        return QRectF(left, TITLE, self._width(), cell * self._copies())

    def _words(self, block: Block, t: int, copy: int) -> str:
        place = f"copy {copy + 1} at τ {self._taus[t]:g}"
        share = block.share[t, copy]
        if block.predictions is None:
            return f"{place}: recognized by {share:.0%} of {block.label}"
        verdict = "correct" if share == 1 else "wrong"
        name = self._classes[block.predictions[t, copy]]
        return f"{place}: {block.label} predicts {name} ({verdict})"

    # -- painting -------------------------------------------------------------------------
    def _paint(self) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, block in enumerate(self._blocks):
            self._paint_title(painter, block, self.grid_of(number))
            self._paint_cells(painter, block, self.grid_of(number))
            self._paint_foot(painter, self.grid_of(number))
        painter.end()

    def _paint_title(self, painter: QPainter, block: Block, box: QRectF) -> None:
        painter.fillRect(QRectF(box.left(), 3, 4, TITLE - 7), QColor(block.color))
        words = QRectF(box.left() + 9, 0, box.width() - 9, TITLE - 2)
        painter.setFont(self.font())
        painter.setPen(QColor(self._theme.muted))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(words, int(middle | Qt.AlignmentFlag.AlignRight), block.result)
        room = words.width() - painter.fontMetrics().horizontalAdvance(block.result) - 6
        name = painter.fontMetrics().elidedText(
            block.label, Qt.TextElideMode.ElideRight, int(max(0, room))
        )
        painter.setPen(QColor(self._theme.text))
        painter.drawText(words, int(middle), name)

    def _paint_cells(self, painter: QPainter, block: Block, box: QRectF) -> None:
        columns = self._columns()
        wide, high = box.width() / len(columns), box.height() / self._copies()
        for place, t in enumerate(columns):
            for copy, share in enumerate(block.share[t]):
                left, top = box.left() + place * wide, box.top() + copy * high
                cell = QRectF(left, top, wide, high).adjusted(0.5, 0.5, -0.5, -0.5)
                self._paint_cell(painter, cell, float(share))

    def _paint_cell(self, painter: QPainter, cell: QRectF, share: float) -> None:
        theme = self._theme
        color = QColor({1.0: theme.good, 0.0: theme.danger}.get(share, theme.muted))
        tint = QColor(color)
        tint.setAlphaF(0.16)
        painter.fillRect(cell, tint)
        painter.setPen(QPen(color, 1.6))
        side = min(cell.width(), cell.height(), 12.0) * 0.3
        x, y = cell.center().x(), cell.center().y()
        for line in _mark(share):
            painter.drawPolyline([QPointF(x + side * a, y + side * b) for a, b in line])

    def _paint_foot(self, painter: QPainter, box: QRectF) -> None:
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.muted))
        below = QRectF(box.left(), box.bottom() + 1, box.width(), FOOT - 1)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft), f"τ {self._taus[0]:g}")
        painter.drawText(below, int(Qt.AlignmentFlag.AlignRight), f"{self._taus[-1]:g}")


def _mark(share: float) -> list[list[tuple[float, float]]]:
    """The lines of a mark within [-1, 1]: a check, a cross, or a dash for shares between."""
    if share == 1:
        return [[(-1, 0.1), (-0.3, 0.9), (1, -0.9)]]
    if share == 0:
        return [[(-0.8, -0.8), (0.8, 0.8)], [(-0.8, 0.8), (0.8, -0.8)]]
    return [[(-0.8, 0), (0.8, 0)]]
