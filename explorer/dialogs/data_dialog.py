"""The dialog that asks for the location of a study's data on this machine."""

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
from explorer.widgets.forms import styled_label
from explorer.widgets.path_field import PathField


class DataDialog(QDialog):
    """Asks for the folder of a session's dataset; closes once the data are found."""

    wanted = Signal(str)  # folder

    def __init__(self, label: str, root: str, why: str, parent: QWidget | None) -> None:
        """`root`: the former location; `why`: why they were not found, '' before the first search.

        `label`: the display name of the dataset.
        """
        super().__init__(parent)
        self.setWindowTitle("Find the data")
        self.setMinimumWidth(WIDTH)
        self.question = f"This study uses {label}. Where is it on this machine?"
        former = f" It was in {root}." if root else ""
        self.place = PathField("Folder", "The folder that holds the dataset", "", self)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self._show)
        self._note = styled_label(why, "danger")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self._buttons.addButton(
            "Use this folder", QDialogButtonBox.ButtonRole.AcceptRole
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Folder", self.place)
        layout = QVBoxLayout(self)
        layout.addWidget(styled_label(f"{self.question}{former}", "question"))
        layout.addLayout(form)
        layout.addWidget(self._note)
        layout.addWidget(self._buttons)
        self._show()

    @property
    def note(self) -> str:
        """What is wrong, or what is being done."""
        return self._note.text()

    def accept(self) -> None:
        """Request a search of the folder; the dialog stays open until the data are found."""
        self.use.setEnabled(False)
        self._say("Checking whether these are the same data ...", "muted")
        self.wanted.emit(str(self.place.path))

    def refuse(self, sentence: str) -> None:
        """Show why these are not the data, and enable another search."""
        self._say(sentence, "danger")
        self._show()

    def found(self) -> None:
        """Close: the data were found."""
        super().accept()

    def _say(self, sentence: str, name: str) -> None:
        self._note.setText(sentence)
        self._note.setObjectName(name)
        self._note.style().polish(self._note)

    def _show(self) -> None:
        self.use.setEnabled(bool(self.place.text))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Choose the folder of the data", self.place.text
        )
        if folder:
            self.place.line.setText(folder)
