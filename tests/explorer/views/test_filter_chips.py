"""Filters by what models say: chips, the row that makes them, suggestions, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import synthetic
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sampled import NO_KEYS, PRESS, QUICK, Sampled, recognized

from explorer.views.samples.subsets import ALL


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Sampled]:
    usual = QApplication.doubleClickInterval()
    QApplication.setDoubleClickInterval(QUICK)
    yield Sampled(qtbot)
    QApplication.setDoubleClickInterval(usual)


def _entries(shown: Sampled) -> list[str]:
    """What the menu of filters offers; it is filled when it opens."""
    menu = shown.view.filters.menu
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if action.text()]


def _pick(shown: Sampled, text: str) -> None:
    """Open the menu of filters and click on an entry."""
    menu = shown.view.filters.menu
    menu.popup(shown.view.mapToGlobal(shown.view.rect().topLeft()))
    action = next(action for action in menu.actions() if action.text().startswith(text))
    QTest.mouseClick(menu, PRESS, NO_KEYS, menu.actionGeometry(action).center())
    menu.close()


def _build(shown: Sampled, model: str, kind: str, value: str = "") -> None:
    """Put a filter together in the row, by mouse."""
    _pick(shown, "Another condition")
    builder = shown.view.filters.builder
    assert builder.isVisible()
    shown.choose(builder.model, model)
    shown.choose(builder.kind, kind)
    if builder.number.isVisible():
        QTest.mouseClick(builder.number, PRESS)
        QTest.keyClicks(builder.number, value)
    elif value:
        shown.choose(builder.choice, value)


def test_a_filter_is_built_counted_added_and_taken_off(shown: Sampled) -> None:
    builder = shown.view.filters.builder
    _build(shown, "GD", "predicts", "class 3")
    assert builder.add.text() == "Add (57)"  # 51 training and 6 test samples
    QTest.mouseClick(builder.add, PRESS)
    assert not builder.isVisible()
    expected = [0, *range(3, 200, 4)]
    assert shown.order == expected
    assert shown.view.counts.text().startswith("51 of 200 samples")
    (chip,) = shown.chips
    assert chip.text() == "GD predicts class 3 · 57  ✕"
    QTest.mouseClick(chip, PRESS)
    assert shown.order == list(range(200)) and not shown.chips
    assert not shown.view.filters.isVisible()


def test_several_chips_must_all_be_fulfilled(shown: Sampled) -> None:
    _build(shown, "Original", "is right")
    QTest.mouseClick(shown.view.filters.builder.add, PRESS)
    _build(shown, "GD", "confidence <", "0.9")
    QTest.keyClick(shown.view.filters.builder.number, Qt.Key.Key_Return)
    assert shown.order == [10, 20, 30]
    assert [chip.text() for chip in shown.chips] == [
        "Original is right · 218  ✕", "GD confidence < 0.9 · 5  ✕",
    ]  # fmt: skip
    shown.choose(shown.view.scope.classes, "class 0 (50)")
    assert shown.order == [20]


def test_a_filter_that_is_not_whole_cannot_be_added(shown: Sampled) -> None:
    builder = shown.view.filters.builder
    _build(shown, "GD", "loss >", "much")
    assert not builder.add.isEnabled() and builder.add.text() == "Add"
    QTest.keyClick(builder.number, Qt.Key.Key_Return)
    assert not shown.chips


def test_only_what_means_something_can_be_asked(shown: Sampled) -> None:
    builder = shown.view.filters.builder
    _pick(shown, "Another condition")

    def kinds() -> list[str]:
        return [builder.kind.itemText(i) for i in range(builder.kind.count())]

    shown.choose(builder.model, "Models")
    assert kinds() == ["disagree", "agree"]
    shown.choose(builder.model, "Re-train 0")
    assert "predicts" in kinds() and "r >" not in kinds() and "τ* <" in kinds()
    shown.finish()
    shown.choose(builder.model, "Any method")
    assert kinds() == [
        "r <", "r >", "has no defined r", "verdict", "q <", "q >", "certified radius <",
        "certified radius >",
    ]  # fmt: skip
    shown.choose(builder.model, "GD")
    assert {"differs from", "r >", "verdict", "is wrong"} <= set(kinds())


def test_what_is_asked_most_is_offered_with_its_count(shown: Sampled) -> None:
    offered = _entries(shown)
    assert offered[0] == "Original is wrong (2)"
    assert not any("GD is wrong" in text for text in offered)  # no method is measured yet
    shown.finish()
    assert "Original is right and GD is wrong (2)" in _entries(shown)
    assert "Any method verdict: residual (1)" in _entries(shown)
    _pick(shown, "Original is right and GD is wrong")
    assert shown.order == [20, 30] and len(shown.chips) == 2
    _pick(shown, "Remove all filters")
    assert shown.order == list(range(200)) and not shown.chips


def test_models_disagree_also_on_test_samples(shown: Sampled) -> None:
    _pick(shown, "Models disagree")
    assert shown.order == [20, 30]
    shown.choose(shown.view.scope.sets, ALL)
    assert shown.order == [20, 30]
    shown.view.filters.restore(["gd wrong"])
    assert shown.order == [0, 20, 30, 200]


def test_filters_follow_new_models(shown: Sampled) -> None:
    shown.view.filters.restore(["gd wrong"])
    assert shown.order == [0, 20, 30]
    dataset = shown.state.dataset
    assert dataset is not None
    shown.state.models = synthetic.models(dataset)
    assert shown.order == [0] and shown.chips[0].text() == "GD is wrong · 2  ✕"


@pytest.mark.parametrize(
    ("text", "said"),
    [("any r > 1", "r is not measured yet"), ("rest wrong", "no predictions of this model yet")],
)
def test_what_is_not_known_yet_is_said(text: str, said: str, shown: Sampled) -> None:
    shown.view.filters.restore([text])
    assert shown.view.panel.is_empty and said in shown.view.panel.empty.text()
    assert "?" in shown.chips[0].text()
    QTest.mouseClick(shown.chips[0], PRESS)
    assert not shown.view.panel.is_empty


def test_where_nothing_is_left_the_sentence_says_what_to_do(shown: Sampled) -> None:
    shown.view.filters.restore(["original wrong", "original right"])
    assert "Remove a filter" in shown.view.panel.empty.text()


def test_a_filter_by_the_smallest_tau_asks_for_it(shown: Sampled) -> None:
    shown.finish()
    shown.view.filters.restore(["gd tau < 0.1", "rurk tau < 0.1"])
    assert shown.asked.calls[-1] == ("look", "recognition", "gd")
    assert "being searched" in shown.view.panel.empty.text()
    shown.state.recognition = recognized("gd")
    assert shown.asked.calls[-1] == ("look", "recognition", "rurk")
    shown.state.recognition = recognized("rurk")
    assert shown.asked.calls[-1] == ("look_away", "recognition")
    assert shown.order == [29, 33, 37]


def test_filters_are_kept_and_nonsense_is_ignored(shown: Sampled, qtbot: QtBot) -> None:
    shown.view.filters.restore(["gd wrong", "gd wrong", "nonsense", 4])
    assert shown.view.view_state()["filters"] == ["gd wrong"]
    other = Sampled(qtbot)
    other.view.restore_view_state(shown.view.view_state())
    assert other.order == [0, 20, 30]
