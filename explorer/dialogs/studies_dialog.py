"""The dialog that lists stored studies, opens and deletes them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.results import StudySummary
from explorer.widgets.forms import styled_label


class StudiesDialog(QDialog):
    """The studies in the store; opens the selected one."""

    chosen = Signal(str)  # key

    def __init__(self, studies: list[StudySummary], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open study")
        self.resize(760, 360)
        self._studies = studies
        heads = (
            "Dataset",
            "Model",
            "Forget",
            "Methods",
            "Perturbation",
            "Draws",
            "Seed",
            "Created",
        )
        self.table = _table(heads, [_cells(one) for one in studies])
        self.table.doubleClicked.connect(self.accept)
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self._buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(bool(studies))
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        if studies:
            layout.addWidget(self.table)
            self.table.selectRow(0)
        else:
            layout.addWidget(
                styled_label("The store contains no studies yet. Press Run first.", "empty")
            )
        layout.addWidget(self._buttons)

    def accept(self) -> None:
        """Close, and open the selected study."""
        row = self.table.currentRow()
        super().accept()
        if 0 <= row < len(self._studies):
            self.chosen.emit(self._studies[row].key)


def _cells(one: StudySummary) -> list[str]:
    return [
        one.dataset, one.model, f"{one.forget:,}", ", ".join(one.methods), one.perturbation,
        str(one.draws), str(one.seed), one.created[:16].replace("T", " "),
    ]  # fmt: skip


def _table(heads: tuple[str, ...], rows: list[list[Any]]) -> QTableWidget:
    table = QTableWidget(len(rows), len(heads))
    table.setHorizontalHeaderLabels(list(heads))
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            table.setItem(row, column, item)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setStretchLastSection(True)
    return table
