"""The queue of studies, run one at a time. No widgets."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.runtime.progress import Progress
from engine.spec import to_plain
from explorer.jobs import study_tasks
from explorer.jobs.lanes import Job, Jobs, Points
from explorer.state.app_state import AppState
from explorer.state.queued_run import (
    DONE,
    FAILED,
    HELD,
    RUNNING,
    STOPPED,
    UNFINISHED,
    WAITING,
    Order,
    QueuedRun,
)

MOST_LINES = 500  # of one run's log


class RunQueue(QObject):
    """Maintains `AppState.runs`: ended, held and running ones, then those waiting.

    Only the running study is given to the heavy lane, and the next one when it has ended, so that
    queries about a finished study are answered before the next study starts.
    """

    points = Signal(int, list)  # number, batch of points from the running study
    finished = Signal(int, object)  # number, tasks.StudyResults
    failed = Signal(int, str)  # number, message
    stopped = Signal(int)  # number
    group_ended = Signal(list)  # QueuedRuns that were queued together, all ended

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._jobs = state, jobs
        self._job: Job | None = None  # of the running study
        self._number = 0  # of the running study
        self._last = 0  # last number assigned
        self._groups: list[frozenset[int]] = []  # numbers of runs that were queued together
        self._began = 0.0
        jobs.progressed.connect(self._on_progressed)
        jobs.started.connect(self._on_started)
        jobs.job_logged.connect(self._on_job_logged)

    # -- access ---------------------------------------------------------------------------
    def of(self, number: int) -> QueuedRun | None:
        """The run with that number, None if it is no longer listed."""
        return next((run for run in self._state.runs if run.number == number), None)

    def waiting(self) -> list[QueuedRun]:
        """The waiting runs, the next one first."""
        return [run for run in self._state.runs if run.state == WAITING]

    def live(self) -> list[QueuedRun]:
        """The running run and the waiting ones."""
        return [run for run in self._state.runs if run.live]

    def unfinished(self) -> list[QueuedRun]:
        """The running, waiting and held runs."""
        return [run for run in self._state.runs if run.state in UNFINISHED]

    # -- requests -------------------------------------------------------------------------
    def add(self, orders: Sequence[Order]) -> list[int]:
        """Queue studies and return their run numbers; the first starts at once if none is running.

        An ended run of the same study is queued again instead of being listed twice.
        """
        ended = [run for run in self._state.runs if not run.live]
        queued = [self._queued(order, ended) for order in orders]
        numbers = [run.number for run in queued]
        rest = [run for run in self._state.runs if run.number not in numbers]
        self._state.runs = (*rest, *queued)
        if len(numbers) > 1:
            self._groups.append(frozenset(numbers))
        self._begin_next()
        return numbers

    def is_grouped(self, number: int) -> bool:
        """Whether a run was queued with others, and is reported together with them."""
        return any(number in group for group in self._groups)

    def hold(self, orders: Sequence[Order]) -> int:
        """List studies of an earlier session as on hold; return how many were added."""
        listed = [run.order for run in self._state.runs]
        fresh = [order for order in orders if order not in listed]
        held = [self._new(order, HELD, "Left unfinished by an earlier session.") for order in fresh]
        rest = [run for run in self._state.runs if run.state != WAITING]
        self._state.runs = (*rest, *held, *self.waiting())
        return len(held)

    def release(self) -> None:
        """Queue all held runs, in order."""
        self.add([run.order for run in self._state.runs if run.state == HELD])

    def _new(self, order: Order, state: str, line: str) -> QueuedRun:
        self._last += 1
        return _noted(QueuedRun(self._last, order, state), line)

    def _queued(self, order: Order, ended: Sequence[QueuedRun]) -> QueuedRun:
        """A waiting run of this study: an ended one queued again, or a new one."""
        twin = next((run for run in ended if run.order == order), None)
        if twin is not None:
            return _noted(replace(twin, state=WAITING, progress=None, error=""), "Queued again.")
        return self._new(order, WAITING, "Queued.")

    def cancel(self, number: int) -> None:
        """Stop a run; its finished work is kept."""
        run = self.of(number)
        if run is not None and run.state == WAITING:
            self._end(number, STOPPED, "Removed from the queue before it started.")
            self._end_groups()
        elif run is not None and run.state == RUNNING and self._job is not None:
            self._jobs.stop(self._job)

    def cancel_all(self) -> None:
        """Stop the running run and remove the waiting ones; all of them can be resumed."""
        for run in reversed(self.live()):
            self.cancel(run.number)

    def again(self, number: int) -> None:
        """Queue an ended run again; it resumes from its last finished epoch."""
        run = self.of(number)
        if run is not None and not run.live:
            self.add([run.order])

    def move(self, number: int, by: int) -> None:
        """Move a waiting run `by` places back (forward if negative)."""
        waiting = self.waiting()
        numbers = [run.number for run in waiting]
        if number in numbers:
            place = numbers.index(number)
            run = waiting.pop(place)
            waiting.insert(min(max(place + by, 0), len(waiting)), run)
            rest = [other for other in self._state.runs if other.state != WAITING]
            self._state.runs = (*rest, *waiting)

    def remove(self, number: int) -> None:
        """Remove a run that is not running from the list; its results stay in the store."""
        run = self.of(number)
        if run is not None and run.state != RUNNING:
            self._state.runs = tuple(other for other in self._state.runs if other is not run)
            self._end_groups()

    def describe(self, number: int, key: str, spec: Mapping[str, Any]) -> None:
        """Set the key and the settings of a run's study."""
        self._change(number, key=key, spec=spec)

    # -- from the queue to the lane and back ----------------------------------------------
    def _begin_next(self) -> None:
        waiting = self.waiting()
        if self._job is not None or not waiting:
            return
        run = waiting[0]
        ended = [other for other in self._state.runs if other.state != WAITING]
        self._number, self._began = run.number, time.monotonic()
        self._state.runs = (*ended, replace(run, state=RUNNING), *waiting[1:])
        self._job = Job(
            f"Running the study on {run.order.title}",
            functools.partial(study_tasks.run_study, run.order),
            points=functools.partial(self._on_points, run.number),
            done=functools.partial(self._on_done, run.number),
            failed=functools.partial(self._on_failed, run.number),
            cancelled=functools.partial(self._on_cancelled, run.number),
        )
        self._jobs.submit(self._job)

    def _on_started(self, job: Job) -> None:
        if job is self._job:
            self._began = time.monotonic()
            self._note(self._number, "Started.")

    def _on_progressed(self, job: Job, progress: Progress) -> None:
        run = self.of(self._number) if job is self._job else None
        if run is None:
            return
        if progress.stage and (run.progress is None or run.progress.stage != progress.stage):
            self._note(run.number, f"{progress.stage} ...")
        self._change(run.number, progress=progress, seconds=time.monotonic() - self._began)

    def _on_job_logged(self, job: Job, sentence: str) -> None:
        if job is self._job:
            self._note(self._number, sentence)

    def _on_points(self, number: int, batch: Points) -> None:
        for channel, data in batch:
            if channel == "spec":
                self._change(number, spec=to_plain(data))
        self.points.emit(number, batch)

    def _on_done(self, number: int, results: study_tasks.StudyResults) -> None:
        self._change(number, key=results.study.key, spec=results.study.spec)
        self._end(number, DONE, "Done.")
        self.finished.emit(number, results)
        self._end_groups()
        self._begin_next()

    def _on_failed(self, number: int, sentence: str) -> None:
        self._end(number, FAILED, sentence)
        self.failed.emit(number, sentence)
        self._end_groups()
        self._begin_next()

    def _on_cancelled(self, number: int) -> None:
        self._end(number, STOPPED, "Stopped. Finished work is kept.")
        self.stopped.emit(number)
        self._end_groups()
        self._begin_next()

    def _end(self, number: int, state: str, line: str) -> None:
        run = self.of(number)
        if run is None:
            return
        if run.state == RUNNING:
            self._job = None
            self._change(number, seconds=time.monotonic() - self._began)
        self._change(number, state=state, error=line if state == FAILED else "")
        self._note(number, line)

    def _end_groups(self) -> None:
        """Report the groups that have nothing left to run."""
        live = {run.number for run in self.live()}
        over = [group for group in self._groups if not group & live]
        self._groups = [group for group in self._groups if group & live]
        for group in over:
            self.group_ended.emit([run for run in self._state.runs if run.number in group])

    def _note(self, number: int, line: str) -> None:
        run = self.of(number)
        if run is not None:
            self._put(_noted(run, line))

    def _change(self, number: int, **changes: Any) -> None:
        run = self.of(number)
        if run is not None:
            self._put(replace(run, **changes))

    def _put(self, run: QueuedRun) -> None:
        runs = self._state.runs
        self._state.runs = tuple(run if other.number == run.number else other for other in runs)


def _noted(run: QueuedRun, line: str) -> QueuedRun:
    """The run with a line added to its log, prefixed by the time of day."""
    lines = (*run.lines, f"{time.strftime('%H:%M:%S')}  {line}")
    return replace(run, lines=lines[-MOST_LINES:])
