"""Exports to files chosen by the user, and the command for a study. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from engine.figures.catalog import KINDS
from explorer.control.forget_set import NO_FORGET
from explorer.control.shown_study import ShownStudy
from explorer.jobs import file_tasks, study_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state import figure_options
from explorer.state.app_state import AppState
from explorer.state.figure_preview import FigurePreview
from explorer.state.notice import ERROR, NEWS
from explorer.state.queued_run import nothing_yet
from explorer.state.ranking import shown_tau

NO_STUDY = "There is nothing to export yet. Run a study first."
NO_FIGURE = "Click a view that shows a figure first, for example Curves."
NO_MODEL = "This model does not exist yet. Run a study first."
NO_COMMAND = "There is no study to copy a command for yet. Press Run first."


class ShownFigures(Protocol):
    """The figures that the views show now."""

    def every(self) -> Mapping[str, Mapping[str, Any]]:
        """Kind -> its options, of all views."""

    def focused(self) -> tuple[str, Mapping[str, Any]] | None:
        """Kind and options of the view with keyboard focus; None if it shows no figure."""


class ExportControl(QObject):
    """Requests a file if there is something to export, and writes it in a lane."""

    noticed = Signal(str, str)  # NEWS or ERROR, sentence
    figure_wanted = Signal(str, object)  # kind, its options: the user should choose file and format
    figures_wanted = Signal(object)  # kind -> options: the user should choose several figures
    copy_wanted = Signal(str, object)  # kind, its options: a figure for the clipboard
    report_wanted = Signal()  # the user should choose a file for the report
    forget_set_wanted = Signal()  # the user should choose a file for the forget set
    points_wanted = Signal(list)  # samples: the user should choose a file for their table
    checkpoint_wanted = Signal(str)  # model: the user should choose a file
    command_written = Signal(str)  # the command for a study
    saved = Signal(list)  # the files that were written

    def __init__(self, state: AppState, jobs: Jobs, shown: ShownStudy, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._shown = state, jobs, shown
        self.figures: ShownFigures | None = None  # there are none before the views

    # -- asking for a file ----------------------------------------------------------------
    def ask_figure(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Ask for a file, then export the figure `kind`; options: override those on screen."""
        if self._has_study():
            self.figure_wanted.emit(kind, {**self.options(kind), **(options or {})})

    def options(self, kind: str) -> dict[str, Any]:
        """The options with which this kind of figure draws what is on the screen.

        Without a selection, a sheet of samples shows the forget set, not the whole dataset.
        """
        if kind == "samples" and not self._state.selection.chosen:
            return {}
        views = self.figures.every() if self.figures is not None else {}
        return {**figure_options.options(self._state, kind), **views.get(kind, {})}

    def shown(self) -> dict[str, dict[str, Any]]:
        """Kind -> options of the figures that the views show now."""
        views = self.figures.every() if self.figures is not None else {}
        return {kind: self.options(kind) for kind in views}

    def copy_figure(self) -> None:
        """Copy the figure of the view with keyboard focus to the clipboard."""
        if not self._has_study():
            return
        figure = self.figures.focused() if self.figures is not None else None
        if figure is None:
            self.noticed.emit(NEWS, NO_FIGURE)
        else:
            kind, options = figure
            self.copy_wanted.emit(kind, {**self.options(kind), **options})

    def copy(self, kind: str, options: Mapping[str, Any]) -> None:
        """Copy a figure to the clipboard; options: override those on screen."""
        if self._has_study():
            self.copy_wanted.emit(kind, {**self.options(kind), **options})

    def preview(self, kind: str, options: Mapping[str, Any]) -> None:
        """Draw a figure for `AppState.figure_preview`; options: override those on screen."""
        study = self._state.study
        if study is None:
            return
        options = {**self.options(kind), **options, "numbers": False, "caption": True}
        work = functools.partial(file_tasks.preview_figure, study, kind, options)
        self._jobs.submit(
            Job(
                "Drawing a figure", work, PROBE, "figure preview",
                done=functools.partial(self._show_preview, kind), failed=self._fail_preview,
            )
        )  # fmt: skip

    def _show_preview(self, kind: str, picture: file_tasks.FigurePicture) -> None:
        self._state.set_problem("figure_preview", "")
        self._state.figure_preview = FigurePreview(kind, picture.png, picture.caption)

    def _fail_preview(self, sentence: str) -> None:
        self._state.set_problem("figure_preview", sentence)

    def ask_figures(self) -> None:
        """Ask which figures to export, then export them as a set."""
        if self._has_study():
            self.figures_wanted.emit({kind: self.options(kind) for kind in KINDS})

    def ask_report(self) -> None:
        """Ask for a file, then write the report of the shown study."""
        if self._has_study():
            self.report_wanted.emit()

    def ask_points(self, samples: list[int]) -> None:
        """Ask for a file, then write a table of these samples as they lie in the embedding."""
        if self._state.embedding is None:
            self.noticed.emit(NEWS, nothing_yet(self._state.runs, NO_STUDY))
        elif samples:
            self.points_wanted.emit(samples)

    def ask_checkpoint(self, model: str) -> None:
        """Ask for a file, then save this model's weights."""
        if model in self._state.models:
            self.checkpoint_wanted.emit(model)
        else:
            self.noticed.emit(NEWS, nothing_yet(self._state.runs, NO_MODEL))

    def ask_forget_set(self) -> None:
        """Ask for a file, then write the forget set of the next run to it."""
        if self._state.forget:
            self.forget_set_wanted.emit()
        else:
            self.noticed.emit(ERROR, self._state.form_error or NO_FORGET)

    def _has_study(self) -> bool:
        """Whether there is a study to export; if not, notify the user."""
        if self._state.study is None:
            self.noticed.emit(NEWS, nothing_yet(self._state.runs, NO_STUDY))
        return self._state.study is not None

    # -- once a file is chosen ------------------------------------------------------------
    def save_figure(self, kind: str, out: Path, options: Mapping[str, Any]) -> None:
        """Write the figure `kind`, with its numbers as a CSV file next to it."""
        study = self._state.study
        if study is not None:
            self._save(out, functools.partial(file_tasks.save_figure, study, kind, out, options))

    def save_checkpoint(self, model: str, out: Path) -> None:
        """Write the weights of one model."""
        spec = self._shown.spec
        if spec is not None:
            self._save(out, functools.partial(file_tasks.save_checkpoint, spec, model, out))

    def save_forget_set(self, out: Path) -> None:
        """Write the indices of the forget set, with their classes, as CSV."""
        dataset = self._state.dataset
        if dataset is not None:
            work = functools.partial(file_tasks.save_forget, self._state.forget, dataset, out)
            self._save(out, work)

    def save_points(self, samples: list[int], out: Path) -> None:
        """Write a table of samples: place in the embedding, predictions, and r of every model."""
        state = self._state
        if state.embedding is not None and state.dataset is not None:
            tau = shown_tau(state)
            work = functools.partial(
                file_tasks.save_points, samples, state.embedding, state.dataset, state.residual,
                tau, out,
            )  # fmt: skip
            self._save(out, work)

    def write_command(self) -> None:
        """Request the command for the shown study; emitted as `command_written`."""
        study, dataset = self._state.study, self._state.dataset
        if study is None or dataset is None:
            self.noticed.emit(NEWS, NO_COMMAND)
            return
        texts = (self._state.form.forget, dataset.recommended.forget)
        work = functools.partial(study_tasks.command_line, study, dataset, texts)
        self._submit("Writing the command", work, self.command_written.emit, "command")

    def _save(self, out: Path, work: Any) -> None:
        self._submit(f"Exporting {out.name}", work, self.saved.emit, str(out))

    def _submit(self, title: str, work: Any, then: Callable[[Any], None], channel: str) -> None:
        self._jobs.submit(Job(title, work, PROBE, channel, done=then, failed=self._fail))

    def _fail(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)
