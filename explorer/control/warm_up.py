"""Lets a lane import torch once the window is quiet: stored results are shown without it."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, QTimer, Signal

from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state.app_state import AppState

QUIET_MS = 1000  # without a job, once data are shown
TITLE = "Loading PyTorch"


class WarmUp(QObject):
    """Submits one job that imports torch, unless another job did so before."""

    done = Signal()  # torch is there

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs = state, jobs
        self._asked = False
        self._timer = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._timer.timeout.connect(self._begin)
        jobs.idle.connect(self._wait)
        jobs.ended.connect(self._on_ended)

    def _wait(self) -> None:
        """Begin in a while, unless something is asked for until then."""
        if self._state.dataset is not None and not self._asked:
            self._timer.start()

    def _begin(self) -> None:
        if self._jobs.busy():
            return  # followed by another `idle`
        self._asked = True
        self._jobs.submit(Job(TITLE, probe_tasks.warm_up, PROBE, "warm-up"))

    def _on_ended(self) -> None:
        if "torch" in sys.modules:
            self._jobs.ended.disconnect(self._on_ended)
            self._jobs.idle.disconnect(self._wait)
            self._timer.stop()
            self.done.emit()
