"""Compare, used with mouse and keyboard on models whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish
from shown import Shown, press

from engine.comparison.pair import A, B
from engine.results import ModelResult
from explorer.app import Explorer, Options
from explorer.state.selection import ADD, REPLACE
from explorer.views.compare.view import CompareView

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
NO_KEYS = Qt.KeyboardModifier.NoModifier
CLASSES, PREDICTIONS, SIMILARITY, CONFIDENCE = range(4)


def sure(labels: np.ndarray, wrong: dict[int, int], strength: float = 5.0) -> np.ndarray:
    """Logits that name every label but those of `wrong`: row -> what it is called."""
    said = labels.copy()
    for row, other in wrong.items():
        said[row] = other
    made: np.ndarray = (np.eye(4)[said] * strength).astype(np.float32)
    return made


def models() -> dict[str, ModelResult]:
    """RURK calls samples 1, 5 and 9 (class 1) class 2, and is less sure; all others are right."""
    dataset = synthetic.images()
    made = {}
    for name in synthetic.MODELS:
        wrong = {1: 2, 5: 2, 9: 2} if name == "rurk" else {}
        strength = 2.0 if name == "rurk" else 5.0
        train = sure(dataset.train_y, wrong, strength)
        test = sure(dataset.test_y, wrong, strength)
        label = synthetic.LABELS[name]
        made[name] = ModelResult(name, label, name, 1.0, (), train, test)
    return made


@pytest.fixture
def view(shown: Shown) -> CompareView:
    shown.fill()
    shown.state.models = models()
    made = shown.view(CompareView)
    made.grab()
    return made


def open_tab(view: CompareView, tab: int) -> None:
    bar = view.tabs.tabBar()
    QTest.mouseClick(bar, LEFT, pos=bar.tabRect(tab).center())
    view.grab()


def pick(box: QComboBox, text: str) -> None:
    """Choose from a combo box by keyboard, as a person would type."""
    box.setFocus()
    while box.currentText() != text:
        before = box.currentText()
        step = Qt.Key.Key_Down if box.findText(text) > box.currentIndex() else Qt.Key.Key_Up
        QTest.keyClick(box, step)
        assert box.currentText() != before
    QApplication.processEvents()


def click(widget: object, at: QPoint, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    QTest.mouseClick(widget.viewport(), LEFT, keys, at)  # type: ignore[attr-defined]
    QApplication.processEvents()


def wishes(shown: Shown, name: str) -> list[tuple[object, ...]]:
    return [call for call in shown.asked.calls if call[0] == name]


# -- the pair ---------------------------------------------------------------------------------
def test_the_first_method_and_retrain_are_compared_at_first(view: CompareView) -> None:
    assert (view.a.currentText(), view.b.currentText()) == ("RURK", "Re-train 0")
    assert [view.a.itemText(i) for i in range(view.a.count())] == [
        "Original", "Re-train 0", "Re-train 1", "RURK", "GD",
    ]  # fmt: skip


def test_models_are_chosen_by_keyboard_and_swapped_by_a_button(view: CompareView) -> None:
    pick(view.a, "GD")
    assert "A 100.0 %, B 100.0 %" in view.classes.caption.text()
    pick(view.a, "RURK")
    assert "A 85.0 %, B 100.0 %, gap −15.0 points" in view.classes.caption.text()
    QTest.mouseClick(view.swap, LEFT)
    assert (view.a.currentText(), view.b.currentText()) == ("Re-train 0", "RURK")
    assert "gap +15.0 points" in view.classes.caption.text()


def test_choosing_the_other_model_swaps_the_two(view: CompareView) -> None:
    pick(view.a, "Re-train 1")
    pick(view.a, "Re-train 0")
    assert (view.a.currentText(), view.b.currentText()) == ("Re-train 0", "Re-train 1")


def test_tab_key_reaches_every_chooser(view: CompareView) -> None:
    view.a.setFocus()
    seen = [view.a]
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    assert {view.a, view.swap, view.b, view.panel.options} <= set(seen)


def test_a_model_that_arrives_later_is_taken_back(shown: Shown) -> None:
    shown.fill()
    made = models()
    shown.state.models = {name: made[name] for name in ("original", "retrain-0")}
    view = shown.view(CompareView)
    assert (view.a.currentText(), view.b.currentText()) == ("Original", "Re-train 0")
    view.restore_view_state({"a": "gd", "b": "rurk", "split": "retain"})
    assert (view.a.currentText(), view.b.currentText()) == ("Original", "Re-train 0")
    shown.state.models = made
    assert (view.a.currentText(), view.b.currentText()) == ("GD", "RURK")
    assert view.split.currentText() == "retain"


# -- classes ----------------------------------------------------------------------------------
def test_a_click_on_a_class_selects_its_samples(view: CompareView, shown: Shown) -> None:
    pick(view.split, "forget")  # the class 1 samples of synthetic.residual: 1, 5 ... 37
    click(view.classes.rows, view.classes.rows.place_of(0).center())
    assert shown.last == ("select", list(range(1, 40, 4)), REPLACE)
    assert "10 samples of class class 1 among the forget samples" in view.readout.text()
    pick(view.split, "test")
    click(view.classes.rows, view.classes.rows.place_of(2).center(), CTRL)
    assert shown.last == ("select", [202, 206, 210, 214, 218], ADD)


def test_rows_are_reached_by_keyboard(view: CompareView, shown: Shown) -> None:
    view.classes.rows.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return):
        QTest.keyClick(view.classes.rows, key)
    assert shown.last == ("select", [201, 205, 209, 213, 217], REPLACE)


def test_the_largest_gap_comes_first_where_a_person_wants_it(view: CompareView) -> None:
    rows = view.classes.rows
    assert [row.label for row in rows.rows][:2] == ["class 0", "class 1 (forget)"]
    pick(view.classes.order, "largest gap first")
    assert rows.rows[0].label == "class 1 (forget)"
    assert rows.rows[0].gap == "−60.0"
    assert "A RURK: 40.0 % [11.8, 76.9]" in rows.rows[0].tip


def test_classes_outside_the_forget_set_are_one_row_on_demand(view: CompareView) -> None:
    assert len(view.classes.rows.rows) == 4
    box = view.classes.grouping
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert [row.label for row in view.classes.rows.rows] == ["class 1 (forget)", "3 other classes"]


def test_a_hundred_classes_begin_as_one_row_and_can_all_be_scrolled_to(shown: Shown) -> None:
    shown.fill()
    shown.state.dataset = dataset = synthetic.images(400, 100)
    shown.state.models = synthetic.models(dataset)
    view = shown.view(CompareView)
    view.resize(490, 400)
    pick(view.split, "retain")
    rows = view.classes.rows
    assert rows.rows[-1].label.endswith("other classes")
    box = view.classes.grouping
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert len(rows.rows) == 100
    rows.setFocus()
    for _ in range(99):
        QTest.keyClick(rows, Qt.Key.Key_Down)
    assert rows.viewport().rect().contains(rows.place_of(99))
    open_tab(view, PREDICTIONS)
    assert view.predictions.grouping.isChecked()  # a choice of its own
    assert len(view.predictions.matrix.shown.rows) < 100


# -- predictions ------------------------------------------------------------------------------
def half(view: CompareView, row: int, column: int, side: str) -> QPoint:
    box = view.predictions.matrix.place_of(row, column)
    quarter = box.width() // 4
    return box.center() + QPoint(-quarter if side == A else quarter, 0)


def test_each_half_of_a_cell_selects_what_its_model_puts_there(
    view: CompareView, shown: Shown
) -> None:
    pick(view.split, "retain")
    open_tab(view, PREDICTIONS)
    matrix = view.predictions.matrix
    click(matrix, half(view, 1, 1, B))
    assert shown.last == ("select", list(range(41, 200, 4)), REPLACE)
    pick(view.split, "forget")  # one row: class 1
    click(matrix, half(view, 0, 2, A))
    assert shown.last == ("select", [1, 5, 9], REPLACE)
    assert "predicted as class 2 by RURK" in view.readout.text()
    click(matrix, half(view, 0, 2, B))
    assert len(wishes(shown, "select")) == 2  # Re-train puts none there
    assert view.readout.text().startswith("No sample")


def test_a_cell_says_counts_shares_and_confidence(view: CompareView) -> None:
    pick(view.split, "forget")
    open_tab(view, PREDICTIONS)
    words = view.predictions.matrix.describe(1, 2)
    sure_of = np.exp(2) / (np.exp(2) + 3)
    assert f"A RURK: 3 of 10 (30.0 %), mean confidence {sure_of:.0%}" in words
    assert "B Re-train 0: 0 of 10 (0.0 %)" in words
    assert "A − B: +30.0 points" in words
    assert view.predictions.matrix.describe(0, 0).count("no samples of this class") == 2


def test_the_difference_is_drawn_in_two_colors_and_selects_both(
    view: CompareView, shown: Shown
) -> None:
    pick(view.split, "forget")
    open_tab(view, PREDICTIONS)
    pick(view.predictions.mode, "Difference A − B")
    matrix = view.predictions.matrix
    image = matrix.viewport().grab().toImage()

    def color(column: int) -> tuple[int, int, int]:
        at = matrix.place_of(0, column).topLeft() + QPoint(6, 6)
        return image.pixelColor(at * image.devicePixelRatio()).toTuple()[:3]

    red, _, blue = color(2)  # A has more: orange
    assert red > blue + 30
    red, _, blue = color(1)  # B has more: blue
    assert blue > red + 30
    assert max(color(0)) - min(color(0)) < 4  # no difference: the ground
    click(matrix, matrix.place_of(0, 1).center())
    assert shown.last == ("select", list(range(1, 40, 4)), REPLACE)


def test_cells_are_reached_by_keyboard(view: CompareView, shown: Shown) -> None:
    open_tab(view, PREDICTIONS)
    matrix = view.predictions.matrix
    matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(matrix, key)
    assert shown.last == ("select", [201, 205, 209], REPLACE)
    assert "True class 1, predicted class 2" in matrix.accessibleDescription()


# -- similarity -------------------------------------------------------------------------------
def test_layers_are_compared_only_while_they_are_seen(view: CompareView, shown: Shown) -> None:
    assert not wishes(shown, "look")
    open_tab(view, SIMILARITY)
    assert wishes(shown, "look")[-1] == ("look", "similarity", "rurk", "retrain-0")
    pick(view.a, "GD")
    assert wishes(shown, "look")[-1] == ("look", "similarity", "gd", "retrain-0")
    open_tab(view, CLASSES)
    assert shown.asked.calls[-1] == ("look_away", "similarity")


def test_lines_stand_for_original_and_retrain_and_the_gray_band_for_retrains(
    view: CompareView, shown: Shown
) -> None:
    open_tab(view, SIMILARITY)
    forget, retain = view.similarity.charts.charts
    assert shown.state.similarity is not None
    for chart, split in ((forget, "forget"), (retain, "retain")):
        assert set(chart.curves) == {
            "rurk>original", "rurk>retrain", "retrain-0>original", "retrain-0>retrain", "a>b",
        }  # fmt: skip
        line = shown.state.similarity.line(split, "rurk", "retrain")
        assert line is not None
        np.testing.assert_allclose(chart.curves["rurk>retrain"].getData()[1], line.mean)
        assert not chart.bands[""].path().isEmpty()
    assert forget.plot.viewRange()[1] == pytest.approx(retain.plot.viewRange()[1])
    styles = {name: curve.opts["symbol"] for name, curve in forget.curves.items()}
    assert styles["rurk>original"] != styles["rurk>retrain"]


def test_the_cursor_reads_a_layer(view: CompareView, shown: Shown) -> None:
    open_tab(view, SIMILARITY)
    plot = view.similarity.charts.charts[0].plot
    at = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(3.0, 0.9)))
    QTest.mouseMove(plot.viewport(), at - QPoint(3, 0))
    QTest.qWait(30)
    QTest.mouseMove(plot.viewport(), at)
    shown.qtbot.waitUntil(lambda: "layer 3" in view.similarity.note.text())
    assert "RURK – Re-train 0.600 [0.580, 0.620]" in view.similarity.note.text()
    assert "RURK – Original 0.900" in view.similarity.note.text()


def test_a_line_is_hidden_by_its_name(view: CompareView) -> None:
    open_tab(view, SIMILARITY)
    legend = view.similarity.charts.legend
    QTest.mouseClick(legend, LEFT, NO_KEYS, legend.box_of("rurk>original").center().toPoint())
    for chart in view.similarity.charts.charts:
        assert "rurk>original" not in chart.curves


def test_another_pairs_similarity_is_not_shown_as_this_ones(
    view: CompareView, shown: Shown
) -> None:
    open_tab(view, SIMILARITY)
    pick(view.a, "GD")
    assert not view.similarity.charts.charts[0].curves
    assert "Comparing the layers of GD and Re-train 0" in view.similarity.note.text()
    shown.state.similarity = synthetic.similarity("gd")
    assert "gd>retrain" in view.similarity.charts.charts[0].curves
    shown.state.similarity = None
    shown.state.set_problem("similarity", "Stopped. Choose again to go on.")
    assert view.similarity.note.text() == "Stopped. Choose again to go on."


# -- confidence -------------------------------------------------------------------------------
def test_histograms_show_forget_samples_beside_the_split(view: CompareView) -> None:
    open_tab(view, CONFIDENCE)
    left, right = view.confidence.charts.charts
    x, y = left.curves["a"].getData()
    assert y.max() == pytest.approx(70)  # 7 of 10 forget samples are right
    assert (y[1:-1:2].sum(), x[0], x[-1]) == (pytest.approx(100), 0, 1)
    assert "10 forget: mean A" in view.confidence.charts.titles[0].text()
    assert "20 test" in view.confidence.charts.titles[1].text()
    assert left.curves["a"].opts["pen"].style() != left.curves["b"].opts["pen"].style()
    assert right.curves["b"].getData()[1].max() == pytest.approx(100)


def test_a_click_on_a_step_selects_its_samples(view: CompareView, shown: Shown) -> None:
    open_tab(view, CONFIDENCE)
    plot = view.confidence.charts.charts[0].plot
    chance = float(np.exp(2) / (np.exp(2) + 3))  # RURK is so sure of what it gets right
    at = QPointF(np.floor(chance * 20) / 20 + 0.025, 70)
    QTest.mouseClick(
        plot.viewport(), LEFT, NO_KEYS, plot.mapFromScene(plot.getViewBox().mapViewToScene(at))
    )
    shown.qtbot.waitUntil(lambda: bool(wishes(shown, "select")))
    assert wishes(shown, "select")[0][1] == list(range(13, 40, 4))


def test_the_other_probability_and_the_log_scale_are_drawn(view: CompareView) -> None:
    open_tab(view, CONFIDENCE)
    pick(view.confidence.of, "of the predicted class")
    chart = view.confidence.charts.charts[0]
    assert chart.curves["a"].getData()[1].max() == pytest.approx(100)  # always as sure
    box = view.confidence.log
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert np.nanmax(chart.curves["a"].getData()[1]) == pytest.approx(2)


# -- keeping and exporting --------------------------------------------------------------------
def test_export_asks_for_the_tab_that_is_shown(view: CompareView, shown: Shown) -> None:
    pick(view.split, "retain")
    open_tab(view, PREDICTIONS)
    pick(view.predictions.mode, "Difference A − B")
    press(view, "Export…")
    pair = {"a": "rurk", "b": "retrain-0", "tab": "predictions", "split": "retain"}
    assert shown.last == (
        "ask_figure",
        "comparison",
        {**pair, "difference": True, "grouped": False},
    )
    open_tab(view, SIMILARITY)
    press(view, "Export…")
    assert shown.last == (
        "ask_figure", "comparison", {"a": "rurk", "b": "retrain-0", "tab": "similarity"},
    )  # fmt: skip


def test_every_choice_comes_back(view: CompareView, shown: Shown) -> None:
    pick(view.a, "GD")
    pick(view.split, "forget")
    open_tab(view, CONFIDENCE)
    pick(view.confidence.of, "of the predicted class")
    kept = view.view_state()
    again = shown.view(CompareView)
    again.restore_view_state(kept)
    assert again.view_state() == kept
    assert again.a.currentText() == "GD"
    assert again.tabs.currentIndex() == CONFIDENCE
    assert again.confidence.of.currentText() == "of the predicted class"


def test_samples_of_features_are_compared_too(shown: Shown) -> None:
    dataset = synthetic.features()
    shown.state.dataset = dataset
    shown.state.models = synthetic.models(dataset)
    rows = np.arange(1, 20, 3)
    shown.state.residual = replace(synthetic.residual(), samples=rows)
    view = shown.view(CompareView)
    pick(view.split, "forget")
    click(view.classes.rows, view.classes.rows.place_of(0).center())
    assert shown.last == ("select", rows.tolist(), REPLACE)
    open_tab(view, PREDICTIONS)
    assert view.predictions.matrix.describe(1, 1).startswith(
        "True versicolor, predicted versicolor"
    )


# -- with the real engine ---------------------------------------------------------------------
def test_the_real_window_compares_layers_and_keeps_them(qtbot: QtBot, tmp_path: Path) -> None:
    explorer = Explorer(Options(store=tmp_path / "store"), QuickFactory(tmp_path / "store"))
    with qtbot.waitSignal(explorer.window.ready):
        explorer.show()
    explorer.controller.opening.open_dataset("iris")
    qtbot.waitUntil(lambda: explorer.state.dataset is not None)
    qtbot.waitUntil(lambda: not explorer.jobs.busy())
    explorer.controller.opening.change_form(**{**vars(FORM), "retrains": 2})
    with qtbot.waitSignal(explorer.controller.shown.completed):
        explorer.controller.run()
    view = explorer.window.views["comparison"]
    assert isinstance(view, CompareView)
    explorer.window.go_to("comparison")
    open_tab(view, SIMILARITY)
    qtbot.waitUntil(lambda: bool(view.similarity.charts.charts[0].curves))
    shown = explorer.state.similarity
    assert shown is not None
    assert (shown.a, shown.b, shown.layers) == ("gd", "retrain-0", ("linear 1", "linear 2"))
    assert len(list((tmp_path / "store" / "similarities").glob("*.h5"))) == 10  # 5 pairs, 2 splits
    finish(explorer, qtbot)
