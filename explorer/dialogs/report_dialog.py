"""The dialog that asks where and in which formats a study's report is written."""

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

from engine.storage.paths import is_folder
from explorer.dialogs.replacement import ReplaceQuestion
from explorer.widgets.forms import styled_label
from explorer.widgets.path_field import PathField

WIDTH = 520  # px
ABOUT = (
    "One page with the settings, tables and figures of the displayed study. It is self-contained "
    "and works offline. Its figures show what the views show now. Results that are not in the "
    "store yet are computed for it, except for feature maps and decision regions."
)


class ReportDialog(QDialog):
    """Asks for a file; the PDF is written beside it under the same name."""

    wanted = Signal(object)  # list of Path

    def __init__(self, place: Path, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Write report")
        self.setMinimumWidth(WIDTH)
        self.place = PathField("File", "A web page, .html", str(place), self)
        self.place.browse.clicked.connect(self._browse)
        self.pdf = QCheckBox("Also as &PDF, for print")
        self.pdf.setToolTip("The same content on A4 pages, beside the web page")
        self.problem = styled_label("", "danger")
        self.problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.write = buttons.addButton("Write", QDialogButtonBox.ButtonRole.AcceptRole)
        self.write.setDefault(True)
        self.replacing = ReplaceQuestion(self.write, self.problem)
        self.place.changed.connect(self.replacing.withdraw)
        self.pdf.toggled.connect(self.replacing.withdraw)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        form = QFormLayout()
        form.addRow("Fi&le", self.place)
        layout.addWidget(styled_label(ABOUT, "question"))
        layout.addLayout(form)
        layout.addWidget(self.pdf)
        layout.addWidget(self.problem)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.place.line.setFocus()

    @property
    def files(self) -> list[Path]:
        """The files to write."""
        page = self.place.path
        page = page if page.name else page / "report"
        if page.suffix.lower() not in (".html", ".htm", ".pdf"):
            page = page.with_name(f"{page.name}.html")
        also = self.pdf.isChecked() and page.suffix.lower() != ".pdf"
        return [page, *([page.with_suffix(".pdf")] if also else [])]

    def accept(self) -> None:
        """Close and request the report, unless the folder does not exist or a file does."""
        files = self.files
        if not self.place.text or not is_folder(files[0].parent) or is_folder(files[0]):
            self.replacing.withdraw()
            self.problem.setText("Name a file in a folder that exists.")
            self.problem.show()
            return
        if not self.replacing.agreed(files):
            return
        super().accept()
        self.wanted.emit(files)

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.windowTitle(), self.place.text, "Web page (*.html);;PDF (*.pdf)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )  # fmt: skip
        if chosen:
            self.place.line.setText(chosen)
