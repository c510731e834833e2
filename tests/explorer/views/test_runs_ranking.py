"""Ranking studies in the Runs view by mouse and keyboard: measures, filter, names, brushes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu
from pytestqt.qtbot import QtBot
from quick import QuickFactory, finish
from shown import Shown
from test_runs_view import Person

from engine.analysis.study_measures import measures_of
from engine.results import StudySummary
from engine.storage.annotations import Annotation
from engine.study.siblings import sibling_settings
from explorer.app import Explorer, Options
from explorer.state.queued_run import DONE, WAITING, Order, QueuedRun
from explorer.state.study_form import StudyForm
from explorer.views.runs.columns import DEFAULT, DIFFERS, NAME
from explorer.views.runs.pages import PARALLEL, TABLE
from explorer.views.runs.view import RunsView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
GAP, R = "measure:avg_gap", "measure:residual"


def key_of(seed: int, tau: float) -> str:
    return f"{seed:04x}{round(10 * tau):016x}"


def fill(shown: Shown, seeds: int = 4, taus: tuple[float, ...] = (0.1, 0.2, 0.4)) -> None:
    """A grid of stored studies: RURK's unlearn accuracy is 9 at seed 0, 1 more at each next."""
    summaries, measures = [], {}
    for seed in range(seeds):
        for tau in taus:
            one = synthetic.study(seed=seed, tau=tau)
            own = {**one.metrics["rurk"], "unlearn_acc": 9.0 + seed + tau}
            one = replace(one, key=key_of(seed, tau), metrics={**one.metrics, "rurk": own})
            summaries.append(
                StudySummary(
                    one.key, "digits", "mlp", 10, ("rurk", "gd"), "gaussian", 100, seed,
                    "2026-01-02T03:04:05Z", 1.0, settings=sibling_settings(one.spec),
                )
            )  # fmt: skip
            measures[one.key] = measures_of(one)
    shown.state.studies, shown.state.measures = tuple(summaries), measures


@pytest.fixture
def view(shown: Shown) -> RunsView:
    fill(shown)
    made = shown.view(RunsView)
    made.resize(900, 640)
    QApplication.processEvents()
    return made


def column(view: RunsView, name: str) -> list[str]:
    model, place = view.table.model(), view.table.cells.place(name)
    return [str(model.index(row, place).data()) for row in range(model.rowCount())]


def click_header(view: RunsView, name: str, button: Qt.MouseButton = LEFT) -> None:
    header, place = view.table.horizontalHeader(), view.table.cells.place(name)
    view.table.scrollTo(view.table.model().index(0, place))
    x = header.sectionViewportPosition(place) + header.sectionSize(place) // 2
    QTest.mouseClick(header.viewport(), button, NONE, QPoint(x, header.height() // 2))


# -- columns, order and the best --------------------------------------------------------------
def test_every_study_of_a_grid_reads_differently_and_has_its_measures(view: RunsView) -> None:
    differs = column(view, DIFFERS)
    assert len(set(differs)) == 12
    assert differs[0] == "seed 0, tau 0.1"
    assert "Dataset" not in [one.title for one in view.table.cells.columns]  # there is only one
    assert column(view, "measure:unlearn_acc")[0] == "9.10"
    assert column(view, R)[0] == "0.90"


def test_a_header_sorts_and_undefined_values_come_last_in_either_order(
    view: RunsView, shown: Shown
) -> None:
    shown.state.measures = {
        key: one for key, one in shown.state.measures.items() if key != key_of(1, 0.1)
    }
    for order in ("ascending", "descending"):
        click_header(view, "measure:unlearn_acc")
        texts = column(view, "measure:unlearn_acc")
        assert texts[-1] == "", order
        numbers = [float(text) for text in texts[:-1]]
        assert numbers == sorted(numbers, reverse=order == "descending")


def test_the_best_of_a_column_is_marked_and_found_by_command(view: RunsView) -> None:
    gap = next(one for one in view.table.cells.columns if one.name == GAP)
    best = [row.key for row in view.table.shown if view.table.cells.is_best(row, gap)]
    assert best == [key_of(0, 0.1)]  # Re-train unlearns 9 %, and the other accuracies are equal
    view.filter.setText("-seed=0")
    best = [row.key for row in view.table.shown if view.table.cells.is_best(row, gap)]
    assert best == [key_of(1, 0.1)]
    assert "smaller is better" in gap.tip
    view.controls.best_menu.aboutToShow.emit()
    entries = {action.data(): action for action in view.controls.best_menu.actions()}
    assert entries[R].text().endswith("best near 1")
    entries[GAP].trigger()
    assert [row.key for row in view.table.selected()] == best


def test_the_best_is_offered_to_the_palette(view: RunsView) -> None:
    view.pages.setCurrentIndex(PARALLEL)
    title = next(one.full_title for one in view.table.cells.columns if one.name == GAP)
    gap = next(one for one in view.offers() if one.text == f"Best by {title}")
    assert gap.tip == "Select the best of the studies shown: smaller is better"
    gap.do()
    assert view.pages.currentIndex() == TABLE
    assert [row.key for row in view.table.selected()] == [key_of(0, 0.1)]


def test_the_best_is_marked_once_the_table_is_visible(view: RunsView) -> None:
    gap = next(one for one in view.table.cells.columns if one.name == GAP)
    view.pages.setCurrentIndex(PARALLEL)
    view.filter.setText("-seed=0")
    view.pages.setCurrentIndex(TABLE)
    best = [row.key for row in view.table.shown if view.table.cells.is_best(row, gap)]
    assert best == [key_of(1, 0.1)]


def test_lines_are_drawn_roughly_during_a_brush_and_smoothly_after(
    view: RunsView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bool] = []

    def paint(*words: object, rough: bool) -> None:
        drawn.append(rough)

    monkeypatch.setattr("explorer.plots.parallel.paint_lines", paint)
    view.pages.setCurrentIndex(PARALLEL)
    plot = view.parallel.plot
    axis = plot.lines.axes[-1]
    plot.grab()
    assert drawn.pop() is False
    plot.set_brushes({axis.name: axis.range})
    plot.grab()
    assert drawn[-1] is True
    qtbot.waitUntil(lambda: drawn[-1] is False, timeout=WAIT)


def test_equally_good_studies_are_not_all_marked(view: RunsView) -> None:
    retain = next(one for one in view.table.cells.columns if one.name == "measure:retain_acc")
    assert not any(view.table.cells.is_best(row, retain) for row in view.table.shown)


def test_columns_are_searched_and_chosen_by_mouse_and_keys(view: RunsView) -> None:
    view.controls.open_chooser(QPoint(400, 100))
    chooser = view.controls.chooser
    QTest.keyClicks(chooser.search, "lambda")
    assert all(chooser.list.item(i).isHidden() for i in range(chooser.list.count()))
    chooser.search.clear()
    QTest.keyClicks(chooser.search, "TAU")
    (item,) = [
        chooser.list.item(i)
        for i in range(chooser.list.count())
        if not chooser.list.item(i).isHidden() and chooser.list.item(i).data(256)
    ]
    chooser.list.setCurrentItem(item)
    QTest.keyClick(chooser.list, Qt.Key.Key_Space)
    assert column(view, "setting:rurk.tau")[:3] == ["0.1", "0.2", "0.4"]
    chooser.search.clear()
    chooser.model.setCurrentIndex(chooser.model.findData("gd"))
    chooser.model.activated.emit(chooser.model.currentIndex())
    chooser.tau.setCurrentIndex(chooser.tau.findText("0.4"))
    chooser.tau.activated.emit(chooser.tau.currentIndex())
    names = [chooser.list.item(i).data(256) for i in range(chooser.list.count())]
    place = names.index("measure:residual:gd@0.4")
    box = chooser.list.visualItemRect(chooser.list.item(place))
    chooser.list.scrollToItem(chooser.list.item(place))
    box = chooser.list.visualItemRect(chooser.list.item(place))
    QTest.mouseClick(chooser.list.viewport(), LEFT, NONE, box.topLeft() + QPoint(10, 8))
    assert column(view, "measure:residual:gd@0.4")[0] == "1.40"
    chooser.hide()
    assert view.shown.names[-1] == "created"


def test_the_menu_of_a_header_hides_moves_and_sorts(view: RunsView) -> None:
    def menu() -> dict[str, object]:
        view.table.header_menu_wanted.emit(GAP, QPoint(100, 100))
        made = view.findChildren(QMenu)[-1]
        return {action.data(): action for action in made.actions() if action.data()}

    before = [one.name for one in view.table.cells.columns]
    menu()["left"].trigger()  # type: ignore[attr-defined]
    after = [one.name for one in view.table.cells.columns]
    assert after.index(GAP) == before.index(GAP) - 1
    menu()["down"].trigger()  # type: ignore[attr-defined]
    assert view.table.sort_column() == (GAP, Qt.SortOrder.DescendingOrder)
    menu()["hide"].trigger()  # type: ignore[attr-defined]
    assert GAP not in [one.name for one in view.table.cells.columns]
    QApplication.processEvents()


def test_measures_follow_the_tau_of_the_other_views(view: RunsView, shown: Shown) -> None:
    view.shown.names = [DIFFERS, "measure:residual:original", "measure:residual:original@0.4"]
    shown.state.probe = ("gaussian", 0.2)
    shown.state.study = synthetic.study()
    QApplication.processEvents()
    assert column(view, "measure:residual:original")[0] == "1.50"
    assert column(view, "measure:residual:original@0.4")[0] == "2.00"
    shown.state.probe = ("gaussian", 0.4)
    assert column(view, "measure:residual:original")[0] == "2.00"


# -- the filter -------------------------------------------------------------------------------
def test_the_filter_understands_words_and_comparisons_and_explains_itself(view: RunsView) -> None:
    QTest.keyClicks(view.filter, "seed>1 rurk.tau=0.2")
    assert column(view, DIFFERS) == ["seed 2, tau 0.2", "seed 3, tau 0.2"]
    assert view.pages.count_label.text() == "2 of 12 studies of digits"
    assert view.controls.hint.isHidden()
    QTest.keyClicks(view.filter, " unlearn>")
    assert view.controls.hint.isVisible()
    assert view.controls.hint.text().startswith("'unlearn>' lacks a number")
    assert len(column(view, DIFFERS)) == 2
    QTest.keyClicks(view.filter, "99")
    assert view.controls.hint.text() == "No study passes this filter."
    view.filter.clear()
    assert len(column(view, DIFFERS)) == 12 and view.controls.hint.isHidden()


# -- one row for each study -------------------------------------------------------------------
def test_a_study_that_was_stored_and_run_again_has_one_row(view: RunsView, shown: Shown) -> None:
    key = key_of(0, 0.1)
    order = Order(StudyForm(dataset="digits"), (1, 5), "", "Digits")
    runs = (
        QueuedRun(1, order, DONE, key=key, seconds=3.0),
        QueuedRun(2, replace(order, swept="x"), DONE, key=key),
        QueuedRun(3, replace(order, swept="y"), WAITING, key=key),
    )
    shown.state.runs = runs[:2]
    QApplication.processEvents()
    assert view.table.model().rowCount() == 12
    row = next(row for row in view.table.shown if row.key == key)
    assert row.number == 2 and row.differs == "seed 0, tau 0.1" and row.measures is not None
    view.table.select_keys([key])
    shown.state.runs = runs
    QApplication.processEvents()
    assert view.table.model().rowCount() == 12
    (row,) = view.table.selected()
    assert row.word == "… waiting 1" and row.measures is not None


def test_the_open_study_and_those_beside_it_say_so(view: RunsView, shown: Shown) -> None:
    shown.state.study = replace(synthetic.study(), key=key_of(1, 0.2))
    shown.state.compared = (key_of(2, 0.4),)
    QApplication.processEvents()
    words = {row.key: row.word for row in view.table.shown if row.word != "▣ stored"}
    assert words == {key_of(1, 0.2): "▣ stored, open", key_of(2, 0.4): "▣ stored, beside"}
    view.table.select_keys([key_of(1, 0.2), key_of(3, 0.1)])
    view.row_actions["beside"].trigger()
    asked = [call for call in shown.asked.calls if call[0] == "compare"]
    assert asked == [("compare", (key_of(3, 0.1),))]  # the open one is drawn anyway


# -- parallel coordinates ---------------------------------------------------------------------
def at(view: RunsView, name: str, value: float) -> QPoint:
    plot = view.parallel.plot
    place = [axis.name for axis in plot.lines.axes].index(name)
    point: QPointF = plot.room.point(place, value)
    return point.toPoint()


def test_a_brush_by_mouse_filters_the_table_and_a_click_takes_it_back(view: RunsView) -> None:
    view.pages.setCurrentIndex(PARALLEL)
    plot = view.parallel.plot
    names = [axis.name for axis in plot.lines.axes]
    assert names[:2] == ["setting:seed", "setting:rurk.tau"] and GAP in names
    assert len(plot.lines.colors) == 12
    start, end = at(view, "setting:seed", 1.4), at(view, "setting:seed", -0.4)
    QTest.mousePress(plot, LEFT, NONE, start)
    QTest.mouseMove(plot, (start + end) / 2)
    QTest.mouseMove(plot, end)
    QTest.mouseRelease(plot, LEFT, NONE, end)
    assert plot.inside.sum() == 6
    assert view.table.model().rowCount() == 6
    assert view.pages.count_label.text() == "6 of 12 studies of digits, brushed"
    assert "6 of 12 studies pass" in view.parallel.caption.text()
    QTest.mouseClick(plot, LEFT, NONE, at(view, "setting:seed", 0.5))
    assert view.table.model().rowCount() == 12


def test_brushes_by_keyboard_and_the_order_of_axes(view: RunsView) -> None:
    view.pages.setCurrentIndex(PARALLEL)
    plot = view.parallel.plot
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_Up)  # the uppermost value of the first axis
    assert {row.seed for row in view.table.shown} == {3}
    QTest.keyClick(plot, Qt.Key.Key_Down)
    assert {row.seed for row in view.table.shown} == {2}
    QTest.keyClick(plot, Qt.Key.Key_Up, SHIFT)
    assert {row.seed for row in view.table.shown} == {2, 3}
    assert "6 of 12 lines pass" in plot.accessibleDescription()
    QTest.keyClick(plot, Qt.Key.Key_Right, CONTROL)
    assert view.parallel.order[:2] == ["setting:rurk.tau", "setting:seed"]
    QTest.keyClick(plot, Qt.Key.Key_Delete)
    assert view.table.model().rowCount() == 12
    QTest.keyClick(plot, Qt.Key.Key_Up)
    QTest.keyClick(plot, Qt.Key.Key_Escape)
    assert view.table.model().rowCount() == 12


def test_a_title_is_dragged_and_a_line_is_clicked(view: RunsView) -> None:
    view.pages.setCurrentIndex(PARALLEL)
    plot = view.parallel.plot
    first, third = (plot.room.title_box(place).center().toPoint() for place in (0, 2))
    QTest.mousePress(plot, LEFT, NONE, first)
    QTest.mouseMove(plot, third)
    QTest.mouseRelease(plot, LEFT, NONE, third)
    assert view.parallel.order[2] == "setting:seed"
    names = [axis.name for axis in plot.lines.axes]
    place = names.index("measure:unlearn_acc")
    line = next(i for i, row in enumerate(view.parallel.rows) if row.key == key_of(3, 0.4))
    heights, xs = plot.room.heights(), [plot.room.x_of(p) for p in (place - 1, place)]
    beside = QPoint(
        round(xs[0] + 0.85 * (xs[1] - xs[0])),
        round(heights[place - 1][line] + 0.85 * (heights[place][line] - heights[place - 1][line])),
    )
    QTest.mouseClick(plot, LEFT, NONE, beside)
    assert [row.key for row in view.table.selected()] == [key_of(3, 0.4)]
    assert plot.lines.chosen == {line}


def test_one_study_or_none_says_what_parallel_coordinates_need(shown: Shown) -> None:
    fill(shown, 1, (0.1,))
    view = shown.view(RunsView)
    view.pages.setCurrentIndex(PARALLEL)
    assert view.parallel.empty.isVisible() and "Run a grid" in view.parallel.empty.text()
    shown.state.studies = ()
    assert view.panel.is_empty


def test_the_view_remembers_its_choices_and_ignores_what_is_wrong(
    view: RunsView, shown: Shown
) -> None:
    view.filter.setText("seed<3")
    view.shown.names = [DIFFERS, GAP, "measure:residual:gd@0.4"]
    view.shown.model = "gd"
    view.refresh({"theme"})
    view.table.sort_by(GAP, Qt.SortOrder.DescendingOrder)
    view.pages.setCurrentIndex(PARALLEL)
    view.parallel.plot.set_brushes({GAP: (0.0, 5.0)})
    kept = json.loads(json.dumps(view.view_state()))
    other = shown.view(RunsView)
    other.restore_view_state(kept)
    assert other.view_state() == kept
    assert other.filter.text() == "seed<3"
    for wrong in (
        {"columns": 3}, {"columns": ["nonsense", 7]}, {"sort": "nonsense"}, {"widths": {GAP: "x"}},
        {"brushes": {GAP: [1, math.inf]}}, {"axes": [3]}, {"page": 9}, {"model": 1}, {"filter": []},
    ):  # fmt: skip
        other.restore_view_state(wrong)
    assert other.shown.names == list(DEFAULT)  # after ["nonsense", 7]


# -- names, tags and notes, in the real window ---------------------------------------------------
@pytest.fixture
def person(qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    made = Person(qtbot, tmp_path / "store")
    yield made
    finish(made.explorer, qtbot)


def editor(person: Person) -> QLineEdit:
    """The field of the edit that has just begun; that of one before may not be deleted yet."""
    fields = person.table.viewport().findChildren
    person.until(lambda: any(one.hasFocus() for one in fields(QLineEdit)))
    (field,) = (one for one in fields(QLineEdit) if one.hasFocus())
    return field


def test_a_name_is_written_by_f2_and_by_a_double_click_and_survives_a_restart(
    person: Person, qtbot: QtBot
) -> None:
    person.run()
    person.run(draws=20)
    person.settle()
    first, second = (run.key for run in person.state.runs)
    person.click(1)
    person.key(Qt.Key.Key_F2)
    QTest.keyClicks(editor(person), "twenty draws")
    QTest.keyClick(editor(person), Qt.Key.Key_Return)
    person.until(lambda: "twenty draws" in person.column(NAME))
    named = {one.key: one.name for one in person.state.studies}
    assert named == {first: "", second: "twenty draws"}
    model, place = person.table.model(), person.table.cells.place(NAME)
    spot = person.table.visualRect(model.index(0, place)).center()
    QTest.mouseClick(person.table.viewport(), LEFT, NONE, spot)
    QTest.mouseDClick(person.table.viewport(), LEFT, NONE, spot)
    QTest.keyClicks(editor(person), "ten")
    QTest.keyClick(editor(person), Qt.Key.Key_Return)
    person.until(lambda: person.column(NAME) == ["ten", "twenty draws"])
    person.settle()
    assert person.state.study is not None and person.state.study.key == first  # not opened
    notes = person.view.details.notes
    person.until(notes.isVisible)
    notes.tags.setFocus()
    QTest.keyClicks(notes.tags, "paper iris")
    notes.notes.setFocus()
    QTest.keyClicks(notes.notes, "Ten copies only.")
    notes.name.setFocus()
    person.until(lambda: any(one.notes == "Ten copies only." for one in person.state.studies))
    person.settle()
    again = Explorer(
        Options(store=person.store, dataset="iris", theme="light", size=(1280, 800)),
        QuickFactory(person.store),
    )
    again.show()
    qtbot.waitUntil(lambda: len(again.state.studies) == 2, timeout=WAIT)
    written = {one.key: Annotation(one.name, one.tags, one.notes) for one in again.state.studies}
    assert written[first] == Annotation("ten", ("paper", "iris"), "Ten copies only.")
    assert written[second].name == "twenty draws"
    finish(again, qtbot)


def test_the_same_study_run_from_another_form_stays_one_row(person: Person) -> None:
    person.run()
    person.settle()
    person.run(methods=("gd",), settings={"gd": {"epochs": 1}})
    person.settle()
    person.run(settings={})  # the first again, answered from the store
    person.settle()
    keys = [row.key for row in person.table.shown]
    assert len(keys) == len(set(keys)) == 2
    assert len(person.state.measures) == 2
    person.view.pages.setCurrentIndex(TABLE)
