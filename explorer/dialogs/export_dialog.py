"""The dialogs that export one figure, or a set of them: file, format, sizes and preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.figures.catalog import KINDS
from engine.storage.paths import exists, is_folder
from explorer.dialogs.format_form import PaperForm
from explorer.dialogs.preview import DPI, Preview
from explorer.state.figure_format import FORMATS, FigureFormat
from explorer.widgets.forms import styled_label
from explorer.widgets.path_field import PathField

SETTLE_MS = 150  # between the last change and the redrawing of the preview
SIDE = 340  # px of the column of options
BESIDE = "Its numbers are written beside it as CSV."


class FigureDialog(QDialog):
    """Base of both dialogs: options on the left, a preview on the right."""

    preview_wanted = Signal(str, object)  # kind, options

    def __init__(self, title: str, verb: str, paper: FigureFormat, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(900, 560)
        self.form = PaperForm(paper)
        self.preview = Preview()
        self.note = styled_label("", "muted")
        self.problem = styled_label("", "danger")
        self.problem.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.write = self.buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
        self.write.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._draw)
        self.form.changed.connect(self._wait)

    def show_preview(self, data: bytes) -> None:
        """Show the figure, a PNG drawn at preview.DPI."""
        self.preview.show_picture(data)
        height = self.preview.picture.height() / DPI * 25.4
        size = f"{self.form.paper.width_mm:g} × {height:.0f} mm"
        self.note.setText(f"{size}, shown at {100 * self.preview.scale:.0f} %. {BESIDE}")

    def show_problem(self, sentence: str) -> None:
        """Show why the figure cannot be drawn with these options."""
        self.preview.say(sentence)
        self.note.setText("")

    def refuse(self, sentence: str) -> bool:
        """Show what has to be changed first; returns whether there is anything."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        return bool(sentence)

    def _draw(self) -> None:
        kind, options = self.shown()
        if kind:
            self.preview.say("Drawing ...", keep=True)
            look = {**self.form.paper.look, "dpi": DPI, "numbers": False}
            self.preview_wanted.emit(kind, {**options, **look})

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """(kind, its options) of the figure to preview; '' for none."""
        return "", {}

    def _wait(self) -> None:
        self._timer.start()

    def _lay_out(self, *rows: QWidget) -> None:
        side = QWidget()
        side.setFixedWidth(SIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        for row in (*rows, self.form, self.note, self.problem):
            column.addWidget(row, 1 if isinstance(row, QListWidget) else 0)
        if not any(isinstance(row, QListWidget) for row in rows):
            column.addStretch(1)
        across = QHBoxLayout()
        across.addWidget(side)
        across.addWidget(self.preview, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(across, 1)
        layout.addWidget(self.buttons)
        self._wait()


class ExportDialog(FigureDialog):
    """One figure into one file; format and suffix of the file follow each other."""

    wanted = Signal(str, object, object, object)  # kind, Path, options, Paper

    def __init__(
        self, kind: str, options: Mapping[str, Any], paper: FigureFormat, parent: QWidget | None
    ) -> None:
        title = KINDS[kind].title if kind in KINDS else kind
        super().__init__(f"Export figure: {title}", "Export", paper, parent)
        self.kind, self.options = kind, dict(options)
        place = paper.place / f"{kind}{paper.suffix}"
        self.place = PathField("File", "The file of the figure", str(place), self)
        self.place.browse.clicked.connect(self._browse)
        self.place.line.editingFinished.connect(self._follow_file)
        self.form.format.currentIndexChanged.connect(self._follow_format)
        row = QWidget()
        form = QFormLayout(row)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Fi&le", self.place)
        self._lay_out(row)
        self.place.line.setFocus()

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """The exported figure."""
        return self.kind, self.options

    def accept(self) -> None:
        """Close and request the file, unless its name is invalid."""
        self._follow_file()
        file = self.place.path
        if self.refuse(_no_file(file)):
            return
        paper = replace(self.form.paper, folder=str(file.parent.absolute()))
        super().accept()
        self.wanted.emit(self.kind, file, {**self.options, **paper.look}, paper)

    def _browse(self) -> None:
        names = ";;".join(f"{text} (*{suffix})" for suffix, text in FORMATS.items())
        chosen, _ = QFileDialog.getSaveFileName(self, self.windowTitle(), self.place.text, names)
        if chosen:
            self.place.line.setText(chosen)
            self._follow_file()

    def _follow_file(self) -> None:
        """Set the format from the file's suffix, or append the suffix of the format."""
        file = self.place.text
        if file and not Path(file).suffix:
            self.place.line.setText(f"{file}{self.form.format.currentData()}")
        self.form.set_format(Path(file).suffix.lower())

    def _follow_format(self) -> None:
        file = self.place.text
        if file and Path(file).suffix.lower() in FORMATS:
            suffix = str(self.form.format.currentData())
            if Path(file).suffix.lower() != suffix:
                self.place.line.setText(str(Path(file).with_suffix(suffix)))


class ExportSetDialog(FigureDialog):
    """Several figures of one size into one folder, with a list of what they are."""

    wanted = Signal(object, object, object, object)  # kinds, folder, kind -> options, Paper

    def __init__(
        self,
        options: Mapping[str, Mapping[str, Any]],
        chosen: Sequence[str],
        paper: FigureFormat,
        parent: QWidget | None,
    ) -> None:
        """`options`: kind -> its options; `chosen`: the kinds that are checked at first."""
        super().__init__("Export a set of figures", "Export the set", paper, parent)
        self._options = options
        self.list = QListWidget()
        self.list.setAccessibleName("Figures of the set")
        self.list.setToolTip("Check the figures of the set (Space); the selected one is previewed")
        for kind in sorted(KINDS, key=_title):
            item = QListWidgetItem(_title(kind), self.list)
            item.setData(Qt.ItemDataRole.UserRole, kind)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_checked(kind in chosen))
        self.list.setCurrentRow(0)
        self.list.currentRowChanged.connect(self._wait)
        self.list.itemChanged.connect(self._count)
        self.all = QPushButton("Check all or none")
        self.all.setAutoDefault(False)
        self.all.setToolTip("Check every figure, or uncheck all")
        self.all.clicked.connect(self._check_all)
        self.place = PathField("Folder", "The folder of the set", str(paper.place), self)
        self.place.browse.clicked.connect(self._browse)
        row = QWidget()
        form = QFormLayout(row)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Fo&lder", self.place)
        self._lay_out(self.list, self.all, row)
        self._count()
        self.list.setFocus()

    @property
    def kinds(self) -> list[str]:
        """The kinds that are checked."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        ]

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """The figure that is selected in the list."""
        item = self.list.currentItem()
        kind = str(item.data(Qt.ItemDataRole.UserRole)) if item else ""
        return kind, self._options.get(kind, {})

    def accept(self) -> None:
        """Close and request the set, unless no figure is checked or the folder is invalid."""
        folder = self.place.path
        problem = "" if self.kinds else "No figure is checked. Check at least one."
        problem = problem if self.place.text else "Name the folder for the figures."
        if self.refuse(problem or _no_folder(folder)):
            return
        kinds, paper = self.kinds, replace(self.form.paper, folder=str(folder.absolute()))
        super().accept()
        own = {kind: dict(self._options.get(kind, {})) for kind in kinds}
        self.wanted.emit(kinds, folder, own, paper)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), self.place.text)
        if chosen:
            self.place.line.setText(chosen)

    def _check_all(self) -> None:
        wanted = _checked(len(self.kinds) < self.list.count())
        for row in range(self.list.count()):
            self.list.item(row).setCheckState(wanted)

    def _count(self) -> None:
        n = len(self.kinds)
        self.write.setText(f"Export {n} figures" if n != 1 else "Export 1 figure")


def _title(kind: str) -> str:
    return KINDS[kind].title


def _checked(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked


def _no_file(file: Path) -> str:
    """Why a figure cannot be written to this file, or ''."""
    if file.suffix.lower() not in FORMATS:
        return f"'{file.name}' is not a figure file. Its name must end in .svg, .pdf or .png."
    if is_folder(file):
        return f"'{file.name}' is a folder. Name a file in it."
    return _no_folder(file.parent)


def _no_folder(folder: Path) -> str:
    if exists(folder) and not is_folder(folder):
        return f"'{folder}' is a file. Name a folder."
    if not is_folder(folder) and not is_folder(folder.parent):
        return f"The folder '{folder}' does not exist. Name one that does."
    return ""
