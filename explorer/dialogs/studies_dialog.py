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
from engine.study.study_labels import reads, study_labels
from explorer.state.catalog import Catalog, label_in
from explorer.widgets.fit import resize_on_screen
from explorer.widgets.forms import styled_label
from explorer.widgets.panel import muted_label
from explorer.widgets.plain_text import literal

HEADS = ("Study", "Dataset", "Model", "Forget", "Methods", "Perturbation", "Tags", "Created (UTC)")
SIZE = (900, 460)  # logical pixels
WIDEST, PAD = 340, 14  # logical pixels of a column, and beside its title


class StudiesDialog(QDialog):
    """The studies in the store, found by what is written of them; opens the selected one."""

    chosen = Signal(str)  # key

    def __init__(
        self, studies: list[StudySummary], catalog: Catalog, parent: QWidget | None
    ) -> None:
        """`catalog`: what people call datasets, models, methods and perturbations."""
        super().__init__(parent)
        self.setWindowTitle("Open study")
        resize_on_screen(self, *SIZE)
        labels = study_labels(studies)
        self._rows = [(one.key, _cells(one, labels, catalog), one.notes) for one in studies]
        self._texts = [
            "\n".join((*cells, notes, _names(one)))
            for one, (_, cells, notes) in zip(studies, self._rows, strict=True)
        ]
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
        first, left = -1, 0
        for row, words in enumerate(self._texts):
            shown = reads(words, text)
            self.table.setRowHidden(row, not shown)
            left += shown
            first = row if shown and first < 0 else first
        if first >= 0:
            self.table.selectRow(first)
        total = len(self._rows)
        studies = "1 study" if total == 1 else f"{total:,} studies"
        self.count.setText(studies if left == total else f"{left:,} of {studies}")
        self._buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(left > 0)


def _cells(one: StudySummary, labels: Mapping[str, str], catalog: Catalog) -> list[str]:
    methods = ", ".join(catalog.method(name).label for name in one.methods)
    return [
        labels[one.key],
        label_in(catalog.datasets, one.dataset),
        label_in(catalog.models, one.model),
        f"{one.forget:,}",
        methods,
        label_in(catalog.perturbations, one.perturbation),
        " ".join(one.tags),
        one.created[:16].replace("T", " "),
    ]


def _names(one: StudySummary) -> str:
    """The names by which the command line knows what the cells show; a study is found by both."""
    return " ".join((one.key, one.dataset, one.model, *one.methods, one.perturbation))


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
    for column in range(len(HEADS)):  # the style's padding of headers is not measured
        table.setColumnWidth(column, min(table.columnWidth(column) + PAD, WIDEST))
    header.setStretchLastSection(True)
    return table
