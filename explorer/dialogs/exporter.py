"""Exports: a dialog asks for the options, a lane writes the file, a notice names it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QDialog, QWidget

from engine.figures.catalog import KINDS
from explorer.control.controller import Controller
from explorer.control.files import show
from explorer.dialogs.export_dialog import ExportDialog, ExportSetDialog, FigureDialog
from explorer.dialogs.file_prompts import FilePrompts
from explorer.dialogs.report_dialog import ReportDialog
from explorer.jobs import file_tasks
from explorer.jobs.lanes import HEAVY, PROBE, Job, Work
from explorer.state import figure_format
from explorer.state.folders import FIGURES, INDICES, REPORTS, WEIGHTS
from explorer.state.notice import ERROR, NEWS, Notice
from explorer.state.settings import Settings
from explorer.widgets.term_finder import HelpKey

if TYPE_CHECKING:
    from engine.figures.figure_set import FigureSet

FORGET = "Table (*.csv)"
CHECKPOINT = "PyTorch weights (*.pt);;Safetensors (*.safetensors)"
PREVIEW = "export preview"  # channel: the latest counts


class Exporter(QObject):
    """Handles the controller's requests for exports."""

    told = Signal(object)  # Notice

    def __init__(
        self, controller: Controller, settings: Settings, prompts: FilePrompts, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._prompts = prompts
        self._controller, self._settings, self._window = controller, settings, parent
        self._paper = figure_format.from_plain(settings.export)
        self._dialog: FigureDialog | None = None
        controller.exports.figure_wanted.connect(self.ask_figure)
        controller.exports.figures_wanted.connect(self.ask_set)
        controller.exports.copy_wanted.connect(self.copy)
        controller.exports.report_wanted.connect(self.ask_report)
        controller.exports.checkpoint_wanted.connect(self.checkpoint)
        controller.exports.forget_set_wanted.connect(self.forget_set)
        controller.exports.points_wanted.connect(self.points)

    # -- asking ---------------------------------------------------------------------------
    def ask_figure(self, kind: str, options: Mapping[str, Any]) -> None:
        """Ask how the figure of this kind is to be written."""
        own = dict(options)
        width = float(own.pop("width_mm", self._paper.width_mm))
        paper = replace(self._placed(), width_mm=width)
        dialog = ExportDialog(kind, own, paper, self._window)
        dialog.wanted.connect(self._write_figure)
        self._open_figure(dialog)

    def ask_set(self, shown: Mapping[str, Mapping[str, Any]]) -> None:
        """Ask for several figures, and how they are to be written; shown: kind -> options."""
        dialog = ExportSetDialog(shown, self._usual(), self._placed(), self._window)
        dialog.wanted.connect(self._write_set)
        self._open_figure(dialog)

    def ask_report(self) -> None:
        """Ask where the report is to be written."""
        study = self._controller.state.study
        if study is None:
            return
        name = f"report-{study.spec['data']['name']}-{study.key[:8]}.html"
        dialog = ReportDialog(self._prompts.suggestion(REPORTS, name), self._window)
        dialog.wanted.connect(self.report)
        self._open(dialog)

    # -- writing --------------------------------------------------------------------------
    def figure(self, kind: str, options: Mapping[str, Any], out: Path) -> None:
        """Write the figure called `kind`, with its numbers as CSV beside it."""
        self._controller.exports.save_figure(kind, out, options)

    def copy(self, kind: str, options: Mapping[str, Any]) -> None:
        """Copy a figure to the clipboard; its size is by default that of the last export."""
        study = self._controller.state.study
        if study is not None:
            look = {**self._paper.look, "dpi": self._paper.dpi, **options}
            work = functools.partial(file_tasks.copy_figure, study, kind, look)
            done = functools.partial(self._show_copied, kind)
            self._submit(f"Copying {KINDS[kind].title}", work, done, PROBE)

    def _show_copied(self, kind: str, picture: file_tasks.FigurePicture) -> None:
        image = QImage.fromData(picture.png, "PNG")  # type: ignore[arg-type]
        data = QMimeData()
        data.setImageData(image)
        data.setData("image/svg+xml", picture.svg)
        QGuiApplication.clipboard().setMimeData(data)
        size = f"{image.width():,} × {image.height():,} pixels, and SVG"
        self.told.emit(Notice(NEWS, f"Copied the figure {KINDS[kind].title}: {size}."))

    def figures(
        self,
        kinds: Sequence[str],
        folder: Path,
        options: Mapping[str, Any],
        look: figure_format.FigureFormat,
    ) -> None:
        """Write several figures into a folder, with a list of them."""
        study = self._controller.state.study
        if study is not None:
            work = functools.partial(
                file_tasks.save_set, study, kinds, folder, look.suffix, look.look, options
            )
            self._submit(f"Exporting {len(kinds)} figures", work, self._say_set, self._lane())

    def report(self, files: Sequence[Path]) -> None:
        """Write the report of the displayed study."""
        state = self._controller.state
        if state.study is not None:
            self._prompts.note(files[0], REPORTS)
            shown = self._controller.exports.shown()
            work = functools.partial(
                file_tasks.save_report, state.study, files, (state.form.forget,), shown
            )
            self._submit(f"Writing {files[0].name}", work, self._say_report, self._lane())

    def checkpoint(self, model: str, path: Path | None = None) -> None:
        """Export one model's weights to `path`, or to a file that the user chooses."""
        title = f"Export the checkpoint of {self._controller.state.label(model)}"
        out = path or self._prompts.new_file(title, WEIGHTS, f"{model}.pt", CHECKPOINT)
        if out is not None:
            self._controller.exports.save_checkpoint(model, out)

    def forget_set(self, path: Path | None = None) -> None:
        """List the forget set of the next run in `path`, or in a file that the user chooses."""
        title = "Export the forget set"
        out = path or self._prompts.new_file(title, INDICES, "forget.csv", FORGET)
        if out is not None:
            self._controller.exports.save_forget_set(out)

    def points(self, samples: list[int], path: Path | None = None) -> None:
        """Write a table of samples to `path`, or to a file that the user chooses."""
        title = f"Export the table of {len(samples):,} samples"
        out = path or self._prompts.new_file(title, INDICES, "samples.csv", FORGET)
        if out is not None:
            self._controller.exports.save_points(samples, out)

    # -- previews -------------------------------------------------------------------------
    def _preview(self, kind: str, options: Mapping[str, Any]) -> None:
        study, dialog = self._controller.state.study, self._dialog
        if study is None or dialog is None:
            return
        self._controller.jobs.submit(
            Job(
                "Drawing a preview",
                functools.partial(file_tasks.preview_figure, study, kind, options),
                PROBE,
                PREVIEW,
                done=functools.partial(self._show_preview, dialog),
                failed=functools.partial(self._show_problem, dialog),
            )
        )

    def _show_preview(self, dialog: FigureDialog, picture: file_tasks.FigurePicture) -> None:
        if dialog is self._dialog:  # otherwise it is closed and deleted
            dialog.show_preview(picture.png, picture.caption)

    def _show_problem(self, dialog: FigureDialog, sentence: str) -> None:
        if dialog is self._dialog:
            dialog.show_problem(sentence)

    # -- from dialogs to jobs -------------------------------------------------------------
    def _write_figure(
        self, kind: str, out: Path, options: Mapping[str, Any], look: figure_format.FigureFormat
    ) -> None:
        self._keep(look)
        self.figure(kind, options, out)

    def _write_set(
        self,
        kinds: Sequence[str],
        folder: Path,
        options: Mapping[str, Any],
        look: figure_format.FigureFormat,
    ) -> None:
        self._keep(look)
        self._settings.export = {**self._settings.export, "kinds": list(kinds)}
        self.figures(kinds, folder, options, look)

    def _open_figure(self, dialog: FigureDialog) -> None:
        self._dialog = dialog
        dialog.preview_wanted.connect(self._preview)
        dialog.copy_wanted.connect(self.copy)
        dialog.finished.connect(self._forget_dialog)
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        HelpKey(dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _submit(self, title: str, work: Work, done: Callable[[Any], None], lane: str) -> None:
        self._controller.jobs.submit(
            Job(title, work, lane, title, done=done, failed=self._say_failed)
        )

    def _lane(self) -> str:
        """The lane that is free: an export never waits for a run."""
        return PROBE if self._controller.jobs.live(HEAVY) else HEAVY

    # -- remembered choices ---------------------------------------------------------------
    def _usual(self) -> list[str]:
        """The kinds of the last set; at first those that require no further computation."""
        stored = self._settings.export.get("kinds")
        kinds = [kind for kind in stored if kind in KINDS] if isinstance(stored, list) else []
        return kinds or ["curves", "metrics", "neighborhood", "samples"]

    def _keep(self, look: figure_format.FigureFormat) -> None:
        self._paper = look
        self._settings.export = {**self._settings.export, **look.as_plain()}
        self._prompts.note(look.place / "figure", FIGURES)

    def _placed(self) -> figure_format.FigureFormat:
        """The last format, and the folder of the last figure, else of whatever was saved last."""
        return replace(self._paper, folder=str(self._prompts.suggestion(FIGURES, "x").parent))

    # -- notices --------------------------------------------------------------------------
    def _say_set(self, made: FigureSet) -> None:
        folder = made.files[-1].parent
        self._tell(f"Saved {len(made.files)} files in {folder}.", "Show", folder)
        for kind, why in made.missing.items():
            self.told.emit(Notice(NEWS, f"{KINDS[kind].title} was skipped: {why}"))

    def _say_report(self, files: Sequence[Path]) -> None:
        names = " and ".join(str(path) for path in files)
        self._tell(f"Saved the report as {names}.", "Open", files[0])

    def _say_failed(self, sentence: str) -> None:
        self.told.emit(Notice(ERROR, sentence))

    def _tell(self, sentence: str, action: str, place: Path) -> None:
        self.told.emit(Notice(NEWS, sentence, action, functools.partial(show, place)))
