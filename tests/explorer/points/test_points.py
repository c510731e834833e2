from __future__ import annotations

import sys

import numpy as np
import pyqtgraph as pg
import pytest
from mouse import drag
from patience import calls_of
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from explorer.plots.band_paths import band_path
from explorer.points.canvas import Canvas
from explorer.points.lasso import LassoViewBox, lasso_mode
from explorer.points.points import PointsItem, point_radius
from explorer.points.stamps import CIRCLE, CROSS, DIAMOND, RING, SQUARE, TRIANGLE, stamp
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE
from explorer.widgets.plot_widget import Plot
from explorer.widgets.sample_picture import html_picture, picture

RED, BLUE = "#ff0000", "#0000ff"


class Scene:
    """A plot of 400 x 300 pixels that shows 0 to 40 and 0 to 30: ten pixels a unit."""

    def __init__(self, qtbot: QtBot) -> None:
        self.box = LassoViewBox()
        self.widget = Plot(self.box)
        self.widget.hideAxis("left")
        self.widget.hideAxis("bottom")
        self.widget.setBackground("#ffffff")
        self.widget.getPlotItem().layout.setContentsMargins(0, 0, 0, 0)
        self.item = PointsItem()
        self.widget.addItem(self.item)
        qtbot.addWidget(self.widget)
        self.widget.resize(400, 300)
        self.widget.show()
        qtbot.waitExposed(self.widget)
        self.box.setRange(xRange=(0, 40), yRange=(0, 30), padding=0)

    def at(self, x: float, y: float) -> QPoint:
        """The widget's pixel of a data point."""
        return self.widget.mapFromScene(self.box.mapViewToScene(QPointF(x, y)))

    def color(self, x: float, y: float) -> str:
        """The color that is seen at a data point."""
        picture = self.widget.grab().toImage()
        place = self.at(x, y) * picture.devicePixelRatio()
        return picture.pixelColor(place).name()

    def drag(self, corners: list[tuple[float, float]], keys: Qt.KeyboardModifier) -> None:
        """Drag the left button along data points."""
        drag(self.widget.viewport(), [self.at(*corner) for corner in corners], keys)


@pytest.fixture
def plot(qtbot: QtBot) -> Scene:
    made = Scene(qtbot)
    made.item.set_colors([RED, BLUE], "#000000")
    xy = np.array([[10.0, 10.0], [20.0, 10.0], [30.0, 20.0]])
    made.item.set_points(xy, np.array([0, 1, 0]), np.array([CIRCLE, CIRCLE, DIAMOND]))
    return made


def test_points_are_seen_where_they_are_in_their_colors(plot: Scene) -> None:
    assert plot.color(10, 10) == RED
    assert plot.color(20, 10) == BLUE
    assert plot.color(30, 20) == RED
    assert plot.color(15, 10) == "#ffffff"


def test_recoloring_and_panning_move_what_is_seen(plot: Scene) -> None:
    plot.item.set_colors([BLUE, RED], "#000000")
    assert plot.color(10, 10) == BLUE
    before = plot.at(10, 10)
    plot.box.translateBy(x=-5)
    assert plot.at(10, 10) == before + QPoint(50, 0)
    assert plot.color(10, 10) == BLUE


def test_points_at_the_edge_are_not_cut_and_those_beyond_are_left_out(plot: Scene) -> None:
    xy = np.array([[0.0, 15.0], [40.0, 15.0], [-50.0, 15.0], [np.nan, 1.0]])
    plot.item.set_points(xy, np.zeros(4, int), np.zeros(4, int))
    plot.widget.clearFocus()  # the frame of what has the keys lies at the very edge
    assert plot.color(0.1, 15) == RED
    assert plot.color(39.8, 15) == RED


def test_a_ring_surrounds_the_selected_point(plot: Scene) -> None:
    plot.item.set_rings([(np.array([1]), RING, "#00ff00")])
    picture = plot.widget.grab().toImage()
    center = plot.at(20, 10)
    around = {picture.pixelColor(center + QPoint(r, 0)).name() for r in range(6, 16)}
    assert "#00ff00" in around
    assert plot.color(20, 10) == BLUE


def test_picking_takes_the_nearest_within_eight_pixels(plot: Scene) -> None:
    assert plot.item.nearest(QPointF(10.5, 10.3)) == 0
    assert plot.item.nearest(QPointF(20.7, 10.0)) == 1
    assert plot.item.nearest(QPointF(20.9, 10.0)) is None  # nine pixels away


@pytest.mark.parametrize("shape", [CIRCLE, SQUARE, DIAMOND, TRIANGLE, CROSS])
def test_every_shape_covers_about_the_same_area(shape: int) -> None:
    mark = stamp(shape, 8.0)
    assert mark.fill.sum() == pytest.approx(np.pi * 64, rel=0.5)
    assert mark.fill.max() == 1


def test_shapes_are_told_apart_without_color() -> None:
    pictures = set()
    for shape in (CIRCLE, SQUARE, DIAMOND, TRIANGLE, CROSS):
        mark = stamp(shape, 4.0)
        solid = mark.fill > 0.5
        pictures.add(frozenset(zip(mark.dx[solid], mark.dy[solid], strict=True)))
    assert len(pictures) == 5


def test_a_rim_surrounds_the_fill() -> None:
    mark = stamp(DIAMOND, 6.0, 1.0)
    values = mark.values(np.array([[255.0, 0, 0]]), (0, 0, 0))
    colors = {QColor.fromRgba(int(v)).name() for v in values[0]}
    assert {"#ff0000", "#000000"} <= colors


def test_sixty_thousand_points_are_stamped_without_a_loop_over_points() -> None:
    rng = np.random.default_rng(0)
    xy, color = rng.uniform(0, 600, (60_000, 2)), rng.integers(0, 10, 60_000)
    mark = stamp(CIRCLE, point_radius(60_000))
    values = mark.values(rng.uniform(0, 255, (10, 3)), (0, 0, 0))
    canvas = Canvas(800, 600, 16)
    assert calls_of(lambda: canvas.stamp(xy, color, mark, values)) < 20 * len(mark.dx)


def test_shift_drag_draws_a_lasso(plot: Scene, qtbot: QtBot) -> None:
    ring = [(5, 5), (25, 5), (25, 15), (5, 15), (5, 6)]
    with qtbot.waitSignal(plot.box.lassoed) as said:
        plot.drag(ring, Qt.KeyboardModifier.ShiftModifier)
    polygon, mode = said.args
    assert mode == REPLACE
    assert np.allclose(polygon.min(0), [5, 5], atol=0.2)
    assert np.allclose(polygon.max(0), [25, 15], atol=0.2)


def test_without_shift_a_drag_pans_unless_the_tool_is_on(plot: Scene, qtbot: QtBot) -> None:
    keys = Qt.KeyboardModifier.NoModifier
    with qtbot.assertNotEmitted(plot.box.lassoed):
        plot.drag([(10, 10), (12, 10), (20, 10)], keys)
    assert plot.box.viewRange()[0][0] < -5
    plot.box.lasso_tool = True
    with qtbot.waitSignal(plot.box.lassoed):
        plot.drag([(0, 10), (5, 10), (5, 15), (0, 15)], keys)


def test_a_lasso_in_a_plot_without_room_is_no_error(
    plot: Scene, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[object] = []
    monkeypatch.setattr(pg.debug, "printExc", lambda *words: wrong.append(sys.exc_info()[1]))
    plot.widget.showAxis("bottom")
    plot.widget.resize(400, 1)
    qtbot.wait(20)
    assert plot.box.height() == 0
    places = [QPoint(0, 0), QPoint(60, 60), QPoint(90, 10), QPoint(0, 0)]
    drag(plot.widget.viewport(), places, Qt.KeyboardModifier.ShiftModifier)
    assert not wrong


def test_modifiers_choose_how_a_lasso_joins_the_selection() -> None:
    ctrl, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    modes = [lasso_mode(keys) for keys in (Qt.KeyboardModifier.NoModifier, ctrl, alt, ctrl | alt)]
    assert modes == [REPLACE, ADD, REMOVE, INTERSECT]


def test_pictures_show_the_pixels_of_the_sample() -> None:
    gray = np.array([[[0, 255], [128, 0]]], np.uint8)
    assert picture(gray).pixelColor(1, 0) == QColor(255, 255, 255)
    color = np.zeros((3, 2, 2), np.float32)
    color[0] = 1.0
    assert picture(color).pixelColor(0, 1) == QColor(255, 0, 0)


def test_tooltip_pictures_are_inline_images(qapp: object) -> None:
    text = html_picture(np.array([0.5, 1.0], np.float32), 40, RED, "#ffffff")
    assert text.startswith('<img src="data:image/png;base64,')
    import base64

    image = QImage.fromData(base64.b64decode(text.split(",")[1].split('"')[0]))
    assert image.pixelColor(30, 2).name() == RED  # the second feature is 1: a full bar
    assert image.pixelColor(10, 2).name() == "#ffffff"


def test_a_band_is_broken_where_it_is_undefined() -> None:
    x = np.arange(5.0)
    low = np.array([0, 0, np.nan, 0, 0.0])
    path = band_path(x, low, low + 1)
    assert path.contains(QPointF(0.5, 0.5))
    assert path.contains(QPointF(3.5, 0.5))
    assert not path.contains(QPointF(2.0, 0.5))
