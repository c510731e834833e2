"""The dialog that asks where a study's data lie on this machine."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from explorer.dialogs.bundle_dialog import WIDTH
from explorer.widgets.forms import worded
from explorer.widgets.path_field import PathField


class DataDialog(QDialog):
    """Where a session's dataset lies on this machine. It closes once the data are found."""

    wanted = Signal(str)  # folder

    def __init__(self, label: str, root: str, why: str, parent: QWidget | None) -> None:
        """`root`: where the data lay; `why`: why they were not found, '' before anybody looked."""
        super().__init__(parent)
        self.setWindowTitle("Find the data")
        self.setMinimumWidth(WIDTH)
        self.question = f"This study was made with {label}. Where does it lie here?"
        was = f" It lay in {root}." if root else ""
        self.place = PathField("Folder", "The folder that holds the dataset", "", self)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self._show)
        self._said = worded(why, "danger")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self._buttons.addButton(
            "Use this folder", QDialogButtonBox.ButtonRole.AcceptRole
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Folder", self.place)
        layout = QVBoxLayout(self)
        layout.addWidget(worded(f"{self.question}{was}", "question"))
        layout.addLayout(form)
        layout.addWidget(self._said)
        layout.addWidget(self._buttons)
        self._show()

    @property
    def said(self) -> str:
        """What is wrong, or what is being done."""
        return self._said.text()

    def accept(self) -> None:
        """Have the folder looked into; the dialog stays until the data are found there."""
        self.use.setEnabled(False)
        self._say("Looking whether these are the very data ...", "muted")
        self.wanted.emit(str(self.place.path))

    def refuse(self, sentence: str) -> None:
        """Say why these are not the data, and let another folder be named."""
        self._say(sentence, "danger")
        self._show()

    def found(self) -> None:
        """The data are there."""
        super().accept()

    def _say(self, sentence: str, name: str) -> None:
        self._said.setText(sentence)
        self._said.setObjectName(name)
        self._said.style().polish(self._said)

    def _show(self) -> None:
        self.use.setEnabled(bool(self.place.text))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the data", self.place.text)
        if folder:
            self.place.line.setText(folder)
