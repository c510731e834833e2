"""The model of the Runs table: rows and columns, their order, and which of them are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QWidget

from explorer.state.queued_run import DONE, FAILED, RUNNING, STOPPED
from explorer.theme import LIGHT, Theme
from explorer.views.runs.columns import EDITABLE, STATE, Column, best_rows
from explorer.views.runs.rows import StudyRow
from explorer.widgets.plain_text import literal

SORT = Qt.ItemDataRole.UserRole
FRACTION = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
Identity = tuple[int, str]
ORDERS = {Qt.SortOrder.AscendingOrder: " ▲", Qt.SortOrder.DescendingOrder: " ▼"}
_ROOT = QModelIndex()
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class RowModel(QAbstractTableModel):
    """The current rows and columns; `look` is the theme that colors them.

    written: a name or tags were typed into a row: its key, the column, the text.
    """

    written = Signal(str, str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[StudyRow] = []
        self.columns: list[Column] = []
        self.look: Theme = LIGHT
        self.best: dict[str, frozenset[Identity]] = {}  # column -> its best rows
        self.by, self.order = -1, Qt.SortOrder.AscendingOrder  # place of the column sorted by
        self._best_of: object = None
        self._bold = QFont()
        self._bold.setBold(True)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns."""
        self.beginResetModel()
        self.columns = list(columns)
        self.endResetModel()

    def set_rows(self, rows: list[StudyRow]) -> bool:
        """Show these rows; returns whether their identities or order changed."""
        before, self.rows = self.rows, rows
        if [row.identity for row in before] != [row.identity for row in rows]:
            self.rows = before
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        last = max(0, len(self.columns) - 1)
        for at, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old is not new and old != new:
                self.dataChanged.emit(self.index(at, 0), self.index(at, last))
        return False

    def mark_best(self, among: Sequence[StudyRow]) -> None:
        """Mark the best of these rows in each column of a measure."""
        seen = (
            [column.name for column in self.columns],
            [(row.identity, id(row.measures), row.model, str(row.tau)) for row in among],
        )
        if seen == self._best_of:  # as during the progress of another study
            return
        self._best_of = seen
        best = {
            column.name: frozenset(row.identity for row in best_rows(column, among))
            for column in self.columns
            if column.quantity is not None
        }
        if best != self.best:
            self.best = best
            if self.rows and self.columns:
                end = self.index(len(self.rows) - 1, len(self.columns) - 1)
                roles = [Qt.ItemDataRole.FontRole, Qt.ItemDataRole.ForegroundRole]
                self.dataChanged.emit(self.index(0, 0), end, roles)

    def set_order(self, by: int, order: Qt.SortOrder) -> None:
        """Say in the titles by which column the rows are sorted, -1 for none."""
        self.by, self.order = by, order
        if self.columns:
            last = len(self.columns) - 1
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, last)

    def place(self, name: str) -> int:
        """The place of a column, -1 if it is not shown."""
        return next((i for i, one in enumerate(self.columns) if one.name == name), -1)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A stored study's name and tags can be edited."""
        flags = super().flags(index)
        row, column = self.rows[index.row()], self.columns[index.column()]
        editable = bool(row.key) and column.name in EDITABLE
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Announce an edited name or tags; the row shows them once they are stored."""
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role != Qt.ItemDataRole.EditRole or not row.key or str(value) == column.text(row):
            return False
        self.written.emit(row.key, column.name, str(value))
        return True

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, value to sort by, progress, color, font, tooltip and accessible text of a cell."""
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return column.text(row)
        if role == SORT:
            return column.value(row)
        if role == FRACTION:
            return row.fraction if column.name == STATE else -1.0
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.numeric else LEFT
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(row, column)
        if role == Qt.ItemDataRole.FontRole and self.is_best(row, column):
            return self._bold
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(self._tip(row, column))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            best = ", the best" * self.is_best(row, column)
            return f"{column.full_title}: {column.text(row) or 'none'}{best}"
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles and tooltips."""
        if orientation == Qt.Orientation.Horizontal and section < len(self.columns):
            column = self.columns[section]
            if role == Qt.ItemDataRole.DisplayRole:
                title = f"{column.title}{ORDERS.get(self.order) if section == self.by else ''}"
                return f"{title}\n{column.below}" if column.below else title
            if role == Qt.ItemDataRole.ToolTipRole:
                return literal(column.tip)
            if role == Qt.ItemDataRole.AccessibleTextRole:
                return column.full_title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return RIGHT if column.numeric else LEFT
        return None

    def is_best(self, row: StudyRow, column: Column) -> bool:
        """Whether the row is marked as the best in this column."""
        return row.identity in self.best.get(column.name, ())

    def _tip(self, row: StudyRow, column: Column) -> str:
        if row.error and column.name == STATE:
            return row.error
        text = column.text(row)
        if column.quantity is None:
            return text
        return f"{column.tip} The best of those shown." if self.is_best(row, column) else column.tip

    def _color(self, row: StudyRow, column: Column) -> QColor | None:
        if self.is_best(row, column):
            return QColor(self.look.good)
        if column.name != STATE:
            return None
        colors = {RUNNING: self.look.accent, DONE: self.look.good, FAILED: self.look.danger}
        return QColor(
            colors.get(row.state, self.look.muted if row.state == STOPPED else self.look.text)
        )


class SortedRows(QSortFilterProxyModel):
    """Sorts by the columns' values, undefined ones last in either order, and hides rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSortRole(SORT)
        self._accepts: Callable[[StudyRow], bool] | None = None

    def set_accepted(self, accepts: Callable[[StudyRow], bool] | None) -> None:
        """Show only the rows for which this holds; None shows all."""
        self._accepts = accepts
        self.setFilterFixedString("")  # filters anew; invalidateFilter is deprecated

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Whether the row is shown."""
        source = self.sourceModel()
        assert isinstance(source, RowModel)
        return self._accepts is None or self._accepts(source.rows[source_row])

    def lessThan(self, left: Index, right: Index) -> bool:
        """Whether left sorts before right; undefined values account for Qt's reversed order."""
        a, b = left.data(SORT), right.data(SORT)
        missing_a, missing_b = _missing(a), _missing(b)
        if missing_a or missing_b:
            return (missing_b and not missing_a) == (
                self.sortOrder() == Qt.SortOrder.AscendingOrder
            ) and missing_a != missing_b
        if isinstance(a, str) != isinstance(b, str):
            return isinstance(b, str)  # numbers before words
        return bool(a < b)


def _missing(value: float | str) -> bool:
    return not value if isinstance(value, str) else math.isnan(value)
