"""The decision slice through the current sample, kept up to date on request. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject

from engine.forget_sets.sample_names import called
from engine.results import COARSE, FINE, Slice
from engine.spec import RunSpec
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state.app_state import AppState

PATIENCE_S = 20.0  # no refinement beyond this, as other queries share the lane


class Sight(NamedTuple):
    """The sample being probed: of a finished study, at (perturbation, tau)."""

    spec: RunSpec
    sample: int
    probe: tuple[str, float]


class SliceControl(QObject):
    """Requests slices on the probe lane, first coarse, then refined; the latest request wins.

    Neighborhoods, which share the lane, can run between the two. If refining would take longer
    than `PATIENCE_S`, the coarse slice stays.
    """

    def __init__(
        self, state: AppState, jobs: Jobs, under: Callable[[], Sight | None], parent: QObject
    ) -> None:
        """`target()` returns the current probe, None while there is nothing to show."""
        super().__init__(parent)
        self._state, self._jobs, self._under = state, jobs, under
        self._aim = ("", -1)
        self._asked: tuple[Sight, tuple[str, int]] | None = None
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
            self._rest()

    def look(self) -> None:
        """Request the slice through the current sample, unless already requested."""
        sight = self._under()
        if sight is None:
            self._rest()
            self._asked = None
            self._state.slice = None
            self._problem("")
            return
        asked = (sight, self._aim)
        if self._aim[0] and asked != self._asked:
            self._asked = asked
            self._problem("")
            self._submit(asked, COARSE)

    def _submit(self, asked: tuple[Sight, tuple[str, int]], size: int) -> None:
        sight, aim = asked
        work = functools.partial(
            probe_tasks.look_through, sight.spec, sight.sample, aim, sight.probe, size
        )
        self._job = Job(
            f"Computing the slice through {called(sight.sample, self._state.dataset)}",
            work,
            PROBE,
            "slice",
            done=functools.partial(self._show, asked),
            failed=functools.partial(self._say, asked),
        )
        self._jobs.submit(self._job)

    def _rest(self) -> None:
        """Stop the job in progress; the slice will be requested again."""
        if self._job is not None:
            self._job.reporter.cancel()
            self._job = self._asked = None

    def _show(self, asked: tuple[Sight, tuple[str, int]], found: Slice) -> None:
        if asked != self._asked:
            return
        self._job = None
        size = len(found.steps)
        if size < FINE and found.seconds * (FINE / size) ** 2 < PATIENCE_S:
            self._submit(asked, FINE)
        self._state.slice = found

    def _say(self, asked: tuple[Sight, tuple[str, int]], sentence: str) -> None:
        if asked == self._asked:
            self._job = None
            self._state.slice = None
            self._problem(sentence)

    def _problem(self, sentence: str) -> None:
        self._state.set_problem("slice", sentence)
