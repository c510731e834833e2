from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from engine import ranking
from engine.measured import NONE, RESIDUAL
from engine.results import ModelResult, Residual
from explorer.state import REPLACE, AppState, Selection
from explorer.views.samples import (
    ALL,
    CLASS,
    CONFIDENCE,
    INDEX,
    LEFT,
    LOSS,
    RATIO,
    VERDICT,
    WRONG,
    SamplesView,
)

QUICK = 30  # ms within which a popup ignores that the button is let go
PRESS, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def measured() -> Residual:
    """Samples 1, 5, 9 ...: GD recognizes all of 1 and 2 % of 5; RURK knows no more than Re-train.

    Re-train recognizes one copy of ten, and none of sample 9.
    """
    made = synthetic.residual(samples=10)
    counts = {name: np.full((10, 11), 10, np.int32) for name in made.counts}
    for name in ("retrain-0", "retrain-1", "gd", "rurk"):
        counts[name][2] = 0
    counts["gd"][:2] = [[100], [2]]
    names = [name for name in counts if not name.startswith("retrain")]
    exceeds = {name: np.full((10, 11), 0.01) for name in names}
    exceeds["gd"][0] = 1.0
    return replace(made, counts=counts, posterior=exceeds)


def unsure(model: ModelResult, samples: list[int]) -> ModelResult:
    """The model with ever less for the true class of these samples, the last the least."""
    logits = model.train_logits.copy()
    for number, sample in enumerate(samples):
        logits[sample, sample % 4] = 1 - 2 * number
    return replace(model, train_logits=logits)


class Shown:
    """The view of 200 samples in four classes, on the screen, with two models that differ."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state = AppState()
        self.asked = synthetic.Asked(self.state)
        dataset = synthetic.images()
        self.state.dataset = dataset
        models = synthetic.models(dataset)
        models["gd"] = unsure(models["gd"], [10, 20, 30])
        self.state.models = models
        self.view = SamplesView(self.state, self.asked)
        qtbot.addWidget(self.view)
        self.view.resize(450, 480)
        self.view.show()
        qtbot.waitExposed(self.view)
        QApplication.processEvents()

    @property
    def order(self) -> list[int]:
        """The samples in the order of the grid."""
        return [int(sample) for sample in self.view._model.shown]

    def choose(self, combo: QComboBox, text: str) -> None:
        """Open the list of a combo and click on an entry of it."""
        QTest.mouseClick(combo, PRESS, NO_KEYS, combo.rect().center())
        entries = combo.view()
        at = entries.visualRect(combo.model().index(combo.findText(text), 0)).center()
        QTest.mouseMove(entries.viewport(), at)
        QTest.mousePress(entries.viewport(), PRESS, NO_KEYS, at)
        QTest.qWait(2 * QUICK)  # an earlier release would be taken for that of the opening click
        QTest.mouseRelease(entries.viewport(), PRESS, NO_KEYS, at)
        assert combo.currentText() == text


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Shown]:
    usual = QApplication.doubleClickInterval()
    QApplication.setDoubleClickInterval(QUICK)
    yield Shown(qtbot)
    QApplication.setDoubleClickInterval(usual)


# -- sorting ----------------------------------------------------------------------------------
def test_everything_is_in_reach_at_450_pixels(shown: Shown) -> None:
    view = shown.view
    assert view.width() == 450
    for part in (view.sort, view.model, view.go_to, view.forget_button, view.keep_button):
        assert part.isVisible()
        assert part.geometry().right() < 450
        assert part.accessibleName() or part.accessibleDescription()
        assert part.width() >= part.minimumSizeHint().width()


def test_sorted_by_class_then_by_index(shown: Shown) -> None:
    shown.choose(shown.view.sort, CLASS)
    assert shown.order[:3] == [0, 4, 8]
    assert shown.order[50:53] == [1, 5, 9]
    assert not shown.view.model.isEnabled()


def test_sorted_by_the_loss_of_the_chosen_model(shown: Shown) -> None:
    shown.choose(shown.view.sort, LOSS)
    assert shown.order[0] == 0  # Original is sure of all but the first
    shown.choose(shown.view.model, "GD")
    assert shown.order[:4] == [0, 30, 20, 10]
    shown.choose(shown.view.sort, CONFIDENCE)
    assert shown.order[:4] == [0, 30, 20, 10]
    shown.choose(shown.view.sort, INDEX)
    assert shown.order == list(range(200))


def test_sorted_by_the_largest_r_over_methods_with_what_was_not_forgotten_last(
    shown: Shown,
) -> None:
    shown.state.residual = measured()
    shown.choose(shown.view.sort, RATIO)
    known = [sample for sample in range(1, 40, 4) if sample != 9]
    assert shown.order[:3] == [1, 5, 13]  # r is 10, then 1: RURK has as much of 5 as Re-train
    assert shown.order[:9] == known
    assert shown.order[9:] == [sample for sample in range(200) if sample not in known]
    assert "r over methods and τ: 10" in shown.view._describe(1)
    assert "undefined" in shown.view._describe(9)
    assert "over methods" not in shown.view._describe(2)


def test_sorted_by_verdict_and_the_order_follows_new_numbers(shown: Shown) -> None:
    shown.choose(shown.view.sort, VERDICT)
    assert shown.order == list(range(200))  # nothing is measured yet
    shown.state.residual = measured()
    assert shown.order[0] == 1
    assert set(shown.order[:10]) == set(range(1, 40, 4))


def test_shift_click_takes_the_range_in_the_order_shown(shown: Shown) -> None:
    shown.choose(shown.view.sort, CLASS)
    grid = shown.view.grid
    QTest.mouseClick(grid.viewport(), PRESS, NO_KEYS, grid.place_rect(1).center())
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(grid.viewport(), PRESS, shift, grid.place_rect(3).center())
    assert shown.state.selection == Selection(12, frozenset([4, 8, 12]))


# -- filters ----------------------------------------------------------------------------------
def test_only_what_the_chosen_model_misclassifies(shown: Shown) -> None:
    shown.choose(shown.view.show_only, WRONG)
    assert shown.order == [0]
    assert shown.view.model.isEnabled()
    shown.choose(shown.view.model, "GD")
    assert shown.order == [0, 20, 30]
    assert shown.view.counts.text().startswith("3 of 200 samples")
    shown.choose(shown.view.classes, "class 1 (50)")
    assert "None of these samples is misclassified" in shown.view._panel.empty.text()
    assert shown.view._panel.is_empty
    shown.choose(shown.view.show_only, ALL)
    assert not shown.view._panel.is_empty


def test_only_what_holds_residual_knowledge_for_certain(shown: Shown) -> None:
    shown.choose(shown.view.show_only, LEFT)
    assert "Press Run" in shown.view._panel.empty.text()
    shown.state.residual = measured()
    assert shown.order == [1]
    assert not shown.view._panel.is_empty


def test_the_verdict_is_found_once_for_the_same_numbers(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.state.residual = measured()
    shown.choose(shown.view.sort, VERDICT)
    monkeypatch.setattr(ranking, "worst_verdict", None)
    shown.choose(shown.view.show_only, LEFT)
    assert shown.order == [1]


def test_the_chosen_model_stays_while_others_come(shown: Shown) -> None:
    shown.choose(shown.view.sort, LOSS)
    shown.choose(shown.view.model, "GD")
    models = dict(shown.state.models)
    shown.state.models = {"original": models["original"]}
    assert shown.view.model.currentText() == "Original"
    shown.state.models = models
    assert shown.view.model.currentText() == "GD"
    assert shown.order[:2] == [0, 30]


# -- going to a sample ------------------------------------------------------------------------
def _type(shown: Shown, text: str) -> None:
    QTest.mouseClick(shown.view.go_to, PRESS)
    QTest.keyClicks(shown.view.go_to, text)
    QTest.keyClick(shown.view.go_to, Qt.Key.Key_Return)


def test_go_to_an_index_shows_and_selects_it(shown: Shown) -> None:
    _type(shown, "150")
    assert shown.asked.calls == [("set_current", 150), ("select", [150], REPLACE)]
    rect = shown.view.grid.place_rect(150)
    assert shown.view.grid.viewport().rect().contains(rect)
    _type(shown, "7")  # what was typed before is replaced
    assert shown.state.selection.current == 7


def test_go_to_an_index_that_a_filter_hides_takes_the_filter_off(shown: Shown) -> None:
    shown.choose(shown.view.classes, "class 1 (50)")
    _type(shown, "2")
    assert shown.view.classes.currentIndex() == 0
    assert shown.state.selection.current == 2
    assert 2 in shown.order


@pytest.mark.parametrize("text", ["200", "x", "-1", "1.5"])
def test_an_index_that_does_not_exist_is_said(text: str, shown: Shown) -> None:
    _type(shown, text)
    assert shown.asked.calls == []
    assert shown.view.counts.text() == f"There is no sample '{text}': indices are 0 to 199."


# -- sessions ---------------------------------------------------------------------------------
def test_order_and_model_are_kept_and_nonsense_is_ignored(shown: Shown, qtbot: QtBot) -> None:
    shown.choose(shown.view.sort, LOSS)
    shown.choose(shown.view.model, "GD")
    kept = shown.view.view_state()
    other = Shown(qtbot)
    other.view.restore_view_state(kept)
    assert other.order[:4] == [0, 30, 20, 10]
    other.view.restore_view_state({"sort": 77, "model": 3, "show": None})
    assert other.order[:4] == [0, 30, 20, 10]


# -- the numbers ------------------------------------------------------------------------------
def test_loss_and_confidence_of_known_logits() -> None:
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], np.float32))
    labels = np.array([0, 1, 1])
    assert ranking.confidence(logits, labels) == pytest.approx([0.5, 0.1, 0.8])
    assert ranking.loss(logits, labels) == pytest.approx(-np.log([0.5, 0.1, 0.8]))
    assert ranking.misclassified(logits, labels).tolist() == [False, True, False]
    assert ranking.loss(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx([1000])


def test_the_worst_verdict_is_that_of_any_method_and_original_is_no_method() -> None:
    made = measured()
    verdicts = ranking.worst_verdict(made)
    assert verdicts[0] == RESIDUAL
    assert (verdicts[2:] != RESIDUAL).all()
    alone = replace(made, curves={"original": made.curves["original"]})
    assert ranking.judged(alone) == ("original",)
    assert ranking.judged(made) == ("rurk", "gd")
    assert NONE not in verdicts[:1]


def test_the_largest_r_is_undefined_where_no_retrain_recognizes() -> None:
    worst = ranking.worst_ratio(measured())
    assert worst[:2] == pytest.approx([10, 1])
    assert np.isnan(worst[2])


def test_order_puts_the_unknown_last_and_keeps_equal_ones() -> None:
    values = np.array([1.0, np.nan, 3.0, 1.0])
    assert ranking.order(np.arange(4), values).tolist() == [0, 3, 2, 1]
    assert ranking.order(np.arange(4), values, descending=True).tolist() == [2, 0, 3, 1]
    assert ranking.placed(np.array([7.0, 8.0]), np.array([2, 9]), 3).tolist()[2] == 7
