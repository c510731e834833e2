"""The dialog that lists stored studies and opens one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.results import StudySummary
from engine.study.study_labels import study_labels
from explorer.widgets.forms import styled_label
from explorer.widgets.panel import muted_label
from explorer.widgets.plain_text import literal

HEADS = ("Study", "Dataset", "Model", "Forget", "Methods", "Perturbation", "Tags", "Created (UTC)")
SIZE = (900, 460)  # logical pixels
WIDEST = 320  # logical pixels of the first column


class StudiesDialog(QDialog):
    """The studies in the store, found by what is written of them; opens the selected one."""

    chosen = Signal(str)  # key

    def __init__(self, studies: list[StudySummary], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open study")
        self.resize(*SIZE)
        labels = study_labels(studies)
        self._rows = [(one.key, _cells(one, labels), one.notes) for one in studies]
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Find a study: name, setting, dataset, method or tag")
        self.search.setAccessibleName("Find a study")
        self.table = _table(self._rows)
        self.table.doubleClicked.connect(self.accept)
        self.count: QLabel = muted_label()
        buttons = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(buttons.Open | buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        if studies:
            layout.addWidget(self.search)
            layout.addWidget(self.table, 1)
            layout.addWidget(self.count)
        else:
            layout.addWidget(
                styled_label("The store contains no studies yet. Press Run first.", "empty")
            )
        layout.addWidget(self._buttons)
        self.search.textChanged.connect(self._narrow)
        self._narrow("")

    def accept(self) -> None:
        """Close, and open the selected study."""
        row = self.table.currentRow()
        super().accept()
        if 0 <= row < len(self._rows) and not self.table.isRowHidden(row):
            self.chosen.emit(self._rows[row][0])

    def _narrow(self, text: str) -> None:
        """Show the studies with all of these words, and select the first of them."""
        words = text.lower().split()
        first = -1
        left = 0
        for row, (key, cells, notes) in enumerate(self._rows):
            content = "\n".join((*cells, notes, key)).lower()
            shown = all(word in content for word in words)
            self.table.setRowHidden(row, not shown)
            left += shown
            first = row if shown and first < 0 else first
        if first >= 0:
            self.table.selectRow(first)
        total = len(self._rows)
        self.count.setText(
            f"{total:,} studies" if left == total else f"{left:,} of {total:,} studies"
        )
        self._buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(left > 0)


def _cells(one: StudySummary, labels: Mapping[str, str]) -> list[str]:
    return [
        labels[one.key], one.dataset, one.model, f"{one.forget:,}", ", ".join(one.methods),
        one.perturbation, " ".join(one.tags), one.created[:16].replace("T", " "),
    ]  # fmt: skip


def _table(rows: Sequence[tuple[str, list[str], str]]) -> QTableWidget:
    table = QTableWidget(len(rows), len(HEADS))
    table.setObjectName("runs")
    table.setHorizontalHeaderLabels(list(HEADS))
    table.setAccessibleName("Stored studies")
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 10)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    for row, (_, cells, notes) in enumerate(rows):
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            item.setToolTip(literal(notes if column == 0 and notes else text))
            table.setItem(row, column, item)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    table.resizeColumnsToContents()
    table.setColumnWidth(0, min(table.columnWidth(0), WIDEST))
    header.setStretchLastSection(True)
    return table
