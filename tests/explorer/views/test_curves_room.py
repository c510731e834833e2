"""Curves is good in a small dock and in a large one: the plot has the room, nothing jumps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import Shown

from explorer.views.curves.sources import probe_tau
from explorer.views.curves.tabs import RESIDUAL
from explorer.views.curves.view import CurvesView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SIZES = [(430, 270), (800, 620)]


def show(shown: Shown, size: tuple[int, int]) -> CurvesView:
    """The view in a dock of this size, whose title has taken its controls."""
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    view.panel.bar.hide()
    view.resize(*size)
    for _ in range(2):
        QApplication.processEvents()
        view.grab()
    return view


def frame(view: CurvesView) -> tuple[int, int]:
    box = view.residual.plot.getViewBox().sceneBoundingRect()
    return round(box.width()), round(box.height())


def pixel(view: CurvesView, x: float, y: float) -> QPoint:
    plot = view.residual.plot
    at: QPoint = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))
    return at


def click_gd(view: CurvesView) -> None:
    y = view.residual.curves["gd"].getData()[1]
    QTest.mouseClick(view.residual.plot.viewport(), LEFT, NONE, pixel(view, 0.16, float(y[4])))
    QApplication.processEvents()
    view.grab()


@pytest.mark.parametrize("size", SIZES)
def test_the_plot_has_most_of_the_dock(shown: Shown, size: tuple[int, int]) -> None:
    view = show(shown, size)
    width, height = frame(view)
    assert width >= 0.68 * size[0] and height >= 0.68 * size[1]
    assert view.note.isVisible() == (size[1] > 500)
    assert "undefined for up to 3 of 10 samples" in view.info.toolTip()


@pytest.mark.parametrize("size", SIZES)
def test_no_label_of_an_axis_is_cut(shown: Shown, size: tuple[int, int]) -> None:
    view = show(shown, size)
    for side in ("left", "bottom"):
        axis = view.residual.plot.getAxis(side)
        assert "…" not in axis.label.toPlainText() and axis.label.toPlainText().strip()


@pytest.mark.parametrize("size", SIZES)
def test_the_list_of_a_click_takes_a_third_at_most_and_esc_closes_it(
    shown: Shown, size: tuple[int, int]
) -> None:
    view = show(shown, size)
    residual = synthetic.residual()
    residual.counts["gd"][:] = 80
    with shown.state.at_once():
        shown.state.residual = residual
        shown.state.study = replace(synthetic.study(), residual=residual)
    for _ in range(2):
        QApplication.processEvents()
        view.grab()
    before = frame(view)
    click_gd(view)
    assert view.samples.isVisible()
    assert view.samples.width() <= size[0] / 3
    assert frame(view)[1] >= 0.98 * before[1] >= 0.6 * size[1]
    table = view.samples.table
    assert table.columnWidth(0) + table.columnWidth(2) <= table.viewport().width() + 2
    assert shown.asked.calls[-1] == ("set_probe", "gaussian", 0.16)  # though the plot is narrower
    QTest.keyClick(view.residual.plot.viewport(), Qt.Key.Key_Escape)
    QApplication.processEvents()
    assert not view.samples.isVisible()
    view.grab()
    assert frame(view) == before


@pytest.mark.parametrize("size", SIZES)
def test_hovering_moves_nothing(shown: Shown, size: tuple[int, int]) -> None:
    view = show(shown, size)
    before = view.residual.plot.geometry(), frame(view), view.residual.plot.viewRange()
    QTest.mouseMove(view.residual.plot.viewport(), pixel(view, 0.2, 1.2))
    shown.qtbot.waitUntil(lambda: "τ 0.2" in view.residual.card.text())
    QApplication.processEvents()
    assert (view.residual.plot.geometry(), frame(view), view.residual.plot.viewRange()) == before


# -- the line at tau --------------------------------------------------------------------------
def test_the_line_is_at_the_tau_of_all_views_with_its_value(shown: Shown) -> None:
    view = show(shown, (800, 620))
    assert view.residual.line.value() == pytest.approx(0.2)  # the middle of the grid
    shown.state.probe = ("gaussian", 0.32)
    assert view.residual.notes.line == (0.32, "τ 0.32")


@pytest.mark.parametrize("probe", [("gaussian", 1.6), ("pgd", 0.2)])
def test_a_line_of_other_data_is_not_drawn(shown: Shown, probe: tuple[str, float]) -> None:
    view = show(shown, (800, 620))
    before = view.residual.plot.viewRange()
    shown.state.probe = probe
    assert probe_tau(shown.state) is None
    assert not view.residual.line.isVisible() and view.residual.notes.line is None
    assert view.residual.plot.viewRange() == before


def test_a_dragged_line_asks_for_each_norm_once(shown: Shown) -> None:
    view = show(shown, (800, 620))
    for x in (0.23, 0.245, 0.25, 0.29):
        view.residual.line_moved.emit(x)
    assert [call for call in shown.asked.calls if call[0] == "set_probe"] == [
        ("set_probe", "gaussian", 0.24),
        ("set_probe", "gaussian", 0.28),
    ]


def test_another_study_takes_crosshair_zoom_and_list_with_it(shown: Shown) -> None:
    view = show(shown, (800, 620))
    chart = view.residual
    chart.hovered.emit(0.2)
    assert chart.cross is not None and chart.card.isVisible()
    chart.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    chart.plot.setYRange(5, 6, padding=0)
    other = synthetic.study(seed=7)
    with shown.state.at_once():
        shown.state.study, shown.state.residual = other, other.residual
    assert chart.cross is None
    assert chart.shown_range[0] < 1 < chart.shown_range[1]
    assert np.isfinite(chart.plot.viewRange()).all()
