"""Samples in order: by what, of which model, which end first, and what the thumbnails say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sampled import QUICK, Sampled, measured, recognized

from engine.analysis import ranking
from engine.membership import scores
from engine.residual.verdict import NONE, RESIDUAL
from explorer.state.selection import Selection
from explorer.views.samples.sort_keys import (
    CLASS,
    CONFIDENCE,
    INDEX,
    LOSS,
    PREDICTION,
    RATIO,
    SPLIT,
    TAU,
    VERDICT,
)
from explorer.views.samples.subsets import ALL


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Sampled]:
    usual = QApplication.doubleClickInterval()
    QApplication.setDoubleClickInterval(QUICK)
    yield Sampled(qtbot)
    QApplication.setDoubleClickInterval(usual)


def test_everything_is_in_reach_at_450_pixels(shown: Sampled) -> None:
    view = shown.view
    assert view.width() == 450
    order = view.order
    shown.state.selection = Selection(None, frozenset(range(20)))
    shown.state.forget = tuple(range(10, 40))
    QApplication.processEvents()
    parts = (order.sort, view.scope.sets, *view.buttons.parts, view.controls.status.slider)
    for part in (*parts, view.filters.menu_button, view.panel.options):
        assert part.isVisible()
        assert part.mapTo(view, part.rect().topRight()).x() < 450
        assert part.accessibleName() or part.accessibleDescription()
        assert part.width() >= part.minimumSizeHint().width()


def test_sorted_by_class_then_by_index(shown: Sampled) -> None:
    shown.choose(shown.view.order.sort, CLASS)
    assert shown.order[:3] == [0, 4, 8]
    assert shown.order[50:53] == [1, 5, 9]
    assert not shown.view.order.model_box.isEnabled()
    assert shown.caption(5) == "class 1"


def test_sorted_by_the_loss_of_the_chosen_model(shown: Sampled) -> None:
    order = shown.view.order
    shown.choose(order.sort, LOSS)
    assert shown.order[0] == 0  # Original is sure of all but the first
    shown.choose(order.model_box, "GD")
    assert shown.order[:4] == [0, 30, 20, 10]
    assert shown.caption(0) == "loss 5.02"
    shown.choose(order.sort, CONFIDENCE)
    assert shown.order[:4] == [0, 30, 20, 10]
    assert shown.caption(1) == "p 0.98"
    shown.choose(order.sort, INDEX)
    assert shown.order == list(range(200)) and shown.caption(0) == ""


def test_sorted_by_prediction_and_by_split(shown: Sampled) -> None:
    shown.choose(shown.view.order.sort, PREDICTION)
    assert shown.order[:2] == [4, 8] and shown.order[-1] == 199
    assert shown.caption(0) == "✗ class 3" and shown.caption(4) == "✓ class 0"
    shown.state.forget = (7, 9)
    shown.choose(shown.view.order.sort, SPLIT)
    shown.choose(shown.view.scope.sets, ALL)
    assert shown.order[:3] == [7, 9, 0] and shown.order[-20:] == list(range(200, 220))
    assert [shown.caption(sample) for sample in (7, 0, 200)] == ["forget", "retain", "test"]


def test_sorted_by_r_with_the_undefined_after_the_measured(shown: Sampled) -> None:
    shown.choose(shown.view.order.sort, RATIO)
    assert shown.order == list(range(200))  # nothing is measured yet
    shown.finish()
    known = [1, *range(13, 40, 4), 5, 9]
    known = [sample for sample in known if sample != 9]
    assert shown.order[:3] == [1, 5, 13]  # r is 10, then 1: RURK has as much of 5 as Re-train
    assert set(shown.order[:9]) == set(known)
    assert shown.order[9:] == [sample for sample in range(200) if sample not in known]
    assert shown.caption(1) == "r 10" and shown.caption(5) == "r 1.00"
    assert shown.caption(9) == "r undef." and shown.caption(2) == ""


def test_sorted_by_r_of_one_method(shown: Sampled) -> None:
    shown.finish()
    shown.choose(shown.view.order.sort, RATIO)
    assert shown.view.order.model_box.currentText() == "Any method"
    shown.choose(shown.view.order.model_box, "GD")
    assert shown.order[0] == 1 and shown.order[8] == 5 and shown.caption(5) == "r 0.20"
    shown.choose(shown.view.order.sort, LOSS)
    assert shown.view.order.model_box.currentText() == "Original"
    shown.choose(shown.view.order.sort, RATIO)
    assert shown.view.order.model_box.currentText() == "GD"


def test_sorted_by_verdict_and_the_order_follows_new_numbers(shown: Sampled) -> None:
    shown.choose(shown.view.order.sort, VERDICT)
    assert shown.order == list(range(200))  # nothing is measured yet
    shown.state.residual = measured()
    assert shown.order[0] == 1 and shown.caption(1) == "residual"
    assert set(shown.order[:10]) == set(range(1, 40, 4))


def test_a_click_turns_the_order_around_and_the_unknown_stays_last(shown: Sampled) -> None:
    shown.finish()
    order = shown.view.order
    shown.choose(order.sort, RATIO)
    assert order.descending and order.direction.text() == "Largest first"
    order.direction.click()
    assert not order.direction.isChecked() and not order.descending
    assert "smallest come first" in order.direction.toolTip()
    assert shown.order[8] == 1 and shown.order[0] == 5 and shown.order[9] == 0
    shown.choose(order.sort, CONFIDENCE)
    assert not order.descending  # each order begins with the end that is looked for
    order.direction.click()
    assert shown.order[-1] == 0


def test_a_new_order_is_shown_from_its_beginning(shown: Sampled) -> None:
    shown.state.selection = Selection(199)
    shown.choose(shown.view.order.sort, LOSS)
    assert shown.view.grid.verticalScrollBar().value() == 0


def test_shift_click_takes_the_range_in_the_order_shown(shown: Sampled) -> None:
    shown.choose(shown.view.order.sort, CLASS)
    shown.click(1)
    shown.click(3, Qt.KeyboardModifier.ShiftModifier)
    assert shown.state.selection == Selection(12, frozenset([4, 8, 12]))


def test_the_chosen_model_stays_while_others_come(shown: Sampled) -> None:
    order = shown.view.order
    shown.choose(order.sort, LOSS)
    shown.choose(order.model_box, "GD")
    models = dict(shown.state.models)
    shown.state.models = {"original": models["original"]}
    assert order.model_box.currentText() == "Original"
    shown.state.models = models
    assert order.model_box.currentText() == "GD"
    assert shown.order[:2] == [0, 30]


# -- the smallest tau -------------------------------------------------------------------------
def test_the_smallest_tau_is_asked_for_shown_and_kept(shown: Sampled) -> None:
    view = shown.view
    shown.choose(view.order.sort, TAU)
    assert "Press Run" in view.note.text() and not shown.asked.calls
    shown.finish()
    assert shown.asked.calls[-1] == ("look", "recognition", "original")
    assert "Searching the smallest τ of Original" in view.note.text()
    shown.choose(view.order.model_box, "GD")
    assert shown.asked.calls[-1] == ("look", "recognition", "gd")
    shown.state.recognition = recognized()
    assert shown.order[:3] == [37, 33, 29] and shown.order[9] == 1 and shown.order[10] == 0
    assert [shown.caption(i) for i in (37, 33, 1, 0)] == ["τ* 0", "τ* 0.04", "τ* > 0.4", ""]
    assert not view.note.isVisible() and shown.asked.calls[-1] == ("look_away", "recognition")
    asked = len(shown.asked.calls)
    shown.choose(view.order.sort, INDEX)
    shown.choose(view.order.sort, TAU)
    assert shown.order[0] == 37 and len(shown.asked.calls) == asked  # from what is known


def test_nothing_is_searched_while_nobody_looks(shown: Sampled) -> None:
    shown.finish()
    shown.choose(shown.view.order.sort, TAU)
    shown.view.hide()
    assert shown.asked.calls[-1] == ("look_away", "recognition")
    shown.view.show()
    assert shown.asked.calls[-1] == ("look", "recognition", "original")


def test_why_there_is_no_smallest_tau_is_said(shown: Sampled) -> None:
    shown.finish()
    shown.choose(shown.view.order.sort, TAU)
    shown.state.set_problem("recognition", "The checkpoint is gone. Run again.")
    assert shown.view.note.text() == "The checkpoint is gone. Run again."
    assert shown.order == list(range(200))


# -- sessions ---------------------------------------------------------------------------------
def test_order_and_model_are_kept_and_nonsense_is_ignored(shown: Sampled, qtbot: QtBot) -> None:
    shown.choose(shown.view.order.sort, LOSS)
    shown.choose(shown.view.order.model_box, "GD")
    shown.view.order.direction.click()
    kept = shown.view.view_state()
    other = Sampled(qtbot)
    other.view.restore_view_state(kept)
    assert other.order[-4:] == [10, 20, 30, 0]
    other.view.restore_view_state({"sort": 77, "model": 3, "show": None, "descending": "x"})
    assert other.order[-4:] == [10, 20, 30, 0]


# -- the numbers ------------------------------------------------------------------------------
def test_loss_of_known_logits() -> None:
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], np.float32))
    labels = np.array([0, 1, 1])
    assert scores.loss(logits, labels) == pytest.approx(-np.log([0.5, 0.1, 0.8]))
    assert scores.loss(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx([1000])


def test_the_worst_verdict_is_that_of_any_method_and_original_is_no_method() -> None:
    made = measured()
    verdicts = ranking.worst_verdict(made)
    assert verdicts[0] == RESIDUAL
    assert (verdicts[2:] != RESIDUAL).all()
    assert RESIDUAL not in ranking.worst_verdict(made, ["rurk"])
    alone = replace(made, curves={"original": made.curves["original"]})
    assert ranking.measured_methods(alone) == ("original",)
    assert ranking.measured_methods(made) == ("rurk", "gd")
    assert NONE not in verdicts[:1]


def test_the_largest_r_is_undefined_where_no_retrain_recognizes() -> None:
    worst = ranking.worst_ratio(measured())
    assert worst[:2] == pytest.approx([10, 1])
    assert np.isnan(worst[2])


def test_order_puts_the_unknown_last_and_keeps_equal_ones() -> None:
    values = np.array([1.0, np.nan, 3.0, 1.0])
    assert ranking.order(np.arange(4), values).tolist() == [0, 3, 2, 1]
    assert ranking.order(np.arange(4), values, descending=True).tolist() == [2, 0, 3, 1]
    assert ranking.values_by_sample(np.array([7.0, 8.0]), np.array([2, 9]), 3).tolist()[2] == 7
