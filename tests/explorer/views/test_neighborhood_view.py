"""The heart: copies and verdicts, what was added to them, r over tau, and the worst in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from mouse import drag
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import LEFT, Shown, press

from engine import registry
from engine.perturbations.base import Noise, add
from explorer.plots.cells import SMALL, sized
from explorer.plots.matrix import CAPTION, CLOSED, OPEN
from explorer.plots.matrix_layout import fitting
from explorer.state.catalog import names_only
from explorer.state.ranking import ranked_by, ranking
from explorer.state.selection import Selection
from explorer.theme import LIGHT, apply
from explorer.views.neighborhood.caption_row import NARROW
from explorer.views.neighborhood.captions import ordinal
from explorer.views.neighborhood.view import ENOUGH, NeighborhoodView


@pytest.fixture
def filled(shown: Shown) -> Shown:
    """Forget samples 1, 5, 9, ... with r of GD that grows with the sample, and one undefined."""
    shown.fill()
    residual = shown.state.residual
    assert residual is not None
    counts = {name: found.copy() for name, found in residual.counts.items()}
    counts["gd"][:] = 10 + 5 * np.arange(len(residual.samples))[:, None]
    for name in ("retrain-0", "retrain-1"):
        counts[name][-1, 5] = 0  # the last sample at the norm that is shown
        counts[name][1, -1] = 0  # the sample under the lens at the largest norm
    shown.state.residual = replace(residual, counts=counts)
    shown.state.ranked_by = "gd"
    return shown


def tall(shown: Shown) -> NeighborhoodView:
    view = shown.view(NeighborhoodView)
    view.resize(760, ENOUGH + 60)
    QApplication.processEvents()
    return view


# -- the matrix -----------------------------------------------------------------------------------
def end_of(view: NeighborhoodView, row: int) -> QPoint:
    """A point at the end of a model's row."""
    matrix = view.matrix
    y = matrix.top + row * matrix.sizes.row + 5
    return QPoint(matrix.viewport().width() - 20, y)


def test_re_trains_are_one_row_that_opens(filled: Shown) -> None:
    view = tall(filled)
    made, matrix = filled.state.neighborhood, view.matrix
    assert made is not None and matrix.table is not None
    one = matrix.table.rows[1]
    assert (one.label, one.fold) == ("2 Re-trains", CLOSED)
    right = np.mean([made.predictions[f"retrain-{k}"] == made.label for k in range(2)], axis=0)
    assert one.share is not None and sorted(one.share) == sorted(right)
    assert [row.label for row in matrix.table.rows].count("Re-train 0") == 0
    name = QPoint(20, end_of(view, 1).y())
    QTest.mouseClick(matrix.viewport(), LEFT, pos=name)
    assert [row.label for row in matrix.table.rows[1:4]] == [
        "2 Re-trains", "Re-train 0", "Re-train 1",
    ]  # fmt: skip
    assert matrix.table.rows[1].fold == OPEN and view.view_state()["retrains"] is True
    QTest.keyClick(matrix, Qt.Key.Key_Space)
    assert matrix.table.rows[1].fold == CLOSED


@pytest.mark.parametrize(
    ("height", "cell", "row"), [(100, 36, 20), (150, 36, 24), (300, 70, 52), (900, 112, 84)]
)
def test_copies_grow_with_the_view(height: int, cell: int, row: int) -> None:
    sizes = fitting(height, 4, 1)
    assert (sizes.cell, sizes.row) == (cell, row)


def test_the_end_of_a_row_has_counts_and_r_with_its_interval(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    words = view.matrix.accessibleDescription()
    assert "Original: 30 of 30 r 1.00 [0.93, 1.06]" in words
    assert "RURK: 10 of 30 r 0.33 [0.19, 0.52]" in words
    assert "2 Re-trains: 30 of 30 ;" in words
    tip = view.matrix.describe(end_of(view, 2))
    assert "RURK recognizes 10 of 30 copies." in tip
    assert "95 % interval 0.19 to 0.52" in tip and "mean over 2 Re-trains" in tip


def test_without_a_recognized_copy_r_is_said_to_be_undefined(filled: Shown) -> None:
    made = filled.state.neighborhood
    assert made is not None
    counts = {**made.counts, "retrain-0": 0, "retrain-1": 0}
    filled.state.neighborhood = replace(made, counts=counts)
    view = filled.view(NeighborhoodView)
    assert "RURK: 10 of 30 r undefined" in view.matrix.accessibleDescription()
    tip = view.matrix.describe(end_of(view, 2))
    assert "No Re-train recognizes any of them" in tip


def test_a_cells_bar_is_as_long_as_the_probability_of_the_true_class(filled: Shown) -> None:
    view = tall(filled)
    matrix = view.matrix
    drawn = matrix.viewport().grab().toImage()

    def filled_share(row: int) -> float:
        y = matrix.top + (row + 1) * matrix.sizes.row - 4
        line = [drawn.pixelColor(matrix.left + 3 + x, y) for x in range(matrix.sizes.cell - 6)]
        full = {QColor(LIGHT.good).rgb(), QColor(LIGHT.danger).rgb()}
        return sum(color.rgb() in full for color in line) / len(line)

    assert filled_share(0) == pytest.approx(0.9, abs=0.06)  # Original is right and sure
    second = [k for k, said in enumerate(matrix.table.rows[2].correct) if not said]  # type: ignore[union-attr]
    matrix.horizontalScrollBar().setValue(second[0] * matrix.sizes.cell)
    drawn = matrix.viewport().grab().toImage()
    assert filled_share(2) == pytest.approx(0.2, abs=0.06)  # RURK is wrong


def test_the_perturbation_is_shown_amplified_around_gray(filled: Shown) -> None:
    view = tall(filled)
    assert not view.changes.isChecked()
    view.changes.click()
    table = view.matrix.table
    assert table is not None and table.changes is not None and table.original is not None
    sizes = view.matrix.sizes
    assert view.matrix.top == sizes.pictures + sizes.cell
    assert np.abs(table.changes).max() == pytest.approx(1)
    assert table.original + table.changes / table.factor == pytest.approx(table.copies, abs=1e-5)
    last = len(table.copies) - 1  # the largest perturbations stand last
    view.matrix.horizontalScrollBar().setValue(view.matrix.horizontalScrollBar().maximum())
    drawn = view.matrix.viewport().grab().toImage()
    x0, y0 = view.matrix.x_of(last) + 3, CAPTION + 1 + sizes.cell
    side = sizes.picture / table.changes.shape[-1]
    shades = [
        drawn.pixelColor(int(x0 + side * (j + 0.5)), int(y0 + side * (i + 0.5))).red()
        for i in range(8)
        for j in range(8)
    ]
    wanted = 255 * (table.changes[last, 0].ravel() + 1) / 2
    assert np.abs(np.array(shades) - wanted).max() < 3


def test_features_change_up_and_down(shown: Shown) -> None:
    dataset = synthetic.features()
    shown.state.dataset = dataset
    shown.state.models = synthetic.models(dataset)
    shown.state.selection = Selection(5)
    shown.state.neighborhood = synthetic.neighborhood(dataset)
    view = tall(shown)
    view.changes.setChecked(True)
    view.matrix.horizontalScrollBar().setValue(view.matrix.horizontalScrollBar().maximum())
    table, last = view.matrix.table, 29
    assert table is not None and table.changes is not None
    drawn = view.matrix.viewport().grab().toImage()
    sizes = view.matrix.sizes
    middle = CAPTION + 1 + sizes.cell + sizes.picture // 2
    for k, change in enumerate(table.changes[last]):
        x = int(view.matrix.x_of(last) + 3 + (k + 0.4) * sizes.picture / 4)
        high = abs(float(change)) * sizes.picture / 2
        if high < 4:
            continue
        y = middle - 2 if change > 0 else middle + 2
        color = LIGHT.accent if change > 0 else LIGHT.danger
        assert drawn.pixelColor(x, y) == QColor(color)


def test_first_copies_are_said_to_be_few(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    assert "only 30 copies so far" in view.caption.details.text()  # of the study's 100
    residual = filled.state.residual
    assert residual is not None
    filled.state.residual = replace(residual, draws=30)
    assert "so far" not in view.caption.details.text()


def test_a_narrow_view_moves_the_buttons_from_its_title_to_the_rank(
    filled: Shown, qapp: QApplication
) -> None:
    apply(qapp, LIGHT)  # whose buttons are small
    view = filled.view(NeighborhoodView)
    view.setMinimumSize(1, 1)  # as in a dock, whose title holds the controls
    view.resize(NARROW + 200, 500)
    QApplication.processEvents()
    wide = view.panel.bar.minimumSizeHint().width()
    assert view.panel.bar.isAncestorOf(view.ranking.next)
    assert view.ranking.place.text().endswith(" by r of GD")
    view.resize(NARROW - 50, 500)
    QApplication.processEvents()
    assert not view.panel.bar.isAncestorOf(view.ranking.next) and view.ranking.next.isVisible()
    assert view.panel.bar.minimumSizeHint().width() < wide - view.ranking.next.width()
    assert view.ranking.place.text() == "8th of 10"
    assert "largest r of GD first" in view.ranking.place.toolTip()
    assert view.caption.heading.width() >= view.caption.heading.sizeHint().width()
    assert "forget set" in view.caption.details.text()


def test_without_models_there_is_nothing_to_step_through(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    assert view.slider.isVisible() and view.ranking.next.isVisible()
    filled.state.models = {}
    assert not view.slider.isVisible() and not view.tau.isVisible()
    assert not view.ranking.next.isVisible() and view.perturbation.isVisible()


def test_copies_of_another_norm_are_called_so_until_theirs_are_there(filled: Shown) -> None:
    view, one = filled.view(NeighborhoodView), filled.state.neighborhood
    assert one is not None
    filled.state.probe = (one.perturbation, 0.4)
    words = f"Computing the copies at τ 0.4; below are those at τ {one.tau:g}."
    assert view.caption.details.text() == words and "Sample" in view.caption.heading.text()
    filled.state.neighborhood = replace(one, tau=0.4)
    assert "Computing" not in view.caption.details.text()


def test_the_title_of_the_results_fits_its_column(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    one = filled.state.neighborhood
    assert one is not None
    none = {name: 0 * count if name.startswith("retrain") else count
            for name, count in one.counts.items()}  # fmt: skip
    filled.state.neighborhood = replace(one, counts=none)  # so that every r is undefined
    words, font = view.matrix.title_of_results(), sized(view.matrix.font(), SMALL)
    assert view.matrix.right - 10 >= QFontMetrics(font).horizontalAdvance(words)


def test_a_test_sample_is_named_as_one_and_has_no_curve(filled: Shown) -> None:
    dataset = filled.state.dataset
    assert dataset is not None
    number = len(dataset.train_y) + 3
    one = filled.state.neighborhood
    assert one is not None
    filled.state.selection = Selection(number)
    filled.state.neighborhood = replace(one, sample=number)
    view = tall(filled)
    assert "test set" in view.caption.details.text()
    assert "not in the forget set, so its r over τ was not measured" in view.curve.note.text()
    assert "points are r at τ 0.2" in view.curve.note.text()


def test_what_went_wrong_is_said(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    filled.state.neighborhood = None
    filled.state.set_problem("neighborhood", "FGSM needs torchattacks. Install it.")
    assert view.panel.empty.text() == "FGSM needs torchattacks. Install it."


# -- the curve ------------------------------------------------------------------------------------
def test_the_curve_is_there_where_there_is_room_or_on_demand(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    view.resize(490, 400)
    QApplication.processEvents()
    assert not view.curve.isVisible()
    QTest.mouseClick(view.over_tau, LEFT, pos=QPoint(10, view.over_tau.height() // 2))
    assert view.curve.isVisible()
    view.resize(490, 420)  # a person decided: it stays
    assert view.curve.isVisible()
    view.over_tau.click()
    view.resize(760, ENOUGH + 100)
    assert not view.curve.isVisible()


def test_each_model_has_its_line_and_the_chosen_one_the_forget_sets_spread(filled: Shown) -> None:
    view = tall(filled)
    assert view.curve.isVisible()
    residual = filled.state.residual
    assert residual is not None
    x, y = view.curve.chart.curves["gd"].getData()
    assert x.tolist() == pytest.approx(residual.taus)
    assert 10 ** y[:-1] == pytest.approx(residual.ratio("gd")[1, :-1])  # sample 5, log scale
    assert np.isnan(y[-1])
    words = view.curve.chart.accessibleDescription()
    assert "median, middle 50 and 90 % of the forget set in GD" in words
    assert "Original" in words and "RURK" in words
    view.curve.log.click()
    assert view.curve.chart.curves["gd"].getData()[1][0] == pytest.approx(y_linear(residual))


def y_linear(residual: object) -> float:
    return float(residual.ratio("gd")[1, 0])  # type: ignore[attr-defined]


def test_undefined_norms_are_hatched_and_named(filled: Shown) -> None:
    view = tall(filled)
    assert "r undefined at τ 0.4" in view.curve.note.text()
    (hole,) = view.curve.holes
    assert hole == pytest.approx((0.38, 0.4))


def test_nothing_recognized_lies_on_the_bottom_line(filled: Shown) -> None:
    residual = filled.state.residual
    assert residual is not None
    residual.counts["rurk"][:] = 0
    view = tall(filled)
    bottom = view.curve.chart.plot.viewRange()[1][0]
    y = view.curve.chart.curves["rurk"].getData()[1]
    assert bottom < y[0] < bottom + 0.1
    assert "Bottom line: r = 0." in view.curve.note.text()


def test_the_line_is_dragged_to_another_norm(filled: Shown) -> None:
    view = tall(filled)
    plot = view.curve.chart.plot
    box = plot.getViewBox()
    assert view.curve.line.value() == pytest.approx(0.2)

    def at(tau: float) -> QPoint:
        middle = box.mapViewToScene(QPointF(tau, sum(plot.viewRange()[1]) / 2))
        return plot.mapFromScene(middle)

    drag(plot.viewport(), [at(0.2), at(0.22), at(0.26), at(0.31)])
    assert filled.state.probe == ("gaussian", pytest.approx(0.32))
    assert view.slider.value() == 8
    assert view.curve.line.value() == pytest.approx(0.32)


# -- the perturbation ------------------------------------------------------------------------------
def test_a_perturbation_of_another_package_is_offered_and_gets_its_label_once_loaded(
    filled: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(registry, "_external", lambda kind: {"mine": object()})
    view = filled.view(NeighborhoodView)
    shown = view.perturbation.currentData()
    names = [view.perturbation.itemText(n) for n in range(view.perturbation.count())]
    assert names == ["Gaussian", "L2 ball", "L-inf ball", "FGSM", "PGD", "mine"]
    add(
        Noise(name="mine", label="Mine", measure="share", help="Mine.", draw=lambda into, rng: None)
    )
    filled.state.catalog = names_only()
    place = view.perturbation.findData("mine")
    assert view.perturbation.itemText(place) == "Mine"
    assert view.perturbation.currentData() == shown
    filled.asked.set_probe("mine", 0.24)
    assert view.perturbation.currentText() == "Mine"
    assert view.perturbation.toolTip() == "τ is the share"


# -- the worst in order ---------------------------------------------------------------------------
def test_the_rank_follows_sample_norm_and_model(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    assert view.ranking.place.text() == "8th of 10 by r of GD"
    assert view.ranking.model.currentText() == "GD"
    filled.state.selection = Selection(33)
    assert view.ranking.place.text().startswith("1st of 10")
    assert not view.ranking.worse.isEnabled() and view.ranking.next.isEnabled()
    filled.state.selection = Selection(37)  # the one that no Re-train recognizes
    assert view.ranking.place.text().startswith("10th of 10")
    assert not view.ranking.next.isEnabled()
    filled.asked.set_probe("gaussian", 0.24)
    assert view.ranking.place.text() == "1st of 10 by r of GD"
    filled.state.selection = Selection(2)
    assert view.ranking.place.text() == "not ranked"


def test_buttons_and_combo_ask_for_another_sample_and_order(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    press(view, "›")
    assert filled.last == ("step_worst", 1)
    press(view, "‹")
    assert filled.last == ("step_worst", -1)
    view.ranking.model.setFocus()
    QTest.keyClick(view.ranking.model, Qt.Key.Key_Up)
    assert filled.last == ("rank_by", "rurk")
    assert view.ranking.model.currentText() == "RURK"


def test_an_order_is_by_the_chosen_model_while_it_is_there(filled: Shown) -> None:
    found = ranking(filled.state)
    assert found is not None
    assert found.order.tolist() == [33, 29, 25, 21, 17, 13, 9, 5, 1, 37]
    assert (found.place, found.step(-1), found.step(1), found.step(3)) == (8, 9, 1, None)
    filled.state.ranked_by = "scrub"
    assert ranked_by(filled.state) == "gd"  # the method with the most residual knowledge
    filled.state.residual = None
    assert ranking(filled.state) is None


def test_ordinals() -> None:
    words = [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1003)]
    assert words == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
                     "1,003rd"]  # fmt: skip


# -- sessions, figures, neighbors -----------------------------------------------------------------
def test_what_a_person_arranged_is_kept(filled: Shown) -> None:
    view = tall(filled)
    assert view.view_state()["sizes"] is None
    view.splitter.setSizes([200, 300])
    view.splitter.splitterMoved.emit(200, 1)
    view.changes.setChecked(True)
    view.curve.log.setChecked(False)
    kept = view.view_state()
    again = tall(filled)
    again.restore_view_state(kept)
    assert again.view_state() == kept
    assert again.changes.isChecked() and not again.curve.log.isChecked()


def test_exports_are_of_what_is_shown(filled: Shown) -> None:
    view = tall(filled)
    view.changes.setChecked(True)
    press(view, "Export…")
    shown = {"sample": 5, "perturbation": "gaussian", "tau": 0.2, "changes": True}
    assert filled.last == ("ask_figure", "neighborhood", shown)
    press(view, "Export curve…")
    assert filled.last == ("ask_figure", "sample-curve", {"sample": 5, "model": "gd", "log": True})


def test_neighbors_are_made_ready_only_while_it_is_seen(filled: Shown) -> None:
    view = filled.view(NeighborhoodView)
    asked = [call for call in filled.asked.calls if call[0] == "look_beside"]
    assert asked[-1] == ("look_beside", tuple(map(float, synthetic.TAUS)))
    view.hide()
    assert filled.last == ("look_beside", ())
