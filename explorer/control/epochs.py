"""Epochs of methods: collected as they arrive, or recorded by running a method again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Signal

from engine.analysis.epoch_series import Epochs
from engine.spec import RunSpec
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import Job, Jobs, Points
from explorer.state.app_state import AppState

CHANNEL = "epochs"  # of the points, and of the job


def with_points(before: Mapping[str, Epochs], batch: Points) -> Mapping[str, Epochs]:
    """The epochs by method, updated with these points; the latest method comes last."""
    epochs = dict(before)
    for channel, data in batch:
        if channel == CHANNEL:
            epochs.pop(data.model, None)
            epochs[data.model] = data
    return epochs if any(channel == CHANNEL for channel, _ in batch) else before


class EpochControl(QObject):
    """Runs a method of the shown study again to record its epochs."""

    failed = Signal(str)

    def __init__(
        self, state: AppState, jobs: Jobs, spec: Callable[[], RunSpec | None], parent: QObject
    ) -> None:
        """`spec()` returns the spec of the shown study, None until it is complete."""
        super().__init__(parent)
        self._state, self._jobs, self._spec = state, jobs, spec

    def watch(self, model: str, label: str) -> None:
        """Queue the run; its epochs are shown as they arrive while the study stays on screen."""
        spec = self._spec()
        if spec is None:
            self.failed.emit("There is no finished study yet. Press Run first.")
            return
        self._jobs.submit(
            Job(
                f"Running {label} again to record its epochs",
                functools.partial(probe_tasks.record_epochs, spec, model),
                channel=CHANNEL,
                points=functools.partial(self._on_points, spec),
                failed=self.failed.emit,
            )
        )

    def _on_points(self, spec: RunSpec, batch: Points) -> None:
        if self._spec() == spec:
            self._state.epochs = with_points(self._state.epochs, batch)
