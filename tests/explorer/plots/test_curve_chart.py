"""Charts name their curves at the ends, keep to the range of the main ones, and hide nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.drawing.palette import NULL_BAND, model_style
from engine.drawing.stacked_labels import most_apart, stacked_centers
from explorer.plots.chart import Ground, Series
from explorer.plots.curve_chart import CurveChart
from explorer.plots.readout import Reading
from explorer.plots.value_range import value_range
from explorer.theme import DARK, LIGHT, READABLE, Theme, contrast

TAUS = np.linspace(0, 0.4, 11)
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def flat(name: str, value: float, *, front: bool = True, theme: Theme = LIGHT) -> Series:
    y = np.full(11, value)
    style = theme.model_style(name)
    return Series(
        name, name, style, TAUS, y, y - 0.1, y + 0.1, front=front, listed=front, whiskers=True
    )


def make(qtbot: QtBot, width: int = 640, height: int = 420, theme: Theme = LIGHT) -> CurveChart:
    chart = CurveChart("Residual knowledge")
    qtbot.addWidget(chart)
    chart.set_theme(theme)
    chart.set_axes("τ: Gaussian, standard deviation", "r (1 = like Re-train)", ("τ", "r"))
    chart.resize(width, height)
    chart.show()
    qtbot.waitExposed(chart)
    return chart


def ground(low: float = 0.9, high: float = 1.1) -> Ground:
    band = np.full(11, low), np.full(11, high)
    return Ground("null band: one Re-train against another", TAUS, *band, 1.0, ("null band",))


def settle(chart: CurveChart) -> None:
    for _ in range(2):
        QApplication.processEvents()
        chart.grab()


# -- range ------------------------------------------------------------------------------------
def test_a_run_beside_does_not_squeeze_the_curves_of_the_study(qtbot: QtBot) -> None:
    chart = make(qtbot)
    own = [flat("rurk", 0.9), flat("gd", 1.9)]
    beside = flat("gd@1", 41.0, front=False)
    chart.draw([*own, beside], ground())
    low, high = chart.shown_range
    assert 0.7 < low < 0.9 and 1.9 < high < 2.7  # 0.6 of the range of 1 beyond it, at most
    (mark,) = [one for one in chart.notes.marks if one.up]
    assert mark.color == beside.style.color
    assert chart.notes.beyond[0] == "▲ to 41 beyond the axis: double-click shows all"


def test_a_run_beside_with_larger_taus_is_cut_at_those_of_the_study(qtbot: QtBot) -> None:
    chart = make(qtbot)
    other = flat("gd@1", 1.5, front=False)
    far = Series("gd@1", "gd", other.style, TAUS * 10, other.y, front=False, listed=False)
    chart.draw([flat("gd", 1.9), far], None)
    assert chart.plot.viewRange()[0][1] < 0.42


def test_a_wide_interval_is_cut_and_what_fits_is_not(qtbot: QtBot) -> None:
    chart = make(qtbot)
    narrow, wide = flat("rurk", 1.0), flat("gd", 2.0)
    wide = Series("gd", "GD", wide.style, TAUS, wide.y, wide.y - 0.1, wide.y + 300, whiskers=True)
    chart.draw([narrow, wide], None)
    assert 2.5 < chart.shown_range[1] < 3.0
    chart.draw([narrow, flat("gd", 2.0)], None)
    assert chart.shown_range[1] == pytest.approx(2.1 + 0.05 * 1.2)
    assert chart.notes.beyond == ()


@pytest.mark.parametrize("width", [300, 340, 420, 640])
@pytest.mark.parametrize("tau", [None, 0.0, 0.12, 0.2, 0.24, 0.4])
def test_what_lies_beyond_the_axis_is_written_clear_of_the_line(
    qtbot: QtBot, width: int, tau: float | None
) -> None:
    chart = make(qtbot, width, 200)
    chart.draw([flat("rurk", 1.0), flat("gd", 2.0), flat("gd@1", 41.0, front=False)], ground())
    chart.set_line(tau, "" if tau is None else f"τ {tau:g}")
    settle(chart)
    found = chart.notes.beyond_box()
    assert found is not None and "▲ to 41" in found[0]
    if tau is not None:
        assert not found[1].intersects(chart.notes.line_box())
        at = chart.plot.mapFromScene(chart.plot.getViewBox().mapViewToScene(QPointF(tau, 1))).x()
        assert not found[1].left() <= at <= found[1].right()


def test_a_double_click_shows_all_and_another_the_range_as_before(qtbot: QtBot) -> None:
    chart = make(qtbot)
    chart.draw([flat("rurk", 1.0), flat("gd", 2.0), flat("gd@1", 41.0, front=False)], ground())
    before = chart.shown_range
    for wanted in (41.0, before[1]):
        place = QPoint(chart.width() // 2, chart.height() // 2)
        QTest.mouseDClick(chart.plot.viewport(), LEFT, NONE, place)
        QTest.mouseRelease(chart.plot.viewport(), LEFT, NONE, place)
        settle(chart)
        assert chart.shown_range[1] == pytest.approx(wanted, rel=0.1)
        QTest.qWait(QApplication.doubleClickInterval() + 20)


def test_new_numbers_leave_a_zoom_and_another_study_does_not(qtbot: QtBot) -> None:
    chart = make(qtbot)
    chart.draw([flat("gd", 2.0)], ground())
    chart.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    chart.plot.setYRange(1.4, 1.5, padding=0)
    chart.draw([flat("gd", 2.1)], ground())
    assert chart.shown_range == pytest.approx((1.4, 1.5))
    chart.fit_again()
    chart.draw([flat("gd", 2.1)], ground())
    assert chart.shown_range[1] > 2


def test_the_range_of_undefined_values_is_none_and_of_one_value_is_not_empty() -> None:
    assert value_range([np.full(3, np.nan)], []) is None
    found = value_range([np.array([2.0, np.nan])], [np.array([2.5])])
    assert found is not None and found.low == 2.0 and 2.0 < found.high < 2.5


# -- names ------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(430, 220), (640, 420), (800, 620)])
@pytest.mark.parametrize("count", [1, 3, 16])
def test_names_at_the_ends_overlap_neither_each_other_nor_the_plot(
    qtbot: QtBot, size: tuple[int, int], count: int
) -> None:
    chart = make(qtbot, *size)
    values = 1 + 0.02 * np.arange(count) ** 1.5
    chart.draw([flat(f"method-{i}", value) for i, value in enumerate(values)], ground())
    settle(chart)
    boxes = chart.notes.boxes()
    assert len(boxes) == count or len(boxes) >= 8  # where not all fit, as many as do
    viewport = chart.plot.viewport().rect()
    for box in boxes.values():
        assert viewport.adjusted(-1, -1, 1, 1).contains(box.toRect())
    for one, other in combinations(boxes.values(), 2):
        assert not one.adjusted(0, 0.5, 0, -0.5).intersects(other.adjusted(0, 0.5, 0, -0.5))
    order = sorted(boxes, key=lambda name: boxes[name].center().y())
    assert order == sorted(boxes, key=lambda name: -int(name.split("-")[1]))


def test_a_name_stands_where_its_curve_ends_and_a_hidden_one_below(qtbot: QtBot) -> None:
    chart = make(qtbot)
    hidden = flat("ga", 1.5)
    hidden = Series("ga", "ga", hidden.style, TAUS, hidden.y, shown=False)
    chart.draw([flat("rurk", 1.0), flat("gd", 2.0), hidden], None)
    settle(chart)
    boxes = chart.notes.boxes()
    for name, value in (("rurk", 1.0), ("gd", 2.0)):
        scene = chart.plot.getViewBox().mapViewToScene(QPointF(0.4, value))
        assert boxes[name].center().y() == pytest.approx(scene.y(), abs=9)
    assert boxes["ga"].top() > boxes["rurk"].bottom() - 1
    with qtbot.waitSignal(chart.toggled) as told:
        at = boxes["ga"].center().toPoint()
        QTest.mouseClick(chart.plot.viewport(), LEFT, NONE, at)
    assert told.args == ["ga"]


def test_labels_move_as_little_as_possible_and_the_crowded_ones_go_first() -> None:
    assert stacked_centers([10, 10, 10], 10, 0, 100).tolist() == [5.0, 15.0, 25.0]
    assert stacked_centers([], 10, 0, 5).tolist() == []
    with pytest.raises(ValueError, match="do not fit"):
        stacked_centers([1, 2, 3], 10, 0, 20)
    assert most_apart([0, 10, 11, 12, 30], 3) == [0, 1, 4] or most_apart(
        [0, 10, 11, 12, 30], 3
    ) == [0, 3, 4]


def test_the_place_of_the_band_s_name_is_looked_for_only_when_something_moved(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hovered chart paints at every move of the mouse."""
    chart = make(qtbot)
    chart.draw([flat("rurk", 0.8)], ground(0.95, 1.3))
    settle(chart)
    searches = []
    find = chart.notes._find_band_box
    monkeypatch.setattr(
        chart.notes, "_find_band_box", lambda *words: searches.append(words) or find(*words)
    )
    before = chart.notes.band_box()
    settle(chart)
    assert not searches and before is not None
    chart.draw([flat("rurk", 1.3)], ground(0.5, 1.1))
    settle(chart)
    after = chart.notes.band_box()
    assert searches and after is not None and after[1] != before[1]
    searches.clear()
    chart.resize(500, 300)
    settle(chart)
    assert searches and chart.notes.band_box() not in (None, after)


@pytest.mark.parametrize("size", [(430, 220), (800, 620)])
def test_the_band_is_named_in_the_plot_where_no_curve_runs(
    qtbot: QtBot, size: tuple[int, int]
) -> None:
    chart = make(qtbot, *size)
    rising = flat("gd", 1.0)
    rising = Series("gd", "gd", rising.style, TAUS, 1 + 5 * TAUS)
    chart.draw([rising, flat("rurk", 0.8)], ground(0.95, 1.3))
    settle(chart)
    written = chart.notes.band_box()
    assert written is not None and written[0].startswith("null band")
    box = written[1]
    for curve in (rising, flat("rurk", 0.8)):
        for x, y in zip(
            np.linspace(0, 0.4, 200),
            np.interp(np.linspace(0, 0.4, 200), TAUS, curve.y),
            strict=True,
        ):
            at = chart.plot.getViewBox().mapViewToScene(QPointF(float(x), float(y)))
            assert not box.contains(at)


# -- colors -----------------------------------------------------------------------------------
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_null_band_has_a_color_of_its_own_above_no_interval(qtbot: QtBot, theme: Theme) -> None:
    chart = make(qtbot, theme=theme)
    chart.draw([flat("original", 1.5, theme=theme), flat("gd", 1.2, theme=theme)], ground())
    fill = chart.bands[""].brush().color().name()
    assert fill == theme.null_band.fill
    assert fill not in {chart.bands[name].pen().color().name() for name in ("original", "gd")}
    area = Series(
        "rurk", "rurk", theme.model_style("rurk"), TAUS, np.ones(11), np.zeros(11), np.ones(11)
    )
    chart.draw([area], ground())
    assert chart.bands["rurk"].zValue() < chart.bands[""].zValue()  # areas lie below the band
    assert {model_style(name).color for name in ("original", "retrain", "gd")}.isdisjoint(
        {NULL_BAND.fill, NULL_BAND.edge}
    )


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_names_can_be_read_on_the_background(qtbot: QtBot, theme: Theme) -> None:
    chart = make(qtbot, theme=theme)
    chart.draw([flat(name, 1.0, theme=theme) for name in ("original", "gd", "ga", "scrub")], None)
    for label in chart.notes.labels:
        assert contrast(label.color, theme.base) >= READABLE


# -- cursor -----------------------------------------------------------------------------------
def hover(chart: CurveChart, x: float, y: float) -> None:
    at = chart.plot.getViewBox().mapViewToScene(QPointF(x, y))
    chart.plot.scene().sigMouseMoved.emit(at)


def test_the_curve_under_the_cursor_stands_out_and_the_others_come_back(qtbot: QtBot) -> None:
    chart = make(qtbot)
    chart.draw([flat("rurk", 1.0), flat("gd", 2.0)], None)
    settle(chart)
    hover(chart, 0.2, 2.0)
    assert chart.curves["gd"].opacity() == 1 and chart.curves["rurk"].opacity() < 0.5
    assert chart.bands["gd"].opacity() > chart.bands["rurk"].opacity()
    leave = QEvent(QEvent.Type.Leave)
    with qtbot.waitSignal(chart.hovered) as told:
        QApplication.sendEvent(chart.plot, leave)
    assert np.isnan(told.args[0])
    assert chart.curves["rurk"].opacity() == 1


def test_the_readout_lies_in_the_plot_and_moves_nothing(qtbot: QtBot) -> None:
    chart = make(qtbot, 430, 220)
    chart.draw([flat(f"method-{i}", 1 + 0.1 * i) for i in range(16)], None)
    settle(chart)
    before = chart.plot.geometry(), chart.plot.viewRange()
    rows = [
        Reading(f"method-{i}", "#000000", f"r {1 + 0.1 * i:.2f}", y=1 + 0.1 * i) for i in range(16)
    ]
    chart.read("τ 0.2", rows, 0.2, 1.71)
    assert (chart.plot.geometry(), chart.plot.viewRange()) == before
    card = chart.card
    assert card.isVisible() and chart.plot.viewport().rect().contains(card.geometry())
    assert "method-15 r 2.50" in card.text()  # all are read out, though not all are drawn
    chart.stop_reading()
    assert not card.isVisible() and card.text() == ""


def test_the_line_is_dragged_and_written_beside(qtbot: QtBot) -> None:
    chart = make(qtbot)
    chart.draw([flat("gd", 2.0)], None)
    chart.set_line(0.2, "τ 0.2")
    assert chart.line.isVisible() and chart.line.value() == 0.2
    assert chart.notes.line == (0.2, "τ 0.2")
    chart.set_line(None)
    assert not chart.line.isVisible() and chart.notes.line is None


def test_a_faint_area_is_stronger_on_a_dark_ground(qtbot: QtBot) -> None:
    alphas = []
    for theme in (LIGHT, DARK):
        chart = make(qtbot, theme=theme)
        chart.draw([flat("rurk", 1.0, theme=theme)], replace(ground(), color=theme.muted))
        alphas.append(chart.bands[""].brush().color().alphaF())
    assert alphas[1] > 1.5 * alphas[0]
