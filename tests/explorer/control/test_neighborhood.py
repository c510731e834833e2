"""Requests for neighborhoods: the latest wins, neighbors are prefetched, one study is cached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot
from real import Desk, run

from engine.errors import Cancelled
from engine.results import Neighborhood
from explorer.app import Explorer
from explorer.control import neighborhood
from explorer.control.neighborhood import ADJACENT, PATIENCE_S, NeighborhoodControl
from explorer.control.slice import SampleProbe
from explorer.jobs.lanes import Job, Jobs
from explorer.state.app_state import AppState
from explorer.state.ranking import ranking
from explorer.state.selection import Selection
from explorer.window.actions import shortcuts

TAUS = (0.0, 0.1, 0.2, 0.3, 0.4)
SPEC: Any = "the study"  # only compared


class Lane(Jobs):
    """Records jobs instead of running them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, folder)  # type: ignore[arg-type]
        self.asked: list[Job] = []

    def submit(self, job: Job) -> Job:
        self.asked.append(job)
        return job

    @property
    def last(self) -> Job:
        return self.asked[-1]


class Bench:
    """Sample 5 at Gaussian 0.2 as the current one, with a lane that only records jobs."""

    def __init__(self, folder: Path) -> None:
        self.state, self.lane, self.home = AppState(), Lane(folder), QObject()
        self.sight: SampleProbe | None = SampleProbe(SPEC, 5, ("gaussian", 0.2))
        self.around = NeighborhoodControl(self.state, self.lane, lambda: self.sight, self.home)
        self.around.look()

    def slide(self, tau: float) -> None:
        assert self.sight is not None
        self.sight = self.sight._replace(probe=("gaussian", tau))
        self.state.probe = self.sight.probe

    def taus(self) -> list[float]:
        """What the jobs on the lane are about."""
        return [job.work.args[2][1] for job in self.lane.asked]  # type: ignore[attr-defined]


def found(tau: float, draws: int = 30) -> Neighborhood:
    return replace(synthetic.neighborhood(synthetic.images(), 5, draws), tau=tau)


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot) -> Bench:
    return Bench(tmp_path)


def test_the_first_copies_are_shown_before_all(bench: Bench) -> None:
    few, all_ = found(0.2, 10), found(0.2)
    bench.lane.last.points([("neighborhood", few)])
    assert bench.state.neighborhood is few
    bench.lane.last.done(all_)
    assert bench.state.neighborhood is all_


def test_a_late_result_is_cached_but_not_shown(bench: Bench) -> None:
    old = bench.lane.last
    bench.slide(0.3)
    old.points([("neighborhood", found(0.2, 10))])
    old.done(late := found(0.2))
    old.failed("Too late.")
    assert bench.state.neighborhood is None and bench.state.problems == {}
    bench.slide(0.2)
    assert bench.state.neighborhood is late  # in the same turn, without another job
    assert bench.taus() == [0.2, 0.3]


def test_neighbors_are_prefetched_one_by_one_nearest_first(bench: Bench) -> None:
    bench.around.prepare(TAUS)
    assert bench.taus() == [0.2]  # not before the requested one has arrived
    for tau in (0.2, 0.3, 0.1, 0.4, 0.0):
        assert bench.taus()[-1] == tau
        bench.lane.last.done(found(tau))
    assert len(bench.lane.asked) == 1 + 2 * ADJACENT
    assert bench.state.neighborhood is not None and bench.state.neighborhood.tau == 0.2
    bench.slide(0.3)
    assert bench.state.neighborhood.tau == 0.3
    assert len(bench.lane.asked) == 1 + 2 * ADJACENT


def test_prefetching_waits_while_it_is_held(bench: Bench) -> None:
    bench.around.hold_prefetch(True)
    bench.around.prepare(TAUS)
    bench.lane.last.done(found(0.2))
    assert bench.taus() == [0.2]
    bench.around.hold_prefetch(False)
    assert bench.taus() == [0.2, 0.3]


def test_a_request_stops_prefetching(bench: Bench) -> None:
    bench.around.prepare(TAUS)
    bench.lane.last.done(found(0.2))
    beside = bench.lane.last
    assert beside.channel != bench.lane.asked[0].channel
    bench.slide(0.0)
    with pytest.raises(Cancelled):
        beside.reporter.check()
    assert bench.taus() == [0.2, 0.3, 0.0]
    beside.done(found(0.3))  # it had finished already: cached, but it starts nothing
    assert bench.taus() == [0.2, 0.3, 0.0]
    bench.slide(0.3)
    assert bench.state.neighborhood is not None and bench.state.neighborhood.tau == 0.3


def test_nothing_is_prefetched_while_hidden_or_when_slow(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.lane.last.done(found(0.2))
    assert bench.taus() == [0.2]
    bench.around.prepare(TAUS)
    beside = bench.lane.last
    bench.around.prepare(())
    with pytest.raises(Cancelled):
        beside.reporter.check()
    bench.around.prepare(TAUS)
    bench.slide(0.4)
    later = neighborhood.time.monotonic() + PATIENCE_S + 1
    monkeypatch.setattr(neighborhood.time, "monotonic", lambda: later)
    count = len(bench.lane.asked)
    bench.lane.last.done(found(0.4))
    assert len(bench.lane.asked) == count


def test_another_study_clears_the_cache(bench: Bench) -> None:
    bench.lane.last.done(found(0.2))
    old = bench.sight
    other: Any = "another study"
    bench.sight = SampleProbe(other, 5, ("gaussian", 0.2))
    bench.around.look()
    assert len(bench.lane.asked) == 2
    bench.lane.last.done(found(0.2))
    bench.sight = old
    bench.around.look()
    assert len(bench.lane.asked) == 3
    bench.sight = None
    bench.around.look()
    assert bench.state.neighborhood is None


def test_the_oldest_are_evicted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    size = found(0.2).copies.nbytes
    monkeypatch.setattr(neighborhood, "MEMORY", int(2.5 * size))
    for tau in (0.2, 0.3, 0.4):
        bench.slide(tau)
        bench.lane.last.done(found(tau))
    bench.slide(0.3)
    assert len(bench.lane.asked) == 3
    bench.slide(0.2)
    assert len(bench.lane.asked) == 4


def test_a_failure_is_shown_until_the_next_request(bench: Bench) -> None:
    bench.lane.last.failed("FGSM needs torchattacks.")
    assert bench.state.problems == {"neighborhood": "FGSM needs torchattacks."}
    bench.slide(0.1)
    assert bench.state.problems == {}
    bench.lane.last.cancelled()  # the whole lane was stopped
    bench.around.look()
    assert bench.taus() == [0.2, 0.1, 0.1]


# -- with the real engine -------------------------------------------------------------------------
def test_the_slider_is_answered_at_once_from_prefetched_neighbors(desk: Desk) -> None:
    desk.open()
    desk.run()
    state = desk.state
    assert state.residual is not None and state.neighborhood is not None
    taus = tuple(map(float, state.residual.taus))
    desk.wait(desk.controller.look_beside, taus)
    place = int(np.argmin(np.abs(np.array(taus) - state.neighborhood.tau)))
    beside = [tau for i, tau in enumerate(taus) if 0 < abs(i - place) <= ADJACENT]
    assert beside
    for tau in beside:
        desk.controller.set_probe("gaussian", tau)
        assert state.neighborhood.tau == tau


def test_a_test_sample_has_a_neighborhood_too(desk: Desk) -> None:
    desk.open()
    desk.run()
    dataset = desk.state.dataset
    assert dataset is not None
    number = len(dataset) - 1
    desk.wait(desk.controller.choice.set_current, number)
    shown = desk.state.neighborhood
    assert shown is not None and shown.sample == number
    assert shown.label == dataset.label_of(number)


def test_the_worst_are_stepped_through_from_any_dock(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    window, state = explorer.window, explorer.state
    order = ranking(state)
    assert order is not None
    messages: list[str] = []
    explorer.controller.noticed.connect(lambda kind, words: messages.append(words))
    state.selection = Selection()
    combo = window.views["embedding"].findChild(QComboBox)
    assert combo is not None
    combo.setFocus()  # another dock has the focus
    for place in (0, 1):
        QTest.keySequence(window, "Ctrl+Down")
        assert state.selection.current == order.order[place]
    QTest.keySequence(window, "Ctrl+Up")
    assert state.selection.current == order.order[0]
    QTest.keySequence(window, "Ctrl+Up")
    assert state.selection.current == order.order[0]
    worst = order.order[0]
    assert messages[-1] == f"Sample {worst} (iris train {worst}) is the worst of the forget set."
    qtbot.waitUntil(lambda: not explorer.jobs.busy())
    assert state.neighborhood is not None and state.neighborhood.sample == order.order[0]
    keys = dict(shortcuts("View"))
    assert keys["Ctrl+Down"] == "Next worst sample" and keys["Ctrl+Up"] == "Worse sample"


def test_without_a_measurement_there_is_no_ranking(desk: Desk) -> None:
    desk.open()
    desk.controller.step_worst(1)
    assert desk.said[-1][1].startswith("Nothing has been measured yet. Press Run")
