"""Use cases with the real engine on Iris: open, select, run, resume, probe, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE
from pytestqt.qtbot import QtBot
from quick import FORM
from real import WAIT, Desk

from engine.datasets.fashion import RECOMMENDED
from engine.errors import SpecError
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study import example
from explorer.control.queries import QUERIES, Query
from explorer.control.study_runner import STORED
from explorer.jobs.lanes import HEAVY
from explorer.state.notice import ERROR, NEWS
from explorer.state.selection import ADD, REPLACE, Selection
from explorer.state.session import Session
from explorer.state.study_form import StudyForm


def test_opening_shows_the_data_the_catalog_and_a_suggested_forget_set(desk: Desk) -> None:
    desk.open()
    state = desk.state
    assert state.dataset is not None
    assert state.dataset.label == "Iris"
    assert len(state.forget) > 0
    assert state.form.forget == state.dataset.recommended.forget
    assert {"gd", "rurk", "ga"} <= {item.name for item in state.catalog.methods}
    assert "retrain" not in {item.name for item in state.catalog.methods}
    assert state.catalog.method("rurk").fields
    assert desk.said == []


def test_run_fills_the_state_live_and_the_second_time_from_the_store(desk: Desk) -> None:
    desk.open()
    draws: list[int] = []
    stages: set[str] = set()
    state = desk.state
    state.residual_changed.connect(
        lambda: draws.append(state.residual.draws if state.residual else 0)
    )
    state.losses_changed.connect(lambda: stages.update(state.losses))
    desk.run()
    assert set(state.models) == {"original", "retrain-0", "gd"}
    assert stages == {"original", "retrain-0", "gd"}
    assert all(np.isfinite(loss).all() for loss in state.losses.values())
    assert state.study is not None and draws[-1] == 10
    assert state.residual is state.study.residual
    first = state.study
    desk.run()
    assert state.study is not None and state.study is not first
    assert state.study.key == first.key
    assert state.study.metrics == first.metrics
    assert state.busy == "" and state.progress is None
    assert desk.said == [(NEWS, STORED)]  # of the second time


def test_a_known_study_is_shown_as_soon_as_its_dataset_is_open(desk: Desk, qtbot: QtBot) -> None:
    desk.open()
    desk.run()
    assert desk.state.study is not None
    again = Desk(qtbot, desk.folder)
    again.open()
    assert again.state.study is not None
    assert again.state.study.key == desk.state.study.key
    assert again.jobs.close(PATIENCE)


def test_the_current_sample_gets_its_neighborhood_and_follows_the_probe(desk: Desk) -> None:
    desk.open()
    desk.controller.choice.set_current(3)
    assert desk.state.neighborhood is None
    desk.run()
    assert desk.state.neighborhood is not None
    assert (desk.state.neighborhood.sample, desk.state.neighborhood.tau) == (3, 0.2)
    desk.wait(desk.controller.set_probe, "l2", 0.1)
    assert desk.state.neighborhood.perturbation == "l2"
    desk.wait(desk.controller.choice.set_current, 5)
    assert desk.state.neighborhood.sample == 5
    desk.controller.choice.set_current(None)
    assert desk.state.neighborhood is None


def test_undo_takes_back_selection_and_forget_set_and_a_click_is_one_step(
    desk: Desk, qtbot: QtBot
) -> None:
    desk.open()
    state, controller = desk.state, desk.controller
    suggested, text = state.forget, state.form.forget
    controller.choice.set_current(2)
    controller.choice.select([2], REPLACE)
    qtbot.wait(10)
    controller.choice.select([7, 9], ADD)
    qtbot.wait(10)
    controller.forget_set.replace_by_selection()
    qtbot.wait(10)
    assert (state.forget, state.form.forget) == ((2, 7, 9), "")
    assert controller.choice.undo.count() == 3
    controller.choice.undo.undo()
    assert (state.forget, state.form.forget) == (suggested, text)
    controller.choice.undo.undo()
    assert state.selection == Selection(2, frozenset({2}))
    controller.choice.undo.undo()
    assert state.selection == Selection()
    for _ in range(3):
        controller.choice.undo.redo()
    assert state.forget == (2, 7, 9)
    controller.choice.select([4, 7], REPLACE)
    controller.forget_set.add_selection()
    assert state.forget == (2, 4, 7, 9)
    controller.forget_set.remove_selection()
    assert state.forget == (2, 9)
    controller.choice.select([2, 9], REPLACE)
    controller.forget_set.remove_selection()
    assert state.forget == (2, 9)
    assert desk.said[-1][0] == ERROR and "empty" in desk.said[-1][1]


@pytest.mark.parametrize("text", ["clas:1", "class:77", "random:0", "indices:/no/such/file"])
def test_an_invalid_forget_set_is_reported_and_blocks_run(desk: Desk, text: str) -> None:
    desk.open()
    before = desk.state.forget
    desk.controller.forget_set.set_text(text)
    assert desk.state.form_error.endswith(".")
    assert desk.state.forget == before
    desk.controller.run()
    assert desk.said == [(ERROR, desk.state.form_error)]
    desk.controller.forget_set.set_text("class:1:5")
    assert desk.state.form_error == ""
    assert len(desk.state.forget) == 5


def test_impossible_requests_are_answered(desk: Desk) -> None:
    desk.controller.run()
    desk.controller.exports.ask_figure("curves")
    desk.controller.exports.ask_checkpoint("gd")
    desk.open()
    desk.controller.forget_set.replace_by_selection()
    assert [kind for kind, _ in desk.said] == [ERROR, NEWS, NEWS, NEWS]
    desk.controller.choice.set_current(10**6)
    desk.controller.choice.select([-1, 10**6], REPLACE)
    assert desk.state.selection == Selection()


def test_a_dataset_that_cannot_be_opened_leaves_the_current_one(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    shown = desk.state.dataset
    desk.wait(desk.controller.opening.open_dataset, "folder", str(tmp_path / "nowhere"))
    assert desk.state.dataset is shown
    assert desk.state.form.dataset == "iris"
    ((kind, sentence),) = desk.said
    assert kind == ERROR and "nowhere" in sentence


def test_cancel_keeps_results_and_run_resumes(desk: Desk, qtbot: QtBot) -> None:
    slow = replace(FORM, training={"epochs": 10_000})
    desk.open(Session(slow))
    desk.controller.run()
    qtbot.waitUntil(lambda: len(desk.state.losses.get("original", ())) > 2, timeout=WAIT)
    with qtbot.waitSignal(desk.controller.runner.stopped):
        desk.controller.cancel()
    done = len(desk.state.losses["original"])
    assert 2 < done < 10_000
    qtbot.waitUntil(lambda: desk.state.busy == "")
    desk.controller.run()
    qtbot.waitUntil(lambda: len(desk.state.losses.get("original", ())) > 2, timeout=WAIT)
    again = desk.state.losses["original"]
    assert len(again) > 2
    with qtbot.waitSignal(desk.jobs.idle, timeout=WAIT):
        desk.controller.cancel()
    assert desk.said == []


def test_the_study_that_runs_is_not_queued_again(desk: Desk, qtbot: QtBot) -> None:
    desk.open(Session(replace(FORM, training={"epochs": 10_000})))
    desk.controller.run()
    desk.controller.run()
    assert "already running" in desk.said[0][1]
    with qtbot.waitSignal(desk.jobs.idle, timeout=WAIT):
        desk.controller.cancel()


def test_a_session_comes_back_only_for_the_same_data(desk: Desk) -> None:
    desk.open()
    assert desk.state.dataset is not None
    mark = desk.state.dataset.spec.fingerprint
    stored = Session(replace(FORM, forget=""), mark, Selection(1, frozenset({1, 2})), (1, 2))
    desk.open(stored)
    assert desk.state.selection == stored.selection
    assert desk.state.forget == (1, 2)
    desk.open(replace(stored, fingerprint="other"))
    assert desk.state.selection == Selection()
    assert desk.state.form.forget == desk.state.dataset.recommended.forget


def test_another_seed_draws_the_forget_set_again(desk: Desk) -> None:
    desk.open()
    desk.controller.forget_set.set_text("random:10")
    before = desk.state.forget
    desk.wait(lambda: desk.controller.opening.change_form(seed=7))
    assert desk.state.form.forget == "random:10"
    assert desk.state.forget != before


def test_a_stored_study_is_listed_and_opens_with_its_form(desk: Desk, qtbot: QtBot) -> None:
    desk.open()
    desk.run()
    assert desk.state.study is not None
    key = desk.state.study.key
    with qtbot.waitSignal(desk.controller.opening.studies_wanted, timeout=WAIT):
        desk.controller.opening.choose_study()
    assert [one.key for one in desk.state.studies] == [key]
    desk.wait(desk.controller.opening.open_dataset, "digits")
    assert desk.state.study is None
    desk.wait(desk.controller.opening.open_study, key)
    assert desk.state.study is not None
    assert desk.state.study.key == key
    form = desk.state.form
    assert (form.dataset, form.methods, form.retrains, form.draws) == ("iris", ("gd",), 1, 10)
    desk.run()
    assert desk.state.study.key == key


def test_what_judges_samples_is_stored_with_the_study(desk: Desk) -> None:
    """Else the window would compute it, and stand still for most of a second."""
    desk.open()
    desk.run()
    assert desk.state.study is not None
    key = desk.state.study.key
    desk.wait(desk.controller.opening.open_study, key)
    residual = desk.state.study.residual
    assert residual.q_values.keys() == residual.e_values.keys() == residual.curves.keys()


def test_checkpoints_and_figures_are_written(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    desk.run()
    desk.wait(desk.controller.exports.save_checkpoint, "gd", tmp_path / "gd.pt")
    desk.wait(desk.controller.exports.save_figure, "curves", tmp_path / "curves.svg", {})
    assert (tmp_path / "gd.pt").stat().st_size > 0
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")
    assert (tmp_path / "curves.csv").exists()
    assert [one.action for one in desk.told] == ["Show file", "Show file"]
    assert str(tmp_path / "gd.pt") in desk.told[0].sentence
    assert str(tmp_path / "curves.csv") in desk.told[1].sentence


def test_an_unknown_study_is_an_error(desk: Desk) -> None:
    desk.open()
    desk.wait(desk.controller.opening.open_study, "feed")
    ((kind, sentence),) = desk.said
    assert kind == ERROR and "feed" in sentence


def test_the_default_form_is_the_example() -> None:
    words = example.command()
    form = StudyForm()
    assert form.dataset == words[words.index("--dataset") + 1] == example.DATASET
    assert form.methods == RECOMMENDED.compared
    assert ",".join(form.methods) == words[words.index("--methods") + 1]
    assert str(form.seed) == words[words.index("--seed") + 1]


def test_selecting_samples_does_not_hide_what_is_wrong_with_the_forget_set(desk: Desk) -> None:
    desk.open()
    desk.controller.forget_set.set_text("clas:1")
    desk.controller.choice.select([3], REPLACE)
    assert "clas:1" in desk.state.form_error
    desk.controller.forget_set.replace_by_selection()
    assert (desk.state.form_error, desk.state.forget) == ("", (3,))


def test_a_query_runs_while_active_and_again_for_another_study(desk: Desk, qtbot: QtBot) -> None:
    state, do = desk.state, desk.controller
    do.look("embedding", "original", "gd")
    desk.open()
    assert state.embedding is None  # there is nothing to query yet
    desk.run()
    qtbot.waitUntil(lambda: state.embedding is not None, timeout=WAIT)
    first = state.embedding
    do.look("embedding", "original", "gd")
    assert state.embedding is first  # the same arguments are not queried twice
    do.look_away("embedding")
    desk.wait(do.opening.open_dataset, "digits")
    assert state.embedding is None
    do.look("embedding", "original", "no such model")
    assert "embedding" not in state.problems


def test_closing_a_study_ends_its_queries(desk: Desk) -> None:
    desk.open()
    desk.run()
    desk.controller.look("attack", "gd", "retrain-0", "confidence", "forget", True)
    assert desk.jobs.busy()
    desk.wait(desk.controller.shown.clear)
    assert desk.state.attack is None and not desk.state.problems
    assert desk.said == []


def test_a_query_without_a_result_says_why(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(spec: RunSpec, word: str, engine: object, report: Reporter) -> object:
        if word == "bad":
            raise SpecError("There is no such model. Choose another.")
        report.point("slice", "first")
        return word

    monkeypatch.setitem(QUERIES, "slice", Query("slice", "Asking {0}", answer, HEAVY))
    desk.open()
    desk.run()
    shown: list[object] = []
    desk.state.slice_changed.connect(lambda: shown.append(desk.state.slice))
    desk.controller.look("slice", "bad")
    qtbot.waitUntil(lambda: "slice" in desk.state.problems, timeout=WAIT)
    assert desk.state.problems["slice"] == "There is no such model. Choose another."
    desk.controller.look("slice", "good")
    assert "slice" not in desk.state.problems
    qtbot.waitUntil(lambda: desk.state.slice == "good", timeout=WAIT)
    assert shown == ["first", "good"]  # intermediate results are shown at once


def test_test_samples_can_be_viewed_but_not_forgotten(desk: Desk) -> None:
    desk.open()
    dataset = desk.state.dataset
    assert dataset is not None
    tested = len(dataset.train_y)
    desk.controller.choice.set_current(tested)
    assert desk.state.selection.current == tested
    before = desk.state.forget
    desk.controller.choice.select([tested], "replace")
    desk.controller.forget_set.replace_by_selection()
    assert desk.state.forget == before
    assert "only training samples" in desk.said[-1][1]
