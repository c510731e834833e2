"""The jobs that open something, and what the window says meanwhile. No widgets."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.jobs.lanes import Job, Jobs
from explorer.state.app_state import AppState

OPENING = "opening"  # channel: the latest request wins


class OpeningJobs(QObject):
    """Keeps `AppState.opening` until the last of its jobs has ended."""

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs = state, jobs
        self._pending: list[Job] = []
        jobs.ended.connect(self._on_ended)

    def submit(self, job: Job, what: str = "") -> None:
        """Submit a job on the channel of opening; what: is opened, '' for what was said last."""
        job.channel = OPENING
        self._pending.append(job)
        if what or not self._state.opening:
            self._state.opening = f"Opening {what or 'a study'} ..."
        self._jobs.submit(job)

    def _on_ended(self, job: Job) -> None:
        if job in self._pending:
            self._pending.remove(job)
            if not self._pending:
                self._state.opening = ""
