"""Operations on stored studies: provenance, command line, deletion. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.provenance import Provenance
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

    def look(self, keys: Sequence[str]) -> None:
        """Load the provenance of these stored studies into `AppState.provenance`."""
        unknown = [key for key in keys if key not in self._state.provenance]
        if unknown:
            work = functools.partial(study_tasks.provenance, unknown)
            self._submit(
                "Reading the provenance of studies", work, self._on_provenance, "provenance"
            )

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

    def _on_deleted(self, belongings: StudyFiles) -> None:
        provenance = self._state.provenance
        self._state.provenance = {
            key: provenance[key] for key in provenance if key not in belongings.keys
        }
        for run in self._state.runs:
            if run.key in belongings.keys:
                self._runs.remove(run.number)
        self.deleted.emit(belongings)
