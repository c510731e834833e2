"""Own small dialogs about files: save a bundle, find data that lie elsewhere, use given weights."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from engine.places import is_file
from explorer.archiving import ORIGINAL, RETRAIN
from explorer.forms import worded
from explorer.path_field import PathField
from explorer.sizes import sized

SUFFIX = ".rkx"
WIDTH = 520  # px


class BundleDialog(QDialog):
    """Where to save a bundle, and whether with the images."""

    wanted = Signal(object, bool)  # Path, with the images

    def __init__(self, place: Path, sizes: tuple[int, int], parent: QWidget | None) -> None:
        """`sizes`: bytes of the study without the images, and of the images alone."""
        super().__init__(parent)
        self.setWindowTitle("Save bundle")
        self.setMinimumWidth(WIDTH)
        self._sizes = sizes
        self.place = PathField("File", "One HDF5 file with all of the study", str(place), self)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self._show)
        self.images = QCheckBox(f"With the images (up to {sized(sizes[1])} more)")
        self.images.setChecked(True)
        self.images.toggled.connect(self._show)
        self._said = worded("", "muted")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save = self._buttons.addButton("Save", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        about = (
            "One file with the study, its models and what was looked at, for a colleague on "
            "another machine: forget set, results, checkpoints, selection and views."
        )
        form = QFormLayout()
        form.addRow("File", self.place)
        layout.addWidget(worded(about, "question"))
        layout.addLayout(form)
        layout.addWidget(self.images)
        layout.addWidget(self._said)
        layout.addWidget(self._buttons)

    def path(self) -> Path:
        """The file that is named, with the suffix of bundles."""
        path = self.place.path
        return path if path.name.lower().endswith(SUFFIX) else Path(f"{path}{SUFFIX}")

    def accept(self) -> None:
        """Save there."""
        super().accept()
        self.wanted.emit(self.path(), self.images.isChecked())

    def _show(self) -> None:
        study, images = self._sizes
        with_images = self.images.isChecked()
        size = f"About {sized(study + images * with_images)} at most. "
        needs = "" if with_images else "Whoever opens it is asked where the dataset lies there. "
        named = bool(self.place.text) and not self.place.text.endswith(("/", "\\"))
        there = "A file of that name is replaced." if named and is_file(self.path()) else ""
        self._said.setText(size + needs + there)
        self.save.setEnabled(named)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save bundle", self.place.text, f"Bundle (*{SUFFIX})"
        )
        if name:
            self.place.line.setText(name)


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


class WeightsDialog(QDialog):
    """What a checkpoint is in the next study: the Original, a Re-train or an unlearned model."""

    wanted = Signal(str)  # ORIGINAL, RETRAIN, or the name of an unlearned model

    def __init__(self, path: Path, network: str, parent: QWidget | None) -> None:
        """`network`: what people call the network that the weights must fit."""
        super().__init__(parent)
        self.setWindowTitle("Use weights")
        self.setMinimumWidth(WIDTH)
        self.original = QRadioButton("The Original, instead of training it")
        self.retrain = QRadioButton("A Re-train, instead of training it")
        self.unlearned = QRadioButton("An unlearned model, to be compared, called")
        self.name = QLineEdit(_name_from(path))
        self.name.setAccessibleName("Name of the unlearned model")
        self.name.setToolTip("1 to 40 letters, digits, dots, underscores and hyphens")
        self.name.setMaxLength(40)
        self.unlearned.setChecked(True)
        self._group = _grouped(self, self.original, self.retrain, self.unlearned)
        self._group.buttonToggled.connect(self._show)
        self.name.textChanged.connect(self._show)
        about = f"{path.name} is read as weights alone and must fit {network}. What is it?"
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
        layout.addWidget(worded(about, "question"))
        layout.addWidget(self.original)
        layout.addWidget(self.retrain)
        layout.addLayout(row)
        layout.addWidget(self._buttons)

    def accept(self) -> None:
        """Use it so."""
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
    """A model's name from a file's: what may be in one, else 'theirs'."""
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in path.stem)
    name = name.strip("-").lower()[:40]
    return "theirs" if not name or name.startswith((ORIGINAL, RETRAIN)) else name
