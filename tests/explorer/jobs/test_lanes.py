"""Lanes: order, replacement, cancelling, errors, and a responsive window under a flood."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.errors import DataError, StoreError
from engine.runtime.progress import Reporter
from explorer.jobs.lanes import HEAVY, PROBE, Job, Jobs, Points


class Engine:
    """Records the thread it was created in, and whether it was closed."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Factory:
    """Creates engines; fails the first `fail` times."""

    def __init__(self, fail: int = 0) -> None:
        self.made: list[Engine] = []
        self.fail = fail

    def __call__(self, say: Any) -> Engine:
        if self.fail:
            self.fail -= 1
            raise StoreError("The store cannot be written.")
        say("an engine was made")
        self.made.append(Engine())
        return self.made[-1]


class Heard:
    """Collects the calls of a job's callbacks, with their thread."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.errors: list[str] = []
        self.stopped = 0
        self.batches: list[Points] = []
        self.threads: set[threading.Thread] = set()

    def job(self, title: str, work: Any, lane: str = HEAVY, channel: str = "") -> Job:
        return Job(title, work, lane, channel, self.points, self.done, self.failed, self.cancelled)

    def done(self, result: Any) -> None:
        self.threads.add(threading.current_thread())
        self.results.append(result)

    def failed(self, sentence: str) -> None:
        self.errors.append(sentence)

    def cancelled(self) -> None:
        self.stopped += 1

    def points(self, batch: Points) -> None:
        self.threads.add(threading.current_thread())
        self.batches.append(batch)


@pytest.fixture
def factory() -> Factory:
    return Factory()


@pytest.fixture
def jobs(qtbot: QtBot, factory: Factory, tmp_path: Path) -> Iterator[Jobs]:
    result = Jobs(factory, tmp_path / "reports")
    yield result
    assert result.close(PATIENCE)


def until_cancelled(engine: Engine, report: Reporter) -> None:
    """Works forever in steps of a millisecond."""
    report.point("began", None)
    while True:
        time.sleep(0.001)
        report.advance(1)


class Steps:
    """Works forever in steps, and counts those it starts after a request to stop."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.late = 0

    def __call__(self, engine: Engine, report: Reporter) -> None:
        report.point("began", None)
        while True:
            self.late += self.told.is_set()
            time.sleep(0.001)
            report.advance(1)


def test_heavy_jobs_run_one_after_another_in_a_thread_of_their_own(
    qtbot: QtBot, jobs: Jobs, factory: Factory
) -> None:
    received = Heard()

    def work(engine: Engine, report: Reporter) -> tuple[bool, str]:
        return threading.current_thread() is engine.thread, report.current_stage

    with qtbot.waitSignal(jobs.idle):
        for number in range(5):
            jobs.submit(received.job(str(number), lambda e, r, n=number: (n, *work(e, r))))
    assert [result[0] for result in received.results] == [0, 1, 2, 3, 4]
    assert all(result[1] for result in received.results)
    assert received.threads == {threading.main_thread()}
    assert len(factory.made) == 1


def test_a_newer_probe_replaces_the_older_ones_of_its_channel(qtbot: QtBot, jobs: Jobs) -> None:
    old, other, new = Heard(), Heard(), Heard()
    jobs.submit(old.job("running", until_cancelled, PROBE, "around"))
    qtbot.waitUntil(lambda: bool(old.batches))
    jobs.submit(old.job("waiting", lambda e, r: "old", PROBE, "around"))
    jobs.submit(other.job("another", lambda e, r: "other", PROBE, "export"))
    with qtbot.waitSignal(jobs.idle):
        jobs.submit(new.job("newest", lambda e, r: "new", PROBE, "around"))
    assert old.results == [] and old.stopped == 0
    assert other.results == ["other"]
    assert new.results == ["new"]


def test_cancel_stops_the_running_job_within_one_check_and_drops_the_waiting(
    qtbot: QtBot, jobs: Jobs
) -> None:
    first, second, steps = Heard(), Heard(), Steps()
    jobs.submit(first.job("first", steps))
    jobs.submit(second.job("second", lambda e, r: "never"))
    qtbot.waitUntil(lambda: bool(first.batches))
    with qtbot.waitSignal(jobs.idle):
        jobs.cancel()
        steps.told.set()
    assert steps.late <= 1
    assert (first.stopped, second.stopped, second.results) == (1, 1, [])


def test_stopping_one_job_lets_the_others_of_its_lane_continue(qtbot: QtBot, jobs: Jobs) -> None:
    running, waiting, last = Heard(), Heard(), Heard()
    first = jobs.submit(running.job("running", until_cancelled))
    second = jobs.submit(waiting.job("waiting", lambda e, r: "never"))
    jobs.submit(last.job("last", lambda e, r: "done"))
    qtbot.waitUntil(lambda: bool(running.batches))
    jobs.stop(second)
    qtbot.waitUntil(lambda: waiting.stopped == 1)
    assert (running.stopped, last.results) == (0, [])
    with qtbot.waitSignal(jobs.idle):
        jobs.stop(first)
    assert (running.stopped, waiting.results, last.results) == (1, [], ["done"])
    jobs.stop(first)  # it has ended: nothing happens
    assert running.stopped == 1


def test_log_messages_are_reported_with_their_job(qtbot: QtBot, jobs: Jobs) -> None:
    received: list[tuple[str, str]] = []
    jobs.job_logged.connect(lambda job, sentence: received.append((job.title, sentence)))
    with qtbot.waitSignal(jobs.idle):
        jobs.submit(Heard().job("study", lambda e, r: r.log("Class 1 is lost.")))
    assert received == [("study", "Class 1 is lost.")]


def test_an_engine_error_is_reported_as_its_sentence(qtbot: QtBot, jobs: Jobs) -> None:
    received = Heard()

    def work(engine: Engine, report: Reporter) -> None:
        raise DataError("The folder 'x' is empty.")

    with qtbot.waitSignal(jobs.idle):
        jobs.submit(received.job("Opening x", work))
    assert received.errors == ["The folder 'x' is empty."]


def test_any_other_error_is_reported_with_a_file(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    received = Heard()

    def work(engine: Engine, report: Reporter) -> None:
        raise ZeroDivisionError("an accident")

    with qtbot.waitSignal(jobs.idle):
        jobs.submit(received.job("Dividing", work))
    (sentence,) = received.errors
    (report,) = (tmp_path / "reports").iterdir()
    assert "Dividing" in sentence and str(report) in sentence
    assert "ZeroDivisionError: an accident" in report.read_text()


def test_a_lane_without_an_engine_tries_again_at_the_next_job(qtbot: QtBot, tmp_path: Path) -> None:
    jobs, received = Jobs(Factory(fail=1), tmp_path), Heard()
    for _ in range(2):
        with qtbot.waitSignal(jobs.idle):
            jobs.submit(received.job("work", lambda e, r: "done"))
    assert received.errors == ["The store cannot be written."]
    assert received.results == ["done"]
    assert jobs.close(PATIENCE)


def test_a_flood_of_points_arrives_in_few_batches_and_in_order(qtbot: QtBot, jobs: Jobs) -> None:
    received, many = Heard(), 50_000
    turns: list[int] = []  # turns of the event loop, each with the batches received so far
    timer = QTimer()
    timer.timeout.connect(lambda: turns.append(len(received.batches)))
    timer.start(0)

    def flood(engine: Engine, report: Reporter) -> None:
        for number in range(many):
            report.point("loss", number)

    with qtbot.waitSignal(jobs.idle):
        jobs.submit(received.job("flood", flood))
    timer.stop()
    numbers = [number for batch in received.batches for _, number in batch]
    assert numbers == list(range(many))
    assert len(received.batches) < 200
    assert set(range(len(received.batches))) <= set(turns)  # a turn between any two batches


def test_progress_is_reported_with_its_job(qtbot: QtBot, jobs: Jobs) -> None:
    received, observed = Heard(), []
    jobs.progressed.connect(lambda job, progress: observed.append((job.title, progress.stage)))

    def work(engine: Engine, report: Reporter) -> None:
        report.stage("rurk")
        time.sleep(0.1)

    with qtbot.waitSignal(jobs.idle):
        jobs.submit(received.job("study", work))
    assert ("study", "rurk") in observed


def test_closing_ends_running_work_and_the_engines(
    qtbot: QtBot, factory: Factory, tmp_path: Path
) -> None:
    jobs, received = Jobs(factory, tmp_path), Heard()
    jobs.submit(received.job("study", until_cancelled))
    jobs.submit(received.job("probe", until_cancelled, PROBE, "around"))
    qtbot.waitUntil(lambda: len(received.batches) == 2)
    assert jobs.close(PATIENCE)
    assert all(engine.closed for engine in factory.made)


def test_closing_gives_up_on_work_that_never_checks(qtbot: QtBot, tmp_path: Path) -> None:
    release, jobs = threading.Event(), Jobs(Factory(), tmp_path)
    began, ended = threading.Event(), threading.Event()

    def work(engine: Engine, report: Reporter) -> None:
        began.set()
        release.wait(PATIENCE)
        ended.set()

    jobs.submit(Heard().job("stuck", work))
    assert began.wait(PATIENCE)
    assert not jobs.close(0.2)
    assert not ended.is_set()
    release.set()
    assert jobs.close(PATIENCE)  # the lane has ended: Python collects again


class Slate(QWidget):
    """Records when it was painted."""

    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self._order = order

    def paintEvent(self, event: QPaintEvent) -> None:
        self._order.append("painted")


@pytest.mark.parametrize("lane", [HEAVY, PROBE])
def test_follow_up_jobs_start_once_the_result_is_on_the_screen(
    qtbot: QtBot, jobs: Jobs, lane: str
) -> None:
    order: list[str] = []
    slate = Slate(order)
    qtbot.addWidget(slate)
    slate.show()
    qtbot.waitExposed(slate)

    def show(result: object) -> None:
        order.clear()
        jobs.submit(Job("next", lambda engine, report: order.append("begun"), lane))
        slate.update()
        time.sleep(0.1)  # an unpaused lane would have started long ago
        order.append("shown")

    jobs.submit(Job("first", lambda engine, report: None, HEAVY, done=show))
    with qtbot.waitSignal(jobs.idle):
        pass
    assert order == ["shown", "painted", "begun"]


def test_lanes_that_wait_for_the_screen_can_be_closed(jobs: Jobs) -> None:
    jobs._pause(True)
    jobs.submit(Job("never", lambda engine, report: None))
    jobs._pause(True)
    assert jobs.close(PATIENCE)


def test_an_ended_job_drops_its_callbacks_though_its_lane_keeps_the_job(
    qtbot: QtBot, jobs: Jobs
) -> None:
    listener = Heard()
    gone = weakref.ref(listener)
    job = jobs.submit(listener.job("short", lambda engine, report: 7))
    with qtbot.waitSignal(jobs.idle):
        pass
    assert listener.results == [7] and job.title == "short"
    del listener
    assert gone() is None
