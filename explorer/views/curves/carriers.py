"""The list of the samples that carry a curve; a row makes its sample current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.analysis.carriers import Carrier
from engine.datasets.base import Dataset
from engine.forget_sets.sample_names import sample_title
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.sample_picture import draw_sample, drawable
from explorer.widgets.term import TermLabel

PICTURE = 22  # logical pixels
ROOMS = (0, 200, 0, 330, 330)  # logical pixels of the table's width, from which each is shown
NARROW = 200  # of the list's width, below which its sentence is short
COLUMNS = (
    ("Sample", "index of the training sample"),
    ("Class", "its true class"),
    (
        "r",
        "the sample's own r at this τ; above 1: recognized more often than by Re-train",
    ),
    ("Model", "perturbed copies that the model recognizes, of all drawn"),
    ("Re-train", "perturbed copies that Re-train recognizes, mean over the Re-trains"),
)
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class CarrierModel(QAbstractTableModel):
    """One row for each sample."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: Sequence[Carrier] = ()
        self._dataset: Dataset | None = None
        self._color = "#000000"

    def set_rows(self, rows: Sequence[Carrier], dataset: Dataset | None, color: str) -> None:
        """Show these samples of the dataset; color: of the bars of tabular samples."""
        self.beginResetModel()
        self.rows, self._dataset, self._color = rows, dataset, color
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of samples."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, picture and alignment of a cell."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts(row)[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._picture(row.sample)
        if role == Qt.ItemDataRole.ToolTipRole:
            named = sample_title(row.sample, self._dataset)
            return COLUMNS[column][1] if column else f"{named}: {COLUMNS[0][1]}"
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles and tooltips of the columns."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section][0]
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section][1]
        return None

    def _texts(self, row: Carrier) -> tuple[str, ...]:
        recognized = f"{row.known:,} of {row.draws:,}"
        retrain = f"{row.retrain:.1f} of {row.draws:,}"
        return str(row.sample), self._class_of(row.sample), f"{row.r:.2f}", recognized, retrain

    def _class_of(self, sample: int) -> str:
        dataset = self._dataset
        return dataset.classes[dataset.label_of(sample)] if dataset is not None else "?"

    def _picture(self, sample: int) -> QPixmap | None:
        if self._dataset is None:
            return None
        pixmap = QPixmap(PICTURE, PICTURE)
        pixmap.fill(QColor(0, 0, 0, 0))
        painter = QPainter(pixmap)
        box = pixmap.rect().toRectF()
        draw_sample(painter, box, drawable(self._dataset, sample), self._color)
        painter.end()
        return pixmap


class CarrierTable(QTableView):
    """The table; `picked` gives the sample of a row that is clicked or reached by key."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.carriers = CarrierModel(self)
        self.setModel(self.carriers)
        self.setAccessibleName("Samples that carry the curve")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(PICTURE, PICTURE))
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(PICTURE + 4)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setResizeContentsPrecision(0)  # of the visible rows only
        self.selectionModel().currentRowChanged.connect(self._reach)
        self._quiet = False

    def show_rows(self, rows: Sequence[Carrier], dataset: Dataset | None, color: str) -> None:
        """Show these samples without emitting `picked`."""
        self._quiet = True
        self.carriers.set_rows(rows, dataset, color)
        self._quiet = False

    def mark(self, sample: int | None) -> None:
        """Highlight the row of the current sample, if listed, without emitting `picked`."""
        rows = [row for row, one in enumerate(self.carriers.rows) if one.sample == sample]
        self._quiet = True
        if rows:
            flags = QItemSelectionModel.SelectionFlag
            index = self.carriers.index(rows[0], 0)
            how = flags.ClearAndSelect | flags.Rows
            self.selectionModel().setCurrentIndex(index, how)
        else:
            self.clearSelection()
        self._quiet = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the columns that there is room for."""
        super().resizeEvent(event)
        for column, room in enumerate(ROOMS):
            self.setColumnHidden(column, self.width() < room)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows without interruption."""
        with no_collection():
            super().paintEvent(event)

    def _reach(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and not self._quiet:
            self.picked.emit(self.carriers.rows[now.row()].sample)


class CarrierList(QWidget):
    """The table below a sentence on its contents; its button or Esc closes it."""

    picked = Signal(int)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = TermLabel()
        self.words.setWordWrap(True)
        self._texts = ("", "")
        self.table = CarrierTable()
        self.table.picked.connect(self.picked)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close the list of samples (Esc)")
        self.close_button.setAccessibleName("Close the list of samples")
        self.close_button.clicked.connect(self.close_list)
        top = QHBoxLayout()
        top.addWidget(self.words, 1)
        top.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        self.hide()

    def minimumSizeHint(self) -> QSize:
        """Room for the header and two rows."""
        return QSize(80, 110)

    def open(
        self,
        words: tuple[str, str],
        rows: Sequence[Carrier],
        dataset: Dataset | None,
        color: str,
    ) -> None:
        """Show these samples of the dataset; words: a sentence on them, and a shorter one."""
        self._texts = words
        self._write()
        self.table.show_rows(rows, dataset, color)
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write as much as there is room for."""
        super().resizeEvent(event)
        self._write()

    def _write(self) -> None:
        full, short = self._texts
        narrow = self.width() < NARROW and bool(short)
        self.words.setText(short if narrow else full)
        self.words.setToolTip(literal(full) if narrow else "")

    def close_list(self) -> None:
        """Hide it, at the user's wish."""
        self.hide()
        self.closed.emit()
