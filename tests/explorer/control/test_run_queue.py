"""The queue with the real engine on Iris: order, cancel, resume, retry, what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from patience import PATIENCE
from patience import PATIENCE_MS as WAIT
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory

from engine.runtime.progress import Progress
from explorer.control.controller import Controller
from explorer.jobs.lanes import HEAVY, Jobs
from explorer.state.app_state import AppState
from explorer.state.notice import ERROR, NEWS
from explorer.state.queued_run import DONE, FAILED, RUNNING, STOPPED, WAITING, QueuedRun
from explorer.state.selection import REPLACE
from explorer.state.session import Session
from explorer.state.sizes import size_text

LONG = {"epochs": 10_000}  # never run to the end


class Desk:
    """A controller on Iris with its state, lanes and notices."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.state = AppState()
        self.jobs = Jobs(QuickFactory(folder / "store"), folder / "reports")
        self.controller = Controller(self.state, self.jobs)
        self.said: list[tuple[str, str]] = []
        self.done: list[tuple[str, str]] = []
        self.controller.runner.finished.connect(lambda key, text: self.done.append((key, text)))
        self.controller.noticed.connect(lambda kind, text: self.said.append((kind, text)))
        self.wait(self.controller.opening.start, Session(FORM))

    @property
    def runs(self) -> tuple[QueuedRun, ...]:
        return self.state.runs

    @property
    def states(self) -> list[str]:
        return [run.state for run in self.runs]

    def order(self, **changes: Any) -> None:
        """Press Run with a changed form."""
        self.controller.opening.change_form(**changes)
        self.controller.run()

    def until(self, holds: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(holds, timeout=WAIT)

    def wait(self, ask: Any, *what: Any) -> None:
        with self.qtbot.waitSignal(self.jobs.idle, timeout=WAIT):
            ask(*what)

    def settle(self) -> None:
        self.until(lambda: not self.jobs.busy())


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    result = Desk(qtbot, tmp_path)
    yield result
    assert result.jobs.close(PATIENCE)


def test_run_while_a_study_runs_queues_another_and_says_its_place(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.order(draws=20)
    desk.order(draws=30)
    assert desk.states == [RUNNING, WAITING, WAITING]
    assert [kind for kind, _ in desk.said] == [NEWS, NEWS]
    assert "behind 1 other." in desk.said[0][1]
    assert "behind 2 others." in desk.said[1][1]
    desk.wait(desk.controller.queue.cancel_all)
    assert desk.states == [STOPPED] * 3


def test_queued_studies_run_one_after_another_in_the_order_that_was_changed(desk: Desk) -> None:
    desk.order(training={"epochs": 20})
    for draws in (20, 30, 40):
        desk.order(draws=draws)
    last = desk.runs[-1].number
    desk.controller.queue.move(last, -1)
    assert [run.order.form.draws for run in desk.runs] == [10, 20, 40, 30]
    desk.controller.queue.move(last, -9)
    desk.settle()
    assert desk.states == [DONE] * 4
    assert [run.order.form.draws for run in desk.runs] == [10, 40, 20, 30]
    assert len({run.key for run in desk.runs}) == 4
    assert {run.key for run in desk.runs} == {one.key for one in desk.state.studies}
    assert all(run.seconds > 0 for run in desk.runs)


def test_waiting_runs_are_described_before_they_start(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.order(draws=20)
    desk.until(lambda: bool(desk.runs[1].key))
    assert desk.runs[1].state == WAITING
    assert desk.runs[1].spec["probe"]["draws"] == 20
    desk.wait(desk.controller.queue.cancel_all)


def test_cancelling_starts_the_next_and_resume_continues_from_the_last_epoch(
    desk: Desk, tmp_path: Path
) -> None:
    desk.order(training={"epochs": 1000})
    desk.order(training={"epochs": 2}, draws=20)
    first = desk.runs[0].number
    desk.until(lambda: len(desk.state.losses.get("original", ())) > 2)
    desk.controller.queue.cancel(first)
    desk.until(lambda: desk.states == [STOPPED, DONE])
    desk.settle()
    assert any("Starting the next of 1 study" in text for _, text in desk.said)
    assert "Finished work is kept." in desk.runs[0].lines[-1]
    (partial,) = (tmp_path / "store" / "partial").glob("*.pt")
    assert len(torch.load(partial, weights_only=True)["loss"]) > 2
    desk.controller.queue.again(first)
    desk.until(lambda: any(run.number == first and run.progress is not None for run in desk.runs))
    desk.until(lambda: desk.runs[-1].state == DONE)
    assert desk.runs[-1].number == first
    lines = " ".join(desk.runs[-1].lines)
    assert "Queued again." in lines and "Done." in lines
    assert not list((tmp_path / "store" / "partial").glob("*.pt"))


def test_a_waiting_study_is_removed_while_the_running_one_continues(desk: Desk) -> None:
    desk.order(training={"epochs": 30})
    desk.order(draws=20)
    desk.controller.queue.cancel(desk.runs[1].number)
    assert desk.states == [RUNNING, STOPPED]
    desk.settle()
    assert desk.states == [DONE, STOPPED]
    assert len(desk.state.studies) == 1


def test_a_failed_run_says_why_and_is_retried(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "store" / "models"
    blocked.write_text("a file where a folder should be")
    desk.order()
    desk.settle()
    assert desk.states == [FAILED]
    assert str(blocked) in desk.runs[0].error
    assert desk.said[-1] == (ERROR, desk.runs[0].error)
    blocked.unlink()
    desk.wait(desk.controller.queue.again, desk.runs[0].number)
    assert desk.states == [DONE]
    assert desk.runs[0].error == ""


def test_pressing_run_after_a_stop_resumes_the_same_run(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.until(lambda: len(desk.state.losses.get("original", ())) > 2)
    desk.wait(desk.controller.cancel)
    assert desk.states == [STOPPED]
    desk.controller.run()
    assert desk.states == [RUNNING]
    desk.wait(desk.controller.cancel)


def test_the_same_study_is_not_queued_twice(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.order(draws=20)
    desk.controller.run()
    assert desk.states == [RUNNING, WAITING]
    assert "already queued" in desk.said[-1][1]
    desk.wait(desk.controller.queue.cancel_all)


def test_a_queued_study_leaves_screen_and_form_alone_and_a_notice_says_when_it_is_done(
    desk: Desk,
) -> None:
    desk.order()
    desk.order(draws=20)
    desk.controller.opening.change_form(draws=77)
    desk.settle()
    shown = desk.state.study
    assert shown is not None and shown.key == desk.runs[0].key
    assert desk.state.form.draws == 77
    assert desk.done == [(desk.runs[1].key, "Study finished: Iris.")]
    desk.wait(desk.controller.opening.open_study, desk.runs[1].key)
    assert desk.state.study is not None and desk.state.study.key == desk.runs[1].key


def test_following_shows_each_study_as_it_begins(desk: Desk) -> None:
    desk.controller.follow(True)
    desk.order()
    desk.order(draws=20)
    desk.settle()
    assert desk.state.study is not None and desk.state.study.key == desk.runs[1].key


def further(progress: Progress | None) -> bool:
    """Whether more than a few epochs of `LONG` have passed."""
    return progress is not None and progress.fraction > 0.001


def test_following_later_shows_what_was_reported_before(desk: Desk) -> None:
    desk.order()
    desk.order(training=LONG)
    desk.until(lambda: desk.states == [DONE, RUNNING])
    desk.until(lambda: further(desk.runs[1].progress))  # some epochs while not shown
    desk.qtbot.wait(100)  # their losses come with the next batch
    assert desk.state.study is not None and desk.state.study.key == desk.runs[0].key
    desk.controller.follow(True)
    assert desk.state.study is None
    losses = desk.state.losses["original"]
    assert len(losses) > 2 and np.isfinite(losses).all()
    desk.wait(desk.controller.queue.cancel_all)


def test_opening_other_data_goes_on_beside_the_running_study(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.until(lambda: len(desk.state.losses.get("original", ())) > 2)
    desk.controller.opening.open_dataset("digits")
    desk.until(lambda: desk.state.dataset is not None and desk.state.dataset.label == "Digits")
    assert desk.states == [RUNNING]
    assert dict(desk.state.losses) == {}
    observed = desk.runs[0].progress
    desk.until(lambda: desk.runs[0].progress != observed)
    assert dict(desk.state.losses) == {} and dict(desk.state.models) == {}
    desk.wait(desk.controller.queue.cancel_all)


def test_a_grid_is_counted_and_queued_and_stored_studies_are_reported(desk: Desk) -> None:
    desk.order()  # gd with its recommended lr
    desk.settle()
    advised = desk.runs[0].spec["methods"][0]["config"]["lr"]
    several = {"gd.lr": (advised, advised / 2), "study.seed": (131, 7), "ga.lr": (0.1, 0.2)}
    desk.controller.opening.change_form(grid=several)
    assert desk.state.grid_size[0] == 4
    desk.until(lambda: desk.state.grid_size == (4, 1))
    desk.controller.run()
    assert len(desk.runs) == 5
    assert "4 studies queued" in desk.said[-1][1]
    desk.settle()
    assert desk.states == [DONE] * 5
    assert len(desk.state.studies) == 4
    seeds = {run.spec["seed"] for run in desk.runs}
    assert seeds == {131, 7}
    assert desk.runs[1].order.swept == f"gd.lr={advised}, study.seed=131"
    desk.controller.opening.change_form(grid={})
    assert desk.state.grid_size == (1, 0)


def test_a_large_grid_is_queued_only_after_confirmation(desk: Desk, qtbot: QtBot) -> None:
    desk.controller.opening.change_form(grid={"study.draws": tuple(range(1, 61))})
    with qtbot.waitSignal(desk.controller.runner.many_wanted) as requests:
        desk.controller.run()
    assert requests.args == [60]
    assert desk.runs == ()
    desk.controller.run(sure=True)
    assert len(desk.runs) == 60
    desk.wait(desk.controller.queue.cancel_all)


def test_each_seed_redraws_a_described_forget_set_and_keeps_a_chosen_one(desk: Desk) -> None:
    desk.controller.forget_set.set_text("random:5")
    desk.order(grid={"study.seed": (131, 7)})
    desk.controller.choice.select([1, 2, 60], REPLACE)
    desk.controller.forget_set.replace_by_selection()
    desk.controller.run()
    desk.settle()
    assert desk.states == [DONE] * 4
    forgotten = [tuple(run.spec["forget"]) for run in desk.runs]
    assert forgotten[0] != forgotten[1] and len(forgotten[0]) == len(forgotten[1]) == 5
    assert forgotten[2:] == [(1, 2, 60)] * 2


def test_a_forget_set_of_other_data_is_refused_with_a_way_out(desk: Desk) -> None:
    desk.order(training=LONG)
    elsewhere = replace(desk.runs[0].order, fingerprint="of other data")
    desk.wait(desk.controller.queue.cancel_all)
    desk.wait(desk.controller.queue.add, [elsewhere])
    assert desk.states == [STOPPED, FAILED]
    assert "such as class:1:0.5" in desk.runs[1].error


def test_deleting_a_stored_study_reports_and_frees_its_size(desk: Desk, qtbot: QtBot) -> None:
    desk.order()
    desk.order(draws=20)
    desk.settle()
    first, second = (run.key for run in desk.runs)
    with qtbot.waitSignal(desk.controller.stored.weighed, timeout=WAIT) as requests:
        desk.controller.stored.ask_delete([first])
    result = requests.args[0]
    assert result.keys == (first,) and result.size > 0
    desk.wait(desk.controller.stored.delete, [first])
    assert [one.key for one in desk.state.studies] == [second]
    assert [run.key for run in desk.runs] == [second]
    assert desk.state.study is None
    assert desk.said[-1] == (
        NEWS, f"The study was deleted; {size_text(result.size)} freed."
    )  # fmt: skip


def test_provenance_and_command_of_a_study(desk: Desk, qtbot: QtBot) -> None:
    desk.order()
    desk.settle()
    desk.order(training=LONG)
    key, waiting = desk.runs[0].key, desk.runs[1]
    desk.controller.stored.look([key])
    desk.until(lambda: key in desk.state.provenance)
    assert desk.state.provenance[key].device == "cpu"
    with qtbot.waitSignal(desk.controller.exports.command_written, timeout=WAIT) as line:
        desk.controller.stored.copy_study(key)
    assert "--dataset iris" in line.args[0] and "--methods gd" in line.args[0]
    with qtbot.waitSignal(desk.controller.exports.command_written, timeout=WAIT) as line:
        desk.controller.stored.copy_run(waiting.number)
    assert "train.epochs=10000" in line.args[0]
    desk.wait(desk.controller.queue.cancel_all)


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (999, "999 B"), (3100, "3.1 kB"), (42_000_000, "42.0 MB")]
)
def test_bytes_are_given_in_a_suitable_unit(size: int, said: str) -> None:
    assert size_text(size) == said


def test_only_the_running_study_is_on_the_lane(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.order(draws=20)
    assert len(desk.jobs.live(HEAVY)) == 1
    desk.wait(desk.controller.queue.cancel_all)


def test_a_run_keeps_the_form_it_was_ordered_with(desk: Desk) -> None:
    desk.order(training=LONG)
    desk.controller.opening.change_form(draws=55)
    assert desk.runs[0].order.form == replace(desk.state.form, draws=10)
    desk.wait(desk.controller.queue.cancel_all)
