"""The decision slice through the current sample, kept up to date on request. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject

from engine.forget_sets.sample_names import sample_label
from engine.results import COARSE, FINE, Slice
from engine.spec import RunSpec
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state.app_state import AppState

PATIENCE_S = 20.0  # no refinement beyond this, as other queries share the lane


class SampleProbe(NamedTuple):
    """The sample being probed: of a finished study, at (perturbation, tau)."""

    spec: RunSpec
    sample: int
    probe: tuple[str, float]


class SliceControl(QObject):
    """Requests slices on the probe lane, first coarse, then refined; the latest request wins.

    Neighborhoods, which share the lane, can run between the two. If refining would take longer
    than `PATIENCE_S`, the coarse slice stays until `refine` is called.
    """

    def __init__(
        self, state: AppState, jobs: Jobs, target: Callable[[], SampleProbe | None], parent: QObject
    ) -> None:
        """`target()` returns the current probe, None while there is nothing to show."""
        super().__init__(parent)
        self._state, self._jobs, self._target = state, jobs, target
        self._aim = ("", -1)
        self._requested: tuple[SampleProbe, tuple[str, int]] | None = None
        self._job: Job | None = None
        for changed in (state.selection_changed, state.probe_changed, state.models_changed):
            changed.connect(self.look)

    def point(self, directions: str, towards: int = -1) -> None:
        """Choose the pair of directions of the slice; '' stops keeping it up to date.

        towards: the target sample of the pair 'chosen'.
        """
        self._aim = (directions, towards)
        if directions:
            self.look()
        else:
            self._stop()

    def look(self) -> None:
        """Request the slice through the current sample, unless already requested."""
        target = self._target()
        if target is None:
            self._stop()
            self._requested = None
            self._state.slice = None
            self._set_problem("")
            return
        request = (target, self._aim)
        if self._aim[0] and request != self._requested:
            self._requested = request
            self._set_problem("")
            self._submit(request, COARSE)

    def refine(self) -> None:
        """Request the fine slice of what is shown, however long it takes."""
        if self._requested is not None and self._job is None:
            self._submit(self._requested, FINE)

    def _submit(self, request: tuple[SampleProbe, tuple[str, int]], size: int) -> None:
        target, aim = request
        work = functools.partial(
            probe_tasks.compute_slice, target.spec, target.sample, aim, target.probe, size
        )
        self._job = Job(
            f"Computing the slice through {sample_label(target.sample, self._state.dataset)}",
            work,
            PROBE,
            "slice",
            done=functools.partial(self._on_done, request),
            failed=functools.partial(self._on_failed, request),
        )
        self._jobs.submit(self._job)

    def _stop(self) -> None:
        """Stop the job in progress; the slice will be requested again."""
        if self._job is not None:
            self._job.reporter.cancel()
            self._job = self._requested = None

    def _on_done(self, request: tuple[SampleProbe, tuple[str, int]], result: Slice) -> None:
        if request != self._requested:
            return
        self._job = None
        size = len(result.steps)
        if size < FINE and result.seconds * (FINE / size) ** 2 < PATIENCE_S:
            self._submit(request, FINE)
        self._state.slice = result

    def _on_failed(self, request: tuple[SampleProbe, tuple[str, int]], sentence: str) -> None:
        if request == self._requested:
            self._job = None
            self._state.slice = None
            self._set_problem(sentence)

    def _set_problem(self, sentence: str) -> None:
        self._state.set_problem("slice", sentence)
