"""Whether the chosen study is the shown one, with the real engine on Iris."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from patience import PATIENCE
from patience import PATIENCE_MS as WAIT
from ranks import first_in_rank
from real import Desk

from explorer.control.stale import StaleControl
from explorer.jobs.lanes import HEAVY, PROBE, Job
from explorer.state.stale import Stale

RESTED = 5  # looks, 10 ms apart, at lanes that have nothing to do


@pytest.fixture
def ran(desk: Desk) -> Desk:
    """A desk that shows the study of its form."""
    desk.open()
    desk.run()
    settle(desk)
    assert desk.state.study is not None and desk.state.stale is None
    return desk


def settle(desk: Desk) -> None:
    """Wait until the lanes have nothing left to compare, and what is done asks for nothing more."""
    looks = [True]

    def rested() -> bool:
        looks.append(any(map(desk.jobs.live, (HEAVY, PROBE))))
        return len(looks) > RESTED and not any(looks[-RESTED:])

    desk.qtbot.waitUntil(rested, timeout=WAIT)


def choose(desk: Desk, **changes: Any) -> Stale | None:
    """What is said after the form was changed."""
    desk.controller.opening.change_form(**changes)
    settle(desk)
    return desk.state.stale


def test_another_forget_set_is_named_and_its_undo_takes_the_mark_away(ran: Desk) -> None:
    ran.controller.forget_set.set_text("class:versicolor:5")
    settle(ran)
    stale = ran.state.stale
    assert stale is not None and not stale.stored
    shown = ran.state.study
    assert shown is not None
    before = f"Shown: {len(shown.forget)} samples forgotten."
    assert stale.sentence == f"{before} You chose 5 samples of versicolor."
    ran.controller.choice.undo.undo()
    settle(ran)
    assert ran.state.stale is None


def test_an_answer_that_comes_after_other_data_is_dropped_and_asked_for_again(ran: Desk) -> None:
    free = threading.Event()
    ran.jobs.submit(Job("Busy", lambda engine, report: free.wait(PATIENCE), PROBE, "busy"))
    control = ran.controller.findChild(StaleControl)
    dataset = ran.state.dataset
    assert isinstance(control, StaleControl) and dataset is not None
    ran.controller.opening.change_form(draws=20)
    ran.qtbot.waitUntil(lambda: control._asked is not None, timeout=WAIT)
    spec = replace(dataset.spec, fingerprint="other")
    few = replace(dataset, train_x=dataset.train_x[:3], train_y=dataset.train_y[:3], spec=spec)
    asked, nothing = control._asked, cast("Any", None)  # an answer that may not be looked at
    assert asked is not None
    ran.state.dataset = few
    control._on_compared(asked, nothing)
    assert ran.state.stale is None and control._asked is None
    ran.state.dataset = dataset
    free.set()
    settle(ran)
    ran.qtbot.waitUntil(lambda: ran.state.stale is not None, timeout=WAIT)


def test_another_forget_set_is_marked_before_the_lane_answers(ran: Desk) -> None:
    free = threading.Event()
    ran.jobs.submit(Job("Busy", lambda engine, report: free.wait(PATIENCE), PROBE, "busy"))
    ran.controller.forget_set.set_text("class:versicolor:5")
    ran.qtbot.waitUntil(lambda: ran.state.stale is not None, timeout=WAIT)
    assert ran.state.stale is not None and ran.state.stale.key == ""
    free.set()
    settle(ran)
    assert ran.state.stale is not None and ran.state.stale.key != ""


@pytest.mark.parametrize(
    ("changes", "ours", "theirs"),
    [
        ({"seed": 7}, "seed 131", "seed 7"),
        ({"draws": 20}, "10 copies", "20 copies"),
        ({"retrains": 2}, "1 Re-train", "2 Re-trains"),
        ({"methods": ("gd", "ga")}, "without GA", "with GA"),
        ({"settings": {"gd": {"lr": 0.5}}}, "GD lr", "GD lr 0.5"),
        ({"training": {"epochs": 3}}, "training epochs 2", "training epochs 3"),
        ({"perturbation": "l2"}, "Gaussian", "L2"),
        ({"grid": {"study.seed": (7, 8)}}, "seed 131", "a grid of 2 studies"),
    ],
)
def test_what_differs_is_said(ran: Desk, changes: Any, ours: str, theirs: str) -> None:
    stale = choose(ran, **changes)
    assert stale is not None
    shown, chosen = stale.sentence.split(" You chose ")
    assert ours in shown and theirs in chosen


@pytest.mark.parametrize(
    "changes",
    [
        {"watch": False},
        {"taus": "0:0.2:2"},  # the same two norms, in other words
        {"settings": {"scrub": {"lr": 0.5}}},  # of a method that is not chosen
        {"model": "mlp"},  # the recommended one, by its name
        {"grid": {"study.seed": (131, 7)}},  # of the grid, one study is shown
    ],
)
def test_what_makes_the_same_study_is_no_change(ran: Desk, changes: Any) -> None:
    assert choose(ran, **changes) is None


def test_the_chosen_study_is_shown_from_the_store_with_its_choices(ran: Desk) -> None:
    first = ran.state.study
    choose(ran, draws=20)
    ran.run()
    settle(ran)
    assert ran.state.stale is None and ran.state.study is not first
    stale = choose(ran, draws=10)
    assert stale is not None and first is not None
    assert stale.stored and stale.key == first.key
    ran.wait(ran.controller.opening.show_chosen)
    settle(ran)
    assert ran.state.study is not None and ran.state.study.key == first.key
    assert ran.state.stale is None and ran.state.form.draws == 10


def test_the_choices_of_the_shown_study_come_back(ran: Desk) -> None:
    form, forget = ran.state.form, ran.state.forget
    ran.controller.forget_set.set_text("class:versicolor:5")
    choose(ran, seed=7, methods=("ga",), settings={"ga": {"lr": 0.3}})
    assert ran.state.stale is not None
    ran.controller.opening.choose_shown()
    settle(ran)
    assert (ran.state.form, ran.state.forget) == (form, forget)
    assert ran.state.stale is None
    assert ran.state.study is not None  # the data of seed 7 are others only where they depend on it


def test_nothing_is_stale_while_nothing_is_shown(desk: Desk) -> None:
    desk.open()
    assert choose(desk, draws=20) is None


def test_a_study_from_the_store_is_that_of_its_form(ran: Desk) -> None:
    study = ran.state.study
    assert study is not None
    choose(ran, seed=7)
    ran.wait(ran.controller.opening.open_study, study.key)
    settle(ran)
    assert ran.state.stale is None
    assert ran.state.form.seed == 131 and ran.state.form.training == {"epochs": 2}


def test_a_study_of_other_samples_starts_at_its_own_worst_one(ran: Desk) -> None:
    first = ran.state.selection.current
    ran.controller.forget_set.set_text("class:virginica:5")
    ran.run()
    settle(ran)
    study = ran.state.study
    assert study is not None
    assert ran.state.selection.current == first_in_rank(study) != first
    ran.controller.choice.set_current(3)  # the user's own choice stays
    ran.controller.forget_set.set_text("class:versicolor:5")
    ran.run()
    settle(ran)
    assert ran.state.selection.current == 3
