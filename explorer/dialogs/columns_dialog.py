"""The dialog that asks what the columns of a table are."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.widgets.forms import styled_label

GROUP = "group"
WIDTH, GROUPS_HIGH = 420, 110  # px
BY_NAME, NONE = "by its name", "none"
TIPS = {
    "label": "The column with the class of each row",
    "text": "The column with the messages",
    "split": "A column that says train, validation or test; without one, a share is drawn",
    GROUP: "Columns such as patient or user: no features, but all rows of one can be forgotten",
}
TITLES = {"label": "Label", "text": "Messages", "split": "Part", GROUP: "Groups"}


class ColumnsDialog(QDialog):
    """Asks for the roles of a table's columns."""

    wanted = Signal(str)  # roles, as `DataSpec.columns` has them

    def __init__(
        self, path: Path, columns: Sequence[str], roles: Sequence[str], parent: QWidget | None
    ) -> None:
        """columns: of the file; roles: those that they may have."""
        super().__init__(parent)
        self.setWindowTitle("Columns of the table")
        self.setMinimumWidth(WIDTH)
        self.choices = {role: _choice(role, columns) for role in roles if role != GROUP}
        self.groups = _checklist(columns)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.open_button = self._buttons.addButton("Open", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        form = QFormLayout()
        for role, choice in self.choices.items():
            form.addRow(TITLES[role], choice)
        if GROUP in roles:
            form.addRow(TITLES[GROUP], self.groups)
        layout = QVBoxLayout(self)
        count = f"{len(columns):,} columns"
        layout.addWidget(styled_label(f"{path.name} has {count}. What are they?", "question"))
        layout.addLayout(form)
        layout.addWidget(self._buttons)

    def roles(self) -> str:
        """The chosen roles: 'label=diagnosis,group=patient'; '' if all are told by their names."""
        parts = [
            f"{role}={choice.currentData()}"
            for role, choice in self.choices.items()
            if choice.currentData()
        ]
        items = (self.groups.item(row) for row in range(self.groups.count()))
        checked = Qt.CheckState.Checked
        parts += [f"{GROUP}={one.text()}" for one in items if one.checkState() == checked]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(parts)
        return line.getvalue() if parts else ""

    def accept(self) -> None:
        """Close, and request the table with these roles."""
        super().accept()
        self.wanted.emit(self.roles())


def _choice(role: str, columns: Sequence[str]) -> QComboBox:
    choice = QComboBox()
    choice.setAccessibleName(TITLES[role])
    choice.setToolTip(TIPS[role])
    choice.addItem(NONE if role == "split" else BY_NAME, "")
    for column in columns:
        choice.addItem(column, column)
    return choice


def _checklist(columns: Sequence[str]) -> QListWidget:
    groups = QListWidget()
    groups.setAccessibleName(TITLES[GROUP])
    groups.setToolTip(TIPS[GROUP])
    groups.setMaximumHeight(GROUPS_HIGH)
    for column in columns:
        item = QListWidgetItem(column)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked)
        groups.addItem(item)
    return groups
