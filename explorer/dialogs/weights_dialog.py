"""The dialog that asks for the role of externally trained weights."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from explorer.control.files import ORIGINAL, RETRAIN
from explorer.dialogs.bundle_dialog import WIDTH
from explorer.widgets.forms import styled_label


class WeightsDialog(QDialog):
    """The role of a checkpoint in the next study: Original, Re-train or unlearned model."""

    wanted = Signal(str)  # ORIGINAL, RETRAIN, or the name of an unlearned model

    def __init__(self, path: Path, network: str, parent: QWidget | None) -> None:
        """`network`: the display name of the network that the weights must fit."""
        super().__init__(parent)
        self.setWindowTitle("Use weights")
        self.setMinimumWidth(WIDTH)
        self.original = QRadioButton("The Original, instead of training it")
        self.retrain = QRadioButton("A Re-train, instead of training it")
        self.unlearned = QRadioButton("An unlearned model for comparison, named")
        self.name = QLineEdit(_name_from(path))
        self.name.setAccessibleName("Name of the unlearned model")
        self.name.setToolTip("1 to 40 letters, digits, dots, underscores and hyphens")
        self.name.setMaxLength(40)
        self.unlearned.setChecked(True)
        self._group = _grouped(self, self.original, self.retrain, self.unlearned)
        self._group.buttonToggled.connect(self._show)
        self.name.textChanged.connect(self._show)
        about = f"{path.name} is read as weights only and must fit {network}. Which model is it?"
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self._buttons.addButton("Use", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._lay_out(about)
        self._show()

    def _lay_out(self, about: str) -> None:
        row = QHBoxLayout()
        row.addWidget(self.unlearned)
        row.addWidget(self.name, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(styled_label(about, "question"))
        layout.addWidget(self.original)
        layout.addWidget(self.retrain)
        layout.addLayout(row)
        layout.addWidget(self._buttons)

    def accept(self) -> None:
        """Close, and request the weights in the chosen role."""
        super().accept()
        if self.original.isChecked():
            self.wanted.emit(ORIGINAL)
        else:
            self.wanted.emit(RETRAIN if self.retrain.isChecked() else self.name.text().strip())

    def _show(self) -> None:
        named = self.unlearned.isChecked()
        self.name.setEnabled(named)
        self.use.setEnabled(not named or bool(self.name.text().strip()))


def _grouped(parent: QObject, *buttons: QRadioButton) -> QButtonGroup:
    group = QButtonGroup(parent)
    for button in buttons:
        group.addButton(button)
    return group


def _name_from(path: Path) -> str:
    """A valid model name from a file name, or 'theirs'."""
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in path.stem)
    name = name.strip("-").lower()[:40]
    return "theirs" if not name or name.startswith((ORIGINAL, RETRAIN)) else name
