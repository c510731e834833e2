from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
import synthetic
from mouse import drag
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from explorer.state import ADD, REMOVE, REPLACE, AppState, Selection
from explorer.views.base import View
from explorer.views.curves import LOSS, RESIDUAL, CurvesView
from explorer.views.embedding import EmbeddingView
from explorer.views.metrics import MetricsView
from explorer.views.neighborhood import NeighborhoodView
from explorer.views.samples import CHOSEN, FORGET, SamplesView

V = TypeVar("V", bound=View)
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
VIEWS = (SamplesView, EmbeddingView, NeighborhoodView, CurvesView, MetricsView)


class Shown:
    """A state, a stand-in for the controller, and a way to show views of them."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.state = AppState()
        self.asked = synthetic.Asked(self.state)
        self.kept: list[View] = []  # a view must outlive the painting of its test

    def view(self, kind: Callable[..., V]) -> V:
        """The view on the screen, 640 x 480 pixels."""
        made = kind(self.state, self.asked)
        self.kept.append(made)
        self.qtbot.addWidget(made)
        made.resize(640, 480)
        made.show()
        self.qtbot.waitExposed(made)
        QApplication.processEvents()
        return made

    def fill(self) -> None:
        """Everything a finished study on images brings."""
        dataset = synthetic.images()
        self.state.dataset = dataset
        self.state.models = synthetic.models(dataset)
        self.state.losses = {"original": (2.0, 1.0, 0.5), "rurk": (0.4, 0.3)}
        self.state.residual = synthetic.residual(undefined=3)
        self.state.study = synthetic.study()
        self.state.embedding = synthetic.embedding(dataset)
        self.state.selection = Selection(5)
        self.state.neighborhood = synthetic.neighborhood(dataset)

    @property
    def last(self) -> tuple[object, ...]:
        """The last wish."""
        return self.asked.calls[-1]


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


def _click(view: SamplesView, place: int, keys: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseClick(view.grid.viewport(), LEFT, keys, view.grid.place_rect(place).center())


def _press(view: View, text: str) -> None:
    buttons = {button.text(): button for button in view.findChildren(QPushButton)}
    QTest.mouseClick(buttons[text], LEFT)


# -- every view -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_says_what_to_do_next_while_it_is_empty(kind: type[View], shown: Shown) -> None:
    view = shown.view(kind)
    sentence = view._panel.empty.text()  # type: ignore[attr-defined]
    assert view._panel.is_empty  # type: ignore[attr-defined]
    assert sentence.endswith(".")
    assert len(sentence) > 40


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_draws_in_both_themes_and_follows_a_change(
    kind: type[View], theme: str, shown: Shown
) -> None:
    shown.fill()
    view = shown.view(kind)
    view.grab()  # the first time, layouts settle
    before = view.grab().toImage()
    shown.state.theme = theme
    after = view.grab().toImage()
    assert (before != after) == (theme == "dark")
    colors = {after.pixelColor(x, y).rgb() for x in range(0, 640, 3) for y in range(0, 480, 3)}
    assert len(colors) > 8


@pytest.mark.parametrize("kind", VIEWS)
def test_a_hidden_view_does_no_work_and_catches_up_when_shown(
    kind: type[View], shown: Shown
) -> None:
    view = shown.view(kind)
    view.hide()
    drawn: list[int] = []
    view.refreshed.connect(lambda: drawn.append(1))
    shown.fill()
    assert drawn == []
    view.show()
    assert drawn == [1]
    assert not view._panel.is_empty  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", VIEWS)
def test_every_control_has_a_name_and_every_button_a_tip(kind: type[View], shown: Shown) -> None:
    view = shown.view(kind)
    assert view.accessibleName() == view.title
    assert view.help.endswith(".")
    for button in view.findChildren(QPushButton):
        assert button.toolTip(), button.text()


@pytest.mark.parametrize("kind", VIEWS[1:])
def test_export_asks_for_the_views_own_figure(kind: type[View], shown: Shown) -> None:
    shown.fill()
    view = shown.view(kind)
    _press(view, "Export…")
    assert shown.last == ("export", view.name)


# -- samples ----------------------------------------------------------------------------------
@pytest.fixture
def samples(shown: Shown) -> SamplesView:
    shown.state.dataset = synthetic.images()
    return shown.view(SamplesView)


def test_a_click_makes_a_sample_current_and_the_selection(
    samples: SamplesView, shown: Shown
) -> None:
    _click(samples, 7)
    assert shown.asked.calls == [("set_current", 7), ("select", [7], REPLACE)]
    _click(samples, 9)
    assert shown.state.selection == Selection(9, frozenset([9]))


def test_ctrl_click_adds_and_removes(samples: SamplesView, shown: Shown) -> None:
    _click(samples, 3)
    _click(samples, 5, CTRL)
    assert shown.state.selection.chosen == {3, 5}
    _click(samples, 3, CTRL)
    assert shown.state.selection.chosen == {5}


def test_shift_click_selects_the_range_in_the_order_shown(
    samples: SamplesView, shown: Shown
) -> None:
    samples.classes.setCurrentIndex(2)  # class 1: samples 1, 5, 9, ...
    _click(samples, 1)
    _click(samples, 4, SHIFT)
    assert shown.state.selection == Selection(17, frozenset([5, 9, 13, 17]))


def test_dragging_selects_what_the_band_touches(samples: SamplesView, shown: Shown) -> None:
    columns = samples._model.grid.columns
    start = samples.grid.place_rect(1).center()
    end = samples.grid.place_rect(columns + 2).center()
    drag(samples.grid.viewport(), [start, (start + end) / 2, end])
    assert shown.last == ("select", [1, 2, columns + 1, columns + 2], REPLACE)
    drag(samples.grid.viewport(), [start, start + QPoint(12, 12)], CTRL)
    assert shown.last[2] == ADD


def test_the_header_counts_and_the_buttons_ask(samples: SamplesView, shown: Shown) -> None:
    assert samples.counts.text() == "200 samples · 0 to forget · 0 selected"
    assert not samples.forget_button.isEnabled()
    _click(samples, 0)
    _click(samples, 2, CTRL)
    _press(samples, "Forget selected")
    assert shown.state.forget == (0, 2)
    assert samples.counts.text() == "200 samples · 2 to forget · 2 selected"
    assert not samples.forget_button.isEnabled()
    assert not samples.add_button.isEnabled()
    _click(samples, 5)
    _press(samples, "Add")
    assert shown.state.forget == (0, 2, 5)
    _press(samples, "Remove")
    assert shown.state.forget == (0, 2)
    _press(samples, "Forget selected")
    assert shown.state.forget == (5,)


def test_the_badge_is_drawn_on_forget_samples(samples: SamplesView, shown: Shown) -> None:
    def corner(place: int) -> set[str]:
        rect = samples.grid.place_rect(place)
        box = QRect(rect.right() - 12, rect.top() + 3, 10, 6)
        image = samples.grid.viewport().grab(box).toImage()
        size = image.size()
        return {
            image.pixelColor(x, y).name() for x in range(size.width()) for y in range(size.height())
        }

    before = corner(4)
    shown.state.forget = (4,)
    from explorer.theme import LIGHT

    assert LIGHT.danger not in before
    assert LIGHT.danger in corner(4)
    assert LIGHT.danger not in corner(5)
    index = samples._model.index_of(4)
    assert "to forget" in index.data(Qt.ItemDataRole.AccessibleTextRole)


def test_filters_show_one_class_the_forget_set_or_the_selection(
    samples: SamplesView, shown: Shown
) -> None:
    samples.classes.setCurrentIndex(2)
    assert samples._model.shown.tolist() == list(range(1, 200, 4))
    assert samples.counts.text().startswith("50 of 200 samples")
    shown.state.forget = (1, 2, 5)
    samples.show_only.setCurrentText(FORGET)
    assert samples._model.shown.tolist() == [1, 5]
    samples.classes.setCurrentIndex(0)
    shown.state.selection = Selection(None, frozenset([8, 9]))
    samples.show_only.setCurrentText(CHOSEN)
    assert samples._model.shown.tolist() == [8, 9]
    _click(samples, 0)  # looking at one of them does not empty the grid
    assert shown.state.selection == Selection(8, frozenset([8, 9]))


def test_keys_walk_select_and_forget(samples: SamplesView, shown: Shown) -> None:
    columns = samples._model.grid.columns
    _click(samples, 0)
    QTest.keyClick(samples.grid, Qt.Key.Key_Right)
    assert shown.state.selection.current == 1
    QTest.keyClick(samples.grid, Qt.Key.Key_Down)
    assert shown.state.selection.current == 1 + columns
    QTest.keyClick(samples.grid, Qt.Key.Key_Space)
    assert shown.state.selection.chosen == {0, 1 + columns}
    QTest.keyClick(samples.grid, Qt.Key.Key_End)
    assert shown.state.selection.current == 199
    QTest.keyClick(samples.grid, Qt.Key.Key_F)
    assert shown.state.forget == (0, 1 + columns)


def test_f_forgets_the_current_sample_when_none_is_selected(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.selection = Selection(6)
    QTest.keyClick(samples.grid, Qt.Key.Key_F)
    assert shown.state.forget == (6,)


def test_a_current_sample_set_elsewhere_is_scrolled_into_view(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.selection = Selection(199)
    assert samples.grid.viewport().rect().contains(samples.grid.place_rect(199).center())


def test_the_tooltip_names_class_and_what_models_say(samples: SamplesView, shown: Shown) -> None:
    assert shown.state.dataset is not None
    shown.state.models = synthetic.models(shown.state.dataset)
    text = samples._model.index_of(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Sample 0" in text
    assert "class 0" in text
    assert "RURK: class 3 ✗ (98%)" in text


def test_features_are_bars_with_names_in_the_tooltip(shown: Shown) -> None:
    shown.state.dataset = synthetic.features()
    view = shown.view(SamplesView)
    text = view._model.index_of(0).data(Qt.ItemDataRole.ToolTipRole)
    assert f"sepal length {shown.state.dataset.train_x[0, 0]:.2f}" in text
    image = view.grid.viewport().grab(view.grid.place_rect(0)).toImage()
    assert len({image.pixelColor(x, 40).rgb() for x in range(48)}) > 1


def test_fifty_thousand_thumbnails_scroll_within_a_frame(shown: Shown) -> None:
    import time

    dataset = synthetic.images(50_000, side=32)
    shown.state.dataset = dataset
    view = shown.view(SamplesView)
    bar, times = view.grid.verticalScrollBar(), []
    for step in range(12):
        start = time.perf_counter()
        bar.setValue(step * bar.maximum() // 12)
        view.grid.viewport().repaint()
        times.append(time.perf_counter() - start)
    assert np.median(times) < 0.033


def test_filters_are_kept_and_nonsense_is_ignored(samples: SamplesView) -> None:
    samples.classes.setCurrentIndex(2)
    kept = samples.view_state()
    samples.classes.setCurrentIndex(0)
    samples.restore_view_state(kept)
    assert samples.classes.currentIndex() == 2
    samples.restore_view_state({"class": 99, "show": "x"})
    assert samples.classes.currentIndex() == 2


# -- embedding --------------------------------------------------------------------------------
@pytest.fixture
def embedding(shown: Shown) -> EmbeddingView:
    shown.fill()
    view = shown.view(EmbeddingView)
    QApplication.processEvents()
    return view


def _pixel(view: EmbeddingView, row: int) -> QPoint:
    x, y = view.points.xy[row]
    scene = view.box.mapViewToScene(QPointF(float(x), float(y)))
    at: QPoint = view.plot.mapFromScene(scene)
    return at


def _lonely(view: EmbeddingView) -> int:
    """A row whose nearest neighbor is far away, so that a click on it is no guess."""
    xy = view.points.xy
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2) + np.eye(len(xy)) * 1e9
    return int(apart.min(1).argmax())


def test_a_click_on_a_point_picks_its_sample(embedding: EmbeddingView, shown: Shown) -> None:
    row = _lonely(embedding)
    QTest.mouseClick(embedding.plot.viewport(), LEFT, NONE, _pixel(embedding, row) + QPoint(3, 2))
    sample = int(shown.state.embedding.sample[row])  # type: ignore[union-attr]
    assert shown.asked.calls == [("set_current", sample), ("select", [sample], REPLACE)]
    QTest.qWait(QApplication.doubleClickInterval() + 50)
    QTest.mouseClick(embedding.plot.viewport(), LEFT, CTRL, _pixel(embedding, row))
    assert shown.last == ("select", [sample], REMOVE)


def test_a_click_beside_all_points_does_nothing(embedding: EmbeddingView, shown: Shown) -> None:
    middle = embedding.plot.mapFromScene(embedding.box.mapViewToScene(QPointF(0, 0)))
    QTest.mouseClick(embedding.plot.viewport(), LEFT, NONE, middle)
    assert shown.asked.calls == []


def test_the_lasso_selects_the_samples_inside(embedding: EmbeddingView, shown: Shown) -> None:
    assert shown.state.embedding is not None
    _press(embedding, "Lasso")
    corners = [QPointF(2.5, -8), QPointF(9.5, -8), QPointF(9.5, 8), QPointF(2.5, 8)]
    pixels = [embedding.plot.mapFromScene(embedding.box.mapViewToScene(c)) for c in corners]
    drag(embedding.plot.viewport(), pixels)
    name, samples, mode = shown.last
    xy, origin = shown.state.embedding.xy, shown.state.embedding.sample
    inside = np.unique(origin[(xy[:, 0] > 2.6) & (xy[:, 0] < 9.4) & (np.abs(xy[:, 1]) < 7.9)])
    assert (name, mode) == ("select", REPLACE)
    assert set(inside.tolist()) <= set(samples)  # type: ignore[call-overload]
    assert len(inside) > 20


def test_the_wheel_zooms_and_reset_shows_all(embedding: EmbeddingView) -> None:
    whole = embedding.box.viewRect()
    embedding.box.scaleBy((0.3, 0.3))
    assert embedding.box.viewRect().width() < whole.width() / 2
    _press(embedding, "Reset view")
    QApplication.processEvents()
    assert embedding.box.viewRect().width() == pytest.approx(whole.width(), rel=0.05)


def test_the_heading_counts_kinds_and_the_legend_names_shapes(embedding: EmbeddingView) -> None:
    assert embedding.heading.text() == ("Features of Original: 183 retain, 17 forget, 17 perturbed")
    words = embedding.legend.accessibleDescription()
    assert words.startswith("retain, forget, perturbed copy, class 0, class 1")


def test_choosing_a_model_asks_for_its_features(embedding: EmbeddingView, shown: Shown) -> None:
    embedding.model.setFocus()
    QTest.keyClick(embedding.model, Qt.Key.Key_Down)
    assert shown.last == ("embed", "retrain-0")


def test_without_an_embedding_a_button_offers_one(shown: Shown) -> None:
    dataset = synthetic.images()
    shown.state.dataset, shown.state.models = dataset, synthetic.models(dataset)
    view = shown.view(EmbeddingView)
    assert "press Embed" in view._panel.empty.text()
    _press(view, "Embed")
    assert shown.last == ("embed", "original")


def test_the_tooltip_of_a_point_shows_its_picture(embedding: EmbeddingView, shown: Shown) -> None:
    assert shown.state.embedding is not None
    assert shown.state.dataset is not None
    text = embedding._describe(200, shown.state.embedding, shown.state.dataset)
    assert "<img" in text
    assert f"Sample {shown.state.embedding.sample[200]}" in text
    assert "perturbed copy" in text


# -- neighborhood -----------------------------------------------------------------------------
@pytest.fixture
def neighborhood(shown: Shown) -> NeighborhoodView:
    shown.fill()
    return shown.view(NeighborhoodView)


def test_rows_give_counts_and_the_samples_own_r(neighborhood: NeighborhoodView) -> None:
    words = neighborhood.matrix.accessibleDescription()
    assert "Original: 30 of 30 r 1.00" in words
    assert "RURK: 10 of 30 r 0.33" in words
    assert "Re-train 1: 30 of 30" in words


def test_copies_are_ordered_by_their_distance(neighborhood: NeighborhoodView) -> None:
    table = neighborhood.matrix._table
    assert table is not None
    assert np.all(np.diff(table.sizes) >= 0)
    assert len(table.copies) == 30


def test_a_cell_says_in_words_what_the_model_says(neighborhood: NeighborhoodView) -> None:
    from explorer.plots.matrix import CELL, ROW, TOP

    matrix = neighborhood.matrix
    at = QPoint(matrix._left() + CELL // 2, TOP + 3 * ROW + ROW // 2)
    assert matrix.describe(at).startswith("RURK calls it class 2 (wrong), 20% for the true class")
    assert matrix.describe(QPoint(5, 5)) == ""


def test_scrolling_sideways_shows_later_copies(neighborhood: NeighborhoodView) -> None:
    from explorer.plots.matrix import CELL

    matrix = neighborhood.matrix
    assert matrix.horizontalScrollBar().maximum() > 0
    QTest.keyClick(matrix, Qt.Key.Key_Right)
    at = QPoint(matrix._left() + CELL // 2, 30)
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
    assert shown.asked.calls == []


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
    assert "Press Run" in view._panel.empty.text()
    shown.state.dataset, shown.state.models = dataset, synthetic.models(dataset)
    assert "Click a sample" in view._panel.empty.text()
    shown.state.selection = Selection(5)
    assert "copies of sample 5" in view._panel.empty.text()
    shown.state.neighborhood = synthetic.neighborhood(dataset, 5)
    shown.state.selection = Selection(8)
    assert "below still sample 5" in view.heading.text()


# -- curves -----------------------------------------------------------------------------------
def test_curves_grow_live(shown: Shown) -> None:
    view = shown.view(CurvesView)
    shown.state.losses = {"original": (2.0,)}
    assert view.tabs.currentIndex() == LOSS
    shown.state.residual = synthetic.residual(draws=10)
    assert view.tabs.currentIndex() == RESIDUAL
    assert view.heading.text() == "c = 10 of 100 copies of each of 10 forget samples"
    curve = view.residual._curves["original"]
    assert curve.getData()[1][-1] == pytest.approx(2.0)
    shown.state.residual = synthetic.residual(draws=100)
    assert view.residual._curves["original"] is curve  # the same line, with new numbers
    shown.state.study = synthetic.study()
    assert view.heading.text() == "c = 100 copies of each of 10 forget samples"


def test_band_line_and_legend_are_there(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    words = view.residual.legend.accessibleDescription()
    assert words == "Original, RURK, GD, null band (Re-train against Re-train)"
    view.residual.plot.grab()
    assert view.residual._level.isVisible()
    assert view.residual._level.value() == 1.0
    band = view.residual._bands[""].path().boundingRect()
    assert (band.top(), band.bottom()) == pytest.approx((0.85, 1.15))
    x_low, x_high = view.residual.plot.viewRange()[0]
    assert -0.1 < x_low <= 0
    assert 0.4 <= x_high < 0.5


def test_undefined_values_are_gaps_and_said(shown: Shown) -> None:
    view = shown.view(CurvesView)
    shown.state.residual = synthetic.residual(undefined=3)
    assert "undefined for up to 3 of 10 samples" in view.note.text()
    shown.state.residual = synthetic.residual(undefined=10)
    assert np.isnan(view.residual._curves["original"].getData()[1][-1])


def test_log_scale_draws_logarithms(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    QTest.mouseClick(view.log, LEFT, NONE, QPoint(8, view.log.height() // 2))
    assert view.log.isChecked()
    assert view.residual._curves["original"].getData()[1][-1] == pytest.approx(np.log10(2))
    assert view.residual._level.value() == 0


def test_hovering_reads_the_values_at_the_nearest_tau(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    QApplication.processEvents()
    box = view.residual.plot.getViewBox()
    at = view.residual.plot.mapFromScene(box.mapViewToScene(QPointF(0.39, 1.2)))
    QTest.mouseMove(view.residual.plot.viewport(), at)
    shown.qtbot.waitUntil(lambda: "τ 0.4" in view.readout.text(), timeout=2000)
    assert "r 2 [1.9, 2.1]" in view.readout.text()
    assert view.residual._cross.isVisible()


def test_a_click_asks_for_the_neighborhood_at_that_tau(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    QApplication.processEvents()
    box = view.residual.plot.getViewBox()
    at = view.residual.plot.mapFromScene(box.mapViewToScene(QPointF(0.161, 1.5)))
    QTest.mouseClick(view.residual.plot.viewport(), LEFT, NONE, at)
    assert shown.last == ("set_probe", "gaussian", 0.16)


def test_axes_name_unit_and_perturbation(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    label = view.residual.plot.getAxis("bottom").labelText
    assert "Gaussian" in label
    assert "pixel range [0, 1]" in label
    assert view.residual.plot.getAxis("bottom").autoSIPrefixScale == 1
    assert "%" in view.prevalence.plot.getAxis("left").labelText


def test_every_stage_has_a_loss_curve(shown: Shown) -> None:
    view = shown.view(CurvesView)
    shown.state.losses = {"original": (2.0, 1.0), "retrain-0": (2.1,)}
    assert view.loss.legend.accessibleDescription() == "Original, Re-train 1"
    shown.state.losses = {"original": (2.0, 1.0, 0.5)}
    x, y = view.loss._curves["original"].getData()
    assert (x.tolist(), y.tolist()) == ([1, 2, 3], [2.0, 1.0, 0.5])
    assert "retrain-0" not in view.loss._curves


# -- metrics ----------------------------------------------------------------------------------
def _column(view: MetricsView, column: int) -> list[str]:
    return [view.table.shown_text(row, column) for row in range(4)]


def test_the_table_has_models_gaps_and_r(shown: Shown) -> None:
    shown.state.study = synthetic.study()
    view = shown.view(MetricsView)
    assert _column(view, 0) == ["Original", "Re-train", "RURK", "GD"]
    assert _column(view, 1) == ["1.50", "–", "0.90", "1.20"]
    assert _column(view, 5) == ["–"] * 4  # a study from before there was MIA accuracy
    assert _column(view, 6) == ["3.2", "–", "1.0", "2.9"]
    assert view.table.cells.rows[2][2].small == "−1.0"
    assert view.table.cells.rows[0][1].small == "1.40 to 1.60"
    titles = [column.title for column in view.table.cells.columns]
    assert titles[2].endswith("≈")
    assert titles[6].endswith("↓")


def test_a_click_on_a_header_sorts(shown: Shown) -> None:
    shown.state.study = synthetic.study()
    view = shown.view(MetricsView)
    header = view.table.horizontalHeader()
    view.table.scrollTo(view.table.model().index(0, 6))
    x = header.sectionViewportPosition(6) + header.sectionSize(6) // 2
    QTest.mouseClick(header.viewport(), LEFT, NONE, QPoint(x, header.height() // 2))
    assert _column(view, 0) == ["RURK", "GD", "Original", "Re-train"]  # no gap comes last


def test_the_table_is_copied_as_text_and_csv(shown: Shown) -> None:
    shown.state.study = synthetic.study()
    view = shown.view(MetricsView)
    _press(view, "Copy CSV")
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("model,name,retain_acc,unlearn_acc,test_acc,gap_retain_acc")
    assert lines[3].startswith("rurk,RURK,98.0,10.0,95.0,-1.0,1.0,-1.0,1.0,0.4,")
    _press(view, "Copy text")
    rows = QApplication.clipboard().text().splitlines()
    assert rows[3].split()[:2] == ["RURK", "0.90"]
    assert {row.index("%") for row in rows[1:]} == {rows[1].index("%")}
