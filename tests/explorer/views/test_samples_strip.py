"""Samples in a low dock, the size of the thumbnails, and names below them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sampled import Sampled

from engine.analysis.point_colors import ratio_colors
from engine.spec import DataSpec
from explorer.state.selection import Selection
from explorer.theme import LIGHT, apply
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import NAMED
from explorer.views.samples.sort_keys import INDEX, LOSS, RATIO_AT
from explorer.views.samples.status_row import LARGEST, SMALLEST, STEP, USUAL

NO_KEYS, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
STRIP = (1280, 96)  # px: a strip of the window without the dock's title


@pytest.fixture
def sampled(qtbot: QtBot) -> Sampled:
    return Sampled(qtbot)


def wheel(grid: ThumbnailGrid, turned: int, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    """Turn the wheel over the grid by eighths of a degree, up if positive."""
    at = QPointF(grid.viewport().rect().center())
    event = QWheelEvent(
        at, grid.viewport().mapToGlobal(at), QPoint(), QPoint(0, turned),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(grid.viewport(), event)
    QApplication.processEvents()


def lower(sampled: Sampled) -> None:
    """Make the view as low as a strip."""
    view = sampled.view
    view.resize(STRIP[0], STRIP[1] + view.panel.bar.height())  # a dock takes the bar elsewhere
    QApplication.processEvents()


# -- the strip ------------------------------------------------------------------------------------
def test_a_low_view_is_one_row_that_fills_the_height_and_nothing_else(
    sampled: Sampled, qapp: QApplication
) -> None:
    view = sampled.view
    apply(qapp, LIGHT)  # whose borders take room
    lower(sampled)
    assert view.model.strip and view.model.grid.rows == 1
    assert not view.controls.status.isVisible() and not view.filters.isVisible()
    assert not view.note.isVisible()
    place = view.grid.place_rect(0)
    assert 0.7 * STRIP[1] < place.height() <= view.grid.viewport().height()
    view.resize(800, 600)
    QApplication.processEvents()
    assert not view.model.strip and view.model.grid.rows > 1
    assert view.controls.status.isVisible() and view.model.side == USUAL


def test_what_carries_the_finding_comes_first_in_a_strip(sampled: Sampled) -> None:
    sampled.finish()
    view = sampled.view
    assert view.order.key == INDEX
    lower(sampled)
    assert (view.order.key, view.order.model) == (RATIO_AT, "gd")
    assert view.controls.order_words.text() == "r of GD at τ 0.2, largest first"
    assert sampled.order[0] == 1 and sampled.caption(1) == "r 10"
    residual, accents = sampled.state.residual, view.model.accents
    assert residual is not None and accents is not None
    red, green, blue = ratio_colors(np.array([10.0]))[0].tolist()
    assert int(accents[1]) == (red << 16) | (green << 8) | blue
    assert int(accents[2]) != int(accents[1])  # not measured
    sampled.state.ranked_by = "rurk"
    assert view.order.model == "rurk" and sampled.caption(1) == "r 1.00"
    sampled.state.probe = ("gaussian", 0.4)
    assert view.controls.order_words.text() == "r of RURK at τ 0.4, largest first"


def test_a_strip_is_in_order_of_its_index_while_nothing_is_measured(sampled: Sampled) -> None:
    sampled.finish()
    lower(sampled)
    assert sampled.order[0] == 1 and sampled.view.model.caption is not None
    sampled.state.residual = None  # as at the start of the next run
    assert sampled.view.controls.order_words.text() == "by index"
    assert sampled.order == sorted(sampled.order) and sampled.view.model.caption is None


def test_a_strip_that_is_enlarged_keeps_its_order(sampled: Sampled) -> None:
    sampled.finish()
    lower(sampled)
    order = list(sampled.order)
    assert order != sorted(order)
    sampled.view.resize(800, 600)
    QApplication.processEvents()
    assert not sampled.view.model.strip and list(sampled.order) == order
    assert sampled.view.controls.order_words.text() == "r of GD at τ 0.2, largest first"
    sampled.state.ranked_by = "rurk"
    assert sampled.view.order.model == "rurk"
    residual, sampled.state.residual = sampled.state.residual, None  # while another study runs
    assert sampled.view.order.key == INDEX
    sampled.state.residual = residual
    assert (sampled.view.order.key, sampled.view.order.model) == (RATIO_AT, "rurk")


def test_an_order_that_was_chosen_stays_in_a_strip(sampled: Sampled) -> None:
    sampled.finish()
    sampled.choose(sampled.view.order.sort, LOSS)
    lower(sampled)
    assert sampled.view.order.key == LOSS
    kept = sampled.view.view_state()
    assert kept["chosen"] is True and kept["sort"] == LOSS


def test_a_suggested_order_is_not_kept_for_the_next_session(sampled: Sampled) -> None:
    sampled.finish()
    lower(sampled)
    kept = sampled.view.view_state()
    sampled.view.resize(800, 600)
    QApplication.processEvents()
    sampled.view.restore_view_state(kept)
    assert sampled.view.order.key == INDEX and not sampled.view.order.explicit


def test_the_wheel_scrolls_a_strip_sideways_and_clicks_find_their_sample(
    sampled: Sampled,
) -> None:
    lower(sampled)
    grid = sampled.view.grid
    bar = grid.horizontalScrollBar()
    assert bar.maximum() > 0 and bar.value() == 0
    wheel(grid, -240)
    assert bar.value() > 100
    place = next(i for i in range(200) if grid.place_rect(i).left() > 300)
    sampled.click(place)
    assert sampled.state.selection.current == sampled.order[place]
    QTest.keyClick(grid, Qt.Key.Key_Down)  # one row: the next one
    assert sampled.state.selection.current == sampled.order[place + 1]
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert grid.viewport().rect().contains(grid.place_rect(199).center())
    wheel(grid, 24_000)
    assert bar.value() == 0


def test_a_strip_draws_what_a_page_draws(sampled: Sampled) -> None:
    view = sampled.view
    view.model.set_side(46)
    QApplication.processEvents()
    page = view.grid.viewport().grab(view.grid.place_rect(3)).toImage()
    view.grid.set_strip(True)
    QApplication.processEvents()
    view.model.set_side(46)
    QApplication.processEvents()
    view.grid.horizontalScrollBar().setValue(2 * view.model.cell + 7)
    strip = view.grid.viewport().grab(view.grid.place_rect(3)).toImage()
    assert page.size() == strip.size() and page == strip


# -- the size -------------------------------------------------------------------------------------
def test_slider_and_ctrl_wheel_change_the_size_within_its_range(sampled: Sampled) -> None:
    view, slider = sampled.view, sampled.view.controls.status.slider
    wheel(view.grid, 120, CTRL)
    assert view.model.side == USUAL + STEP and slider.value() * STEP == USUAL + STEP
    before = view.grid.verticalScrollBar().value()
    for _ in range(40):
        wheel(view.grid, 120, CTRL)
    assert view.model.side == LARGEST
    for _ in range(40):
        wheel(view.grid, -120, CTRL)
    assert view.model.side == SMALLEST and view.grid.verticalScrollBar().value() == before
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert view.model.side == SMALLEST + STEP
    assert view.grid.place_rect(0).width() == view.model.cell


def test_the_size_is_kept_and_nonsense_is_ignored(sampled: Sampled) -> None:
    view = sampled.view
    view.thumbnail_size.set_side(96)
    kept = view.view_state()
    view.thumbnail_size.set_side(32)
    view.restore_view_state(kept)
    assert view.model.side == 96
    for side in ("x", None, -3, 10_000):
        view.restore_view_state({**kept, "side": side})
        assert SMALLEST <= view.model.side <= LARGEST


def test_names_are_written_below_large_pictures_only(sampled: Sampled) -> None:
    view = sampled.view
    dataset = sampled.state.dataset
    assert dataset is not None
    view.thumbnail_size.set_side(96)
    plain = view.model.grid.height
    view.controls.names.setChecked(True)
    assert view.model.grid.height > plain and view.model.named
    assert view.model.name(3) and dataset.name_of(3).endswith(view.model.name(3))
    view.thumbnail_size.set_side(NAMED - 8)
    assert not view.model.named and view.model.grid.height == view.model.cell


# -- where it is scrolled to ----------------------------------------------------------------------
def test_another_dataset_begins_at_its_first_sample(sampled: Sampled) -> None:
    view = sampled.view
    bar = view.grid.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    sampled.state.selection = Selection()
    sampled.state.dataset = replace(
        synthetic.images(400), spec=DataSpec("fashion", fingerprint="other")
    )
    assert bar.value() == 0


def test_tooltips_explain_the_frames(sampled: Sampled) -> None:
    sampled.state.selection = Selection(5, frozenset([5, 6]))
    assert "current sample" in sampled.view.describe(5)
    assert "selected (blue frame)" in sampled.view.describe(6)
    assert "frame" not in sampled.view.describe(7)
    assert "Blue frame: selected" in sampled.view.counts.toolTip()
