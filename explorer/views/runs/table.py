"""The table of studies: sorts, filters, edits names, and keeps the selection while rows change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from explorer.theme import LIGHT, Theme
from explorer.views.runs.columns import DIFFERS, NAME, STATE, WORDS, Column
from explorer.views.runs.model import FRACTION, Index, RowModel, SortedRows
from explorer.views.runs.rows import StudyRow
from explorer.views.runs.widths import fitted
from explorer.widgets.plot_widget import no_collection

WIDEST, NARROWEST = 200, 44  # logical pixels of a column until the user changes it
WIDEST_DIFFERS = 360
RUNNING_TEXT = "▶ 100 %, 1:00:00 left"
MEASURED = 60  # rows whose texts determine the widths of columns
BAR, PAD = 3, 14  # logical pixels: height of a progress bar; around a text
NAME_WIDTH = 64


class StudyDelegate(QStyledItemDelegate):
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

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """Give the editor room for a name, wider than a narrow column."""
        box = QRect(option.rect)
        box.setWidth(max(box.width(), 160))
        editor.setGeometry(box)


class RunsTable(QTableView):
    """The table; a click on a header sorts, a third click restores the order of the queue."""

    chosen = Signal()  # the selected rows changed
    opened = Signal()  # Enter, or a double click
    written = Signal(str, str, str)  # key, column, text: a name or tags were edited
    header_menu_wanted = Signal(str, QPoint)  # column, place on the screen
    edited = Signal()  # an edit has ended

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells = RowModel(self)
        self.sorted = SortedRows(self)
        self.sorted.setSourceModel(self.cells)
        self.sorted.sort(-1)
        self.setModel(self.sorted)
        self._delegate = StudyDelegate(self)
        self.setItemDelegate(self._delegate)
        self._widths: dict[str, int] = {}  # of columns that the user resized
        self._fitting = False
        self._set_up()
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.activated.connect(self._on_activated)
        self.cells.written.connect(self.written)
        self._delegate.closeEditor.connect(
            self.edited, Qt.ConnectionType.QueuedConnection
        )  # once the editor is gone

    def _set_up(self) -> None:
        self.setObjectName("runs")
        self.setAccessibleName("Queue and stored studies")
        self.setSortingEnabled(True)
        header = self.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(NARROWEST)
        header.setHighlightSections(False)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        header.sectionResized.connect(self._on_resized)
        header.sortIndicatorChanged.connect(self.cells.set_order)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
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

    # -- rows and columns -----------------------------------------------------------------
    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns, and keep selection and order."""
        before = [(one.name, one.title, one.below) for one in self.cells.columns]
        if before == [(one.name, one.title, one.below) for one in columns]:
            self.cells.columns = list(columns)  # the same, with another tau
            return
        sorted_by, order = self.sort_column()
        chosen = self.selected()
        self.cells.set_columns(columns)
        self.sort_by(sorted_by, order)
        self._select(chosen)
        self._fit()

    def show_rows(self, rows: list[StudyRow], look: Theme) -> None:
        """Show these rows and keep the selection; not during an edit, which it would end."""
        if look is not self.cells.look:
            self.cells.look = self._delegate.look = look
            self.viewport().update()
        chosen = self.selected()
        texts = {(row.name, row.word) for row in self.cells.rows if row.fraction < 0}
        if self.cells.set_rows(rows):
            self._select(chosen)
            self._fit()
        elif texts != {(row.name, row.word) for row in rows if row.fraction < 0}:
            self._fit()
        self._mark_best()

    def selected(self) -> list[StudyRow]:
        """The selected rows, from top to bottom."""
        places = {index.row() for index in self.selectionModel().selectedRows()}
        return [self.row_at(place) for place in sorted(places)]

    def row_at(self, place: int) -> StudyRow:
        """The row shown at this place."""
        return self.cells.rows[self.sorted.mapToSource(self.sorted.index(place, 0)).row()]

    @property
    def shown(self) -> list[StudyRow]:
        """The rows shown, from top to bottom."""
        return [self.row_at(place) for place in range(self.sorted.rowCount())]

    def narrow(self, accepts: Callable[[StudyRow], bool] | None) -> None:
        """Show only the rows for which this holds; None shows all."""
        self.sorted.set_accepted(accepts)
        self._mark_best()

    def select_keys(self, keys: Iterable[str], *, current: bool = True) -> None:
        """Select the shown rows of these studies, and scroll to the first."""
        wanted = set(keys)
        self._select([row for row in self.shown if row.key in wanted])
        places = self.selectionModel().selectedRows()
        if places and current:
            self.scrollTo(places[0])

    def edit_name(self) -> None:
        """Begin to edit the name of the current row, if it is stored and the column shown."""
        rows, column = self.selectionModel().selectedRows(), self.cells.place(NAME)
        if rows and column >= 0:
            index = self.sorted.index(rows[0].row(), column)
            self.setCurrentIndex(index)
            self.scrollTo(index)
            self.edit(index)

    # -- order ------------------------------------------------------------------------------
    def sort_column(self) -> tuple[str, Qt.SortOrder]:
        """The column sorted by ('' for the order of the queue), and the order."""
        header = self.horizontalHeader()
        place, columns = header.sortIndicatorSection(), self.cells.columns
        name = columns[place].name if 0 <= place < len(columns) else ""
        return name, header.sortIndicatorOrder()

    def sort_by(self, name: str, order: Qt.SortOrder) -> None:
        """Sort by a column; '' restores the order of the queue."""
        self.sortByColumn(self.cells.place(name), order)

    @property
    def widths(self) -> dict[str, int]:
        """The widths that the user gave to columns, in logical pixels."""
        return dict(self._widths)

    def set_widths(self, widths: dict[str, int]) -> None:
        """Give columns these widths."""
        self._widths = dict(widths)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Mark the best of the rows that came while the table was hidden."""
        super().showEvent(event)
        self._mark_best()

    # -- inside -------------------------------------------------------------------------------
    def _mark_best(self) -> None:
        if self.isVisible():  # it takes long for many studies: not at each step of a brush
            self.cells.mark_best(self.shown)

    def _select(self, rows: Sequence[StudyRow]) -> None:
        """Select these rows again; a run whose study was stored meanwhile keeps its number."""
        keys = {row.key for row in rows if row.key}
        numbers = {row.number for row in rows if row.number}
        last = len(self.cells.columns) - 1
        selection = QItemSelection()
        for place, row in enumerate(self.shown):
            if row.key in keys or row.number in numbers:
                selection.select(self.sorted.index(place, 0), self.sorted.index(place, last))
        model = self.selectionModel()
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if selection.indexes():
            flag = QItemSelectionModel.SelectionFlag.NoUpdate
            model.setCurrentIndex(selection.indexes()[0], flag)

    def _fit(self) -> None:
        """Fit the columns to their texts, apart from those that the user resized."""
        metrics = self.fontMetrics()
        rows = self.cells.rows[:MEASURED]
        wanted: dict[str, int] = {}
        for column in self.cells.columns:
            texts = {column.text(row) for row in rows}
            if column.name == STATE and any(row.fraction >= 0 for row in rows):
                texts.add(RUNNING_TEXT)
            width = max(map(metrics.horizontalAdvance, texts), default=0) + PAD
            width = min(width, WIDEST_DIFFERS if column.name == DIFFERS else WIDEST)
            titles = (f"{column.title} ▲", column.below)
            width = max(width, max(map(metrics.horizontalAdvance, titles)) + PAD)
            if column.name == NAME:
                width = max(width, NAME_WIDTH)
            wanted[column.name] = self._widths.get(column.name, width)
        words = [name for name in WORDS if name not in self._widths]
        self._fitting = True
        for place, width in enumerate(fitted(wanted, words, self.viewport().width()).values()):
            self.setColumnWidth(place, width)
        self._fitting = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _on_resized(self, place: int, _before: int, width: int) -> None:
        if not self._fitting and 0 <= place < len(self.cells.columns):
            self._widths[self.cells.columns[place].name] = width

    def _on_header_menu(self, at: QPoint) -> None:
        header = self.horizontalHeader()
        place = header.logicalIndexAt(at)
        name = self.cells.columns[place].name if place >= 0 else ""
        self.header_menu_wanted.emit(name, header.viewport().mapToGlobal(at))

    @property
    def editing(self) -> bool:
        """Whether a cell is being edited."""
        return self.state() == QAbstractItemView.State.EditingState

    def _on_selection(self) -> None:
        self.chosen.emit()

    def _on_activated(self) -> None:
        self.opened.emit()
