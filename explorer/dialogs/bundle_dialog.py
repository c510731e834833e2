"""The dialog that saves a study as a bundle."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from engine.storage.paths import is_file
from explorer.dialogs.replacement import ReplaceQuestion
from explorer.state.sizes import size_text
from explorer.widgets.forms import styled_label
from explorer.widgets.path_field import PathField

SUFFIX = ".rkx"
WIDTH = 520  # px


class BundleDialog(QDialog):
    """Asks where to save a bundle, and whether to include the images."""

    wanted = Signal(object, bool)  # Path, with the images

    def __init__(self, place: Path, sizes: tuple[int, int], parent: QWidget | None) -> None:
        """`sizes`: bytes of the study without the images, and of the images alone."""
        super().__init__(parent)
        self.setWindowTitle("Save bundle")
        self.setMinimumWidth(WIDTH)
        self._sizes = sizes
        self.place = PathField("File", "One HDF5 file with the complete study", str(place), self)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self._show)
        self.images = QCheckBox(f"Include the images (up to {size_text(sizes[1])} more)")
        self.images.setChecked(True)
        self.images.toggled.connect(self._show)
        self._note = styled_label("", "muted")
        self.problem = styled_label("", "danger")
        self.problem.hide()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save = self._buttons.addButton("Save", QDialogButtonBox.ButtonRole.AcceptRole)
        self.replacing = ReplaceQuestion(self.save, self.problem)
        self.place.changed.connect(self.replacing.withdraw)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        about = (
            "One file with the study for a colleague on another machine: forget set, models, "
            "results, checkpoints, selection and views."
        )
        form = QFormLayout()
        form.addRow("File", self.place)
        layout.addWidget(styled_label(about, "question"))
        layout.addLayout(form)
        layout.addWidget(self.images)
        layout.addWidget(self._note)
        layout.addWidget(self.problem)
        layout.addWidget(self._buttons)

    def path(self) -> Path:
        """The chosen file, with the suffix of bundles."""
        path = self.place.path
        return path if path.name.lower().endswith(SUFFIX) else Path(f"{path}{SUFFIX}")

    def accept(self) -> None:
        """Close, and request the bundle; asks first if the file exists."""
        if not self.replacing.agreed([self.path()]):
            return
        super().accept()
        self.wanted.emit(self.path(), self.images.isChecked())

    def _show(self) -> None:
        study, images = self._sizes
        with_images = self.images.isChecked()
        size = f"At most about {size_text(study + images * with_images)}. "
        needs = "" if with_images else "Opening it will ask for the location of the dataset. "
        has_name = bool(self.place.text) and not self.place.text.endswith(("/", "\\"))
        replaces = has_name and is_file(self.path())
        warning = "The existing file will be replaced." if replaces else ""
        self._note.setText(size + needs + warning)
        self.save.setEnabled(has_name)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the bundle as", self.place.text, f"Bundle (*{SUFFIX})",
            options=QFileDialog.Option.DontConfirmOverwrite,  # asked here, with the suffix
        )  # fmt: skip
        if name:
            self.place.line.setText(name)
