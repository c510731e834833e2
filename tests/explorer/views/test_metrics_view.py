from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from shown import Shown

from engine.analysis.finding import findings
from engine.analysis.finding_words import Link
from engine.residual.verdict import verdict_counts
from engine.results import Study
from explorer.plots import model_cells
from explorer.theme import LIGHT, apply
from explorer.views.metrics import SCATTER, MetricsView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def with_mia(study: Study) -> Study:
    """The study with MIA accuracies and re-learn epochs, so that it has all that one can have."""
    mia = {"original": (1.0, 0.0), "retrain": (9.0, 31.0), "rurk": (11.0, 2.0), "gd": (2.0, 1.0)}
    metrics = {
        name: {**row, "mia_acc": mia[name][0], "relearn_epochs": mia[name][1]}
        for name, row in study.metrics.items()
    }
    return replace(study, metrics=metrics)


def shifted(study: Study, by: float) -> Study:
    """The study with accuracies that are `by` percent points larger, those of Re-train too."""
    metrics = {
        name: {key: value + by * key.endswith("acc") for key, value in row.items()}
        for name, row in study.metrics.items()
    }
    return replace(study, metrics=metrics)


@pytest.fixture
def view(shown: Shown) -> MetricsView:
    shown.state.dataset = synthetic.images()
    shown.state.study = with_mia(synthetic.study())
    made = shown.view(MetricsView)
    made.resize(2600, 480)
    QApplication.processEvents()
    return made


def column(view: MetricsView, title: str) -> list[str]:
    """The texts of the column whose header begins so, as its rows are sorted."""
    return [view.table.shown_text(row, place(view, title)) for row in range(rows(view))]


def rows(view: MetricsView) -> int:
    return view.table.cells.rowCount()


def place(view: MetricsView, title: str) -> int:
    titles = [one.title for one in view.table.cells.columns]
    return next(i for i, one in enumerate(titles) if one.startswith(title))


def click_header(view: MetricsView, title: str) -> None:
    header, section = view.table.horizontalHeader(), place(view, title)
    view.table.scrollTo(view.table.model().index(0, section))
    QApplication.processEvents()
    x = header.sectionViewportPosition(section) + header.sectionSize(section) // 2
    QTest.mouseClick(header.viewport(), LEFT, NONE, QPoint(x, header.height() // 2))


def choose(view: MetricsView, text: str) -> None:
    """Click an entry of the Copy menu."""
    menu = view.copies
    menu.popup(view.mapToGlobal(QPoint(0, 0)))
    action = next(one for one in menu.actions() if one.text() == text)
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())


def open_scatter(view: MetricsView) -> None:
    bar = view.tabs
    QTest.mouseClick(bar, LEFT, NONE, bar.tabRect(SCATTER).center())
    view.grab()
    QApplication.processEvents()


# -- the table --------------------------------------------------------------------------------
def test_the_table_has_values_with_gaps_and_r_with_its_interval(view: MetricsView) -> None:
    assert column(view, "Model") == ["Original", "Re-train", "RURK", "GD"]
    assert column(view, "r\n") == ["1.50", "–", "0.90", "1.20"]
    assert column(view, "Gap") == ["4.38", "–", "1.25", "3.95"]
    cells = view.table.cells.rows
    assert cells[2][place(view, "Retain")].small == "−1.00"
    assert cells[0][place(view, "r\n")].small == "1.40 to 1.60"
    titles = [one.title for one in view.table.cells.columns]
    assert "Unlearn %\nbest: as Re-train" in titles
    assert "Gap % points\nbest: low" in titles
    assert "100 perturbed copies of each forget sample" in view.info.text_shown()
    assert "the gap to Re-train" in view.info.text_shown()


def test_headers_and_findings_are_shortened_until_the_columns_fit(view: MetricsView) -> None:
    view.resize(2600, 480)
    QApplication.processEvents()
    assert view.table.length == model_cells.LONG
    assert "Unlearn %\nbest: as Re-train" in [one.title for one in view.table.cells.columns]
    whole = view.table.horizontalHeader().sizeHint().width()
    found = place(view, "Finding")
    long = view.table.cells.rows[0][found].text
    view.resize(440, 480)
    QApplication.processEvents()
    assert view.table.length == model_cells.BRIEF
    assert "Unlearn\n%" in [one.title for one in view.table.cells.columns]
    brief = view.table.cells.rows[0][found]
    assert len(brief.text) < len(long) and brief.tip  # the rest is in its tooltip
    assert view.table.horizontalHeader().sizeHint().width() <= whole
    assert not view.table.verticalScrollBar().isVisible()
    view.resize(2600, 480)
    QApplication.processEvents()
    assert view.table.cells.rows[0][found].text == long


def test_a_study_without_mia_accuracy_has_no_such_column(shown: Shown) -> None:
    shown.state.study = synthetic.study()
    view = shown.view(MetricsView)
    assert not [one for one in view.table.cells.columns if one.title.startswith("MIA")]
    assert column(view, "Gap") == ["3.17", "–", "1.00", "2.93"]


@pytest.mark.parametrize("title", ["r\n", "Retain", "Unlearn", "Test", "MIA", "Gap", "Time"])
def test_a_click_on_any_header_sorts_and_another_turns_the_order(
    title: str, view: MetricsView
) -> None:
    click_header(view, title)
    up = [float(text) for text in column(view, title) if text != "–"]
    assert up == sorted(up)
    assert "–" not in column(view, title)[: len(up)]  # what is missing comes last
    click_header(view, title)
    assert [float(text) for text in column(view, title)[: len(up)]] == up[::-1]


def test_another_tau_is_asked_for_and_then_read(view: MetricsView, shown: Shown) -> None:
    view.tau.setFocus()
    QTest.keyClick(view.tau, Qt.Key.Key_End)
    assert shown.last == ("set_probe", "gaussian", 0.4)
    assert column(view, "r\n") == ["2.00", "–", "0.90", "1.40"]
    shown.state.probe = ("linf", 0.1)  # of another perturbation: the middle of the grid again
    assert column(view, "r\n")[0] == "1.50"


# -- findings ---------------------------------------------------------------------------------
def test_each_row_says_its_finding_and_a_click_selects_what_it_counts(
    view: MetricsView, shown: Shown
) -> None:
    told = synthetic.telling_study()
    shown.state.study = with_mia(told)
    assert column(view, "Finding") == [
        "above the null band from τ 0.08 on", "copies of 0 of 10",
        "has a lower r than Re-trains", "still recognizes copies of 2 of 10",
    ]  # fmt: skip
    cell = view.table.cells.rows[3][place(view, "Finding")]
    assert cell.small == "above the null band from τ 0.12 on"
    assert " ".join(cell.tip.split()) == findings(told)[0].text
    assert verdict_counts(told.residual, "gd") == {"residual": 2, "none": 0, "undecided": 8}
    index = view.table.model().index(3, place(view, "Finding"))
    at = view.table.visualRect(index).center()
    QTest.mouseMove(view.table.viewport(), at)
    assert view.table.viewport().cursor().shape() == Qt.CursorShape.PointingHandCursor
    QTest.mouseClick(view.table.viewport(), LEFT, NONE, at)
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))
    shown.asked.calls.clear()
    view.table.setFocus()
    QTest.keyClick(view.table, Qt.Key.Key_Return)
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))
    shown.asked.calls.clear()
    QTest.mouseClick(view.table.viewport(), LEFT, NONE, at - QPoint(at.x() - 5, 0))
    assert not shown.asked.calls  # a name is no link


def test_a_mean_over_seeds_has_no_finding(view: MetricsView, shown: Shown) -> None:
    shown.state.beside = (with_mia(synthetic.study(seed=7)),)
    assert column(view, "Finding")[4].startswith("stays within")
    view.runs.set_mean(True)
    view.runs.mean_toggled.emit(True)
    assert column(view, "Finding") == [""] * 4


def test_the_table_fits_a_small_dock(view: MetricsView, shown: Shown) -> None:
    shown.state.study = with_mia(synthetic.telling_study())
    view.resize(440, 270)  # a dock of 300 px, without its title
    QApplication.processEvents()
    bar = view.table.verticalScrollBar()
    assert bar.maximum() == 0
    assert view.table.columnViewportPosition(place(view, "Finding")) < view.table.width() / 2


# -- several studies --------------------------------------------------------------------------
def test_seeds_are_one_row_with_mean_and_deviation(view: MetricsView, shown: Shown) -> None:
    others = [shifted(with_mia(synthetic.study(seed=seed)), by) for seed, by in ((7, 1), (42, 2))]
    shown.state.beside = tuple(others)
    assert rows(view) == 12
    assert view.table.cells.rows[4][0].small == "seed 7"
    view.runs.set_mean(True)
    view.runs.mean_toggled.emit(True)
    assert column(view, "Test")[0] == "98.00 ± 0.82"  # of 97, 98 and 99, divisor n
    assert view.table.cells.rows[2][place(view, "Retain")].small == "−1.00"
    assert "Mean ± deviation (population) over 3 seeds (7, 42, 131)" in view.info.text_shown()


def test_other_settings_stay_rows_of_their_own(view: MetricsView, shown: Shown) -> None:
    shown.state.beside = (synthetic.study(tau=0.2),)
    view.runs.set_mean(True)
    view.runs.mean_toggled.emit(True)
    assert rows(view) == 8
    assert view.table.cells.rows[4][0].small == "rurk.tau 0.2"
    assert view.table.cells.rows[4][place(view, "MIA")].text == "–"


# -- copies -----------------------------------------------------------------------------------
def test_the_table_is_copied_as_text_csv_and_latex(view: MetricsView) -> None:
    choose(view, "As CSV")
    lines = QApplication.clipboard().text().splitlines()
    header, rurk = lines[0].split(","), lines[3].split(",")
    assert rurk[:4] == ["rurk", "RURK", "", "1"]
    assert float(rurk[header.index("retain_acc")]) == 98.0
    assert float(rurk[header.index("unlearn_acc_gap")]) == 1.0
    choose(view, "As text")
    assert findings(synthetic.study())[0].text in QApplication.clipboard().text()
    rows_ = QApplication.clipboard().text().splitlines()
    assert next(row for row in rows_ if row.startswith("RURK")).split()[1:4] == [
        "0.90", "98.00", "(-1.00)",
    ]  # fmt: skip
    choose(view, "As LaTeX")
    latex = QApplication.clipboard().text()
    assert r"\toprule" in latex
    assert r"RURK & $0.90$ & $98.00$ ($-1.00$)" in latex
    assert r"Retain \%" in latex


# -- the scatter ------------------------------------------------------------------------------
def pixel(view: MetricsView, name: str) -> QPoint:
    return view.tradeoff.plot.place_of(name).toPoint()


def test_the_scatter_shows_gap_against_r_with_the_front_and_who_is_left_out(
    view: MetricsView,
) -> None:
    open_scatter(view)
    drawn = {mark.name: (mark.x, mark.y) for mark in view.tradeoff.plot.marks}
    assert set(drawn) == {"original@0", "rurk@0", "gd@0"}
    assert drawn["rurk@0"] == pytest.approx((1.25, 0.9))
    words = view.tradeoff.words.text()
    assert "Pareto front (dashed): RURK." in words
    assert "Without a value: Re-train." in words
    assert len(view.tradeoff.plot.stairs) == 2  # above and below r = 1
    corners = view.tradeoff.plot.stairs[0].getData()
    assert np.isclose(corners[0], 1.25).any()
    assert np.isclose(corners[1], 1.1).any()


def test_labels_lie_beside_their_points_and_not_on_each_other(view: MetricsView) -> None:
    open_scatter(view)
    boxes = [one.sceneBoundingRect() for one in view.tradeoff.plot.labels if one.isVisible()]
    assert len(boxes) == 3
    for i, box in enumerate(boxes):
        assert not any(box.intersects(other) for other in boxes[:i])


def test_a_click_on_a_point_reads_its_values_and_one_beside_it_forgets(view: MetricsView) -> None:
    open_scatter(view)
    viewport = view.tradeoff.plot.plot.viewport()
    QTest.mouseClick(viewport, LEFT, NONE, pixel(view, "gd@0") + QPoint(3, 2))
    assert "GD</span>" not in view.tradeoff.words.text()
    assert "Gap 3.95 % points, lower is better; r 1.20 [1.10, 1.30], best near 1." in (
        view.tradeoff.words.text()
    )
    QTest.qWait(QApplication.doubleClickInterval() + 50)
    QTest.mouseClick(viewport, LEFT, NONE, pixel(view, "gd@0") + QPoint(0, 40))
    assert "lower is better;" not in view.tradeoff.words.text()


def test_pointing_says_values_in_a_tooltip(view: MetricsView) -> None:
    open_scatter(view)
    plot, at = view.tradeoff.plot.plot, pixel(view, "rurk@0")
    event = QHelpEvent(QEvent.Type.ToolTip, at, plot.viewport().mapToGlobal(at))
    QApplication.sendEvent(plot.viewport(), event)
    assert QToolTip.text().startswith("RURK\nGap 1.25 % points")
    assert QToolTip.text().endswith("on the Pareto front")
    QToolTip.hideText()
    QTest.qWait(350)  # it fades


def test_any_two_measures_can_be_chosen(view: MetricsView) -> None:
    open_scatter(view)
    view.tradeoff.across.setFocus()
    QTest.keyClick(view.tradeoff.across, Qt.Key.Key_Home)
    assert view.tradeoff.axes[0] == "residual"
    index = view.tradeoff.along.findData("unlearn_acc")
    view.tradeoff.along.setCurrentIndex(index)
    view.tradeoff.along.activated.emit(index)
    label = view.tradeoff.plot.plot.getAxis("left").labelText
    assert label == "Unlearn (%), best near Re-train's 9.00"
    kept = view.view_state()
    assert (kept["tab"], kept["axes"]) == ("scatter", ["residual", "unlearn_acc"])
    choose(view, "As CSV")
    assert QApplication.clipboard().text().startswith("model,name,run,seeds,residual,")


def test_points_of_other_runs_are_empty_and_share_the_front(
    view: MetricsView, shown: Shown
) -> None:
    open_scatter(view)
    shown.state.beside = (synthetic.study(seed=7),)
    marks = {mark.name: mark for mark in view.tradeoff.plot.marks}
    assert marks["gd@1"].hollow
    assert marks["gd@1"].style == marks["gd@0"].style
    assert marks["gd@1"].label == "GD (seed 7)"


# -- exports ----------------------------------------------------------------------------------
def test_what_is_shown_is_exported(view: MetricsView, shown: Shown) -> None:
    shown.state.beside = (synthetic.study(seed=7),)
    QTest.mouseClick(view.export_button, LEFT)
    assert shown.last == (
        "ask_figure", "metrics", {"tau": 0.2, "beside": ["0123456789abcdef0007"], "mean": False},
    )  # fmt: skip
    open_scatter(view)
    QTest.mouseClick(view.export_button, LEFT)
    name, kind, options = shown.last
    assert (name, kind) == ("ask_figure", "scatter")
    assert (options["x"], options["y"]) == ("avg_gap", "residual")


def test_a_place_in_the_plot_is_where_the_point_is_drawn(view: MetricsView) -> None:
    open_scatter(view)
    plot, mark = view.tradeoff.plot.plot, view.tradeoff.plot.marks[0]
    scene = plot.mapToScene(pixel(view, mark.name))
    back = plot.getViewBox().mapSceneToView(QPointF(scene))
    assert (back.x(), back.y()) == pytest.approx((mark.x, mark.y), abs=0.05)


def test_both_tabs_fit_a_narrow_title(shown: Shown, qapp: QApplication) -> None:
    apply(qapp, LIGHT)
    shown.fill()
    view = shown.view(MetricsView)
    assert not view.tabs.usesScrollButtons()
    assert view.tabs.minimumSizeHint().width() >= view.tabs.tabRect(1).right()
