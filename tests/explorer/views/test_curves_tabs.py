from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import stand_ins
import synthetic
from mouse import STEP
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.analysis.ranking import carriers
from engine.drawing.geometry import distance_to_line
from engine.residual.disagreement import disagreement, perturbed_unlearn_accuracy
from engine.results import Residual
from explorer.plots.curve_chart import CurveChart
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.views.curves.tabs import ACCURACY, DISAGREEMENT, LOSS, POOLED, PREVALENCE, RESIDUAL
from explorer.views.curves.view import CurvesView

PRESS, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
NAMES = ("original", "rurk", "gd")


def measured(samples: int = 10, draws: int = 20) -> Residual:
    """GD recognizes twice as many copies as Re-train of every second forget sample, else half."""
    made = synthetic.residual(samples, draws)
    counts = {name: np.full((samples, 11), 8, np.int32) for name in made.counts}
    counts["gd"][::2], counts["gd"][1::2] = 16, 4
    counts["gd"][2] = 18
    counts["original"] += np.arange(11, dtype=np.int32)
    labels = {name: np.arange(draws) >= found[:, :, None] for name, found in counts.items()}
    said = {name: found.astype(np.uint8) for name, found in labels.items()}
    return replace(made, counts=counts, predictions=said)


class Shown:
    """The view with curves of three models, 640 x 480 pixels, on the screen."""

    def __init__(self, qtbot: QtBot) -> None:
        self.state = AppState()
        self.asked = stand_ins.Asked(self.state)
        self.state.residual = measured()
        self.state.losses = {"original": (2.0, 1.0), "retrain-0": (2.1, 1.1), "gd": (0.4,)}
        self.view = CurvesView(self.state, self.asked)
        self.qtbot = qtbot
        qtbot.addWidget(self.view)
        self.view.resize(640, 480)
        self.view.show()
        qtbot.waitExposed(self.view)
        self.open(RESIDUAL)

    def open(self, tab: int) -> CurveChart:
        """Choose a measure by keyboard and see its chart."""
        choice = self.view.tabs.choice
        choice.setFocus()
        for key in (Qt.Key.Key_Home, *[Qt.Key.Key_Down] * tab):
            QTest.keyClick(choice, key)
        self.view.grab()  # ranges settle with the first painting
        assert self.view.tabs.currentIndex() == tab
        return self.view.charts[tab]

    def pixel(self, x: float, y: float) -> QPoint:
        """Where values are drawn in the present tab's plot."""
        plot = self.view.charts[self.view.tabs.currentIndex()].plot
        at: QPoint = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))
        return at

    def click(self, x: float, y: float, off: QPoint = QPoint(0, 0)) -> None:  # noqa: B008
        """Click into the present tab's plot, `off` pixels beside these values."""
        plot = self.view.charts[self.view.tabs.currentIndex()].plot
        QTest.mouseClick(plot.viewport(), PRESS, NO_KEYS, self.pixel(x, y) + off)

    def legend(self, name: str) -> None:
        """Click on the name of a model in the present chart."""
        chart = self.view.tabs.chart
        at = chart.notes.boxes()[name].center().toPoint()
        QTest.mouseClick(chart.plot.viewport(), PRESS, NO_KEYS, at)

    def readout(self) -> str:
        """What the crosshair reads."""
        return self.view.tabs.chart.card.text()


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


# -- tabs -------------------------------------------------------------------------------------
def test_disagreement_is_drawn_with_its_bounds_as_a_band(shown: Shown) -> None:
    chart = shown.open(DISAGREEMENT)
    assert shown.state.residual is not None
    for name in NAMES:
        wanted = disagreement(shown.state.residual, name)
        np.testing.assert_allclose(chart.curves[name].getData()[1], wanted.mean)
        box = chart.bands[name].path().boundingRect()
        assert (box.top(), box.bottom()) == pytest.approx((wanted.low.min(), wanted.high.max()))
    assert "share, 0 to 1" in chart.plot.getAxis("left").labelText
    assert "pixel range [0, 1]" in chart.plot.getAxis("bottom").labelText


def test_without_predictions_only_the_bounds_are_drawn_and_said(shown: Shown) -> None:
    shown.state.residual = replace(measured(), predictions={})
    chart = shown.open(DISAGREEMENT)
    assert "only the bounds are drawn" in shown.view.note.text()
    assert chart.curves["gd"].getData() == (None, None)
    assert not chart.bands["gd"].path().isEmpty()
    QTest.mouseMove(chart.plot.viewport(), shown.pixel(0.2, 0.5))
    shown.qtbot.waitUntil(lambda: "between" in shown.readout())
    shown.open(PREVALENCE)
    assert shown.view.note.text() == ""


def test_perturbed_unlearn_accuracy_has_retrain_and_its_range(shown: Shown) -> None:
    made = measured()
    made.counts["retrain-1"][:] = 12
    shown.state.residual = replace(made, counts=dict(made.counts))
    chart = shown.open(ACCURACY)
    wanted = perturbed_unlearn_accuracy(made, "gd")
    np.testing.assert_allclose(chart.curves["gd"].getData()[1], wanted)
    assert chart.curves["retrain"].getData()[1] == pytest.approx(50)
    box = chart.bands["retrain"].path().boundingRect()
    assert (box.top(), box.bottom()) == pytest.approx((40, 60))
    assert chart.plot.getAxis("left").labelText == "perturbed unlearn accuracy (%)"
    QTest.mouseMove(chart.plot.viewport(), shown.pixel(0.2, 50))
    shown.qtbot.waitUntil(lambda: "Re-train 50.0 %" in shown.readout())


def test_a_tab_that_is_not_seen_follows_when_it_is_opened(shown: Shown) -> None:
    shown.open(ACCURACY)
    shown.open(RESIDUAL)
    made = measured()
    shown.state.residual = replace(made, counts={**made.counts, "gd": made.counts["gd"] * 0})
    chart = shown.open(ACCURACY)
    assert chart.curves["gd"].getData()[1] == pytest.approx(100)


def test_every_measure_is_listed_with_what_it_means(shown: Shown) -> None:
    choice = shown.view.tabs.choice
    titles = [choice.itemText(number) for number in range(choice.count())]
    assert titles[POOLED] == "Residual knowledge" and titles[LOSS] == "Training loss"
    assert titles[ACCURACY] == "Perturbed unlearn accuracy"
    for number, title in enumerate(titles):
        shown.open(number)
        assert choice.currentText() == title and choice.toolTip()


# -- a click on a curve -----------------------------------------------------------------------
def test_a_click_on_a_curve_selects_the_samples_that_carry_it(shown: Shown) -> None:
    shown.click(0.16, 1.16, QPoint(0, 4))  # GD
    carried = [9, 1, 17, 25, 33]  # the largest r first
    assert shown.asked.calls == [
        ("select", carried, REPLACE),
        ("set_probe", "gaussian", 0.16),
    ]
    words = shown.view.samples.words.text()
    assert words == "5 of 10 forget samples have r > 1 in GD at τ 0.16; they are selected."
    assert shown.state.selection.chosen == set(carried)


def _listed(view: CurvesView) -> list[list[str]]:
    """The texts of the list of samples, row by row."""
    model = view.samples.table.carriers
    columns = range(model.columnCount())
    return [[model.index(row, c).data() for c in columns] for row in range(model.rowCount())]


def _row(view: CurvesView, row: int) -> QPoint:
    table = view.samples.table
    return table.visualRect(table.carriers.index(row, 0)).center()


def test_the_list_gives_index_class_r_and_counts(shown: Shown) -> None:
    shown.state.dataset = synthetic.images()
    shown.click(0.16, 1.16)
    assert shown.view.samples.isVisible()
    assert _listed(shown.view)[:2] == [
        ["9", "class 1", "2.25", "18 of 20", "8.0 of 20"],
        ["1", "class 1", "2.00", "16 of 20", "8.0 of 20"],
    ]


def test_a_click_in_the_list_puts_its_sample_under_the_lens(shown: Shown) -> None:
    shown.click(0.16, 1.16)
    table = shown.view.samples.table
    QTest.mouseClick(table.viewport(), PRESS, NO_KEYS, _row(shown.view, 1))
    assert shown.asked.calls[-1] == ("set_current", 1)
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert shown.asked.calls[-1] == ("set_current", 17)
    calls = len(shown.asked.calls)
    shown.state.selection = replace(shown.state.selection, current=9)  # chosen elsewhere
    assert table.currentIndex().row() == 0
    assert len(shown.asked.calls) == calls


def test_the_list_is_closed_by_its_button_and_by_new_numbers(shown: Shown) -> None:
    shown.click(0.16, 1.16)
    QApplication.processEvents()  # the list is laid out
    QTest.mouseClick(shown.view.samples.close_button, PRESS)
    assert not shown.view.samples.isVisible()
    QTest.qWait(QApplication.doubleClickInterval() + 50)
    shown.click(0.16, 1.16)
    assert shown.view.samples.isVisible()
    shown.state.residual = measured()
    assert not shown.view.samples.isVisible()


def test_what_a_click_found_is_said_in_the_plot_until_the_next_click(shown: Shown) -> None:
    shown.click(0.16, 0.9)  # RURK: every r is 1
    message = shown.view.residual.message
    assert message.isVisible()
    assert "No forget sample has r > 1 in RURK at τ 0.16" in message.text()
    viewport = shown.view.residual.plot.viewport()
    QTest.mouseMove(viewport, shown.pixel(0.32, 1.2))
    shown.qtbot.waitUntil(lambda: "τ 0.32" in shown.readout())
    QTest.qWait(STEP)
    QTest.mouseMove(viewport, QPoint(3, 3))
    shown.qtbot.waitUntil(lambda: shown.readout() == "")
    assert message.isVisible()
    shown.state.residual = measured()  # new numbers: it is no longer true
    assert not message.isVisible()


def test_a_click_beside_every_curve_asks_for_the_neighborhood_alone(shown: Shown) -> None:
    shown.click(0.16, 1.75)
    assert shown.asked.calls == [("set_probe", "gaussian", 0.16)]
    assert "selected" not in shown.readout()


def test_a_curve_that_no_sample_carries_leaves_the_selection(shown: Shown) -> None:
    shown.click(0.16, 0.9)  # RURK: every r is 1
    assert shown.asked.calls == [("set_probe", "gaussian", 0.16)]
    assert "the selection is unchanged" in shown.view.residual.message.text()


def test_at_most_two_hundred_samples_are_selected(shown: Shown) -> None:
    shown.state.residual = measured(samples=500)
    shown.view.grab()
    shown.click(0.16, 1.16)
    name, samples, mode = shown.asked.calls[0]
    assert (name, len(samples), mode) == ("select", 200, REPLACE)
    assert samples[0] == 9
    words = shown.view.samples.words.text()
    assert "250 of 500 forget samples have r > 1" in words
    assert "the 200 with the largest r are selected" in words


@pytest.mark.parametrize("tab", [PREVALENCE, DISAGREEMENT, ACCURACY])
def test_every_curve_over_tau_selects_the_samples_that_carry_it(tab: int, shown: Shown) -> None:
    chart = shown.open(tab)
    x, y = chart.curves["gd"].getData()
    shown.click(x[4], y[4])
    assert shown.asked.calls[0] == ("select", [9, 1, 17, 25, 33], REPLACE)


def test_a_curve_is_picked_on_a_log_scale_too(shown: Shown) -> None:
    QTest.mouseClick(shown.view.log, PRESS, NO_KEYS, QPoint(8, shown.view.log.height() // 2))
    shown.view.grab()
    shown.click(0.16, float(np.log10(1.16)))
    assert shown.asked.calls[0][0] == "select"


# -- which models -----------------------------------------------------------------------------
def test_a_click_on_a_legend_entry_hides_and_shows_its_model_in_every_tab(shown: Shown) -> None:
    shown.legend("gd")
    assert set(shown.view.residual.curves) == {"original", "rurk"}
    assert "gd" not in shown.view.residual.bands
    assert "GD (hidden)" in shown.view.residual.accessibleDescription()
    chart = shown.open(LOSS)
    assert set(chart.curves) == {"original", "retrain-0"}
    shown.legend("gd")
    assert "gd" in chart.curves
    shown.open(RESIDUAL)
    assert set(shown.view.residual.curves) == set(NAMES)


def test_a_hidden_curve_is_neither_read_nor_picked(shown: Shown) -> None:
    shown.legend("gd")
    shown.click(0.16, 1.16)
    assert shown.asked.calls == [("set_probe", "gaussian", 0.16)]
    QTest.qWait(STEP)
    QTest.mouseMove(shown.view.residual.plot.viewport(), shown.pixel(0.16, 1.3))
    shown.qtbot.waitUntil(lambda: "Original" in shown.readout())
    assert "GD" not in shown.readout()


def test_the_name_of_the_null_band_is_no_switch(shown: Shown) -> None:
    chart = shown.view.residual
    written = chart.notes.band_box()
    assert written is not None and written[0].startswith("null band")
    QTest.mouseClick(chart.plot.viewport(), PRESS, NO_KEYS, written[1].center().toPoint())
    assert set(chart.curves) == set(NAMES)
    assert "hidden" not in chart.accessibleDescription()


def test_the_menu_hides_models_by_keyboard_and_stays_open(shown: Shown) -> None:
    view, menu = shown.view, shown.view.models.models
    labels = [action.text() for action in menu.actions()]
    assert labels == ["Original", "RURK", "GD", "Re-train", "Re-train 0"]
    menu.popup(view.models.mapToGlobal(QPoint(0, view.models.height())))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Down, Qt.Key.Key_Space):
        QTest.keyClick(menu, key)
    assert menu.isVisible()
    assert set(view.residual.curves) == {"gd"}
    QTest.keyClick(menu, Qt.Key.Key_Space)
    assert set(view.residual.curves) == {"rurk", "gd"}
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    assert not menu.isVisible()


def test_a_click_in_the_menu_hides_a_model_and_the_menu_follows_the_legend(shown: Shown) -> None:
    menu = shown.view.models.models
    shown.legend("rurk")
    assert [action.isChecked() for action in menu.actions()] == [True, False, True, True, True]
    menu.popup(shown.view.mapToGlobal(QPoint(0, 0)))
    QTest.mouseClick(menu, PRESS, NO_KEYS, menu.actionGeometry(menu.actions()[0]).center())
    assert menu.isVisible()
    assert set(shown.view.residual.curves) == {"gd"}
    menu.close()


def test_an_open_menu_that_loses_all_models_closes(shown: Shown, qtbot: QtBot) -> None:
    # Qt hides what has no size but ends the loop of the click only when a menu is closed
    button, menu, closed = shown.view.models, shown.view.models.models, []

    def lose() -> None:
        assert menu.isVisible()
        shown.state.residual = None
        shown.state.losses = {}
        qtbot.waitUntil(lambda: not button.isEnabled())
        closed.append(not menu.isVisible())
        menu.close()  # else the click would go on for ever

    for _ in range(2):  # the button works again afterwards
        QTimer.singleShot(0, lose)
        QTest.mouseClick(button, PRESS)
        shown.state.residual = measured()
        qtbot.waitUntil(button.isEnabled)
    assert closed == [True, True]


def test_tab_and_models_are_kept_and_nonsense_is_ignored(shown: Shown, qtbot: QtBot) -> None:
    shown.legend("gd")
    shown.open(ACCURACY)
    kept = shown.view.view_state()
    other = Shown(qtbot).view
    other.restore_view_state(kept)
    assert other.tabs.currentIndex() == ACCURACY
    assert set(other.accuracy.curves) == {"original", "rurk", "retrain"}
    other.restore_view_state({"tab": ["x"], "hidden": 3})
    assert other.view_state() == {**kept, "log": False, "mean": False}


# -- the numbers ------------------------------------------------------------------------------
def test_carriers_leave_out_what_is_undefined() -> None:
    made = measured()
    for name in ("retrain-0", "retrain-1"):
        made.counts[name][0] = 0
    assert carriers(made, "gd", 4).tolist() == [9, 17, 25, 33]
    assert carriers(made, "rurk", 4).tolist() == []


def test_the_distance_to_a_line_is_in_pixels_and_knows_gaps() -> None:
    line = np.array([[0.0, 0.0], [10.0, 0.0], [np.nan, 0.0], [20.0, 5.0]])
    assert distance_to_line(line, (5, 2), (1, 3)) == pytest.approx(6)
    assert distance_to_line(line, (13, 0), (2, 1)) == pytest.approx(6)
    assert distance_to_line(line, (20, 6), (1, 1)) == pytest.approx(1)
    assert distance_to_line(line[:0], (0, 0), (1, 1)) == np.inf
    assert distance_to_line(np.full((2, 2), np.nan), (0, 0), (1, 1)) == np.inf
