"""What stands at the axes of plots keeps to the room there is, and covers nothing else."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shown import Shown

from explorer.plots.chart import Chart, Series
from explorer.plots.scatter import Mark, ScatterPlot
from explorer.plots.tradeoff import LOW
from explorer.theme import LIGHT, ModelStyle, apply
from explorer.views.metrics import SCATTER, MetricsView
from explorer.views.runs.view import RunsView
from explorer.widgets.plot_widget import Axis

LONG = "copies called differently from Re-train (share, 0 to 1)"


def show(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)


@pytest.fixture
def chart(qtbot: QtBot) -> Chart:
    made = Chart("Disagreement")
    made.set_theme(LIGHT)
    made.set_axes("τ", LONG)
    style = LIGHT.model_style("rurk")
    made.draw([Series("rurk", "RURK", style, np.arange(3.0), np.array([0.0, 40.0, 100.0]))], None)
    show(qtbot, made, 400, 200)
    return made


def left(chart: Chart) -> Axis:
    axis = chart.plot.getAxis("left")
    assert isinstance(axis, Axis)
    return axis


def written(axis: Axis) -> str:
    return str(axis.label.toPlainText()).strip()


def test_a_label_longer_than_its_axis_is_cut_short_with_a_tooltip_until_there_is_room(
    chart: Chart,
) -> None:
    axis = left(chart)
    assert written(axis).endswith("…") and LONG.startswith(written(axis)[:-1])
    metrics = QFontMetricsF(axis.label.font())
    assert metrics.horizontalAdvance(written(axis)) <= axis.size().height()
    assert axis.toolTip() == LONG
    chart.resize(400, 700)
    QApplication.processEvents()
    assert (written(axis), axis.toolTip()) == (LONG, "")


def test_an_axis_whose_view_is_gone_still_tells_its_bounds(chart: Chart) -> None:
    """Qt asks for them while it destroys a plot, in an order of its own."""
    axis = left(chart)
    axis.setGrid(80)  # what the bounds then reach over is the view
    assert axis.linkedView() is not None
    view = chart.plot.getViewBox()
    chart.plot.plotItem.layout.removeItem(view)
    shiboken6.delete(view)
    assert axis.linkedView() is None
    assert axis.boundingRect().height() > 0


@pytest.mark.parametrize("height", [90, 110, 140, 200, 500])
def test_numbers_at_an_upright_axis_do_not_touch(chart: Chart, height: int) -> None:
    chart.resize(400, height)
    chart.grab()
    axis = left(chart)
    low, high = axis.range
    size = axis.size().height()
    levels = axis.tickValues(low, high, size)
    places = sorted({value for _, values in levels[:1] for value in values})
    apart = np.diff(places) * size / (high - low)
    assert (apart >= axis.label.font().pointSizeF()).all()
    if height >= 110:
        assert len(places) >= 2


def marks() -> list[Mark]:
    """Four points at the right end of the line at 1, so close that labels must make room."""
    none = (float("nan"), float("nan"))
    style = ModelStyle("#0072b2", "o", ())
    places = [(0.0, 0.5), (6.9, 1.05), (7.0, 1.0), (7.0, 0.95)]
    names = ["RURK", "GD", "Original", "GA"]
    found = zip(names, places, strict=True)
    return [Mark(name, name, style, x, y, none, none, "") for name, (x, y) in found]


def box_of(plot: ScatterPlot, item: object) -> QRectF:
    return item.mapRectToScene(item.boundingRect())  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("size", [(400, 140), (300, 300), (700, 400)])
def test_no_label_of_a_scatter_covers_another_nor_the_word_at_what_is_ideal(
    qtbot: QtBot, size: tuple[int, int]
) -> None:
    plot = ScatterPlot()
    plot.set_theme(LIGHT)
    show(qtbot, plot, *size)
    plot.draw(marks(), [], (float("nan"), 1.0), ("gap", "r"))
    plot.grab()
    (ideal,) = plot.goals
    assert ideal.isVisible()
    told = [one for one in (*plot.labels, ideal) if one.isVisible()]
    boxes = [box_of(plot, one).adjusted(1, 1, -1, -1) for one in told]
    assert len(boxes) >= 2
    assert not [1 for one, other in combinations(boxes, 2) if one.intersects(other)]


def test_a_low_scatter_leaves_its_room_to_the_plot_until_a_point_is_asked(shown: Shown) -> None:
    shown.fill()
    view = shown.view(MetricsView)
    view.tabs.setCurrentIndex(SCATTER)
    view.resize(460, 260)
    QApplication.processEvents()
    tradeoff = view.tradeoff
    assert tradeoff.height() < LOW
    assert not tradeoff.words.isVisible() and "Pareto front" in tradeoff.plot.about
    name = tradeoff.plot.marks[0].name
    at = tradeoff.plot.place_of(name).toPoint()
    shown.qtbot.mouseClick(tradeoff.plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    shown.qtbot.waitUntil(tradeoff.words.isVisible)
    beside = at + QPoint(60, 30)
    shown.qtbot.wait(QApplication.doubleClickInterval() + 50)
    shown.qtbot.mouseClick(tradeoff.plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=beside)
    shown.qtbot.waitUntil(lambda: not tradeoff.words.isVisible())
    view.resize(460, 480)
    QApplication.processEvents()
    assert tradeoff.words.isVisible()


def test_the_heads_of_tables_have_room_for_their_letters(shown: Shown, qapp: QApplication) -> None:
    apply(qapp, LIGHT)
    shown.fill()
    view = shown.view(RunsView)
    header = view.table.horizontalHeader()
    assert header.height() >= header.fontMetrics().height() + 6


@pytest.mark.parametrize("height", [110, 180, 420])
@pytest.mark.parametrize("low", [0.5, 0.02])
def test_numbers_of_a_logarithmic_axis_are_round_and_do_not_touch(
    chart: Chart, height: int, low: float
) -> None:
    style = LIGHT.model_style("rurk")
    values = np.array([low, 1.0, 3.3])
    chart.draw([Series("rurk", "RURK", style, np.arange(3.0), values)], None, log=True)
    chart.resize(400, height)
    for _ in range(2):
        chart.grab()
        QApplication.processEvents()
    axis = left(chart)
    bottom, top = axis.range
    size = axis.size().height()
    ((_, places),) = axis.tickValues(bottom, top, size)
    texts = axis.tickStrings(places, 1.0, None)
    assert len(texts) >= 2 and all(float(text) > 0 for text in texts)
    assert all(text.strip("0.")[:1] in "1235" or float(text) < 3.3 for text in texts)
    apart = np.diff(places) * size / (top - bottom)
    assert (apart >= QFontMetricsF(axis.label.font()).height()).all()


def test_a_shorter_label_is_written_where_the_full_one_does_not_fit(chart: Chart) -> None:
    axis = left(chart)
    axis.set_shorter(("disagreement (share)", "share"))
    for height, words in ((700, LONG), (260, "disagreement (share)"), (130, "share")):
        chart.resize(400, height)
        QApplication.processEvents()
        assert written(axis) == words
        assert axis.toolTip() == ("" if words == LONG else LONG)
