from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import Shown

from explorer.state.selection import Selection
from explorer.views.curves.tabs import LOSS, POOLED, RESIDUAL
from explorer.views.curves.view import CurvesView
from explorer.views.neighborhood.view import NeighborhoodView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


# -- neighborhood -----------------------------------------------------------------------------
@pytest.fixture
def neighborhood(shown: Shown) -> NeighborhoodView:
    shown.fill()
    return shown.view(NeighborhoodView)


def test_rows_give_counts_and_the_samples_own_r(neighborhood: NeighborhoodView) -> None:
    words = neighborhood.matrix.accessibleDescription()
    assert "Original: 30 of 30 r 1.00" in words
    assert "RURK: 10 of 30 r 0.33" in words
    assert "2 Re-trains: " in words


def test_copies_are_ordered_by_their_distance(neighborhood: NeighborhoodView) -> None:
    table = neighborhood.matrix.table
    assert table is not None
    assert np.all(np.diff(table.sizes) >= 0)
    assert len(table.copies) == 30


def test_a_cell_says_in_words_what_the_model_says(neighborhood: NeighborhoodView) -> None:
    matrix = neighborhood.matrix
    at = QPoint(matrix.left + matrix.sizes.cell // 2, matrix.top + int(2.5 * matrix.sizes.row))
    assert matrix.describe(at).startswith("RURK predicts class 2 (wrong), 20% for the true class")
    assert matrix.describe(QPoint(5, 5)) == ""


def test_scrolling_sideways_shows_later_copies(neighborhood: NeighborhoodView) -> None:
    matrix = neighborhood.matrix
    assert matrix.horizontalScrollBar().maximum() > 0
    QTest.keyClick(matrix, Qt.Key.Key_Right)
    at = QPoint(matrix.left + matrix.sizes.cell // 2, 30)
    assert matrix.describe(at).startswith("copy 2 of 30")


def test_slider_and_combo_ask_for_another_probe(
    neighborhood: NeighborhoodView, shown: Shown
) -> None:
    assert neighborhood.slider.value() == 5
    assert neighborhood.tau.text() == "τ 0.2"
    neighborhood.slider.setFocus()
    QTest.keyClick(neighborhood.slider, Qt.Key.Key_Right)
    assert shown.last == ("set_probe", "gaussian", 0.24)
    assert neighborhood.tau.text() == "τ 0.24"
    QTest.keyClick(neighborhood.perturbation, Qt.Key.Key_Down)
    assert shown.last == ("set_probe", "l2", 0.24)


def test_a_probe_from_elsewhere_moves_the_slider_without_asking(
    neighborhood: NeighborhoodView, shown: Shown
) -> None:
    shown.state.probe = ("linf", 0.4)
    assert neighborhood.slider.value() == 10
    assert neighborhood.perturbation.currentText() == "L-inf ball"
    assert "set_probe" not in {call[0] for call in shown.asked.calls}


def test_a_sample_no_retrain_recognizes_has_an_undefined_r(shown: Shown) -> None:
    shown.fill()
    made = shown.state.neighborhood
    assert made is not None
    counts = {n: 0 if n.startswith("retrain") else c for n, c in made.counts.items()}
    shown.state.neighborhood = replace(made, counts=counts)
    view = shown.view(NeighborhoodView)
    assert "RURK: 10 of 30 r undefined" in view.matrix.accessibleDescription()


def test_the_sentence_follows_what_is_missing(shown: Shown) -> None:
    dataset = synthetic.images()
    view = shown.view(NeighborhoodView)
    assert "Press Run" in view.panel.empty.text()
    shown.state.dataset, shown.state.models = dataset, synthetic.models(dataset)
    assert "Click a sample" in view.panel.empty.text()
    shown.state.selection = Selection(5)
    assert "copies of sample 5" in view.panel.empty.text()
    shown.state.neighborhood = synthetic.neighborhood(dataset, 5)
    shown.state.selection = Selection(8)
    assert "below are those of sample 5" in view.caption.details.text()


# -- curves -----------------------------------------------------------------------------------
def test_curves_grow_live(shown: Shown) -> None:
    view = shown.view(CurvesView)
    shown.state.losses = {"original": (2.0,)}
    assert view.tabs.currentIndex() == LOSS
    shown.state.residual = synthetic.residual(draws=10)
    assert view.tabs.currentIndex() == POOLED
    assert "c = 10 of 100 copies of each of 10 forget samples." in view.info.toolTip()
    curve = view.pooled.curves["original"]
    assert curve.getData()[1][-1] == pytest.approx(np.log10(2))
    shown.state.residual = synthetic.residual(draws=100)
    assert view.pooled.curves["original"] is curve  # the same line, with new numbers
    shown.state.study = synthetic.study()
    assert "c = 100 copies of each of 10 forget samples." in view.info.toolTip()


def test_band_line_and_legend_are_there(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    words = view.residual.accessibleDescription()
    assert words == "Original, RURK, GD, null band: one Re-train against another"
    view.residual.plot.grab()
    assert view.residual.level is not None
    assert view.residual.level == 1.0
    band = view.residual.bands[""].path().boundingRect()
    assert (band.top(), band.bottom()) == pytest.approx((0.85, 1.15))
    x_low, x_high = view.residual.plot.viewRange()[0]
    assert -0.1 < x_low <= 0
    assert 0.4 <= x_high < 0.5


def test_undefined_values_are_gaps_and_said(shown: Shown) -> None:
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    shown.state.residual = synthetic.residual(undefined=3)
    assert "undefined for up to 3 of 10 samples" in view.note.text()
    shown.state.residual = synthetic.residual(undefined=10)
    assert np.isnan(view.residual.curves["original"].getData()[1][-1])


def test_log_scale_draws_logarithms(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    view.log.click()
    assert view.log.isChecked()
    assert view.residual.curves["original"].getData()[1][-1] == pytest.approx(np.log10(2))
    assert view.residual.level == 0


def test_hovering_reads_the_values_at_the_nearest_tau(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    QApplication.processEvents()
    box = view.residual.plot.getViewBox()
    at = view.residual.plot.mapFromScene(box.mapViewToScene(QPointF(0.39, 1.2)))
    QTest.mouseMove(view.residual.plot.viewport(), at)
    shown.qtbot.waitUntil(lambda: "τ 0.4" in view.residual.card.text())
    assert "r 2 [1.9, 2.1]" in view.residual.card.text()
    assert view.residual.cross == pytest.approx(0.4)


def test_a_click_asks_for_the_neighborhood_at_that_tau(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    QApplication.processEvents()
    box = view.residual.plot.getViewBox()
    at = view.residual.plot.mapFromScene(box.mapViewToScene(QPointF(0.161, 1.5)))
    QTest.mouseClick(view.residual.plot.viewport(), LEFT, NONE, at)
    assert shown.last == ("set_probe", "gaussian", 0.16)


def test_axes_name_unit_and_perturbation(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    label = view.residual.plot.getAxis("bottom").labelText
    assert "Gaussian" in label
    assert "pixel range [0, 1]" in label
    assert view.residual.plot.getAxis("bottom").autoSIPrefixScale == 1
    assert "%" in view.prevalence.plot.getAxis("left").labelText


def test_every_stage_has_a_loss_curve(shown: Shown) -> None:
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    shown.state.losses = {"original": (2.0, 1.0), "retrain-0": (2.1,)}
    assert view.loss.accessibleDescription() == "Original, Re-train 0"
    shown.state.losses = {"original": (2.0, 1.0, 0.5)}
    x, y = view.loss.curves["original"].getData()
    assert (x.tolist(), y.tolist()) == ([1, 2, 3], [2.0, 1.0, 0.5])
    assert "retrain-0" not in view.loss.curves


# -- drawing once -----------------------------------------------------------------------------
def test_what_changes_at_once_is_drawn_once_and_what_changes_alone_at_once(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    drawn: list[bool] = []
    view.refreshed.connect(lambda: drawn.append(shown.state.unsettled))
    with shown.state.at_once():
        shown.state.losses = {"original": (1.0, 0.5)}
        shown.state.residual = synthetic.residual(8)
        with shown.state.at_once():
            shown.state.study = synthetic.study(8)
        assert not drawn
    assert drawn == [False]
    shown.state.losses = {"original": (1.0,)}
    assert drawn == [False, False]


def test_a_change_that_fails_halfway_is_drawn_as_far_as_it_came(shown: Shown) -> None:
    shown.fill()
    view, drawn = shown.view(CurvesView), []
    view.tabs.setCurrentIndex(RESIDUAL)
    view.refreshed.connect(lambda: drawn.append(True))

    def fail() -> None:
        with shown.state.at_once():
            shown.state.losses = {"original": (1.0, 0.5)}
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail()
    assert drawn == [True] and not shown.state.unsettled
