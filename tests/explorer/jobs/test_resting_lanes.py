"""A lane without a job lets its engine give back memory, and says which data are on the screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from pytestqt.qtbot import QtBot

from engine.runtime.progress import Reporter
from explorer.jobs import lanes
from explorer.jobs.lanes import HEAVY, PROBE, Job, Jobs


class Engine:
    """Notes what it is to keep when it rests, and in which thread; may fail."""

    def __init__(self, rests: list[str], fails: bool) -> None:
        self._rests, self._fails = rests, fails
        self.thread = threading.current_thread()

    def rest(self, fingerprint: str) -> None:
        assert threading.current_thread() is self.thread
        self._rests.append(fingerprint)
        if self._fails:
            raise ValueError("a bug")

    def close(self) -> None: ...


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engines were to keep."""
    monkeypatch.setattr(lanes, "REST_S", 0.05)
    return []


@pytest.fixture
def jobs(qtbot: QtBot, rests: list[str], tmp_path: Path, request: Any) -> Iterator[Jobs]:
    fails = getattr(request, "param", False)
    made = Jobs(lambda log: Engine(rests, fails), tmp_path / "reports")
    yield made
    assert made.close(PATIENCE)


def nothing(engine: Engine, report: Reporter) -> None: ...


def test_every_lane_rests_once_after_its_last_job(
    qtbot: QtBot, jobs: Jobs, rests: list[str]
) -> None:
    jobs.keep_data("digits")
    for lane in (HEAVY, PROBE):
        jobs.submit(Job("nothing", nothing, lane))
    qtbot.waitUntil(lambda: len(rests) == 2, timeout=PATIENCE * 1000)
    qtbot.wait(200)
    assert rests == ["digits", "digits"]
    jobs.keep_data("iris")
    qtbot.waitUntil(lambda: len(rests) == 4, timeout=PATIENCE * 1000)
    assert rests[2:] == ["iris", "iris"]


def test_a_lane_with_work_does_not_rest(qtbot: QtBot, jobs: Jobs, rests: list[str]) -> None:
    go_on = threading.Event()
    seen: list[int] = []

    def work(engine: Engine, report: Reporter) -> None:
        assert go_on.wait(PATIENCE)
        seen.append(len(rests))

    for _ in range(3):
        jobs.submit(Job("work", work))
    jobs.keep_data("iris")
    qtbot.wait(200)
    go_on.set()
    qtbot.waitUntil(lambda: len(rests) == 1, timeout=PATIENCE * 1000)
    assert seen == [0, 0, 0]


@pytest.mark.parametrize("jobs", [True], indirect=True)
def test_a_rest_that_fails_is_reported_and_the_lane_goes_on(
    qtbot: QtBot, jobs: Jobs, rests: list[str], tmp_path: Path
) -> None:
    said: list[str] = []
    done: list[bool] = []
    jobs.logged.connect(said.append)
    jobs.submit(Job("nothing", nothing))
    qtbot.waitUntil(lambda: bool(said), timeout=PATIENCE * 1000)
    jobs.submit(Job("nothing", nothing, done=lambda _: done.append(True)))
    qtbot.waitUntil(lambda: bool(done), timeout=PATIENCE * 1000)
    assert "Giving back memory" in next((tmp_path / "reports").iterdir()).read_text()
