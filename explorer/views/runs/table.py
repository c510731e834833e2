"""The table of runs: sorts, filters, and keeps the selection while rows change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QColor, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from explorer.state.queued_run import DONE, FAILED, RUNNING, STOPPED
from explorer.theme import LIGHT, Theme
from explorer.views.runs.rows import HEADS, TIPS, StudyRow
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

SORT = Qt.ItemDataRole.UserRole
FRACTION = Qt.ItemDataRole.UserRole + 1
STATE, PROGRESS, DATASET = range(3)  # columns
WIDEST = 220  # logical pixels of a column until the user widens it
LONGEST = "100 %, 10:00:00 left"
BAR = 3  # logical pixels of height
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RowModel(QAbstractTableModel):
    """The current rows; `look` is the theme that colors the states."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[StudyRow] = []
        self.look: Theme = LIGHT

    def set_rows(self, rows: list[StudyRow]) -> bool:
        """Show these rows; returns whether their identities or order changed."""
        before, self.rows = self.rows, rows
        if [row.identity for row in before] != [row.identity for row in rows]:
            self.rows = before
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        for at, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(at, 0), self.index(at, len(HEADS) - 1))
        return False

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(HEADS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, value to sort by, progress, color, tooltip and accessible text of a cell."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == SORT:
            return row.values[column]
        if role == FRACTION:
            return row.fraction if column == PROGRESS else -1.0
        if role == Qt.ItemDataRole.ForegroundRole and column == STATE:
            return QColor(self._color(row.state))
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(row.error if row.error and column == STATE else row.cells[column])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{HEADS[column]}: {row.cells[column] or 'none'}"
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(row.values[column], int):
            return _RIGHT if column > PROGRESS else None
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles and tooltips."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return HEADS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return TIPS[section]
        return None

    def _color(self, state: str) -> str:
        colors = {RUNNING: self.look.accent, DONE: self.look.good, FAILED: self.look.danger}
        return colors.get(state, self.look.muted if state == STOPPED else self.look.text)


class ProgressDelegate(QStyledItemDelegate):
    """Draws a bar below the text of a running study."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.look: Theme = LIGHT

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        super().paint(painter, option, index)
        fraction = float(index.data(FRACTION))
        if fraction < 0:
            return
        bar = QRect(
            option.rect.left() + 4, option.rect.bottom() - BAR, option.rect.width() - 8, BAR
        )
        painter.fillRect(bar, QColor(self.look.grid))
        bar.setWidth(round(bar.width() * min(fraction, 1.0)))
        painter.fillRect(bar, QColor(self.look.accent))


class RunsTable(QTableView):
    """The table; a click on a header sorts, a third click restores the order of the queue."""

    chosen = Signal()  # the selected rows changed
    opened = Signal()  # Enter, or a double click

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells = RowModel(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.cells)
        self.sorted.setSortRole(SORT)
        self.sorted.setFilterKeyColumn(-1)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.sorted.sort(-1)
        self.setModel(self.sorted)
        self._bar = ProgressDelegate(self)
        self.setItemDelegateForColumn(PROGRESS, self._bar)
        self._set_up()
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.activated.connect(self._on_activated)

    def _set_up(self) -> None:
        self.setAccessibleName("Queue and stored studies")
        self.setSortingEnabled(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.horizontalHeader().setSortIndicatorClearable(True)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells without interruption."""
        with no_collection():
            super().paintEvent(event)

    def event(self, event: QEvent) -> bool:
        """Give the table's own shortcuts precedence over those of the window."""
        overriding = event.type() == QEvent.Type.ShortcutOverride
        if overriding and isinstance(event, QKeyEvent) and self._action_of(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Trigger the action of the key."""
        action = self._action_of(event)
        if action is None:
            super().keyPressEvent(event)
        else:
            action.trigger()

    def _action_of(self, event: QKeyEvent) -> QAction | None:
        pressed = QKeySequence(event.keyCombination())
        return next((one for one in self.actions() if one.shortcut() == pressed), None)

    def show_rows(self, rows: list[StudyRow], look: Theme) -> None:
        """Show these rows and keep the selection."""
        self.cells.look = self._bar.look = look
        selection = [row.identity for row in self.selected()]
        if self.cells.set_rows(rows):
            self._select(selection)
            self._fit()
        self.viewport().update()

    def selected(self) -> list[StudyRow]:
        """The selected rows, from top to bottom."""
        places = {index.row() for index in self.selectionModel().selectedRows()}
        return [self.row_at(place) for place in sorted(places)]

    def row_at(self, place: int) -> StudyRow:
        """The row shown at this place."""
        return self.cells.rows[self.sorted.mapToSource(self.sorted.index(place, 0)).row()]

    def narrow(self, text: str) -> None:
        """Show only rows with this text in any of their cells."""
        self.sorted.setFilterFixedString(text.strip())

    def _select(self, identities: Sequence[tuple[int, str]]) -> None:
        last = len(HEADS) - 1
        chosen = QItemSelection()
        for place in range(self.sorted.rowCount()):
            if self.row_at(place).identity in identities:
                chosen.select(self.sorted.index(place, 0), self.sorted.index(place, last))
        model = self.selectionModel()
        model.select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if chosen.indexes():
            flag = QItemSelectionModel.SelectionFlag.NoUpdate
            model.setCurrentIndex(chosen.indexes()[0], flag)

    def _fit(self) -> None:
        for column in range(len(HEADS) - 1):
            self.resizeColumnToContents(column)
            self.setColumnWidth(column, min(WIDEST, self.columnWidth(column) + 8))
        self.setColumnWidth(PROGRESS, self.fontMetrics().horizontalAdvance(LONGEST) + 12)

    def _on_selection(self) -> None:
        self.chosen.emit()

    def _on_activated(self) -> None:
        self.opened.emit()
