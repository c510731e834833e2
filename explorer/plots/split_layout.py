"""The layout of a split matrix: cells as large as the viewport allows, within bounds."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize

SMALLEST, LARGEST = QSize(20, 18), QSize(64, 56)  # of a cell before the view scrolls, and at most
WIDEST_NAME = 96  # of a row; a column's name takes this much height
PAD = 6


@dataclass(frozen=True, eq=False)
class SplitLayout:
    """All in logical pixels. view: size of the viewport; line: height of a line of text; names:
    width of the longest name; rows, columns: how many cells; x, y: how far it is scrolled.
    """

    view: QSize
    line: int
    names: int
    rows: int
    columns: int
    x: int = 0
    y: int = 0

    @property
    def left(self) -> int:
        """The left edge of the cells."""
        return self.names + 2 * PAD + self.line

    @property
    def top(self) -> int:
        """The upper edge of the cells."""
        return 2 * self.line + PAD if self.upright else self.names + self.line + 2 * PAD

    @property
    def upright(self) -> bool:
        """Whether the names of columns fit into their width without rotation."""
        return self.names <= self._width - 4

    @property
    def cell(self) -> QSize:
        """The size of a cell that fills the viewport, within bounds."""
        room = (self.view.height() - self.top - PAD) // max(1, self.rows)
        height = max(SMALLEST.height(), min(LARGEST.height(), room))
        return QSize(self._width, height)

    def place_of(self, row: int, column: int) -> QRect:
        """Where a cell is drawn in the viewport."""
        cell = self.cell
        x = self.left + column * cell.width() - self.x
        y = self.top + row * cell.height() - self.y
        return QRect(QPoint(x, y), cell)

    def cell_at(self, at: QPoint) -> tuple[int, int, bool] | None:
        """(row, column, whether in its left half) at a point of the viewport."""
        if at.x() < self.left or at.y() < self.top:
            return None
        cell, x, y = self.cell, at.x() - self.left + self.x, at.y() - self.top + self.y
        row, column = y // cell.height(), x // cell.width()
        if row >= self.rows or column >= self.columns:
            return None
        return row, column, x % cell.width() < cell.width() / 2

    @property
    def _width(self) -> int:
        room = (self.view.width() - self.left - PAD) // max(1, self.columns)
        return max(SMALLEST.width(), min(LARGEST.width(), room))
