"""Copies in columns, models in rows: names stay at the left and results at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from explorer.plots.pictures import draw_sample
from explorer.plots.plot import no_collection
from explorer.theme import LIGHT, Theme

CELL, ROW, TOP = 46, 34, 74  # logical pixels: width of a copy, height of a model, of the pictures
PAD = 6
RIGHT, WRONG = "✓", "✗"


@dataclass(frozen=True, eq=False)
class Row:
    """One model: said (c,) what it calls each copy, correct (c,) bool, confidence (c,) in [0, 1].

    result: what stands at the end, in one line; detail: a smaller second line.
    """

    label: str
    color: str
    said: Sequence[str]
    correct: np.ndarray
    confidence: np.ndarray
    result: str
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A sample (C, H, W) or (d,), its copies (c, ...) with their distances (c,), and verdicts."""

    original: np.ndarray | None
    caption: str
    color: str
    copies: np.ndarray
    sizes: np.ndarray
    rows: Sequence[Row] = field(default_factory=tuple)


class CopyMatrix(QAbstractScrollArea):
    """Draws a `Table`; scrolls sideways through the copies, and down where models are many."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Table | None = None
        self._theme = LIGHT
        self.setAccessibleName("Copies and verdicts")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.setSingleStep(CELL)
            bar.valueChanged.connect(self.viewport().update)

    def set_table(self, table: Table, theme: Theme) -> None:
        """Show another table."""
        self._table, self._theme = table, theme
        rows = "; ".join(f"{row.label}: {row.result} {row.detail}" for row in table.rows)
        self.setAccessibleDescription(rows)
        self._fit()
        self.viewport().update()

    def minimumSizeHint(self) -> QSize:
        """Names, two copies, results and three models."""
        return QSize(self._left() + 2 * CELL + self._right(), TOP + 3 * ROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bars."""
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll with the arrow keys."""
        bar = self.horizontalScrollBar()
        step = {Qt.Key.Key_Left: -CELL, Qt.Key.Key_Right: CELL}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            bar.setValue(bar.value() + step)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    def _paint(self) -> None:
        table = self._table
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        if table is not None:
            self._paint_copies(painter, table)
            self._paint_names(painter, table)
            self._paint_results(painter, table)
            self._paint_captions(painter, table)
        painter.end()

    def viewportEvent(self, event: QEvent) -> bool:
        """Say in a tooltip what a model calls the copy under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.describe(event.pos()), self.viewport())
            return True
        return super().viewportEvent(event)

    def describe(self, at: QPoint) -> str:
        """What is at a point of the viewport, in words; '' where nothing is."""
        table, left = self._table, self._left()
        if table is None or not left <= at.x() < self.viewport().width() - self._right():
            return ""
        copy = (at.x() - left + self.horizontalScrollBar().value()) // CELL
        if not 0 <= copy < len(table.copies):
            return ""
        place = f"copy {copy + 1} of {len(table.copies)}, L2 distance {table.sizes[copy]:.3g}"
        row = (at.y() - TOP + self.verticalScrollBar().value()) // ROW
        if at.y() < TOP or not 0 <= row < len(table.rows):
            return place
        model = table.rows[row]
        verdict = "right" if model.correct[copy] else "wrong"
        share = f"{model.confidence[copy]:.0%} for the true class"
        return f"{model.label} calls it {model.said[copy]} ({verdict}), {share}; {place}"

    # -- layout ---------------------------------------------------------------------------
    def _left(self) -> int:
        rows = self._table.rows if self._table else ()
        words = [self.fontMetrics().horizontalAdvance(row.label) for row in rows]
        return max([CELL + 2 * PAD, *words]) + 3 * PAD + 6

    def _right(self) -> int:
        rows = self._table.rows if self._table else ()
        texts = [text for row in rows for text in (row.result, row.detail)]
        return max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=60) + 18

    def _fit(self) -> None:
        table, view = self._table, self.viewport().size()
        copies, rows = (len(table.copies), len(table.rows)) if table else (0, 0)
        wide = view.width() - self._left() - self._right()
        self.horizontalScrollBar().setRange(0, max(0, copies * CELL - wide))
        self.horizontalScrollBar().setPageStep(max(CELL, wide))
        self.verticalScrollBar().setRange(0, max(0, TOP + rows * ROW - view.height()))
        self.verticalScrollBar().setPageStep(max(ROW, view.height() - TOP))

    def _y(self, row: int) -> int:
        return TOP + row * ROW - self.verticalScrollBar().value()

    # -- painting -------------------------------------------------------------------------
    def _paint_copies(self, painter: QPainter, table: Table) -> None:
        left, wide = self._left(), self.viewport().width() - self._left() - self._right()
        painter.setClipRect(QRect(left, 0, wide, self.viewport().height()))
        first = self.horizontalScrollBar().value() // CELL
        last = min(len(table.copies), first + wide // CELL + 2)
        for copy in range(first, last):
            x = left + copy * CELL - self.horizontalScrollBar().value()
            for i, row in enumerate(table.rows):
                self._paint_verdict(painter, row, copy, QRect(x, self._y(i), CELL, ROW))
        painter.fillRect(QRect(left, 0, wide, TOP), QColor(self._theme.base))
        for copy in range(first, last):
            x = left + copy * CELL - self.horizontalScrollBar().value()
            box = QRectF(x + 3, 18, CELL - 6, CELL - 6)
            draw_sample(painter, box, table.copies[copy], table.color)
        painter.setClipping(False)

    def _paint_verdict(self, painter: QPainter, row: Row, copy: int, box: QRect) -> None:
        right = bool(row.correct[copy])
        color = QColor(self._theme.good if right else self._theme.danger)
        tint = QColor(color)
        tint.setAlphaF(0.10 + 0.12 * float(row.confidence[copy] if right else 0.5))
        painter.fillRect(box.adjusted(1, 1, -1, -1), tint)
        font = QFont(self.font())
        font.setPixelSize(16)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(color)
        if right:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, RIGHT)
            return
        painter.drawText(box.adjusted(0, 0, 0, -13), Qt.AlignmentFlag.AlignCenter, WRONG)
        self._small(painter)
        painter.setPen(QColor(self._theme.text))
        words = painter.fontMetrics().elidedText(
            row.said[copy], Qt.TextElideMode.ElideRight, CELL - 4
        )
        painter.drawText(box.adjusted(0, 17, 0, 0), Qt.AlignmentFlag.AlignCenter, words)

    def _paint_names(self, painter: QPainter, table: Table) -> None:
        left = self._left()
        for i, row in enumerate(table.rows):
            box = QRect(0, self._y(i), left, ROW)
            painter.fillRect(QRect(PAD, box.top() + 6, 4, ROW - 12), QColor(row.color))
            self._line(painter, box.top())
            self._plain(painter)
            words = box.adjusted(2 * PAD + 4, 0, 0, 0)
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), row.label)

    def _paint_results(self, painter: QPainter, table: Table) -> None:
        x = self.viewport().width() - self._right()
        for i, row in enumerate(table.rows):
            box = QRect(x + 10, self._y(i), self._right() - 10, ROW)
            self._plain(painter)
            half = ROW // 2 if row.detail else 0
            middle = int(Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(box.adjusted(0, 2, 0, -half), middle, row.result)
            if row.detail:
                painter.setPen(QColor(self._theme.muted))
                painter.drawText(box.adjusted(0, half - 1, 0, -2), middle, row.detail)

    def _paint_captions(self, painter: QPainter, table: Table) -> None:
        left, right = self._left(), self.viewport().width() - self._right()
        for box in (QRect(0, 0, left, TOP), QRect(right, 0, self._right(), TOP)):
            painter.fillRect(box, QColor(self._theme.base))
        self._line(painter, TOP - 1)
        painter.fillRect(QRect(right, 0, 1, self.viewport().height()), QColor(self._theme.border))
        painter.fillRect(
            QRect(left - 1, 0, 1, self.viewport().height()), QColor(self._theme.border)
        )
        if table.original is not None:
            place = QRectF(2 * PAD, 18, CELL - 2, CELL - 2)
            draw_sample(painter, place, table.original, table.color)
        self._small(painter)
        painter.setPen(QColor(self._theme.muted))
        top = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRect(2 * PAD, 0, left - 2 * PAD, 17), top, table.caption)
        painter.drawText(QRect(left + 4, 0, right - left - 8, 17), top, self._range_text(table))
        painter.drawText(QRect(right + 10, 0, self._right() - 10, 17), top, "recognized")

    def _range_text(self, table: Table) -> str:
        if not len(table.sizes):
            return ""
        low, high = table.sizes[0], table.sizes[-1]
        text = f"{len(table.copies)} copies, L2 distance {low:.3g} to {high:.3g} →"
        width = self.viewport().width() - self._left() - self._right() - 8
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)

    def _line(self, painter: QPainter, y: int) -> None:
        painter.fillRect(QRect(0, y, self.viewport().width(), 1), QColor(self._theme.border))

    def _plain(self, painter: QPainter) -> None:
        painter.setFont(self.font())
        painter.setPen(QColor(self._theme.text))

    def _small(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
