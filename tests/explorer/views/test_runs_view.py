"""The Runs view by mouse and keyboard, in the real window with the real engine on Iris."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish
from shown import Shown, press

from engine.results import StudySummary
from explorer.app import Explorer, Options
from explorer.dialogs.confirm import ConfirmDialog
from explorer.dialogs.settings_dialog import MethodsDialog, SettingsDialog
from explorer.state.queued_run import DONE, FAILED, HELD, RUNNING, STOPPED, WAITING, Order
from explorer.views.runs.columns import STATE
from explorer.views.runs.details import CHOOSE
from explorer.views.runs.view import RunsView
from explorer.widgets.notifications import Toast

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
LONG = {"epochs": 10_000}  # nobody waits for their end
CHANGED = ("training", "methods", "retrains", "draws", "taus")


class Person:
    """Somebody at the window, who sees the Runs view."""

    def __init__(self, qtbot: QtBot, store: Path) -> None:
        self.qtbot, self.store = qtbot, store
        options = Options(store=store, dataset="iris", theme="light", size=(1440, 900))
        self.explorer = Explorer(options, QuickFactory(store))
        self.state, self.window = self.explorer.state, self.explorer.window
        with qtbot.waitSignal(self.explorer.jobs.idle, timeout=WAIT):
            self.explorer.show()
        form = asdict(FORM)
        self.explorer.controller.opening.change_form(**{name: form[name] for name in CHANGED})
        view = self.window.views["runs"]
        assert isinstance(view, RunsView)
        self.view, self.table = view, view.table
        self.window.show_workspace("run")
        self.until(lambda: view.seen)

    @property
    def states(self) -> list[str]:
        return [run.state for run in self.state.runs]

    def until(self, holds: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(holds, timeout=WAIT)

    def settle(self) -> None:
        self.until(lambda: not self.explorer.jobs.busy())

    def run(self, **changes: object) -> None:
        self.explorer.controller.opening.change_form(**changes)
        QTest.mouseClick(self.window.bar.run_button, LEFT)

    def column(self, name: str = STATE) -> list[str]:
        model, place = self.table.model(), self.table.cells.place(name)
        return [str(model.index(row, place).data()) for row in range(model.rowCount())]

    def click(self, row: int, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.table.viewport(), LEFT, keys, self.place(row))

    def place(self, row: int) -> QPoint:
        return self.table.visualRect(self.table.model().index(row, 0)).center()

    def stop_all(self) -> None:
        """Click the button in the title of the dock."""
        QTest.mouseClick(self.view.stop_button, LEFT)

    def tool(self, name: str) -> None:
        """Click the button of an action."""
        action = self.view.row_actions[name]
        (button,) = [one for one in action.associatedObjects() if hasattr(one, "defaultAction")]
        QTest.mouseClick(button, LEFT)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.table, key, keys)

    def answer(self, text: str) -> str:
        """Answer the question that is asked; what it says."""
        self.until(lambda: self.window.findChild(ConfirmDialog) is not None)
        dialog = self.window.findChild(ConfirmDialog)
        buttons = {one.text().replace("&", ""): one for one in dialog.findChildren(QPushButton)}
        said = str(dialog.sentence)
        QTest.mouseClick(buttons[text], LEFT)
        return said


@pytest.fixture
def person(qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    made = Person(qtbot, tmp_path / "store")
    yield made
    finish(made.explorer, qtbot)


def test_the_queue_is_reordered_cancelled_and_resumed_by_mouse_and_keys(person: Person) -> None:
    person.run(training=LONG)
    person.run(training={"epochs": 2}, draws=20)
    person.run(draws=30)
    assert person.states == [RUNNING, WAITING, WAITING]
    person.until(lambda: person.column()[0].startswith("▶ "))
    assert person.column()[1:] == ["… waiting 1", "… waiting 2"]
    person.click(2)
    last = person.table.selected()[0].number
    person.key(Qt.Key.Key_Up, CONTROL)
    assert [run.order.form.draws for run in person.state.runs] == [10, 30, 20]
    assert [row.number for row in person.table.selected()] == [last]
    person.tool("down")
    assert [run.order.form.draws for run in person.state.runs] == [10, 20, 30]
    person.until(lambda: "%" in person.column()[0])
    person.click(0)
    assert "original ..." in person.view.details.log.toPlainText()
    person.tool("stop")
    person.settle()
    assert person.states == [STOPPED, DONE, DONE]
    person.click(0)
    assert person.view.row_actions["again"].text() == "Resume"
    person.tool("again")
    assert person.states == [DONE, DONE, RUNNING]
    person.stop_all()
    person.settle()
    assert person.states == [DONE, DONE, STOPPED]
    assert not person.view.stop_button.isVisible()


def test_a_failed_run_shows_why_and_is_retried(person: Person) -> None:
    blocked = person.store / "models"
    blocked.write_text("a file where a folder should be")
    person.run()
    person.settle()
    assert person.states == [FAILED]
    person.click(0)
    assert str(blocked) in person.view.details.log.toPlainText()
    assert person.view.row_actions["again"].text() == "Retry"
    blocked.unlink()
    person.key(Qt.Key.Key_Return, CONTROL)
    person.settle()
    assert person.states == [DONE]


def test_enter_and_double_click_show_a_done_study(person: Person) -> None:
    person.run()
    person.run(draws=20)
    person.settle()
    first, second = (run.key for run in person.state.runs)
    assert person.state.study is not None and person.state.study.key == first
    person.click(1)
    person.key(Qt.Key.Key_Return)
    person.until(lambda: person.state.study is not None and person.state.study.key == second)
    person.settle()
    assert person.state.form.draws == 20
    person.click(0)  # mouseDClick sends the second click alone
    QTest.mouseDClick(person.table.viewport(), LEFT, NONE, person.place(0))
    person.until(lambda: person.state.study is not None and person.state.study.key == first)
    person.settle()


def test_the_notice_of_a_study_that_was_done_meanwhile_shows_it(person: Person) -> None:
    person.run()
    person.run(draws=20)
    person.settle()
    toasts = {one.notice.sentence: one for one in person.window.findChildren(Toast)}
    toast = toasts["Study finished: Iris."]
    assert toast.action.text() == "Show it"
    QTest.mouseClick(toast.action, LEFT)
    second = person.state.runs[1].key
    person.until(lambda: person.state.study is not None and person.state.study.key == second)
    person.settle()


def test_a_grid_is_told_of_once_at_its_end_and_a_failure_in_it_at_once(person: Person) -> None:
    told: list[str] = []
    errors: list[str] = []
    person.explorer.notifier.told.connect(lambda notice: told.append(notice.sentence))
    person.explorer.notifier.failed.connect(errors.append)
    person.run(grid={"study.draws": (10, 20, 30)})
    bad = replace(person.state.runs[1].order, fingerprint="of other data")
    with_bad = [replace(run, order=bad) if run.order.form.draws == 20 else run
                for run in person.state.runs]  # fmt: skip
    person.state.runs = tuple(with_bad)
    person.window.go_to("samples")
    person.until(lambda: bool(errors))
    assert person.states.count(WAITING) + person.states.count(RUNNING) > 0
    person.settle()
    assert person.states == [DONE, FAILED, DONE]
    assert not [one for one in told if one.startswith("Study finished")]
    assert [one for one in told if "finished, " in one] == [
        "Of 3 studies on Iris: 2 finished, 1 failed."
    ]
    toasts = {one.notice.sentence: one for one in person.window.findChildren(Toast)}
    QTest.mouseClick(toasts["Of 3 studies on Iris: 2 finished, 1 failed."].action, LEFT)
    person.until(lambda: person.view.seen)
    person.run(grid={"study.draws": (40, 50)})
    person.settle()
    assert told[-1] == "All 2 studies on Iris are finished."


def test_a_grid_that_is_stopped_says_how_far_it_came(person: Person) -> None:
    told: list[str] = []
    person.explorer.notifier.told.connect(lambda notice: told.append(notice.sentence))
    person.run(training=LONG, grid={"study.draws": (10, 20, 30)})
    person.until(lambda: person.states[0] == RUNNING)
    person.stop_all()
    person.settle()
    assert told[-1] == "Of 3 studies on Iris: 0 finished, 3 stopped."


def test_delete_asks_with_the_size_and_keeps_what_others_use(person: Person) -> None:
    person.run()
    person.run(draws=20)
    person.settle()
    keys = [run.key for run in person.state.runs]
    person.click(0)
    person.key(Qt.Key.Key_Delete)
    said = person.answer("Cancel")
    assert "2 files, " in said and "kB" in said and "cannot be undone" in said
    person.settle()
    assert [one.key for one in person.state.studies] == keys[::-1]
    QTest.qWait(20)  # the dialog goes
    person.key(Qt.Key.Key_Delete)
    person.answer("Delete")
    person.settle()
    assert [one.key for one in person.state.studies] == keys[1:]
    assert len(person.column()) == 1
    assert len(list((person.store / "models").glob("*.h5"))) == 3


def test_a_stopped_run_leaves_the_list_without_a_question(person: Person) -> None:
    person.run(training=LONG)
    person.stop_all()
    person.settle()
    person.click(0)
    person.key(Qt.Key.Key_Delete)
    assert person.state.runs == ()
    assert not person.view.panel.header.isEmpty() and person.view.panel.is_empty


def test_two_selected_runs_are_compared_and_copied(person: Person) -> None:
    person.run()
    person.run(draws=20, training={"epochs": 3})
    person.settle()
    person.click(0)
    person.click(1, CONTROL)
    comparison = person.view.details.comparison
    person.until(lambda: person.view.details.currentWidget() is comparison)
    cells = [
        [comparison.table.item(row, column).text() for column in range(3)]
        for row in range(comparison.table.rowCount())
    ]
    assert sorted(cells) == [["probe.draws", "10", "20"], ["train.epochs", "2", "3"]]
    person.qtbot.wait(20)  # the details are laid out
    QTest.mouseClick(comparison.copy_button, LEFT)
    assert sorted(QGuiApplication.clipboard().text().splitlines()[1:]) == [
        "probe.draws\t10\t20", "train.epochs\t2\t3",
    ]  # fmt: skip
    person.table.clearSelection()
    assert person.view.details.sentence.text() == CHOOSE


def test_settings_origin_and_command_of_a_stored_study(person: Person, qtbot: QtBot) -> None:
    person.run()
    person.settle()
    key = person.state.runs[0].key
    person.explorer.controller.queue.remove(person.state.runs[0].number)
    person.until(lambda: person.column() == ["▣ stored, open"])
    person.click(0)
    person.until(lambda: key in person.state.provenance)
    shown = person.view.details.settings.shown
    assert shown["gd.lr"] and shown["train.epochs"] == "2" and shown["data.name"] == "iris"
    origin = person.view.details.origin.shown
    assert origin["key"] == key and origin["device"] == "cpu" and origin["versions.torch"]
    with qtbot.waitSignal(person.explorer.controller.exports.command_written, timeout=WAIT):
        person.key(Qt.Key.Key_C, CONTROL)
    assert QGuiApplication.clipboard().text().startswith("rk-engine run --dataset iris")


def test_rows_are_filtered_and_sorted(shown: Shown) -> None:
    shown.fill()
    summary = StudySummary(
        "a" * 20, "iris", "mlp", 70, ("gd",), "gaussian", 10, 3, "2026-01-02T03:04:05Z", 9.0
    )
    shown.state.studies = (summary, replace(summary, key="b" * 20, seed=300, methods=("ga",)))
    view = shown.view(RunsView)
    model = view.table.model()
    QTest.keyClicks(view.filter, "IRIS")
    assert model.rowCount() == 2
    view.filter.clear()
    view.shown.names = ["state", "seed"]
    view.refresh({"studies"})
    header, seeds = view.table.horizontalHeader(), view.table.cells.place("seed")
    at = QPoint(header.sectionViewportPosition(seeds) + 20, header.height() // 2)
    QTest.mouseClick(header.viewport(), LEFT, NONE, at)
    shown = [model.index(row, seeds).data() for row in range(5)]
    assert shown == ["3", "131", "131", "131", "300"]
    assert header.model().headerData(seeds, Qt.Orientation.Horizontal) == "Seed ▲"


def test_progress_does_not_lose_the_selection_and_draws_a_bar(shown: Shown) -> None:
    shown.fill()
    view = shown.view(RunsView)
    view.table.selectRow(1)
    before = view.grab().toImage()
    failed, running, waiting = shown.state.runs
    assert running.progress is not None
    further = replace(running, progress=replace(running.progress, fraction=0.9))
    shown.state.runs = (failed, further, waiting)
    QApplication.processEvents()
    assert [row.number for row in view.table.selected()] == [2]
    assert view.grab().toImage() != before
    assert view.table.model().index(1, 0).data() == "▶ 90 %, 0:12 left"
    shown.state.runs = (further, waiting)
    assert [row.number for row in view.table.selected()] == [2]


def test_what_makes_no_sense_for_a_row_is_disabled(shown: Shown) -> None:
    shown.fill()
    view = shown.view(RunsView)
    can = []
    for row in range(3):
        view.table.selectRow(row)
        can.append({name for name, action in view.row_actions.items() if action.isEnabled()})
    assert can == [
        {"again", "command", "remove", "delete"},
        {"stop", "command"},
        {"stop", "up", "down", "command", "remove", "delete"},
    ]
    view.table.selectAll()
    assert len(view.table.selected()) == 3
    press(view, "Stop all")
    assert shown.last == ("cancel_all",)
    view.panel.options.click()
    QTest.mouseClick(view.follow_box, LEFT, NONE, QPoint(8, view.follow_box.height() // 2))
    assert shown.state.follow


def test_a_grid_written_into_the_dialogs_is_counted_and_queued(person: Person) -> None:
    person.window.dialogs.ask_method_settings()
    dialog = person.window.findChild(MethodsDialog)
    line = dialog.forms["GD"].editor("lr")
    assert isinstance(line, QLineEdit)
    line.selectAll()
    QTest.keyClicks(line, "0.01, 0.03")
    assert dialog._size.text() == "Run will start 2 studies."
    dialog.accept()
    person.window.dialogs.ask_settings()
    study = person.window.findChild(SettingsDialog)
    seed = study.forms["Measuring"].editor("seed")
    seed.setFocus()
    seed.selectAll()
    QTest.keyClicks(seed, "131, 7")
    assert study._size.text() == "Run will start 4 studies."
    study.accept()
    bar = person.window.bar
    assert bar.run_button.text() == "Run 4"
    assert bar._grid.isVisible() and bar._grid.text() == "This will run 4 studies."
    QTest.mouseClick(bar.run_button, LEFT)
    assert len(person.state.runs) == 4
    person.settle()
    assert person.states == [DONE] * 4
    assert len(person.state.studies) == 4
    person.until(lambda: "4 of them already stored" in bar._grid.text())
    titles = [run.order.swept for run in person.state.runs]
    assert titles == [
        f"gd.lr={lr}, study.seed={seed}" for lr in (0.01, 0.03) for seed in (131, 7)
    ]  # fmt: skip


def test_a_large_grid_asks_first(person: Person) -> None:
    person.run(grid={"study.draws": tuple(range(1, 61))})
    assert "60 studies" in person.answer("Cancel")
    QTest.qWait(20)
    assert person.state.runs == ()
    person.run()
    person.answer("Queue 60 studies")
    assert len(person.state.runs) == 60
    person.stop_all()
    person.settle()
    assert set(person.states) <= {STOPPED, DONE}


def test_a_study_on_hold_is_started_or_removed_by_mouse_and_keys(person: Person) -> None:
    state, queue = person.state, person.explorer.controller.queue
    assert state.dataset is not None
    mark = state.dataset.spec.fingerprint
    forms = [replace(state.form, draws=draws) for draws in (10, 20, 30)]
    queue.hold([Order(form, (1, 60), mark, "Iris") for form in forms])
    person.until(lambda: person.column() == [f"○ {HELD}"] * 3)
    person.click(1)
    assert person.view.row_actions["again"].text() == "Start"
    assert person.view.row_actions["open"].isEnabled() is False
    person.key(Qt.Key.Key_Delete)
    assert [run.order.form.draws for run in state.runs] == [10, 30]
    person.click(1)
    person.key(Qt.Key.Key_Return, CONTROL)
    person.settle()
    assert person.states == [HELD, DONE]
    person.click(0)
    person.tool("again")
    person.settle()
    assert person.states == [DONE, DONE]
