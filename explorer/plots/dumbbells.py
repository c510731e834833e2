"""A dumbbell plot: two values per row with their intervals, joined by a bar, and the gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from explorer.theme import LIGHT, ModelStyle, Theme
from explorer.widgets.legend import line_pen
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.symbols import draw_symbol

ROW, TOP, PAD = 26, 34, 8  # logical pixels: height of a row, height of the axis above, padding
APART = 4  # half the vertical distance of the two marks: equal values stay apart
MARK = 9
NARROW = 460  # logical pixels of the viewport, below which gaps are shown without intervals
WIDEST_NAME = 150
STEPS = (1, 2, 5, 10, 20, 25, 50)  # percent between two ticks


@dataclass(frozen=True)
class ClassRow:
    """Values (percent) of A and B with their intervals; gap: A - B as text; detail: its interval.

    color: of the stripe before the name; tip: tooltip. Missing values are NaN.
    """

    label: str
    color: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    gap: str
    detail: str
    tip: str


class Dumbbells(QAbstractScrollArea):
    """Draws `ClassRow`s; `picked` gives the row that was clicked, or entered, and the modifiers."""

    picked = Signal(int, Qt.KeyboardModifier)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ClassRow, ...] = ()
        self._styles = (LIGHT.model_style("original"),) * 2
        self._theme, self._axis = LIGHT, ""
        self._lowest = 0.0
        self._current = 0
        self.setAccessibleName("Accuracy by class")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.verticalScrollBar().setSingleStep(ROW)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)

    @property
    def rows(self) -> tuple[ClassRow, ...]:
        """The rows drawn."""
        return self._rows

    def set_rows(
        self,
        rows: Sequence[ClassRow],
        styles: tuple[ModelStyle, ModelStyle],
        axis: str,
        theme: Theme,
    ) -> None:
        """Show other rows; axis: label of the axis with its unit."""
        self._rows, self._styles, self._axis, self._theme = tuple(rows), styles, axis, theme
        ends = [value for row in rows for value in (*row.a, *row.b) if math.isfinite(value)]
        self._lowest = min(90.0, max(0.0, 10 * math.floor(min(ends, default=0) / 10)))
        self._current = min(self._current, max(0, len(rows) - 1))
        self.setAccessibleDescription("; ".join(row.tip for row in rows))
        self._fit()
        self.viewport().update()

    def row_at(self, at: QPoint) -> int:
        """The row at a point of the viewport, -1 for none."""
        row = (at.y() - TOP + self.verticalScrollBar().value()) // ROW
        return row if at.y() >= TOP and 0 <= row < len(self._rows) else -1

    def place_of(self, row: int) -> QRect:
        """Where a row is drawn in the viewport."""
        top = TOP + row * ROW - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), ROW)

    def minimumSizeHint(self) -> QSize:
        """Room for names, an axis, gaps and three rows."""
        return QSize(220, TOP + 3 * ROW)

    # -- events -------------------------------------------------------------------------------
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bar."""
        super().resizeEvent(event)
        self._fit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pick the row under a left click."""
        row = self.row_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self._go(row)
            self.picked.emit(row, event.modifiers())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down go through the rows, Enter or Space picks one."""
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(key)
        if step is not None and self._rows:
            self._go(max(0, min(len(self._rows) - 1, self._current + step)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._rows:
            self.picked.emit(self._current, event.modifiers())
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tooltip of the row under the cursor."""
        if isinstance(event, QHelpEvent):
            row = self.row_at(event.pos())
            tip = literal(self._rows[row].tip) if row >= 0 else ""
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    # -- layout -------------------------------------------------------------------------------
    def _go(self, row: int) -> None:
        self._current = row
        bar, place = self.verticalScrollBar(), row * ROW
        bar.setValue(min(place, max(bar.value(), place + ROW - (self.viewport().height() - TOP))))
        self.viewport().update()

    def _fit(self) -> None:
        room = self.viewport().height() - TOP
        self.verticalScrollBar().setRange(0, max(0, len(self._rows) * ROW - room))
        self.verticalScrollBar().setPageStep(max(ROW, room))

    def _names(self) -> int:
        words = [self.fontMetrics().horizontalAdvance(row.label) for row in self._rows]
        return min(WIDEST_NAME, max(words, default=40)) + 3 * PAD

    def _gaps(self) -> int:
        words = [self.fontMetrics().horizontalAdvance(self._gap_text(row)) for row in self._rows]
        heading = self.fontMetrics().horizontalAdvance(self._heading())
        return max([heading, *words]) + 2 * PAD

    def _gap_text(self, row: ClassRow) -> str:
        wide = self.viewport().width() >= NARROW
        return f"{row.gap}  {row.detail}" if wide and row.detail else row.gap

    def _heading(self) -> str:
        wide = self.viewport().width() >= NARROW
        return "gap A − B [95 %], points" if wide else "A − B"

    def _x(self, percent: float) -> float:
        left = self._names() + PAD
        room = self.viewport().width() - left - self._gaps() - 2 * PAD
        return left + room * (percent - self._lowest) / (100 - self._lowest)

    # -- painting -----------------------------------------------------------------------------
    def _paint(self) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        self._paint_grid(painter)
        for number in range(len(self._rows)):
            box = self.place_of(number)
            if box.bottom() >= TOP and box.top() <= self.viewport().height():
                self._paint_row(painter, number, box)
        self._paint_axis(painter)
        painter.end()

    def _ticks(self) -> list[int]:
        room = self._x(100) - self._x(self._lowest)
        most = max(2, int(room / 44))
        span = 100 - self._lowest
        step = next((one for one in STEPS if span / one <= most), 50)
        return [tick for tick in range(0, 101, step) if tick >= self._lowest]

    def _paint_grid(self, painter: QPainter) -> None:
        painter.setPen(QColor(self._theme.grid))
        for tick in self._ticks():
            x = self._x(tick)
            painter.drawLine(QPointF(x, TOP), QPointF(x, self.viewport().height()))

    def _paint_axis(self, painter: QPainter) -> None:
        width = self.viewport().width()
        painter.fillRect(QRect(0, 0, width, TOP - 1), QColor(self._theme.base))
        painter.fillRect(QRect(0, TOP - 1, width, 1), QColor(self._theme.border))
        painter.setPen(QColor(self._theme.muted))
        for tick in self._ticks():
            box = QRectF(self._x(tick) - 25, TOP - 18, 50, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{tick}")
        left, right = self._x(self._lowest), self._x(100)
        middle = Qt.AlignmentFlag.AlignCenter
        painter.drawText(QRectF(left - 60, 0, right - left + 120, 16), middle, self._axis)
        gaps = QRectF(width - self._gaps() - PAD, TOP - 18, self._gaps(), 16)
        painter.drawText(gaps, Qt.AlignmentFlag.AlignRight, self._heading())

    def _paint_row(self, painter: QPainter, number: int, box: QRect) -> None:
        row = self._rows[number]
        if number == self._current and self.hasFocus():
            painter.fillRect(box.adjusted(0, 1, 0, -1), QColor(self._theme.grid))
            painter.fillRect(QRect(0, box.top() + 1, 3, ROW - 2), QColor(self._theme.accent))
        painter.fillRect(QRect(PAD, box.top() + 6, 4, ROW - 12), QColor(row.color))
        painter.setPen(QColor(self._theme.text))
        name = QRect(2 * PAD, box.top(), self._names() - 2 * PAD, ROW)
        words = painter.fontMetrics().elidedText(
            row.label, Qt.TextElideMode.ElideRight, name.width()
        )
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, words)
        gap = QRect(box.right() - self._gaps() - PAD, box.top(), self._gaps(), ROW)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(gap, right, self._gap_text(row))
        if math.isfinite(row.a[0]) and math.isfinite(row.b[0]):
            self._paint_dumbbell(painter, row, box.center().y() + 0.5)

    def _paint_dumbbell(self, painter: QPainter, row: ClassRow, y: float) -> None:
        first, second = QPointF(self._x(row.a[0]), y - APART), QPointF(self._x(row.b[0]), y + APART)
        for (_, low, high), style, at in zip(
            (row.a, row.b), self._styles, (first, second), strict=True
        ):
            painter.setPen(line_pen(style.color, (), 1.0))
            painter.drawLine(QPointF(self._x(low), at.y()), QPointF(self._x(high), at.y()))
        painter.setPen(line_pen(self._theme.muted, (), 2.5))
        painter.drawLine(first, second)
        for style, at in zip(self._styles, (first, second), strict=True):
            draw_symbol(painter, style, at, MARK)
