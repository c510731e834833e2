"""The two linked panels as a person uses them: real mouse, wheel and keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from mouse import drag
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import LEFT, Shown

from engine.analysis.highlights import FORGOTTEN, LOST, RECOGNIZED
from engine.analysis.point_colors import LEVELS, LOSS, PREDICTION, RATIO, VERDICT
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding
from explorer.points.pane import MARGIN, Pane
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE, Selection
from explorer.views.embedding.controls import ALL_TRAILS, CHOSEN_TRAILS, NO_TRAILS
from explorer.views.embedding.legend import ROW, Entry
from explorer.views.embedding.view import EmbeddingView

NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def single(shown: Shown) -> EmbeddingView:
    """The map as it opens: one model, colored by r."""
    shown.fill()
    made = shown.view(EmbeddingView)
    made.resize(842, 566 + made.panel.bar.height())
    QApplication.processEvents()
    made.grab()
    shown.asked.calls.clear()
    return made


@pytest.fixture
def view(shown: Shown) -> EmbeddingView:
    """Two models side by side, colored by class, without pictures."""
    shown.fill()
    made = shown.view(EmbeddingView)
    made.controls.beside.setChecked(True)
    made.controls.pictures.setChecked(False)
    choose(made, "color", "class")
    made.resize(980, 640)
    QApplication.processEvents()
    made.grab()
    shown.asked.calls.clear()
    return made


@pytest.fixture
def cloud(shown: Shown, view: EmbeddingView) -> Embedding:
    assert shown.state.embedding is not None
    return shown.state.embedding


def last(shown: Shown) -> tuple[object, ...]:
    """The last wish."""
    return shown.asked.calls[-1]


def choose(view: EmbeddingView, name: str, data: str) -> None:
    combo = getattr(view.controls, name)
    combo.setCurrentIndex(combo.findData(data))
    QApplication.processEvents()


def pixel(pane: Pane, row: int) -> QPoint:
    x, y = pane.positions[row]
    return at_place(pane, float(x), float(y))


def at_place(pane: Pane, x: float, y: float) -> QPoint:
    at: QPoint = pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(x, y)))
    return at


def lonely(cloud: Embedding, model: str, kind: int) -> int:
    """A row of that kind whose nearest neighbor is far away, so that a click on it is no guess."""
    xy = cloud.xy[model]
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2) + np.eye(len(xy)) * 1e9
    return int(np.where(cloud.kind == kind, apart.min(1), -1).argmax())


def lasso(pane: Pane, corners: list[tuple[float, float]], keys: Qt.KeyboardModifier) -> None:
    drag(pane.plot.viewport(), [at_place(pane, *corner) for corner in corners], keys)


def around(xy: np.ndarray) -> list[tuple[float, float]]:
    (x0, y0), (x1, y1) = xy.min(0) - 0.3, xy.max(0) + 0.3
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0 + 0.1)]


def colors(view: EmbeddingView, side: int, rows: np.ndarray) -> set[str]:
    """The colors that these points are drawn in."""
    item = view.sides[side].pane.points
    found = np.unique(item.shades[rows], axis=0).astype(int)
    return {"#" + "".join(f"{part:02x}" for part in one) for one in found}


# -- what is asked for ----------------------------------------------------------------------------
def test_seen_it_asks_for_original_and_the_first_method_and_hidden_for_nothing(
    shown: Shown,
) -> None:
    shown.fill()
    shown.state.embedding = None
    view = shown.view(EmbeddingView)
    assert last(shown) == ("look", "embedding", "original", "rurk")
    assert "Computing the joint embedding of Original and RURK" in view.panel.empty.text()
    view.hide()
    assert last(shown) == ("look_away", "embedding")


def test_a_model_chosen_on_either_side_is_asked_for_by_keyboard(
    view: EmbeddingView, shown: Shown
) -> None:
    view.right.model.setFocus()
    QTest.keyClick(view.right.model, Qt.Key.Key_Down)
    assert shown.last == ("look", "embedding", "original", "gd")
    view.left.model.setFocus()
    QTest.keyClick(view.left.model, Qt.Key.Key_Down)
    assert shown.last == ("look", "embedding", "retrain-0", "gd")


def test_why_there_is_none_is_said(shown: Shown) -> None:
    shown.fill()
    shown.state.embedding = None
    shown.state.set_problem("embedding", "Install umap-learn, then choose a model again.")
    view = shown.view(EmbeddingView)
    assert view.panel.empty.text() == "Install umap-learn, then choose a model again."


# -- the same point in both panels ------------------------------------------------------------
def test_the_wheel_in_one_panel_zooms_both_and_reset_shows_all(view: EmbeddingView) -> None:
    one, other = view.left.pane, view.right.pane
    whole = one.box.viewRect()
    center = QPointF(one.plot.viewport().rect().center())
    wheel = QWheelEvent(
        center, one.plot.viewport().mapToGlobal(center), QPoint(), QPoint(0, 480),
        Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(one.plot.viewport(), wheel)
    QApplication.processEvents()
    assert one.box.viewRect().width() < whole.width() * 0.8
    assert other.box.viewRect().getRect() == pytest.approx(one.box.viewRect().getRect(), abs=0.05)
    QTest.mouseClick(view.tools.everything, LEFT)
    QApplication.processEvents()
    for pane in (one, other):
        assert pane.box.viewRect().width() == pytest.approx(whole.width(), rel=0.02)


def test_a_drag_in_the_right_panel_pans_the_left_one(view: EmbeddingView) -> None:
    one, other = view.left.pane, view.right.pane
    before = one.box.viewRect().center()
    start = other.plot.viewport().rect().center()
    drag(other.plot.viewport(), [start, start + QPoint(20, 0), start + QPoint(60, 0)])
    QApplication.processEvents()
    moved = before.x() - one.box.viewRect().center().x()
    assert moved > 1
    assert one.box.viewRect().center().x() == pytest.approx(other.box.viewRect().center().x())


def test_hovering_marks_the_point_in_both_panels_and_tells_of_both_models(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    row = lonely(cloud, "original", FORGET)
    view.left.pane.box.scene().sigMouseMoved.emit(
        view.left.pane.box.mapViewToScene(QPointF(*view.left.pane.positions[row].tolist()))
    )
    for side in view.sides:
        x, y = side.pane.halo.getData()
        assert (x[0], y[0]) == pytest.approx(tuple(side.pane.positions[row]))
    text = view.card.text
    assert view.card.isVisible() and not view.card.picture.pixmap().isNull()
    assert f"sample {cloud.sample[row]}" in text and "forget set" in text
    assert shown.state.dataset is not None
    assert shown.state.dataset.name_of(int(cloud.sample[row])) in text
    assert "Original: ✓ class 1" in text and "RURK: ✗ class 2" in text
    view.left.pane.leave()
    assert not view.card.isVisible()
    assert all(not len(side.pane.halo.getData()[0]) for side in view.sides)


def test_a_click_in_either_panel_picks_the_sample_and_rings_it_in_both(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    row = lonely(cloud, "rurk", RETAIN)
    sample = int(cloud.sample[row])
    pane = view.right.pane
    QTest.mouseClick(pane.plot.viewport(), LEFT, NONE, pixel(pane, row) + QPoint(2, 2))
    assert shown.asked.calls == [("set_current", sample), ("select", [sample], REPLACE)]
    for side in view.sides:
        assert [rows.tolist() for rows, _, _ in side.pane.points.rings] == [[row], [row]]
    QTest.qWait(QApplication.doubleClickInterval() + 50)
    QTest.mouseClick(pane.plot.viewport(), LEFT, CTRL, pixel(pane, row))
    assert shown.last == ("select", [sample], REMOVE)


def test_a_click_beside_all_points_does_nothing(view: EmbeddingView, shown: Shown) -> None:
    pane = view.left.pane
    QTest.mouseClick(pane.plot.viewport(), LEFT, NONE, at_place(pane, 0, 0))
    assert shown.asked.calls == []


def test_the_bar_counts_what_was_selected_while_there_was_no_map(
    single: EmbeddingView, shown: Shown
) -> None:
    shown.state.selection = Selection(1, frozenset({1, 2, 3}))
    assert single.bar.isVisible() and single.bar.text.text().startswith("3 selected")
    embedding, shown.state.embedding = shown.state.embedding, None
    shown.state.selection = Selection(1, frozenset({1}))
    shown.state.embedding = embedding
    assert not single.bar.isVisible() and single.bar.text.text().startswith("1 selected")


def test_no_point_lies_under_the_tools_or_the_bar(single: EmbeddingView, shown: Shown) -> None:
    shown.state.selection = Selection(1, frozenset({1, 2, 3}))
    QApplication.processEvents()
    single.grab()
    embedding, pane = shown.state.embedding, single.right.pane
    assert embedding is not None and single.bar.isVisible()
    highest = int(np.nanargmax(pane.points.xy[:, 1]))
    for part in (single.bar, single.tools):
        below = part.mapTo(single, QPoint(0, part.height())).y()
        plot = pane.plot.viewport()
        assert plot.mapTo(single, pixel(pane, highest)).y() > below


# -- lasso ----------------------------------------------------------------------------------------
def test_a_lasso_and_one_button_make_a_forget_set(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    QTest.mouseClick(view.tools.lasso, LEFT)
    own = (cloud.label == 3) & (cloud.kind == RETAIN)
    lasso(view.left.pane, around(view.left.pane.positions[own]), NONE)
    name, samples, mode = shown.last
    assert (name, mode) == ("select", REPLACE)
    assert set(cloud.sample[own].tolist()) <= set(samples)  # type: ignore[call-overload]
    assert view.bar.isVisible() and view.bar.buttons.forget.text().startswith("Forget only these ")
    QTest.mouseClick(view.bar.buttons.forget, LEFT)
    assert shown.last == ("replace_by_selection",)
    assert set(cloud.sample[own].tolist()) <= set(shown.state.forget)


@pytest.mark.parametrize(
    ("keys", "mode"), [(CTRL, ADD), (ALT, REMOVE), (CTRL | ALT, INTERSECT), (NONE, REPLACE)]
)
def test_modifiers_say_how_the_lasso_joins_the_selection(
    view: EmbeddingView, cloud: Embedding, shown: Shown, keys: Qt.KeyboardModifier, mode: str
) -> None:
    lasso(view.right.pane, around(view.right.pane.positions[cloud.label == 3]), keys | SHIFT)
    assert shown.last[2] == mode


def test_a_lasso_leaves_dimmed_points_out(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    choose(view, "highlight", FORGOTTEN)
    lasso(view.right.pane, around(view.right.pane.positions), SHIFT)
    lost = (cloud.kind == FORGET) & (cloud.predicted["rurk"] != cloud.label)
    assert sorted(shown.last[1]) == sorted(cloud.sample[lost].tolist())  # type: ignore[call-overload]
    lasso(view.left.pane, around(view.left.pane.positions), SHIFT)
    assert shown.last[1] == []  # Original has forgotten none


def test_keys_forget_add_and_let_go(view: EmbeddingView, shown: Shown) -> None:
    shown.state.selection = Selection(5, frozenset([5, 9]))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_F)
    assert last(shown) == ("replace_by_selection",)
    QTest.keyClick(view, Qt.Key.Key_F, SHIFT)
    assert last(shown) == ("add_selection",)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert last(shown) == ("select", [], REPLACE)


def test_a_right_click_offers_to_forget_the_point(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    row = lonely(cloud, "original", RETAIN)
    pane = view.left.pane
    QTest.mouseClick(pane.plot.viewport(), Qt.MouseButton.RightButton, NONE, pixel(pane, row))
    assert shown.state.selection.current == cloud.sample[row]
    actions = {action.text().split("\t")[0]: action for action in view.menu.actions()}
    actions["Forget only this sample"].trigger()
    view.menu.close()
    assert shown.state.forget == (int(cloud.sample[row]),)


# -- colors ---------------------------------------------------------------------------------------
def test_prediction_colors_differ_between_the_panels_where_the_models_do(
    view: EmbeddingView, cloud: Embedding
) -> None:
    moved = np.flatnonzero(cloud.predicted["rurk"] != cloud.label)
    choose(view, "color", PREDICTION)
    assert colors(view, 0, moved) != colors(view, 1, moved)
    choose(view, "color", "class")
    assert colors(view, 0, moved) == colors(view, 1, moved)


def test_r_has_a_color_bar_with_its_tau_and_follows_the_probe(
    view: EmbeddingView, shown: Shown
) -> None:
    assert view.legend.scale is None
    choose(view, "color", RATIO)
    assert view.legend.scale is not None
    assert "r at τ 0.2 (Gaussian), a ratio: ≤ ¼" in view.legend.accessibleDescription()
    shown.state.probe = ("gaussian", 0.4)
    assert "r at τ 0.4" in view.legend.accessibleDescription()


def test_r_is_diverging_around_one_and_undefined_is_drawn_apart(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    residual = shown.state.residual
    assert residual is not None
    counts = {name: one.copy() for name, one in residual.counts.items()}
    counts["rurk"][0], counts["rurk"][1] = 100, 12
    counts["retrain-0"][2], counts["retrain-1"][2] = 0, 0
    shown.state.residual = replace(residual, counts=counts)
    choose(view, "color", RATIO)
    numbers = view.right.pane.points.color
    rows = [int(np.flatnonzero(cloud.sample == sample)[0]) for sample in residual.samples[:4]]
    more, less, undefined, even = numbers[rows]
    assert less < LEVELS // 2 - 5 < even < LEVELS // 2 + 5 < more < LEVELS
    assert undefined == LEVELS
    assert "r undefined" in view.legend.accessibleDescription()


def test_loss_is_the_panels_own(view: EmbeddingView, cloud: Embedding) -> None:
    choose(view, "color", LOSS)
    moved = np.flatnonzero(cloud.predicted["rurk"] != cloud.label)
    left, right = (side.pane.points.color[moved] for side in view.sides)
    assert (right > left).all()
    assert "nats" in view.legend.accessibleDescription()


def test_verdicts_have_color_and_shape_and_a_retrain_has_none(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    choose(view, "color", VERDICT)
    names = [entry.label for entry in view.legend.entries if entry.name.startswith("group:")]
    assert set(names) <= {"residual (posterior > 0.95 at this τ)", "undecided", "none"} and names
    shown.state.embedding = replace(
        cloud,
        xy={"original": cloud.xy["original"], "retrain-0": cloud.xy["rurk"]},
        predicted={**cloud.predicted, "retrain-0": cloud.label},
        loss={**cloud.loss, "retrain-0": cloud.loss["original"]},
    )
    view.restore_view_state({"models": ["original", "retrain-0"], "color": VERDICT})
    assert "measured against" in view.right.caption.text()
    assert "measured against" not in view.left.caption.text()


# -- highlights -----------------------------------------------------------------------------------
def test_each_highlight_is_counted_for_each_model_and_dims_the_rest(
    view: EmbeddingView, cloud: Embedding
) -> None:
    forgotten = int(((cloud.kind == FORGET) & (cloud.predicted["rurk"] != cloud.label)).sum())
    assert forgotten > 3
    of_all = f"of {int((cloud.kind == FORGET).sum())} forget samples"
    texts = [view.controls.highlight.itemText(i) for i in range(4)]
    assert f"forgotten: {forgotten} {of_all}" in texts
    before = colors(view, 1, np.flatnonzero(cloud.kind == RETAIN))
    choose(view, "highlight", FORGOTTEN)
    assert f"{forgotten} {of_all} forgotten" in view.right.caption.text()
    assert f"0 {of_all} forgotten" in view.left.caption.text()
    assert colors(view, 1, np.flatnonzero(cloud.kind == RETAIN)).isdisjoint(before)
    lost = np.flatnonzero((cloud.kind == FORGET) & (cloud.predicted["rurk"] != cloud.label))
    assert colors(view, 1, lost) <= before


def test_still_recognized_and_wrongly_lost_are_measured_against_retrain_and_original(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    models = dict(shown.state.models)
    known = int(cloud.sample[cloud.kind == FORGET][1])  # RURK gets it right, Re-trains do not
    for name in ("retrain-0", "retrain-1"):
        logits = models[name].train_logits.copy()
        logits[known] = np.roll(logits[known], 1)
        models[name] = replace(models[name], train_logits=logits)
    shown.state.models = models
    said = cloud.predicted["rurk"].copy()
    lost = [int(np.flatnonzero(cloud.kind == kind)[3]) for kind in (RETAIN, TEST)]
    said[lost] = (cloud.label[lost] + 1) % 4
    shown.state.embedding = replace(cloud, predicted={**cloud.predicted, "rurk": said})
    assert view.drawing.highlights is not None
    found = view.drawing.highlights.of("rurk")
    assert cloud.sample[found[RECOGNIZED]].tolist() == [known]
    assert sorted(np.flatnonzero(found[LOST]).tolist()) == sorted(lost)
    texts = [view.controls.highlight.itemText(i) for i in range(4)]
    assert any(text.startswith("still recognized: 1 of ") for text in texts)
    others = int(np.isin(cloud.kind, (RETAIN, TEST)).sum())
    assert f"wrongly lost: 2 of {others} retain and test samples" in texts


# -- kinds and trails -----------------------------------------------------------------------------
def test_the_legend_counts_its_entries_and_ctrl_click_hides_one(
    view: EmbeddingView, cloud: Embedding
) -> None:
    words = view.legend.accessibleDescription()
    assert words.startswith("forget 17, retain 183, test 20, class 0 ")
    box = view.legend.box_of("kind:test")
    QTest.mouseClick(view.legend, LEFT, CTRL, box.center().toPoint())
    for side in view.sides:
        gone = np.isnan(side.pane.points.xy).any(1)
        assert (gone == np.isin(cloud.kind, (TEST, PERTURBED))).all()
    assert "test 20 (hidden)" in view.legend.accessibleDescription()
    box = view.legend.box_of("group:class 2")
    QTest.mouseClick(view.legend, LEFT, CTRL, box.center().toPoint())
    assert np.isnan(view.right.pane.points.xy[cloud.label == 2]).all()
    choose(view, "color", PREDICTION)  # other groups: those of before are shown again
    assert np.isfinite(view.right.pane.points.xy[(cloud.label == 2) & (cloud.kind == RETAIN)]).all()


def test_a_click_on_an_entry_of_the_legend_dims_all_others(
    view: EmbeddingView, cloud: Embedding
) -> None:
    for name in ("group:class 2", "kind:retain"):
        box = view.legend.box_of(name)
        QTest.mouseClick(view.legend, LEFT, NONE, box.center().toPoint())
    picked = view.right.highlighted
    assert picked is not None
    assert (picked == ((cloud.label == 2) & (cloud.kind == RETAIN))).all()
    lasso(view.right.pane, around(view.right.pane.positions), SHIFT)
    strong = [entry.name for entry in view.legend.entries if entry.strong]
    assert sorted(strong) == ["group:class 2", "kind:retain"]


def test_entries_count_what_is_selected_of_them(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    forgotten = cloud.sample[cloud.kind == FORGET][:4].tolist()
    kept = cloud.sample[cloud.kind == RETAIN][:6].tolist()
    shown.state.selection = Selection(None, frozenset([*forgotten, *kept]))
    words = view.legend.accessibleDescription()
    assert "forget 4 of 17" in words and "retain 6 of 183" in words and "10 selected" in words
    shown.state.selection = Selection()
    assert "forget 17" in view.legend.accessibleDescription()


def test_points_leave_room_for_every_line_of_the_legend(shown: Shown) -> None:
    shown.fill()
    shown.state.embedding = synthetic.embedding(shown.state.dataset)
    view = shown.view(EmbeddingView)
    choose(view, "color", "r")
    view.setMinimumSize(1, 1)  # as in a dock, whose title holds the controls
    view.resize(300, 400)
    QApplication.processEvents()
    assert view.legend.lines == 3
    pane = view.right.pane
    bottom = pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(0, pane.positions[:, 1].min())))
    assert view.legend.y() - pane.plot.mapTo(view.canvas, bottom).y() > MARGIN  # for names


def test_in_a_narrow_view_the_bar_of_the_selection_covers_no_point(shown: Shown) -> None:
    shown.fill()
    shown.state.embedding = synthetic.embedding(shown.state.dataset)
    view = shown.view(EmbeddingView)
    view.setMinimumSize(1, 1)
    view.resize(420, 400)
    shown.state.selection = Selection(1, frozenset((1, 2, 3)))
    QApplication.processEvents()
    assert view.bar.isVisible() and view.bar.y() > view.tools.y()
    pane = view.right.pane
    top = pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(0, pane.positions[:, 1].max())))
    assert pane.plot.mapTo(view.canvas, top).y() > view.bar.geometry().bottom()


def test_two_hundred_classes_stay_two_lines_and_the_rest_is_listed(shown: Shown) -> None:
    shown.state.dataset = synthetic.images(800, classes=200)
    shown.state.models = synthetic.models(shown.state.dataset)
    shown.state.study = synthetic.study()
    shown.state.embedding = synthetic.embedding(shown.state.dataset)
    view = shown.view(EmbeddingView)
    choose(view, "color", "class")
    assert view.legend.height() <= 2 * ROW
    assert view.canvas.rect().contains(view.legend.geometry())
    more = view.legend.box_of("more")
    assert not more.isEmpty()
    listed: list[tuple[Entry, ...]] = []
    view.legend.more.disconnect()
    view.legend.more.connect(lambda entries, at: listed.append(entries))
    QTest.mouseClick(view.legend, LEFT, NONE, more.center().toPoint())
    assert len(listed[0]) > 150 and all(entry.name for entry in listed[0] if entry.count > 0)


def test_trails_lead_from_selected_forget_samples_to_their_copies_in_order_of_tau(
    view: EmbeddingView, cloud: Embedding, shown: Shown
) -> None:
    sample = int(cloud.sample[cloud.kind == FORGET][2])
    shown.state.selection = Selection(sample)
    x, y = view.right.pane.trails.getData()
    start = int(np.flatnonzero((cloud.sample == sample) & (cloud.kind == FORGET))[0])
    copies = np.flatnonzero((cloud.sample == sample) & (cloud.kind == PERTURBED))
    rows = [start, *copies[np.argsort(cloud.tau[copies])]]
    assert np.stack([x, y], 1) == pytest.approx(view.right.pane.positions[rows])
    assert len(view.right.pane.copies.getData()[0]) == len(copies)
    choose(view, "trails", ALL_TRAILS)
    assert len(view.left.pane.trails.getData()[0]) == 17 * 4
    choose(view, "trails", NO_TRAILS)
    assert view.left.pane.trails.getData()[0] is None
    shown.state.selection = Selection(int(cloud.sample[cloud.kind == RETAIN][0]))
    choose(view, "trails", CHOSEN_TRAILS)
    assert view.left.pane.trails.getData()[0] is None  # a retained sample has no copies


def test_export_takes_along_what_is_on_the_screen(view: EmbeddingView, shown: Shown) -> None:
    choose(view, "color", RATIO)
    view.controls.export.click()
    current = shown.state.selection.current  # the only sample whose trails are shown
    options = {"a": "original", "b": "rurk", "color": RATIO, "tau": -1.0, "trails": [current]}
    assert shown.last == ("ask_figure", "embedding", options)
    choose(view, "trails", ALL_TRAILS)
    choose(view, "highlight", LOST)
    view.controls.export.click()
    assert shown.last[2] == {**options, "trails": True, "highlight": LOST}


def test_what_an_earlier_map_highlighted_is_no_part_of_the_menu(
    shown: Shown, view: EmbeddingView, cloud: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(view, "highlight", FORGOTTEN)
    assert view.right.drawn == "rurk" and view.right.highlighted is not None
    few = np.flatnonzero(cloud.kind != TEST)
    shown.state.embedding = Embedding(
        {model: cloud.xy[one][few] for model, one in (("gd", "original"), ("ga", "rurk"))},
        cloud.sample[few], cloud.kind[few], cloud.label[few], cloud.tau[few],
        dict.fromkeys(("gd", "ga"), cloud.label[few]),
        {model: np.ones(len(few), np.float32) for model in ("gd", "ga")},
    )  # fmt: skip
    QApplication.processEvents()
    opened: list[list[int]] = []
    monkeypatch.setattr(view.menu, "open_at", lambda sample, rows, near, at: opened.append(rows))
    view.left.pane.menu_wanted.emit(None, QPoint())
    masks = [side.highlighted for side in view.sides if side.highlighted is not None]
    assert len(masks) == 2 and all(len(one) == len(few) for one in masks)
    assert {side.drawn for side in view.sides} == {"gd", "ga"}
    assert opened == [np.unique(cloud.sample[few][np.any(masks, axis=0)]).tolist()]


def test_controls_of_the_map_are_there_once_there_is_a_map(shown: Shown) -> None:
    view = shown.view(EmbeddingView)
    controls, model = view.controls, view.right.model
    parts = (controls.word, controls.color, model, controls.beside)
    assert view.panel.is_empty and not any(part.isVisible() for part in parts)
    shown.fill()
    assert not view.panel.is_empty and all(part.isVisible() for part in parts)
    view.resize(340, 300)
    assert controls.color.isVisible() and model.isVisible()
    assert not controls.word.isVisible() and not controls.beside.isVisible()
    view.resize(640, 300)
    controls.beside.setChecked(True)
    view.resize(340, 300)
    assert controls.beside.isVisible()  # it can be switched off again
