"""Background lanes: a heavy lane (first in, first out) and a probe lane (latest wins).

Each lane is one thread with its own engine. Reports of jobs go into a mailbox that is emptied in
the GUI thread at most every `DRAIN_MS`, so that no flood of points can stall the window.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from engine.errors import Cancelled, EngineError
from engine.runtime.progress import Progress, Reporter
from explorer.jobs.error_report import save_report
from explorer.jobs.garbage import Collector

HEAVY, PROBE = "heavy", "probe"
DRAIN_MS = 33  # two frames of a 60 Hz screen
REST_S = 2.0  # without a job until a lane gives back memory
CLOSE_S = 4.0  # leaves the process one second to end within five

Points = list[tuple[str, Any]]
Log = Callable[[str], None]
Work = Callable[[Any, Reporter], Any]
MakeEngine = Callable[[Log], Any]
Post = Callable[["Job | None", str, Any], None]


def _ignore(*_: Any) -> None:
    """A callback that does nothing."""


@dataclass(eq=False)
class Job:
    """A job: `work(engine, reporter)` runs in the lane, its callbacks in the GUI thread.

    title: display name; channel: jobs of one channel replace each other on the probe lane;
    points: called with batches of (channel, data); done: called with the result; failed: called
    with a message; cancelled: called when it was stopped (not when a newer job replaced it).
    """

    title: str
    work: Work
    lane: str = HEAVY
    channel: str = ""
    points: Callable[[Points], None] = _ignore
    done: Callable[[Any], None] = _ignore
    failed: Callable[[str], None] = _ignore
    cancelled: Callable[[], None] = _ignore
    reporter: Reporter = field(default_factory=Reporter)
    replaced: bool = False

    def drop_callbacks(self) -> None:
        """Drop the callbacks, lest the lane's thread, releasing the job last, destroy widgets."""
        self.points = self.done = self.failed = self.cancelled = _ignore

    def replaces(self, other: Job) -> bool:
        """Whether this job makes `other` pointless."""
        return self.lane == PROBE and self.channel == other.channel


class JobReporter(Reporter):
    """Posts the engine's reports to the mailbox, from any thread."""

    def __init__(self, job: Job, post: Post) -> None:
        super().__init__()
        self._job, self._post = job, post

    def on_progress(self, progress: Progress) -> None:
        """Post the job's progress."""
        self._post(self._job, "progress", progress)

    def on_point(self, channel: str, data: Any) -> None:
        """Post an intermediate result."""
        self._post(self._job, "point", (channel, data))

    def on_log(self, message: str) -> None:
        """Post a log message."""
        self._post(self._job, "log", message)


class _Lane(threading.Thread):
    """A thread that runs jobs one after another with its own engine, created on first use."""

    def __init__(self, name: str, make_engine: MakeEngine, post: Post, reports: Path) -> None:
        super().__init__(name=f"lane-{name}", daemon=True)
        self._make_engine, self._post, self._reports = make_engine, post, reports
        self._engine: Any = None
        self._pending: deque[Job] = deque()
        self._running: Job | None = None
        self._ready = threading.Condition()
        self._paused = self._closed = self._is_warm = False
        self._data = ""

    def add(self, job: Job) -> None:
        """Queue a job; on the probe lane it replaces earlier jobs of its channel."""
        with self._ready:
            for old in [old for old in self._pending if job.replaces(old)]:
                self._pending.remove(old)
                old.replaced = True
                self._post(old, "cancelled", None)
            if self._running is not None and job.replaces(self._running):
                self._running.replaced = True
                self._running.reporter.cancel()
            self._pending.append(job)
            self._ready.notify()

    def cancel(self) -> None:
        """Stop the running job at its next check and drop the waiting ones."""
        with self._ready:
            if self._running is not None:
                self._running.reporter.cancel()
            while self._pending:
                self._post(self._pending.popleft(), "cancelled", None)

    def stop(self, job: Job) -> None:
        """Stop one job: at its next check if it is running, at once if it is waiting."""
        with self._ready:
            job.reporter.cancel()
            if job in self._pending:
                self._pending.remove(job)
                self._post(job, "cancelled", None)

    def close(self) -> None:
        """Cancel everything and let the thread end."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self.cancel()

    def run(self) -> None:
        """Run jobs until closed, then close the engine."""
        while (job := self._next_job()) is not None:
            self._run_job(job)
            with self._ready:
                self._running = None
        if self._engine is not None:
            self._engine.close()

    def keep_data(self, fingerprint: str) -> None:
        """Let the engine give back what belongs to other data, as soon as there is no job."""
        with self._ready:
            self._data, self._is_warm = fingerprint, True
            self._ready.notify()

    def pause(self, paused: bool) -> None:
        """Start no further job while `held`."""
        with self._ready:
            self._paused = paused
            self._ready.notify()

    def _next_job(self) -> Job | None:
        """The next job, None once closed; gives back memory when none comes for a while."""
        while True:
            with self._ready:
                while not self._has_next():
                    if not self._ready.wait(REST_S if self._is_warm else None):
                        break
                else:
                    self._is_warm = True
                    self._running = None if self._closed else self._pending.popleft()
                    return self._running
                self._is_warm = False
                data = self._data
            self._rest(data)

    def _has_next(self) -> bool:
        return self._closed or (bool(self._pending) and not self._paused)

    def _rest(self, data: str) -> None:
        """Give back memory; engines other than a pipeline may have none to give."""
        rest = getattr(self._engine, "rest", None)
        if rest is not None:
            try:
                rest(data)
            except Exception as error:  # a bug: the lane goes on
                self._log(save_report(self._reports, "Giving back memory", error))

    def _run_job(self, job: Job) -> None:
        self._post(job, "started", None)
        try:
            if self._engine is None:
                self._engine = self._make_engine(self._log)
            job.reporter.check()
            self._post(job, "done", job.work(self._engine, job.reporter))
        except Cancelled:
            self._post(job, "cancelled", None)
        except EngineError as error:
            self._post(job, "failed", str(error))
        except Exception as error:  # a bug or a full disk: always reported
            self._post(job, "failed", save_report(self._reports, job.title, error))

    def _log(self, message: str) -> None:
        self._post(None, "log", message)


class Jobs(QObject):
    """Both lanes; lives in the GUI thread, where every callback runs."""

    started = Signal(object)  # Job
    progressed = Signal(object, object)  # Job, Progress
    ended = Signal(object, str, str)  # Job, 'done' | 'failed' | 'cancelled', message
    logged = Signal(str)
    job_logged = Signal(object, str)  # Job, sentence: those of `logged` that a job says
    idle = Signal()
    _woken = Signal()

    def __init__(
        self, make_engine: MakeEngine, reports: Path, parent: QObject | None = None
    ) -> None:
        """`make_engine(log)` is called in each lane's thread; error reports go to `reports`."""
        super().__init__(parent)
        self._make_engine, self._reports = make_engine, reports
        self._lanes: dict[str, _Lane] = {}
        self._live: list[Job] = []
        self._mail: deque[tuple[Job | None, str, Any]] = deque()
        self._lock = threading.Lock()
        self._data = ""
        self._awake = False
        self._closed = False
        self._drained = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._drain)
        self._painted = QTimer(
            self, singleShot=True, interval=0
        )  # fires after the pending paint events
        self._painted.timeout.connect(self._resume)
        self._collector = Collector(self)
        self._woken.connect(self._wake, Qt.ConnectionType.QueuedConnection)

    def submit(self, job: Job) -> Job:
        """Queue a job on its lane and return it."""
        job.reporter = JobReporter(job, self._post)
        self._live.append(job)
        if job.lane not in self._lanes:
            self._collector.begin()
            self._lanes[job.lane] = _Lane(job.lane, self._make_engine, self._post, self._reports)
            self._lanes[job.lane].keep_data(self._data)
            self._lanes[job.lane].pause(self._painted.isActive())
            self._lanes[job.lane].start()
        self._lanes[job.lane].add(job)
        return job

    def cancel(self, lane: str = HEAVY) -> None:
        """Stop a lane's running job and drop its waiting ones."""
        if lane in self._lanes:
            self._lanes[lane].cancel()

    def stop(self, job: Job) -> None:
        """Stop one job; the others of its lane continue."""
        if job in self._live:
            self._lanes[job.lane].stop(job)

    def keep_data(self, fingerprint: str) -> None:
        """Let the lanes' engines give back what belongs to data other than these, once idle."""
        self._data = fingerprint
        for lane in self._lanes.values():
            lane.keep_data(fingerprint)

    def live(self, lane: str) -> list[Job]:
        """Unfinished jobs of a lane, the running one first."""
        return [job for job in self._live if job.lane == lane]

    def busy(self) -> bool:
        """Whether any job is unfinished."""
        return bool(self._live)

    def close(self, timeout: float = CLOSE_S) -> bool:
        """Stop both lanes and wait; return False if one is still busy after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for lane in self._lanes.values():
            lane.close()
        for lane in self._lanes.values():
            lane.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._closed = True
            self._mail.clear()
        self._timer.stop()
        ended = not any(lane.is_alive() for lane in self._lanes.values())
        if ended:
            self._collector.end()
        return ended

    def _post(self, job: Job | None, kind: str, data: Any) -> None:
        with self._lock:
            if self._closed:
                return
            self._mail.append((job, kind, data))
            if self._awake:
                return
            self._awake = True
            self._woken.emit()

    def _wake(self) -> None:
        if not self._closed:
            since = (time.monotonic() - self._drained) * 1000
            self._timer.start(max(0, round(DRAIN_MS - since)))

    def _drain(self) -> None:
        with self._lock:
            mail, self._mail, self._awake = self._mail, deque(), False
        self._drained = time.monotonic()
        if any(kind == "done" for _, kind, _ in mail):
            self._pause(True)  # further jobs wait until the result is on the screen
            self._painted.start()
        points: dict[Job, Points] = {}
        latest: dict[Job, Progress] = {}
        for job, kind, data in mail:
            if job is None:
                self.logged.emit(data)
            elif kind == "point":
                points.setdefault(job, []).append(data)
            elif kind == "progress":
                latest[job] = data
            else:
                self._deliver_points(job, points.pop(job, []))
                self._deliver(job, kind, data)
        for job, batch in points.items():
            self._deliver_points(job, batch)
        for job, progress in latest.items():
            if job in self._live:
                self.progressed.emit(job, progress)

    def _resume(self) -> None:
        self._pause(False)

    def _pause(self, paused: bool) -> None:
        for lane in self._lanes.values():
            lane.pause(paused)

    def _deliver_points(self, job: Job, batch: Points) -> None:
        if batch and not job.replaced:
            job.points(batch)

    def _deliver(self, job: Job, kind: str, data: Any) -> None:
        if kind == "started":
            self.started.emit(job)
        elif kind == "log":
            self.logged.emit(data)
            self.job_logged.emit(job, data)
        else:
            self._end(job, kind, data)

    def _end(self, job: Job, kind: str, data: Any) -> None:
        self._live.remove(job)
        kind = "cancelled" if job.replaced else kind
        try:
            if kind == "done":
                job.done(data)
            elif kind == "failed":
                job.failed(data)
            elif not job.replaced:
                job.cancelled()
        finally:
            job.drop_callbacks()
            self.ended.emit(job, kind, data if kind == "failed" else "")
            if not self._live:
                self.idle.emit()
