"""Confusion matrices of two models in one: each cell is split, or shows the difference.

In a split cell the left half is A's and the right one B's: a larger share of the row is drawn
further from the background color, a lower confidence grayer.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
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

from engine.comparison.pair import EITHER, A, B, Matrix
from explorer.plots.split_layout import SMALLEST, WIDEST_NAME, SplitLayout
from explorer.plots.split_painter import Split, SplitPainter
from explorer.theme import LIGHT, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class SplitMatrix(QAbstractScrollArea):
    """Draws a `Split`; `picked` gives true and predicted group, side (A, B or EITHER), modifiers.

    The arrow keys move through the cells; Enter picks the samples of both models.
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

    @property
    def shown(self) -> Split | None:
        """The matrices drawn."""
        return self._shown

    def cell_at(self, at: QPoint) -> tuple[int, int, str] | None:
        """(true, predicted, side) at a point of the viewport; side: that of the half."""
        cell = self.cell_layout.cell_at(at)
        if self._shown is None or cell is None:
            return None
        row, column, in_left = cell
        part = A if in_left else B
        part = EITHER if self._shown.difference else part
        return self._shown.rows[row], column, part

    def place_of(self, row: int, column: int) -> QRect:
        """Where a cell is drawn in the viewport."""
        return self.cell_layout.place_of(row, column)

    @property
    def cell_layout(self) -> SplitLayout:
        """The layout of the cells at the current scroll position."""
        names = self._shown.names if self._shown else ()
        words = [self.fontMetrics().horizontalAdvance(name) for name in names]
        return SplitLayout(
            self.viewport().size(),
            self.fontMetrics().height(),
            min(WIDEST_NAME, max(words, default=20) + 2),
            len(self._shown.rows) if self._shown else 0,
            len(names),
            self.horizontalScrollBar().value(),
            self.verticalScrollBar().value(),
        )

    def describe(self, true: int, predicted: int) -> str:
        """Counts, shares and mean confidence of both models in one cell."""
        shown = self._shown
        if shown is None:
            return ""
        lines = [f"True {shown.names[true]}, predicted {shown.names[predicted]}"]
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
        cell = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and cell and self._shown:
            self._current = (list(self._shown.rows).index(cell[0]), cell[1])
            self._describe_current()
            self.viewport().update()
            self.picked.emit(*cell, event.modifiers())

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
        """Show the tooltip of the cell under the cursor."""
        if isinstance(event, QHelpEvent):
            cell = self.cell_at(event.pos())
            words = literal(self.describe(*cell[:2])) if cell else ""
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    # -- layout -------------------------------------------------------------------------------
    def _fit(self) -> None:
        now, view = self.cell_layout, self.viewport().size()
        for bar, size, room in (
            (self.horizontalScrollBar(), now.columns * now.cell.width(), view.width() - now.left),
            (self.verticalScrollBar(), now.rows * now.cell.height(), view.height() - now.top),
        ):
            bar.setRange(0, max(0, size - room))
            bar.setPageStep(max(1, room))

    def _show_current(self) -> None:
        """Scroll to the current cell."""
        now, view = self.cell_layout, self.viewport()
        box = now.place_of(*self._current)
        for bar, low, high, first, end in (
            (self.horizontalScrollBar(), box.left(), box.right(), now.left, view.width()),
            (self.verticalScrollBar(), box.top(), box.bottom(), now.top, view.height()),
        ):
            bar.setValue(bar.value() + min(0, low - first) + max(0, high - end + 1))
        self._describe_current()
        self.viewport().update()

    def _describe_current(self) -> None:
        row, column = self._current
        if self._shown is not None and self._shown.rows:
            self.setAccessibleDescription(self.describe(self._shown.rows[row], column))

    def _paint(self) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        if self._shown is not None:
            brush = SplitPainter(painter, self._shown, self.cell_layout, self._theme, self)
            brush.paint(self._current if self.hasFocus() else None)
        painter.end()


def _words(matrix: Matrix, true: int, predicted: int) -> str:
    """Count, share and mean confidence of one model in a cell, as text."""
    count, total = int(matrix.counts[true, predicted]), int(matrix.counts[true].sum())
    if not total:
        return "no samples of this class"
    words = f"{count:,} of {total:,} ({matrix.share[true, predicted]:.1f} %)"
    if not count:
        return words
    words += f", mean confidence {matrix.confidence[true, predicted]:.0%}"
    right = int(matrix.right[true, predicted])
    return words if right in (0, count) else f"{words}, {right:,} of them correct"
