"""The map as it opens: one model, pictures, names, keys, exports, and what is said while empty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import LEFT, Shown

from engine.results import FORGET, PERTURBED, RETAIN, Embedding
from explorer.points.pictures import CLOSE, FRAME, OVERLAP
from explorer.state.selection import REPLACE, Selection
from explorer.views.embedding.selection_bar import INDICES, PICTURES, TABLE
from explorer.views.embedding.view import EmbeddingView

SIZE = (842, 566)  # px of the canvas of Explore at 1280x800


@pytest.fixture
def view(shown: Shown) -> EmbeddingView:
    shown.fill()
    return opened(shown)


def opened(shown: Shown) -> EmbeddingView:
    made = shown.view(EmbeddingView)
    made.resize(SIZE[0], SIZE[1] + made.panel.bar.height())
    QApplication.processEvents()
    made.grab()
    shown.asked.calls.clear()
    return made


@pytest.fixture
def cloud(shown: Shown, view: EmbeddingView) -> Embedding:
    assert shown.state.embedding is not None
    return shown.state.embedding


def pictured(view: EmbeddingView) -> np.ndarray:
    """The rows that are drawn as pictures."""
    view.grab()
    return view.right.pane.pictures.rows


def pixels(view: EmbeddingView, rows: np.ndarray) -> np.ndarray:
    """(k, 2) the middles of points on the screen."""
    pane = view.right.pane
    scale = pane.pictures._scale()  # the item's own; nothing else offers it
    assert scale is not None
    return np.asarray(pane.positions[rows] * scale)


# -- the canvas -----------------------------------------------------------------------------------
def test_one_model_fills_the_whole_canvas(view: EmbeddingView) -> None:
    assert not view.left.pane.isVisible() and not view.left.model.isVisible()
    area = view.right.pane.plot.viewport().size()
    assert (area.width(), area.height()) == SIZE
    assert area.width() * area.height() >= 0.45 * 1280 * 800
    assert view.controls.color.currentData() == "r" and view.legend.scale is not None


def test_what_floats_lies_inside_and_apart(view: EmbeddingView, shown: Shown) -> None:
    for width, height in (SIZE, (420, 300)):
        view.resize(width, height)
        shown.state.selection = Selection(1, frozenset(range(40)))
        QApplication.processEvents()
        floats = [view.tools, view.bar, view.legend]
        boxes = [part.geometry() for part in floats]
        assert all(part.isVisible() for part in floats)
        assert all(view.canvas.rect().contains(box) for box in boxes), (width, boxes)
        assert not any(
            one.intersects(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :]
        )


def test_beside_shows_the_other_model_and_puts_it_away(view: EmbeddingView, shown: Shown) -> None:
    QTest.mouseClick(view.controls.beside, LEFT)
    QApplication.processEvents()
    assert view.left.pane.isVisible() and view.left.model.currentText() == "Original"
    assert view.right.caption.text() == "RURK"
    halves = [side.pane.width() for side in view.sides]
    assert abs(halves[0] - halves[1]) <= 1
    assert view.view_state()["beside"] is True
    QTest.mouseClick(view.controls.beside, LEFT)
    assert not view.left.pane.isVisible() and not view.right.caption.isVisible()


def test_a_measured_model_chosen_here_ranks_the_samples_everywhere(
    view: EmbeddingView, shown: Shown
) -> None:
    place = view.right.model.findData("gd")
    view.right.model.setCurrentIndex(place)
    view.right.model.activated.emit(place)
    assert ("rank_by", "gd") in shown.asked.calls
    assert ("look", "embedding", "original", "gd") in shown.asked.calls
    shown.state.ranked_by = "rurk"  # chosen in Neighborhood
    assert view.models() == ("original", "rurk")


# -- pictures -------------------------------------------------------------------------------------
def test_forget_samples_are_pictures_and_others_become_pictures_when_zoomed_in(
    shown: Shown,
) -> None:
    shown.fill()
    shown.state.dataset = dataset = synthetic.images(3000)
    shown.state.models = synthetic.models(dataset)
    shown.state.embedding = cloud = synthetic.embedding(dataset)
    view = opened(shown)
    assert set(cloud.kind[pictured(view)].tolist()) == {FORGET}
    side = view.right.pane.pictures.side
    kept = np.flatnonzero((cloud.label == 3) & (cloud.kind == RETAIN))
    view.right.pane.show_rows(kept)
    while view.right.pane.pictures.side < side * CLOSE**0.5:
        view.zoom(1)
        view.grab()
    assert RETAIN in cloud.kind[pictured(view)]
    assert PERTURBED not in cloud.kind[pictured(view)]
    view.controls.pictures.setChecked(False)
    assert not len(pictured(view))


def test_pictures_never_cover_most_of_each_other_and_larger_r_goes_first(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    rows = pictured(view)
    assert len(rows) > 3
    middles, pictures = pixels(view, rows), view.right.pane.pictures
    apart = np.abs(middles[:, None] - middles[None]).max(2) + np.eye(len(rows)) * 1e9
    assert apart.min() >= (1 - OVERLAP) * (pictures.side + 2 * FRAME)
    residual = shown.state.residual
    assert residual is not None
    one = int(np.flatnonzero((cloud.kind == FORGET) & np.isin(cloud.sample, residual.samples))[0])
    counts = {name: own.copy() for name, own in residual.counts.items()}
    counts["rurk"][residual.samples == cloud.sample[one]] = 100
    shown.state.residual = replace(residual, counts=counts)
    QApplication.processEvents()
    assert one in pictured(view)


def test_the_current_and_the_selected_samples_are_pictured_first(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    for row in np.flatnonzero(cloud.kind == FORGET).tolist():
        shown.state.selection = Selection(int(cloud.sample[row]))
        QApplication.processEvents()
        assert row in pictured(view)


def test_panning_keeps_the_same_pictures(view: EmbeddingView) -> None:
    box = view.right.pane.box
    box.disableAutoRange()
    before = set(pictured(view).tolist())
    box.translateBy(x=0.05 * box.viewRect().width(), y=0.0)
    assert set(pictured(view).tolist()) == before


def test_hovering_anywhere_on_a_picture_tells_of_its_sample(
    view: EmbeddingView, cloud: Embedding
) -> None:
    row, pane = int(pictured(view)[-1]), view.right.pane
    at = pane.box.mapViewToScene(QPointF(*pane.positions[row].tolist()))
    pane.plot.scene().sigMouseMoved.emit(at + QPointF(pane.pictures.side / 2 - 1, 0))
    assert f"sample {cloud.sample[row]}" in view.card.text
    assert view.canvas.rect().contains(view.card.geometry())


def test_features_are_drawn_as_bars_in_pictures_and_on_the_card(shown: Shown) -> None:
    shown.fill()
    shown.state.dataset = dataset = synthetic.features()
    shown.state.models = synthetic.models(dataset)
    shown.state.embedding = synthetic.embedding(dataset)
    view = opened(shown)
    rows = pictured(view)
    assert len(rows)
    view.right.pane.hovered.emit(int(rows[0]))
    image = view.card.picture.pixmap().toImage()
    colors = {image.pixelColor(x, 90).name() for x in range(image.width())}
    assert len(colors) > 1


# -- names ----------------------------------------------------------------------------------------
def test_every_class_is_named_once_and_no_name_lies_over_another(view: EmbeddingView) -> None:
    view.grab()
    names = view.right.pane.names
    assert sorted(name.text for name in names.names) == [f"class {i}" for i in range(4)]
    transform = view.right.pane.box.childGroup.sceneTransform()
    boxes = [box for box in names.boxes(transform) if box is not None]
    assert len(boxes) == 4
    assert not any(one.intersects(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    view.controls.names.setChecked(False)
    assert not view.right.pane.names.names


def test_a_name_lies_at_the_median_of_its_class(view: EmbeddingView, cloud: Embedding) -> None:
    pane = view.right.pane
    for name in pane.names.names:
        own = (cloud.label == int(name.text.split()[1])) & (cloud.kind != PERTURBED)
        assert (name.x, name.y) == pytest.approx(tuple(np.median(pane.positions[own], axis=0)))


# -- keys -----------------------------------------------------------------------------------------
def test_arrows_go_to_the_nearest_sample_in_their_direction(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    pane = view.right.pane
    start = int(np.flatnonzero(cloud.kind == FORGET)[0])
    shown.state.selection = Selection(int(cloud.sample[start]))
    view.setFocus()
    for key, axis, sign in (
        (Qt.Key.Key_Right, 0, 1), (Qt.Key.Key_Up, 1, 1),
        (Qt.Key.Key_Left, 0, -1), (Qt.Key.Key_Down, 1, -1),
    ):  # fmt: skip
        before = shown.state.selection.current
        QTest.keyClick(view, key)
        after = shown.state.selection.current
        assert before is not None and after is not None and after != before
        step = pane.positions[after] - pane.positions[before]
        assert step[axis] * sign > 0 and abs(step[1 - axis]) <= abs(step[axis])
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert shown.last == ("select", [shown.state.selection.current], REPLACE)


def test_plus_minus_and_zero_zoom(view: EmbeddingView) -> None:
    box = view.right.pane.box
    whole = box.viewRect().width()
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Plus)
    closer = box.viewRect().width()
    assert closer < whole
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert box.viewRect().width() == pytest.approx(whole, rel=0.01)
    QTest.keyClick(view, Qt.Key.Key_Plus)
    QTest.keyClick(view, Qt.Key.Key_0)
    QApplication.processEvents()
    assert box.viewRect().width() == pytest.approx(whole, rel=0.01)


# -- the selection --------------------------------------------------------------------------------
def test_the_bar_says_what_can_be_forgotten(view: EmbeddingView, shown: Shown) -> None:
    assert not view.bar.isVisible()
    dataset = shown.state.dataset
    assert dataset is not None
    tested = len(dataset.train_y)
    shown.state.forget = (1, 2, 3)
    shown.state.selection = Selection(1, frozenset([1, 2, 7, 8, tested]))
    assert view.bar.text.text() == "5 selected, 1 never learned"
    assert [part.text() for part in view.bar.buttons.parts] == [
        "Forget only these 4", "Add 2", "Remove 2",
    ]  # fmt: skip
    assert "(3 samples)" in view.bar.buttons.forget.toolTip()
    QTest.mouseClick(view.bar.clear, LEFT)
    assert shown.last == ("select", [], REPLACE) and not view.bar.isVisible()


def test_what_is_selected_is_exported(view: EmbeddingView, shown: Shown) -> None:
    shown.state.selection = Selection(1, frozenset([9, 1, 5]))
    actions = {action.data(): action for action in view.bar.menu.actions()}
    actions[TABLE].trigger()
    assert shown.last == ("ask_points", [1, 5, 9])
    actions[PICTURES].trigger()
    name, kind, options = shown.last
    assert (name, kind) == ("ask_figure", "samples")
    assert options == {  # type: ignore[comparison-overlap]
        "samples": [1, 5, 9], "title": "3 samples selected on the map", "model": "rurk",
    }  # fmt: skip
    actions[INDICES].trigger()
    assert QGuiApplication.clipboard().text() == "1, 5, 9"


# -- empty ----------------------------------------------------------------------------------------
def test_a_stopped_map_offers_to_be_computed(shown: Shown) -> None:
    shown.fill()
    shown.state.embedding = None
    view = opened(shown)
    assert not view.compute.isVisible()  # it is being computed
    shown.state.set_problem("embedding", "Stopped. Choose again to continue.")
    assert view.compute.isVisible()
    shown.asked.calls.clear()
    QTest.mouseClick(view.compute, LEFT)
    assert shown.asked.calls == [
        ("look_away", "embedding"), ("look", "embedding", "original", "rurk"),
    ]  # fmt: skip


def test_more_points_than_pixels_are_a_density_and_few_are_points(shown: Shown) -> None:
    shown.fill()
    shown.state.dataset = dataset = synthetic.images(30_000)
    shown.state.models = synthetic.models(dataset)
    shown.state.embedding = synthetic.embedding(dataset)
    view = opened(shown)
    view.grab()
    assert view.right.pane.points.dense
    at = view.right.pane.positions[0].tolist()
    view.right.pane.box.setRange(QRectF(at[0] - 0.2, at[1] - 0.2, 0.4, 0.4), padding=0)
    view.grab()
    assert not view.right.pane.points.dense
