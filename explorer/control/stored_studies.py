"""Operations on stored studies: provenance, measures, names, command line, deletion. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.analysis.study_measures import StudyMeasures
from engine.provenance import Provenance
from engine.results import StudySummary
from engine.storage.annotations import Annotation
from explorer.control.run_queue import RunQueue
from explorer.jobs import study_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state.app_state import AppState
from explorer.state.queued_run import Order

if TYPE_CHECKING:
    from engine.pipeline.study_files import StudyFiles


class StoredStudies(QObject):
    """Accesses the store on the probe lane, so that a running study delays nothing."""

    weighed = Signal(object)  # study_files.Belongings: the user should confirm deletion
    deleted = Signal(object)  # study_files.Belongings: what was deleted
    command_written = Signal(str)
    failed = Signal(str)  # message

    def __init__(self, state: AppState, jobs: Jobs, runs: RunQueue, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._runs = state, jobs, runs
        self._unmeasured: list[str] = []  # keys whose measures are still to be read
        self._unreadable: set[str] = set()
        self._measuring = False

    def look(self, keys: Sequence[str]) -> None:
        """Load the provenance of these stored studies into `AppState.provenance`."""
        unknown = [key for key in keys if key not in self._state.provenance]
        if unknown:
            work = functools.partial(study_tasks.provenance, unknown)
            self._submit(
                "Reading the provenance of studies", work, self._on_provenance, "provenance"
            )

    def measure(self, keys: Sequence[str]) -> None:
        """Read the measures of these studies into `AppState.measures`, a few at a time."""
        known = self._state.measures
        self._unmeasured = [key for key in keys if key not in known and key not in self._unreadable]
        self._read_measures()

    def annotate(self, key: str, written: Annotation) -> None:
        """Write name, tags and notes of a stored study, and show them everywhere."""
        work = functools.partial(study_tasks.annotate, key, written)
        done = functools.partial(self._on_annotated, key)
        self._submit("Writing the name and notes of a study", work, done, f"annotate {key}")

    def copy_study(self, key: str) -> None:
        """Request the command for a stored study; emitted as `command_written`."""
        work = functools.partial(study_tasks.command_of_study, key)
        self._submit("Writing the command", work, self.command_written.emit, "command")

    def copy_run(self, number: int) -> None:
        """Request the command for the study of a run; emitted as `command_written`."""
        run = self._runs.of(number)
        if run is not None:
            work = functools.partial(study_tasks.command_of_order, run.order)
            self._submit("Writing the command", work, self.command_written.emit, "command")

    def ask_delete(self, keys: Sequence[str]) -> None:
        """Find out what deleting these studies would remove; emitted as `weighed`."""
        work = functools.partial(study_tasks.study_belongings, tuple(keys), self._live())
        self._submit("Finding what only these studies use", work, self.weighed.emit, "weigh")

    def delete(self, keys: Sequence[str]) -> None:
        """Delete studies and the files that only they use."""
        work = functools.partial(study_tasks.delete_studies, tuple(keys), self._live())
        self._submit("Deleting studies", work, self._on_deleted, f"delete {' '.join(keys)}")

    def _live(self) -> list[Order]:
        return [run.order for run in self._runs.unfinished()]

    def _submit(self, title: str, work: Any, done: Any, channel: str) -> None:
        self._jobs.submit(Job(title, work, PROBE, channel, done=done, failed=self.failed.emit))

    def _on_provenance(self, provenance: dict[str, Provenance]) -> None:
        self._state.provenance = {**self._state.provenance, **provenance}

    def _read_measures(self) -> None:
        if self._measuring or not self._unmeasured:
            return
        self._measuring = True
        work = functools.partial(study_tasks.read_measures, tuple(self._unmeasured))
        job = Job(
            "Reading the measures of stored studies", work, PROBE, "measures",
            done=self._on_measures, failed=self._on_no_measures, cancelled=self._on_no_measures,
        )  # fmt: skip
        self._jobs.submit(job)

    def _on_measures(self, measures: dict[str, StudyMeasures | None]) -> None:
        self._measuring = False
        self._unreadable |= {key for key, one in measures.items() if one is None}
        self._unmeasured = [key for key in self._unmeasured if key not in measures]
        read = {key: one for key, one in measures.items() if one is not None}
        self._state.measures = {**self._state.measures, **read}
        self._read_measures()

    def _on_no_measures(self, _sentence: str = "") -> None:
        """Reading was stopped or failed: the next `measure` begins again."""
        self._measuring, self._unmeasured = False, []

    def _on_annotated(self, key: str, written: Annotation) -> None:
        state = self._state
        with state.at_once():
            state.studies = tuple(
                one if one.key != key else _annotated(one, written) for one in state.studies
            )
            if state.beside and any(one.key == key for one in state.beside):
                state.beside = tuple(
                    replace(one, name=written.name) if one.key == key else one
                    for one in state.beside
                )

    def _on_deleted(self, belongings: StudyFiles) -> None:
        provenance = self._state.provenance
        self._state.provenance = {
            key: provenance[key] for key in provenance if key not in belongings.keys
        }
        measures = self._state.measures
        self._state.measures = {
            key: measures[key] for key in measures if key not in belongings.keys
        }
        for run in self._state.runs:
            if run.key in belongings.keys:
                self._runs.remove(run.number)
        self.deleted.emit(belongings)


def _annotated(one: StudySummary, written: Annotation) -> StudySummary:
    return replace(one, name=written.name, tags=written.tags, notes=written.notes)
