"""Sessions: identical after saving and opening, validated when untrusted, kept after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE, calls_of
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from engine.errors import SpecError
from explorer.app import Explorer, Options
from explorer.state import autosave, forget_sets, settings
from explorer.state import session as sessions
from explorer.state.queued_run import HELD, RUNNING, WAITING, Order
from explorer.state.recent_files import MOST, SESSION, STUDY, RecentItem, Recents
from explorer.state.remembered import LeftDataset
from explorer.state.selection import ADD, REPLACE, Selection
from explorer.state.session import Look, Session
from explorer.state.study_form import StudyForm
from explorer.state.window_layout import (
    ACROSS,
    DOWN,
    MAXIMIZED,
    Area,
    Box,
    Frame,
    Layout,
    Split,
    Stack,
)
from explorer.widgets.notifications import Toast

LEFT = Qt.MouseButton.LeftButton

LAYOUT = Layout(
    1000,
    700,
    (
        Area(
            "left",
            1000,
            640,
            Split(
                ACROSS,
                (
                    Stack(("samples", "runs"), "runs", 400),
                    Split(
                        DOWN, (Stack(("curves",), "curves", 300), Stack(("slice",), "", 340)), 600
                    ),
                ),
            ),
        ),
        Area("bottom", 1000, 60, Stack(("activity",), "activity")),
    ),
    {"slice": Box(30, 40, 300, 200)},
    ("runs",),
)

WHOLE = Session(
    StudyForm(
        dataset="iris", methods=("gd", "ga"), settings={"gd": {"lr": 0.1}}, training={"epochs": 3},
        grid={"gd.lr": (0.1, 0.2), "study.seed": (1, 2)}, weights={"theirs": "/a/b.pt"},
    ),
    "abc", Selection(4, frozenset({4, 5})), (4, 5), ("l2", 0.25), "gd", "0123456789ab",
    {"mine": (1, 2)},
    Look("dark", Frame(Box(-10, 20, 1000, 700), MAXIMIZED), LAYOUT,
         {"curves": {"tab": "r", "hidden": ["ga"]}}),
    (
        Order(FORM, (4, 5), "abc", "Iris", "draws=10"),
        Order(replace(FORM, draws=20), (4, 5), "abc", "Iris", "draws=20"),
        Order(replace(FORM, forget="class:1:0.5"), (), "abc", "Iris"),
    ),
    (
        LeftDataset(replace(FORM, dataset="digits", seed=7), (1, 2), "def", "0123456789ab"),
        LeftDataset(replace(FORM, dataset="folder", root="/a/b")),
    ),
)  # fmt: skip


def start(qtbot: QtBot, store: Path, form: StudyForm = FORM) -> Explorer:
    """A window on a store, with a small study in its form."""
    path = settings.file_in(store)
    if not path.exists():
        stored = settings.Settings(theme="light", session=sessions.as_plain(Session(form)))
        settings.save(path, stored)
    result = Explorer(Options(store=store), QuickFactory(store))
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    return result


def run(explorer: Explorer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        qtbot.mouseClick(explorer.window.bar.run_button, LEFT)


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    result = start(qtbot, tmp_path / "store")
    yield result
    finish(result, qtbot)


# -- the file -------------------------------------------------------------------------------------


def test_a_session_survives_its_text() -> None:
    assert sessions.parse(sessions.as_text(WHOLE)) == WHOLE
    assert sessions.parse(sessions.as_text(Session())) == Session()


def test_unknown_fields_are_ignored_and_missing_ones_are_the_defaults() -> None:
    plain = {"format": sessions.FORMAT, "schema": 1, "novel": [1], "form": {"novel": 2}}
    assert sessions.from_plain(plain) == Session()


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The plain form of WHOLE with one value replaced."""
    plain = json.loads(sessions.as_text(WHOLE))
    place = plain
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return dict(plain)


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ([], "is not an object with fields"),
        ({}, "not written by"),
        (changed("schema", to=2), "a newer version"),
        (changed("current", to="4"), "'current'"),
        (changed("current", to=True), "'current'"),
        (changed("chosen", to=[1, -2]), "'chosen'"),
        (changed("chosen", to=[1.5]), "'chosen'"),
        (changed("forget", to={"0": 1}), "'forget'"),
        (changed("probe", "tau", to=1e300), "'tau'"),
        (changed("form", "methods", to="gd"), "'methods'"),
        (changed("form", "draws", to=10**12), "'draws'"),
        (changed("form", "grid", to={"study.root": ["/"]}), "'grid'"),
        (changed("form", "grid", to={"study.seed": ["x"]}), "'grid'"),
        (changed("form", "settings", to={"gd": {"lr": {"deep": 1}}}), "'lr'"),
        (changed("look", "docks", to="AAAA"), "'docks'"),
        (changed("look", "window", to="AAAA"), "'window'"),
        (changed("queue", to=[]), "'queue'"),
        (changed("queue", "orders", to={"0": 1}), "'orders'"),
        (changed("queue", "orders", to=[{}] * 1001), "'orders'"),
        (changed("queue", "orders", to=[{"form": {"draws": "many"}, "forget": 0}]), "'draws'"),
        (changed("queue", "orders", to=[{"form": {}, "forget": 9}]), "no forget set"),
        (changed("queue", "forget", to={"0": [-1]}), "'0'"),
        (changed("look", "views", to={"curves": [1]}), "'curves'"),
    ],
)
def test_invalid_fields_are_refused_with_a_sentence(plain: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        sessions.from_plain(plain)
    assert words in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": NaN}', "9" * 10_000, "\x00"])
def test_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        sessions.parse(text)


def test_an_overlong_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = sessions.as_text(Session())
    assert sessions.parse(text) == Session()
    monkeypatch.setattr(sessions, "LARGEST", len(text) - 1)
    with pytest.raises(SpecError, match="too long"):
        sessions.parse(text)


def test_an_untrusted_network_file_is_never_restored() -> None:
    plain = changed("form", "model", to="/tmp/evil.py:make")
    assert sessions.from_plain(plain).form.model == ""


def test_a_queued_study_with_an_untrusted_network_file_is_left_out() -> None:
    plain = json.loads(sessions.as_text(WHOLE))
    plain["queue"]["orders"][0]["form"]["model"] = "/tmp/evil.py:make"
    assert sessions.from_plain(plain).queue == WHOLE.queue[1:]


def test_a_forget_set_that_a_grid_shares_is_written_once() -> None:
    many = tuple(replace(WHOLE.queue[0], swept=f"draws={n}") for n in range(500))
    session = replace(WHOLE, queue=tuple(replace(one, forget=tuple(range(9000))) for one in many))
    text = sessions.as_text(session)
    assert sessions.parse(text) == session
    assert len(text) < 1_500_000


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
PLACES = [
    ("form",), ("form", "methods"), ("form", "settings"), ("form", "grid"), ("form", "seed"),
    ("form", "weights"), ("fingerprint",), ("current",), ("chosen",), ("forget",), ("probe",),
    ("probe", "tau"), ("sets",), ("look",), ("look", "views"), ("look", "docks"),
    ("look", "window"), ("schema",), ("queue",), ("queue", "orders"), ("queue", "forget"),
    ("queue", "forget", "0"),
]  # fmt: skip


@given(st.sampled_from(PLACES), ANYTHING)
def test_any_value_anywhere_gives_a_session_or_a_sentence(
    path: tuple[str, ...], value: Any
) -> None:
    try:
        result = sessions.from_plain(changed(*path, to=value))
    except SpecError:
        return
    assert sessions.parse(sessions.as_text(result)) == result


@given(st.text())
def test_any_text_gives_a_session_or_a_sentence(text: str) -> None:
    with pytest.raises(SpecError):
        sessions.parse(text)


@pytest.mark.parametrize("value", [None, True, -1, 1e9, "", "novel", [], [[1]], {}, {"a": {}}])
def test_no_view_breaks_on_untrusted_view_states(explorer: Explorer, value: Any) -> None:
    for name, view in explorer.window.views.items():
        for field in view.view_state():
            look = Look(views={name: {**view.view_state(), field: value}})
            explorer.window.restore_views(look)
    assert not explorer.notifier.errors


# -- saved and opened -----------------------------------------------------------------------------


def answer(monkeypatch: pytest.MonkeyPatch, ask: str, path: Path) -> None:
    """Answer a file dialog as a user would."""
    monkeypatch.setattr(QFileDialog, ask, staticmethod(lambda *_, **__: (str(path), "")))


def test_a_session_is_saved_and_opened_identical(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(explorer, qtbot)
    controller, state = explorer.controller, explorer.state
    controller.choice.select([1, 2, 60], REPLACE)
    controller.choice.set_current(7)
    controller.set_probe("l2", 0.2)
    controller.forget_set.save("halves")
    controller.opening.change_form(draws=20)  # the form no longer describes the shown study
    explorer.window.docks["metrics"].hide()
    explorer.window.views["curves"].restore_view_state({"tab": "prevalence", "log": True})
    before = controller.files.session()
    path = tmp_path / "mine.json"
    answer(monkeypatch, "getSaveFileName", path)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.window.actions_.by_name["save-session"].trigger()
    assert explorer.window.toasts.toasts[-1].notice.action == "Show file"
    controller.choice.select([3], ADD)
    controller.set_probe("gaussian", 0.0)
    controller.forget_set.replace_by_selection()
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        controller.opening.open_dataset("digits")
    explorer.window.docks["metrics"].show()
    explorer.window.views["curves"].restore_view_state({})
    answer(monkeypatch, "getOpenFileName", path)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.window.actions_.by_name["open-session"].trigger()
    after = controller.files.session()
    assert replace(after, look=before.look, remembered=()) == before
    assert after.look.views == before.look.views
    assert not explorer.window.docks["metrics"].isVisible()
    assert state.study is not None and state.form.draws == 20
    assert not explorer.notifier.errors


def test_a_broken_session_is_reported_and_changes_nothing(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    before = explorer.controller.files.session()
    path = tmp_path / "broken.json"
    path.write_text("{}")
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.files.open_session(path)
    assert "This session cannot be opened" in explorer.window.message.text()
    after = explorer.controller.files.session()
    assert replace(after, look=before.look, remembered=()) == before


# -- recent ---------------------------------------------------------------------------------------


def test_recent_files_are_listed_missing_ones_gray_and_cleared_with_undo(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.files.save_session(tmp_path / "a.json")
    explorer.recents.add(RecentItem(SESSION, str(tmp_path / "gone.json"), ""))
    menu = explorer.window.actions_.menus["File/Recent"]
    menu.aboutToShow.emit()
    gone, there, clear = [one for one in menu.actions() if one.isVisible()]
    assert not gone.isEnabled() and "no longer exists" in gone.toolTip()
    assert there.isEnabled() and "a.json (session: Iris" in there.text()
    explorer.controller.choice.select([9], REPLACE)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        there.trigger()
    assert explorer.state.selection.chosen == frozenset()
    clear.trigger()
    assert explorer.recents.entries() == ()
    QTest.mouseClick(explorer.window.toasts.toasts[-1].action, LEFT)
    assert len(explorer.recents.entries()) == 2


def test_the_last_eight_are_kept_each_once(tmp_path: Path) -> None:
    recents = Recents(tmp_path / "recent.json")
    for number in [*range(12), 11]:
        recents.add(RecentItem(STUDY, f"{number}", ""))
    assert [one.place for one in recents.entries()] == [str(11 - one) for one in range(MOST)]
    (tmp_path / "recent.json").write_text('[{"kind": "x"}, 3, {"kind": "study", "place": 1}]')
    assert recents.entries() == ()


# -- a crash --------------------------------------------------------------------------------------

CODE = """
import sys
from pathlib import Path
from explorer import app; from explorer.state import autosave as keeping
keeping.EVERY_MS = 50
explorer = None
class Explorer(app.Explorer):
    def __init__(self, options):
        super().__init__(options)
        self.controller.opening.opened.connect(self.change)
    def change(self):
        from PySide6.QtCore import QTimer
        QTimer.singleShot(200, self.choose)
    def choose(self):
        self.controller.choice.select([1, 2], "replace")
        self.controller.forget_set.replace_by_selection()
app.Explorer = Explorer
sys.exit(app.run(app.Options(store=Path(sys.argv[1]), dataset="iris")))
"""


def kill_when_kept(store: Path, code: str, mark: str) -> None:
    """Start the program, wait until a session with `mark` is on the disk, and kill it."""
    process = subprocess.Popen([sys.executable, "-c", code, str(store)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE
    stored: list[Path] = []
    while not stored and process.poll() is None and time.monotonic() < deadline:
        files = store.glob("live/*.json")
        stored = [one for one in files if mark in one.read_text()]
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    _, messages = process.communicate()
    assert stored, messages.decode()


def test_a_killed_window_is_offered_once_and_comes_back(qtbot: QtBot, tmp_path: Path) -> None:
    store = tmp_path / "store"
    kill_when_kept(store, CODE, '"forget": [\n  1,\n  2')
    again = start(qtbot, store)
    assert again.state.forget != (1, 2)
    (offer,) = again.window.toasts.toasts
    assert offer.action.text() == "Restore the last session"
    other = start(qtbot, store)  # a second window on the same store
    assert other.window.toasts.toasts == []
    with qtbot.waitSignal(again.jobs.idle, timeout=WAIT):
        QTest.mouseClick(offer.action, LEFT)
    assert again.state.forget == (1, 2) and again.state.selection.chosen == {1, 2}
    assert again.window.toasts.toasts == []
    assert "not-closed" in again.recents.entries()[-1].name
    finish(other, qtbot)
    finish(again, qtbot)
    last = start(qtbot, store)
    assert last.window.toasts.toasts == [] and last.state.forget == (1, 2)
    finish(last, qtbot)


QUEUING = CODE.replace(
    """        self.controller.choice.select([1, 2], "replace")
        self.controller.forget_set.replace_by_selection()
""",
    """        for draws in (10, 20, 30):
            self.controller.opening.change_form(training={"epochs": 9000}, retrains=1, draws=draws)
            self.controller.run()
""",
)


def test_the_queue_of_a_killed_window_is_on_hold_until_the_user_starts_it(
    qtbot: QtBot, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    kill_when_kept(store, QUEUING, '"draws": 30')
    again = start(qtbot, store)
    assert again.state.runs == ()
    (offer,) = again.window.toasts.toasts
    with qtbot.waitSignal(again.jobs.idle, timeout=WAIT):
        QTest.mouseClick(offer.action, LEFT)
    assert [run.state for run in again.state.runs] == [HELD] * 3
    assert [run.order.form.draws for run in again.state.runs] == [10, 20, 30]
    start_them = offered(again, "Start them")
    assert "3 studies had not finished" in start_them.notice.sentence
    QTest.mouseClick(start_them.action, LEFT)
    assert [run.state for run in again.state.runs] == [RUNNING, WAITING, WAITING]
    finish(again, qtbot)


def offered(explorer: Explorer, action: str) -> Toast:
    """The toast whose button has this text."""
    (toast,) = [one for one in explorer.window.toasts.toasts if one.action.text() == action]
    return toast


def test_waiting_runs_of_a_closed_window_are_kept_and_start_only_on_request(
    qtbot: QtBot, tmp_path: Path
) -> None:
    first = start(qtbot, tmp_path / "store")
    first.controller.opening.change_form(training={"epochs": 10_000})
    QTest.mouseClick(first.window.bar.run_button, LEFT)
    first.controller.opening.change_form(training={"epochs": 2}, draws=20)
    QTest.mouseClick(first.window.bar.run_button, LEFT)
    orders = [run.order for run in first.state.runs]
    finish(first, qtbot)
    second = start(qtbot, tmp_path / "store")
    assert [(run.state, run.order) for run in second.state.runs] == [(HELD, one) for one in orders]
    qtbot.wait(100)
    assert not second.jobs.busy()  # they were not requested
    offered(second, "Start them").dismiss()
    finish(second, qtbot)
    third = start(qtbot, tmp_path / "store")
    assert [run.order for run in third.state.runs] == orders  # still kept, and not twice
    third.controller.queue.remove(third.state.runs[0].number)
    with qtbot.waitSignal(third.jobs.idle, timeout=WAIT):
        QTest.mouseClick(offered(third, "Start them").action, LEFT)
    assert [run.state for run in third.state.runs] == ["done"]
    finish(third, qtbot)
    last = start(qtbot, tmp_path / "store")
    assert last.state.runs == ()
    finish(last, qtbot)


def written_once(file: Path, qtbot: QtBot) -> bool:
    """Whether the file stays unchanged through several autosave checks."""
    written = file.stat().st_mtime_ns
    qtbot.wait(150)
    return file.stat().st_mtime_ns == written


def test_the_session_is_saved_only_on_change_and_removed_on_close(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave, "EVERY_MS", 30)
    explorer = start(qtbot, tmp_path / "store")
    file = explorer.keeper.file
    explorer.controller.choice.select([3], REPLACE)
    qtbot.waitUntil(file.is_file, timeout=WAIT)
    assert any(written_once(file, qtbot) for _ in range(20))  # docks settle after the first paint
    explorer.controller.choice.select([4], REPLACE)
    qtbot.waitUntil(lambda: sessions.parse(file.read_text()).selection.chosen == {4})
    finish(explorer, qtbot)
    assert list((tmp_path / "store" / "live").iterdir()) == []


def test_checking_for_changes_does_not_stall_the_window(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    explorer.controller.choice.select(list(range(150)), REPLACE)
    explorer.keeper.look()
    QApplication.processEvents()
    assert calls_of(explorer.keeper.look) < 2000


def test_two_windows_keep_the_forget_sets_of_both(qtbot: QtBot, tmp_path: Path) -> None:
    one, two = (start(qtbot, tmp_path / "store") for _ in range(2))
    for result, name in ((one, "mine"), (two, "theirs")):
        result.controller.forget_set.save(name)
    finish(one, qtbot)
    finish(two, qtbot)
    last = start(qtbot, tmp_path / "store")
    assert set(last.controller.forget_set.saved()) == {"mine", "theirs"}
    finish(last, qtbot)


def test_the_window_that_changed_a_set_wins() -> None:
    base = {"a": {"x": (1,), "y": (2,), "z": (3,)}}
    mine = {"a": {"x": (1, 5), "y": (2,), "z": (3,)}, "b": {"new": (9,)}}
    theirs = {"a": {"x": (1,), "y": (2, 6)}}
    merged = forget_sets.merge(base, mine, theirs)
    assert merged == {"a": {"x": (1, 5), "y": (2, 6)}, "b": {"new": (9,)}}


def test_sets_of_a_session_are_added_without_replacing_any() -> None:
    mine = {"a": {"x": (1,), "y": (2,)}}
    joined = forget_sets.with_sets(mine, "a", {"x": (1,), "y": (7,)})
    assert joined == {"a": {"x": (1,), "y": (2,), "y (2)": (7,)}}
    assert forget_sets.with_sets(joined, "a", {"y": (7,)}) == joined
