"""True against predicted classes of two models in one matrix: each cell is split, or a difference.

In a split cell the left half is A's and the right one B's: the larger the share of the row, the
further the color is from the ground; the less confident, the grayer it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from engine.comparison import EITHER, A, B, Matrix
from engine.palette import rgb
from explorer.literal import literal
from explorer.plots.plot import no_collection
from explorer.theme import LIGHT, Theme

SMALLEST, LARGEST = QSize(20, 18), QSize(64, 56)  # of a cell before the view scrolls, and at most
NUMBERED = QSize(38, 18)  # logical pixels from which a cell says its numbers
WIDEST_NAME = 96  # of a row; a column's name takes this much height
PAD, SMALL = 6, 10
FAINTEST = 0.12  # of the way to the color: one sample is seen
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


@dataclass(frozen=True, eq=False)
class Split:
    """Matrices of A and B with the names of their groups, and of the two models.

    rows: the true groups that are shown, in this order; colors: of A and B; poles: of what A has
    more, and less; difference: A - B instead of both.
    """

    a: Matrix
    b: Matrix
    names: Sequence[str]
    rows: Sequence[int]
    models: tuple[str, str]
    colors: tuple[str, str]
    poles: tuple[str, str]
    difference: bool

    def matrix(self, side: str) -> Matrix:
        """A's or B's."""
        return self.a if side == A else self.b

    def gap(self, true: int, predicted: int) -> float:
        """Share of A minus share of B in points."""
        return float(self.a.share[true, predicted] - self.b.share[true, predicted])


def mixed(color: str, ground: str, share: float) -> QColor:
    """The way from the ground to the color, 0 to 1."""
    parts = zip(rgb(color), rgb(ground), strict=True)
    return QColor(*(round(a * share + b * (1 - share)) for a, b in parts))


def strength(percent: float) -> float:
    """How far a share in percent is drawn from the ground, 0 to 1: its root, so that 1 % shows."""
    if not percent > 0:
        return 0.0
    return FAINTEST + (1 - FAINTEST) * math.sqrt(min(percent, 100.0) / 100)


class SplitMatrix(QAbstractScrollArea):
    """Draws a `Split`; `picked` gives true and predicted group, side (A, B or EITHER), modifiers.

    The arrow keys move through the cells; Enter picks what either model puts there.
    """

    picked = Signal(int, int, str, Qt.KeyboardModifier)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Split | None = None
        self._theme = LIGHT
        self._current = (0, 0)
        self.setAccessibleName("Predictions by class")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.setSingleStep(SMALLEST.height())
            bar.valueChanged.connect(self.viewport().update)

    def set_split(self, shown: Split, theme: Theme) -> None:
        """Show other matrices."""
        self._shown, self._theme = shown, theme
        row, column = self._current
        self._current = (min(row, len(shown.rows) - 1), min(column, len(shown.names) - 1))
        self._fit()
        self._describe_current()
        self.viewport().update()

    def cell_at(self, at: QPoint) -> tuple[int, int, str] | None:
        """(true, predicted, side) at a point of the viewport; the side is the half's."""
        left, top, cell = self._left(), self._top(), self._cell()
        if self._shown is None or at.x() < left or at.y() < top:
            return None
        x = at.x() - left + self.horizontalScrollBar().value()
        y = at.y() - top + self.verticalScrollBar().value()
        row, column = y // cell.height(), x // cell.width()
        if row >= len(self._shown.rows) or column >= len(self._shown.names):
            return None
        part = A if x % cell.width() < cell.width() / 2 else B
        part = EITHER if self._shown.difference else part
        return self._shown.rows[row], column, part

    def place_of(self, row: int, column: int) -> QRect:
        """Where a cell is drawn in the viewport."""
        cell = self._cell()
        x = self._left() + column * cell.width() - self.horizontalScrollBar().value()
        y = self._top() + row * cell.height() - self.verticalScrollBar().value()
        return QRect(QPoint(x, y), cell)

    def describe(self, true: int, predicted: int) -> str:
        """Counts, shares and mean confidence of both models in one cell."""
        shown = self._shown
        if shown is None:
            return ""
        lines = [f"True {shown.names[true]}, called {shown.names[predicted]}"]
        for side, model in zip((A, B), shown.models, strict=True):
            lines.append(f"{side.upper()} {model}: {_words(shown.matrix(side), true, predicted)}")
        gap = shown.gap(true, predicted)
        if math.isfinite(gap):
            lines.append(f"A − B: {gap:+.1f} points".replace("-", "−"))
        return "\n".join(lines)

    def minimumSizeHint(self) -> QSize:
        """Names and three cells."""
        return QSize(WIDEST_NAME, WIDEST_NAME) + SMALLEST * 3

    # -- events -------------------------------------------------------------------------------
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit cells and scroll bars."""
        super().resizeEvent(event)
        self._fit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pick the cell under a left click."""
        found = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and found and self._shown:
            self._current = (list(self._shown.rows).index(found[0]), found[1])
            self._describe_current()
            self.viewport().update()
            self.picked.emit(*found, event.modifiers())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move through the cells, or pick one."""
        key = Qt.Key(event.key())
        if self._shown is not None and key in STEPS:
            row, column = (at + step for at, step in zip(self._current, STEPS[key], strict=True))
            last_row, last_column = len(self._shown.rows) - 1, len(self._shown.names) - 1
            self._current = (max(0, min(last_row, row)), max(0, min(last_column, column)))
            self._show_current()
        elif self._shown is not None and key in (
            Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space,
        ):  # fmt: skip
            row, column = self._current
            self.picked.emit(self._shown.rows[row], column, EITHER, event.modifiers())
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Say what a cell means under the cursor."""
        if isinstance(event, QHelpEvent):
            found = self.cell_at(event.pos())
            words = literal(self.describe(*found[:2])) if found else ""
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    # -- layout -------------------------------------------------------------------------------
    def _name_room(self) -> int:
        names = self._shown.names if self._shown else ()
        words = [self.fontMetrics().horizontalAdvance(name) for name in names]
        return min(WIDEST_NAME, max(words, default=20) + 2)

    def _left(self) -> int:
        return self._name_room() + 2 * PAD + self.fontMetrics().height()

    def _upright(self) -> bool:
        """Whether the names of columns fit into their width, so that they need not be turned."""
        return self._name_room() <= self._width() - 4

    def _top(self) -> int:
        line = self.fontMetrics().height()
        return 2 * line + PAD if self._upright() else self._name_room() + line + 2 * PAD

    def _cell(self) -> QSize:
        """Size of a cell that fills the viewport, within bounds."""
        room = (self.viewport().height() - self._top() - PAD) // max(1, self._shape()[0])
        height = max(SMALLEST.height(), min(LARGEST.height(), room))
        return QSize(self._width(), height)

    def _width(self) -> int:
        room = (self.viewport().width() - self._left() - PAD) // max(1, self._shape()[1])
        return max(SMALLEST.width(), min(LARGEST.width(), room))

    def _shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return (len(self._shown.rows), len(self._shown.names)) if self._shown else (0, 0)

    def _fit(self) -> None:
        (rows, columns), cell, view = self._shape(), self._cell(), self.viewport().size()
        for bar, size, room in (
            (self.horizontalScrollBar(), columns * cell.width(), view.width() - self._left()),
            (self.verticalScrollBar(), rows * cell.height(), view.height() - self._top()),
        ):
            bar.setRange(0, max(0, size - room))
            bar.setPageStep(max(1, room))

    def _show_current(self) -> None:
        """Scroll to the current cell."""
        box = self.place_of(*self._current)
        for bar, low, high, first, end in (
            (self.horizontalScrollBar(), box.left(), box.right(), self._left(),
             self.viewport().width()),
            (self.verticalScrollBar(), box.top(), box.bottom(), self._top(),
             self.viewport().height()),
        ):  # fmt: skip
            bar.setValue(bar.value() + min(0, low - first) + max(0, high - end + 1))
        self._describe_current()
        self.viewport().update()

    def _describe_current(self) -> None:
        row, column = self._current
        if self._shown is not None and self._shown.rows:
            self.setAccessibleDescription(self.describe(self._shown.rows[row], column))

    # -- painting -----------------------------------------------------------------------------
    def _paint(self) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        if self._shown is not None:
            self._paint_cells(painter, self._shown)
            self._paint_names(painter, self._shown)
        painter.end()

    def _paint_cells(self, painter: QPainter, shown: Split) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        view = self.viewport().rect()
        for row, true in enumerate(shown.rows):
            for predicted in range(len(shown.names)):
                box = self.place_of(row, predicted)
                if box.intersects(view):
                    self._paint_cell(painter, shown, true, predicted, box)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self._theme.accent), 2))
            painter.drawRect(self.place_of(*self._current).adjusted(1, 1, -1, -1))

    def _paint_cell(
        self, painter: QPainter, shown: Split, true: int, predicted: int, box: QRect
    ) -> None:
        inner = QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5)
        if shown.difference:
            self._paint_difference(painter, shown, true, predicted, inner)
        else:
            middle = inner.center().x()
            halves = (QRectF(inner), QRectF(inner))
            halves[0].setRight(middle)
            halves[1].setLeft(middle)
            for side, half, color in zip((A, B), halves, shown.colors, strict=True):
                ground = self._shade(shown.matrix(side), true, predicted, color)
                painter.fillRect(half, ground)
                if shown.matrix(side).counts[true, predicted] and _roomy(inner):
                    self._small(painter, ground)
                    words = _percent(float(shown.matrix(side).share[true, predicted]))
                    painter.drawText(half, Qt.AlignmentFlag.AlignCenter, words)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        on_diagonal = true == predicted
        painter.setPen(QColor(self._theme.muted if on_diagonal else self._theme.grid))
        painter.drawRect(inner)

    def _shade(self, matrix: Matrix, true: int, predicted: int, color: str) -> QColor:
        """The color of a half: further from the ground with its share, grayer if less confident."""
        if not matrix.counts[true, predicted]:
            return QColor(self._theme.base)
        gray = "#{0:02x}{0:02x}{0:02x}".format(round(float(np.mean(rgb(color)))))
        vivid = mixed(color, gray, float(matrix.confidence[true, predicted])).name()
        return mixed(vivid, self._theme.base, strength(float(matrix.share[true, predicted])))

    def _paint_difference(
        self, painter: QPainter, shown: Split, true: int, predicted: int, box: QRectF
    ) -> None:
        gap = shown.gap(true, predicted)
        pole = shown.poles[0] if gap > 0 else shown.poles[1]
        ground = mixed(pole, self._theme.base, strength(abs(gap)))
        painter.fillRect(box, ground)
        if math.isfinite(gap) and abs(gap) >= 0.05 and _roomy(box):
            self._small(painter, ground)
            words = f"{gap:+.1f}" if abs(gap) < 9.95 else f"{gap:+.0f}"
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words.replace("-", "−"))

    def _small(self, painter: QPainter, ground: QColor) -> None:
        """Small letters that are seen on this ground."""
        font = QFont(self.font())
        font.setPixelSize(SMALL)
        painter.setFont(font)
        light = ground.lightnessF() > 0.55
        painter.setPen(QColor("#101418") if light else QColor("#ffffff"))

    def _paint_names(self, painter: QPainter, shown: Split) -> None:
        left, top = self._left(), self._top()
        view = self.viewport().rect()
        painter.fillRect(QRect(0, 0, left, view.height()), QColor(self._theme.base))
        painter.fillRect(QRect(0, 0, view.width(), top), QColor(self._theme.base))
        painter.setFont(self.font())
        self._paint_titles(painter, left, top)
        painter.setPen(QColor(self._theme.text))
        words = [self._cut(name) for name in shown.names]
        for row, true in enumerate(shown.rows):
            self._paint_row_name(painter, words[true], self.place_of(row, 0), left, top)
        for column, word in enumerate(words):
            self._paint_column_name(painter, word, self.place_of(0, column), left, top)

    def _cut(self, name: str) -> str:
        right = Qt.TextElideMode.ElideRight
        return self.fontMetrics().elidedText(name, right, self._name_room())

    def _paint_row_name(
        self, painter: QPainter, words: str, box: QRect, left: int, top: int
    ) -> None:
        if box.center().y() < top:
            return
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(0, box.top(), left - PAD, box.height()), right, words)

    def _paint_column_name(
        self, painter: QPainter, words: str, box: QRect, left: int, top: int
    ) -> None:
        if box.center().x() < left:
            return
        if self._upright():
            line = QRect(box.left(), top - self.fontMetrics().height() - 2, box.width(),
                         self.fontMetrics().height())  # fmt: skip
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, words)
            return
        painter.save()
        painter.translate(box.center().x(), top - 4)
        painter.rotate(-90)
        line = QRect(0, -box.width() // 2, self._name_room() + PAD, box.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()

    def _paint_titles(self, painter: QPainter, left: int, top: int) -> None:
        height = self.fontMetrics().height()
        painter.setPen(QColor(self._theme.muted))
        painter.drawText(QRect(left, 0, self.viewport().width() - left, height),
                         Qt.AlignmentFlag.AlignLeft, "predicted class →")  # fmt: skip
        painter.save()
        painter.translate(0, self.viewport().height())
        painter.rotate(-90)
        painter.drawText(QRect(0, 0, self.viewport().height() - top, height),
                         Qt.AlignmentFlag.AlignRight, "← true class")  # fmt: skip
        painter.restore()


def _words(matrix: Matrix, true: int, predicted: int) -> str:
    """What one model does in a cell."""
    count, total = int(matrix.counts[true, predicted]), int(matrix.counts[true].sum())
    if not total:
        return "no samples of this class"
    words = f"{count:,} of {total:,} ({matrix.share[true, predicted]:.1f} %)"
    if not count:
        return words
    words += f", mean confidence {matrix.confidence[true, predicted]:.0%}"
    right = int(matrix.right[true, predicted])
    return words if right in (0, count) else f"{words}, {right:,} of them right"


def _roomy(box: QRectF) -> bool:
    """Whether numbers fit into a cell; half a pixel on each side is its frame's."""
    return box.width() + 1 >= NUMBERED.width() and box.height() + 1 >= NUMBERED.height()


def _percent(share: float) -> str:
    return f"{share:.0f}" if share >= 9.95 else f"{share:.1f}"
