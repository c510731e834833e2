"""The dialogs that export one figure, or a set of them: file, format, sizes and preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.analysis.measures import MEASURES, Measure
from engine.figures.catalog import KINDS
from engine.figures.figure_set import MANIFEST
from engine.storage.paths import exists, is_folder
from explorer.dialogs.format_form import PaperForm
from explorer.dialogs.replacement import ReplaceQuestion
from explorer.state.figure_format import FORMATS, FigureFormat
from explorer.widgets.fit import resize_on_screen
from explorer.widgets.forms import styled_label
from explorer.widgets.path_field import PathField
from explorer.widgets.preview import DPI, Preview
from explorer.widgets.tab_order import set_tab_order

SETTLE_MS = 150  # between the last change and the redrawing of the preview
BESIDES = (".csv", ".txt")  # written beside a figure: its numbers and its caption
SIDE = 372  # px of the column of options
BESIDE = "Its numbers are written beside it as CSV, and the caption as text."
CAPTION_HEIGHT = 84  # px


class FigureDialog(QDialog):
    """Base of both dialogs: options on the left, a preview on the right."""

    preview_wanted = Signal(str, object)  # kind, options
    copy_wanted = Signal(str, object)  # kind, options: a picture for the clipboard

    def __init__(
        self,
        title: str,
        verb: str,
        paper: FigureFormat,
        place: tuple[str, PathField],
        parent: QWidget | None,
    ) -> None:
        """`place`: where the figures go, and the label beside it."""
        super().__init__(parent)
        self.setWindowTitle(title)
        resize_on_screen(self, 940, 620)
        self.place = place[1]
        self.form = PaperForm(paper, place)
        self.preview = Preview()
        self.log = QCheckBox("Lo&garithmic axis")
        self.log.setToolTip("Draw r, or what else this figure offers, on a logarithmic axis")
        self.log.hide()
        self.caption = QPlainTextEdit()
        self.caption.setReadOnly(True)
        self.caption.setAccessibleName("Caption")
        self.caption.setToolTip("The words for below the figure in a paper; select and copy them")
        self.caption.setTabChangesFocus(True)
        self.caption.setFixedHeight(CAPTION_HEIGHT)
        self.note = styled_label("", "muted")
        self.problem = styled_label("", "danger")
        self.problem.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.write = self.buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
        self.write.setDefault(True)
        self.copy = self.buttons.addButton(
            "Copy to clipboard", QDialogButtonBox.ButtonRole.ActionRole
        )
        self.copy.setAutoDefault(False)
        self.copy.setToolTip("Copy the figure as a picture and as SVG, as it is previewed")
        self.copy.clicked.connect(self._copy)
        self.replacing = ReplaceQuestion(self.write, self.problem)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._draw)
        self.form.changed.connect(self._wait)

    def show_preview(self, data: bytes, caption: str = "") -> None:
        """Show the figure, a PNG drawn at preview.DPI, with its caption."""
        self.preview.show_picture(data)
        self.caption.setPlainText(caption)
        height = self.preview.picture.height() / DPI * 25.4
        size = f"{self.form.paper.width_mm:g} × {height:.0f} mm"
        self.note.setText(f"{size}, shown at {100 * self.preview.scale:.0f} %. {BESIDE}")

    def show_problem(self, sentence: str) -> None:
        """Show why the figure cannot be drawn with these options."""
        self.preview.say(sentence)
        self.caption.setPlainText("")
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
            preview = {"dpi": DPI, "numbers": False, "caption": True}
            self.preview_wanted.emit(kind, {**options, **self.form.paper.look, **preview})

    def _copy(self) -> None:
        kind, options = self.shown()
        if kind:
            self.copy_wanted.emit(kind, {**options, **self.form.paper.look})

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """(kind, its options) of the figure to preview; '' for none."""
        return "", {}

    def _wait(self) -> None:
        self.replacing.withdraw()
        self._timer.start()

    def _lay_out(self, *rows: QWidget) -> None:
        side = QWidget()
        side.setFixedWidth(SIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        for row in (*rows, self.form, self.log, self.note, self.problem):
            column.addWidget(row, 1 if isinstance(row, QListWidget) else 0)
        if not any(isinstance(row, QListWidget) for row in rows):
            column.addStretch(1)
        across = QHBoxLayout()
        sight = QVBoxLayout()
        sight.addWidget(self.preview, 1)
        sight.addWidget(self.caption)
        across.addWidget(side)
        across.addLayout(sight, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(across, 1)
        layout.addWidget(self.buttons)
        set_tab_order(self)
        self._wait()


class ExportDialog(FigureDialog):
    """One figure into one file; format and suffix of the file follow each other."""

    wanted = Signal(str, object, object, object)  # kind, Path, options, Paper

    def __init__(
        self, kind: str, options: Mapping[str, Any], paper: FigureFormat, parent: QWidget | None
    ) -> None:
        title = KINDS[kind].title if kind in KINDS else kind
        file = paper.place / f"{kind}{paper.suffix}"
        place = PathField("File", "The file of the figure", str(file))
        super().__init__(f"Export figure: {title}", "Export", paper, ("Fi&le", place), parent)
        self.kind, self.options = kind, dict(options)
        if has_log(kind, options):
            self.log.show()
            self.log.setChecked(bool(self.options.get("log", log_by_default(kind, options))))
            self.log.toggled.connect(self._wait)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self.replacing.withdraw)
        self.place.line.editingFinished.connect(self._follow_file)
        self.form.format.currentIndexChanged.connect(self._follow_format)
        self._lay_out()
        self.place.line.setFocus()

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """The exported figure."""
        if not has_log(self.kind, self.options):
            return self.kind, self.options
        return self.kind, {**self.options, "log": self.log.isChecked()}

    def accept(self) -> None:
        """Close and request the file, unless its name is invalid or taken."""
        self._follow_file()
        file = self.place.path
        if problem := _no_file(file):
            self.replacing.withdraw()
            self.refuse(problem)
            return
        if not self.replacing.agreed(files_of(file)):
            return
        paper = replace(self.form.paper, folder=str(file.parent.absolute()))
        super().accept()
        self.wanted.emit(self.kind, file, {**self.shown()[1], **paper.look}, paper)

    def _browse(self) -> None:
        names = ";;".join(f"{text} (*{suffix})" for suffix, text in FORMATS.items())
        chosen, _ = QFileDialog.getSaveFileName(
            self, self.windowTitle(), self.place.text, names,
            options=QFileDialog.Option.DontConfirmOverwrite,  # asked here, for all files
        )  # fmt: skip
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
        place = PathField("Folder", "The folder of the set", str(paper.place))
        title = "Export a set of figures"
        super().__init__(title, "Export the set", paper, ("Fo&lder", place), parent)
        self._options = options
        self.list = QListWidget()
        self.list.setAccessibleName("Figures of the set")
        self.list.setToolTip("Check the figures of the set (Space); the selected one is previewed")
        for kind in sorted(KINDS, key=_title):
            item = QListWidgetItem(_title(kind), self.list)
            item.setData(Qt.ItemDataRole.UserRole, kind)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_checked(kind in chosen))
        rows = [row for row in range(self.list.count()) if self._checked(row)]
        self.list.setCurrentRow(next(iter(rows), 0))
        self.list.currentRowChanged.connect(self._wait)
        self.list.itemChanged.connect(self._count)
        self.all = QPushButton("Check all or none")
        self.all.setAutoDefault(False)
        self.all.setToolTip("Check every figure, or uncheck all")
        self.all.clicked.connect(self._check_all)
        self.place.browse.clicked.connect(self._browse)
        self.place.changed.connect(self.replacing.withdraw)
        self._lay_out(self.list, self.all)
        self._count()
        self.list.setFocus()

    @property
    def kinds(self) -> list[str]:
        """The kinds that are checked."""
        rows = [row for row in range(self.list.count()) if self._checked(row)]
        return [str(self.list.item(row).data(Qt.ItemDataRole.UserRole)) for row in rows]

    def _checked(self, row: int) -> bool:
        return self.list.item(row).checkState() == Qt.CheckState.Checked

    def shown(self) -> tuple[str, Mapping[str, Any]]:
        """The figure that is selected in the list."""
        item = self.list.currentItem()
        kind = str(item.data(Qt.ItemDataRole.UserRole)) if item else ""
        return kind, self._options.get(kind, {})

    def accept(self) -> None:
        """Close and request the set, unless no figure is checked or the folder is invalid.

        Asks before files of an earlier set are replaced.
        """
        folder = self.place.path
        problem = "" if self.kinds else "No figure is checked. Check at least one."
        problem = problem if self.place.text else "Name the folder for the figures."
        if problem := problem or _no_folder(folder):
            self.replacing.withdraw()
            self.refuse(problem)
            return
        suffix = self.form.paper.suffix
        files = [file for kind in self.kinds for file in files_of(folder / f"{kind}{suffix}")]
        if not self.replacing.agreed([*files, folder / MANIFEST]):
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
        self.replacing.withdraw()
        n = len(self.kinds)
        self.write.setText(f"Export {n} figures" if n != 1 else "Export 1 figure")


def has_log(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether this figure has an axis that can be logarithmic."""
    if kind == "comparison":
        return options.get("tab") == "confidence"
    if kind == "curves":
        measure = _measure(options)
        return measure is not None and measure.ratio
    return kind in KINDS and "log" in KINDS[kind].options


def log_by_default(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether the axis of this figure is logarithmic unless somebody changes it."""
    measure = _measure(options)
    return kind == "sample-curve" or (kind == "curves" and measure is not None and measure.log)


def _measure(options: Mapping[str, Any]) -> Measure | None:
    """The measure of curves with these options, None for the loss and the like."""
    name = options.get("measure", MEASURES[0].name)
    return next((one for one in MEASURES if one.name == name), None)


def files_of(file: Path) -> list[Path]:
    """The files that an export of this figure writes."""
    return [file, *(file.with_suffix(suffix) for suffix in BESIDES)]


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
