"""Docks are restored from our own data: Qt never parses bytes from a file."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from patience import PATIENCE
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from engine.errors import SpecError
from explorer.app import Explorer
from explorer.state import window_layout as layouts
from explorer.state.window_layout import MAXIMIZED, NORMAL, Area, Box, Frame, Layout, Stack
from explorer.window import frames
from explorer.window.dock_layout import Arrangement
from explorer.window.dock_set import SMALLEST_VIEW
from explorer.window.docks import DOCKS

CLOSE = 3  # px


# -- bytes for Qt -----------------------------------------------------------------------------
def endless() -> bytes:
    """A saved state whose toolbars Qt would count for hours."""
    begin = struct.pack(">iiBi", 0xFF, 2, 0xFD, 0)  # no docks
    middle = struct.pack(">ii4i", 0, 0, 0, 0, 0, 0)
    lines = struct.pack(">Bi", 0xFC, 40) + struct.pack(">ii", 2, 0x7FFFFFFF)
    return begin + middle + lines


OPENED = """
import json, os, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
here, store, file, how = sys.argv[1:]
sys.path[:0] = [here, os.path.dirname(here), os.path.dirname(os.path.dirname(here))]
from quick import QuickFactory
from explorer.state import settings
from explorer.app import Explorer, Options
app = QApplication([])
if how == "settings":
    kept = settings.Settings(session=json.loads(Path(file).read_text()))
    settings.save(settings.file_in(Path(store)), kept)
explorer = Explorer(Options(store=Path(store), dataset="iris"), QuickFactory(Path(store)))
def opened():
    explorer.jobs.idle.disconnect(opened)
    if how == "settings":
        return done()
    explorer.jobs.idle.connect(done)
    explorer.controller.files.open_session(Path(file))
def done():
    print(json.dumps({"draws": explorer.state.form.draws, "errors": explorer.notifier.errors}))
    explorer.close()
    app.quit()
explorer.jobs.idle.connect(opened)
explorer.show()
app.exec()
"""


@pytest.mark.parametrize("how", ["session", "settings"])
def test_bytes_for_qt_in_a_session_are_ignored(tmp_path: Path, how: str) -> None:
    """Qt would read these bytes forever, and nothing in Python could stop it."""
    bytes_ = base64.b64encode(endless()).decode()
    look = {"theme": "dark", "geometry": bytes_, "layout": bytes_, "views": {}}
    form = {
        "dataset": "iris",
        "training": {"epochs": 1},
        "retrains": 1,
        "draws": 17,
        "taus": "0,0.2",
    }
    plain = {"format": "rk-explorer session", "schema": 1, "form": form}
    file = tmp_path / "session.json"
    file.write_text(json.dumps({**plain, "look": look}))
    words = [str(Path(__file__).parents[1]), str(tmp_path / "store"), str(file), how]
    done = subprocess.run(
        [sys.executable, "-c", OPENED, *words], capture_output=True, text=True, timeout=PATIENCE
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {"draws": 17, "errors": []}


def test_nothing_in_the_explorer_hands_bytes_to_qt() -> None:
    root = Path(layouts.__file__).parents[1]
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ".restoreState(" not in text and ".restoreGeometry(" not in text, path
        assert "QSettings" not in text, path


# -- what is a layout -------------------------------------------------------------------------
def stack(*names: str, **more: Any) -> dict[str, Any]:
    return {"tabs": list(names), "front": names[0], **more}


def deep(levels: int) -> dict[str, Any]:
    content = stack("slice")
    for level in range(levels):
        content = {"split": ("across", "down")[level % 2], "parts": [content, stack(f"d{level}")]}
    return content


def area(content: Any, side: str = "left") -> dict[str, Any]:
    return {"side": side, "width": 1000, "height": 700, "content": content}


def plain(*areas: Any, **more: Any) -> dict[str, Any]:
    return {"width": 1000, "height": 700, "areas": list(areas), **more}


@pytest.mark.parametrize(
    "wrong",
    [
        "AAAA", [], plain(3), plain(area(stack("a"), "middle")), plain(area([])),
        plain(area({"tabs": []})), plain(area({"tabs": ["a", 1]})), plain(area({"tabs": [""]})),
        plain(area({"tabs": ["a", "a"]})), plain(area(stack("a")), area(stack("a"), "right")),
        plain(area(stack("a")), area(stack("b"))), plain(area({"split": "across", "parts": []})),
        plain(area({"split": "up", "parts": [stack("a"), stack("b")]})), plain(area(deep(60))),
        plain(area(stack("a", size=-1))), plain(area(stack("a", size=10**9))),
        plain(area(stack("a", size=True))), plain(area(stack("a", size=2.5))),
        plain(area(stack(*(f"d{number}" for number in range(300))))),
        plain(hidden=["a", "a"]), plain(hidden="a"), plain(floating={"a": [1, 2, 3, 4]}),
        plain(floating={"a": {"x": 10**9}}), plain(floating={"a": {"width": -3}}),
        plain(floating={"a": {"y": True}}), {**plain(), "width": 10**9}, plain(*[area(1)] * 9),
    ],
)  # fmt: skip
def test_an_invalid_layout_is_refused_with_a_sentence(wrong: Any) -> None:
    with pytest.raises(SpecError) as caught:
        layouts.from_plain(wrong)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("wrong", ["AAAA", {"state": "minimized"}, {"x": 1e9}, {"width": "wide"}])
def test_an_invalid_frame_is_refused_with_a_sentence(wrong: Any) -> None:
    with pytest.raises(SpecError, match=r"\.$"):
        layouts.frame_from_plain(wrong)


# -- windows ----------------------------------------------------------------------------------
class Rooms:
    """Main windows with the program's docks, and nothing in them."""

    def __init__(self, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self.made: list[QMainWindow] = []

    def window(self, shown: bool = True) -> tuple[QMainWindow, dict[str, QDockWidget], Arrangement]:
        window = QMainWindow()
        window.setDockNestingEnabled(True)
        window.setMinimumSize(1000, 640)
        docks = {}
        for dock in DOCKS:
            box, words = QDockWidget(dock.title, window), QLabel(dock.title)
            box.setObjectName(f"dock-{dock.name}")
            words.setMinimumSize(SMALLEST_VIEW)
            box.setWidget(words)
            docks[dock.name] = box
        window.resize(1440, 900)
        arrangement = Arrangement(window, docks)
        arrangement.reset()
        if shown:
            self.show(window)
        self.made.append(window)
        return window, docks, arrangement

    def show(self, window: QMainWindow) -> None:
        window.show()
        self._qtbot.waitExposed(window)
        self._qtbot.wait(20)

    def close(self) -> None:
        for window in self.made:
            window.close()
            window.deleteLater()


@pytest.fixture
def rooms(qtbot: QtBot) -> Iterator[Rooms]:
    result = Rooms(qtbot)
    yield result
    result.close()


def facts(window: QMainWindow, docks: dict[str, QDockWidget]) -> dict[str, tuple[Any, ...]]:
    """Of every dock: hidden, floating, area, the docks behind the same tabs, and its place."""
    return {
        name: (
            box.isHidden(),
            box.isFloating(),
            window.dockWidgetArea(box),
            sorted(one.objectName() for one in window.tabifiedDockWidgets(box)),
            None if box.visibleRegion().isEmpty() else box.geometry(),
        )
        for name, box in docks.items()
    }


def unlike(one: dict[str, tuple[Any, ...]], other: dict[str, tuple[Any, ...]]) -> list[str]:
    """The docks that have moved by more than a few pixels."""
    return [
        f"{name}: {one[name]} {other[name]}"
        for name in one
        if one[name][:-1] != other[name][:-1] or not near(one[name][-1], other[name][-1])
    ]


def near(one: QRect | None, other: QRect | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one.getRect(), other.getRect(), strict=True)
    return all(abs(a - b) <= CLOSE for a, b in pairs)


def tabbed(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    for name in ("metrics", "slice", "activity"):
        window.tabifyDockWidget(docks["samples"], docks[name])
    docks["slice"].raise_()


def nested(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    window.splitDockWidget(docks["embedding"], docks["metrics"], Qt.Orientation.Horizontal)
    window.splitDockWidget(docks["metrics"], docks["runs"], Qt.Orientation.Vertical)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, docks["activity"])
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, docks["slice"])


def floating(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    for number, name in enumerate(("metrics", "curves")):
        docks[name].setFloating(True)
        docks[name].setGeometry(40 + 100 * number, 60, 300 + 20 * number, 260)


def hidden(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    for name in ("metrics", "curves", "samples"):
        docks[name].hide()
    docks["activity"].setFloating(True)
    docks["activity"].hide()


def everything_hidden(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    for box in docks.values():
        box.close()


def sized(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    window.resizeDocks([docks["samples"]], [640], Qt.Orientation.Horizontal)
    window.resizeDocks([docks["embedding"]], [560], Qt.Orientation.Vertical)


KINDS = (tabbed, nested, floating, hidden, everything_hidden, sized)


@pytest.mark.parametrize("kind", KINDS, ids=[one.__name__ for one in KINDS])
def test_docks_come_back_in_the_same_window_and_in_a_new_one(
    rooms: Rooms, qtbot: QtBot, kind: Callable[..., None]
) -> None:
    window, docks, arrangement = rooms.window()
    kind(window, docks)
    qtbot.wait(20)
    before, layout = facts(window, docks), arrangement.layout()
    assert layout is not None
    text = json.dumps(layouts.as_plain(layout))
    assert layouts.from_plain(json.loads(text)) == layout
    arrangement.reset()
    qtbot.wait(20)
    assert unlike(before, facts(window, docks))
    arrangement.lay_out(layout)
    qtbot.wait(20)
    assert not unlike(before, facts(window, docks))
    other, others, placed = rooms.window(shown=False)
    placed.lay_out(layout)
    rooms.show(other)
    assert not unlike(before, facts(other, others))


@pytest.mark.parametrize("seed", range(8))
def test_docks_come_back_whatever_was_done_to_them(rooms: Rooms, qtbot: QtBot, seed: int) -> None:
    rng = Random(seed)
    window, docks, arrangement = rooms.window()
    for _ in range(8):
        _disturb(rng, window, docks)
        qtbot.wait(1)
    qtbot.wait(20)
    before, layout = facts(window, docks), arrangement.layout()
    assert layout is not None
    other, others, placed = rooms.window(shown=False)
    placed.lay_out(layout)
    rooms.show(other)
    assert not unlike(before, facts(other, others))


def _disturb(rng: Random, window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    box, other = rng.sample(list(docks.values()), 2)
    way = rng.choice((Qt.Orientation.Horizontal, Qt.Orientation.Vertical))
    alone = not window.tabifiedDockWidgets(other)  # Qt loses a dock that splits one of tabs
    deed = rng.randrange(6)
    if deed == 0:
        areas = [one for one in Qt.DockWidgetArea if one.value in (1, 2, 4, 8)]
        window.addDockWidget(rng.choice(areas), box)
    elif deed == 1:
        window.tabifyDockWidget(other, box)
    elif deed == 2 and alone and not (other.isFloating() or other.isHidden() or box.isFloating()):
        window.splitDockWidget(other, box, way)
    elif deed == 3:
        box.setFloating(True)
        box.setGeometry(90, 90, rng.randint(270, 400), rng.randint(200, 400))
    elif deed == 4:
        box.setVisible(not box.isVisible())
    else:
        window.resizeDocks([box], [rng.randint(200, 700)], way)


def test_a_hidden_dock_returns_to_its_place(rooms: Rooms, qtbot: QtBot) -> None:
    window, docks, arrangement = rooms.window()
    before = facts(window, docks)
    docks["metrics"].close()
    docks["slice"].setFloating(True)
    qtbot.wait(20)
    layout = arrangement.layout()
    assert layout is not None
    other, others, placed = rooms.window(shown=False)
    placed.lay_out(layout)
    rooms.show(other)
    others["metrics"].show()
    others["slice"].setFloating(False)
    others["neighborhood"].raise_()
    others["curves"].raise_()
    qtbot.wait(20)
    after = facts(other, others)
    assert {name: one[:4] for name, one in after.items()} == {
        name: one[:4] for name, one in before.items()
    }
    column = [others[name] for name in ("neighborhood", "curves")]
    assert len({box.x() for box in column}) == 1
    assert [box.y() for box in column] == sorted(box.y() for box in column)


def test_docks_missing_from_a_layout_are_shown_and_unknown_ones_left_out(
    rooms: Rooms, qtbot: QtBot
) -> None:
    window, docks, arrangement = rooms.window()
    content = Stack(("novel", "slice", "curves"), "novel", 500)
    floating = {"other": Box(1, 2, 300, 300)}
    arrangement.lay_out(Layout(900, 700, (Area("right", 0, 0, content),), floating, ("third",)))
    qtbot.wait(20)
    assert all(not box.isHidden() and not box.isFloating() for box in docks.values())
    assert len(window.tabifiedDockWidgets(docks["slice"])) == len(docks) - 1
    arrangement.lay_out(Layout(900, 700))
    qtbot.wait(20)
    assert all(not box.isHidden() for box in docks.values())


def test_in_a_smaller_window_docks_keep_their_shares(rooms: Rooms, qtbot: QtBot) -> None:
    window, docks, arrangement = rooms.window()
    sized(window, docks)
    qtbot.wait(20)
    layout, share = arrangement.layout(), docks["samples"].width() / window.width()
    assert layout is not None
    window.resize(1000, 640)
    qtbot.wait(20)
    arrangement.reset()
    arrangement.lay_out(layout)
    qtbot.wait(20)
    assert abs(docks["samples"].width() / window.width() - share) < 0.02
    room = window.rect()
    assert all(room.contains(one[-1]) for one in facts(window, docks).values() if one[-1])


def test_a_dragged_dock_is_released_before_another_layout_is_restored(
    rooms: Rooms, qtbot: QtBot
) -> None:
    """As in the tests of docks, for all kinds of layouts: Qt would crash at the next move."""
    window, docks, arrangement = rooms.window()
    for kind in (nested, floating, tabbed):
        kind(window, docks)
        layout = arrangement.layout()
        assert layout is not None
        arrangement.reset()
        qtbot.wait(20)
        box, at = docks["neighborhood"], QPoint(30, 8)
        _mouse(box, QEvent.Type.MouseButtonPress, at)
        for _ in range(3):
            at -= QPoint(10, 15)
            _mouse(box, QEvent.Type.MouseMove, at)
        arrangement.lay_out(layout)
        for _ in range(3):
            at -= QPoint(20, 20)
            _mouse(box, QEvent.Type.MouseMove, at)
        _mouse(box, QEvent.Type.MouseButtonRelease, at)
    qtbot.wait(20)


def _mouse(widget: QWidget, kind: QEvent.Type, at: QPoint) -> None:
    from mouse import left_button

    left_button(widget, kind, at)


# -- frames -----------------------------------------------------------------------------------
def test_a_new_window_is_no_larger_than_its_screen(qtbot: QtBot) -> None:
    room = QApplication.primaryScreen().availableGeometry()
    window = QWidget()
    qtbot.addWidget(window)
    for size in ((room.width() + 300, room.height() + 200), (300, 200)):
        window.resize(*size)
        frames.fit(window)
        assert room.contains(window.geometry())
    assert (window.width(), window.height()) == (300, 200)


@pytest.mark.parametrize(
    "box",
    [Box(5000, 5000, 300, 300), Box(-5000, -9, 300, 300), Box(10, 10, 9000, 9000), Box(0, 0, 9, 9)],
)
def test_a_window_is_never_off_screen(qtbot: QtBot, box: Box) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.setMinimumSize(100, 80)
    frames.restore(window, Frame(box))
    room = QApplication.primaryScreen().availableGeometry()
    assert room.contains(window.geometry())
    assert window.width() >= 100 and window.height() >= 80


@pytest.mark.parametrize("state", [NORMAL, MAXIMIZED])
def test_a_frame_comes_back(qtbot: QtBot, state: str) -> None:
    window, other = QWidget(), QWidget()
    frame = Frame(Box(60, 70, 400, 300), state)
    for one in (window, other):
        qtbot.addWidget(one)
    frames.restore(window, frame)
    window.show()
    qtbot.waitExposed(window)
    assert frames.frame_of(window) == frame
    assert layouts.frame_from_plain(layouts.frame_as_plain(frames.frame_of(window))) == frame
    frames.restore(other, frames.frame_of(window))
    other.show()
    qtbot.waitExposed(other)
    assert frames.frame_of(other) == frame
    frames.restore(other, Frame(frame.box))
    assert frames.frame_of(other) == Frame(frame.box)


# -- the whole window -------------------------------------------------------------------------
def test_the_window_is_restored_when_it_is_opened_again(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    from quick import QuickFactory, finish
    from real import WAIT

    from explorer.app import Options

    window = explorer.window
    window.resize(900, 700)  # what the screen of the tests has room for
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, window.docks["activity"])
    window.resizeDocks([window.docks["activity"]], [180], Qt.Orientation.Vertical)
    floating(window, window.docks)
    window.docks["runs"].close()
    window.go_to("attack")
    qtbot.wait(50)
    before = facts(window, window.docks)
    explorer._save_session()  # as closing does
    again = Explorer(Options(store=tmp_path / "store"), QuickFactory(tmp_path / "store"))
    with qtbot.waitSignal(again.jobs.idle, timeout=WAIT):
        again.show()
    qtbot.wait(50)
    assert again.window.size() == window.size()
    after = facts(again.window, again.window.docks)
    finish(again, qtbot)
    assert not unlike(before, after)


SCALED = """
import json, os, sys
tests = os.path.dirname(sys.argv[1])
sys.path[:0] = [f"{sys.argv[1]}/window", sys.argv[1], tests, os.path.dirname(tests)]
from PySide6.QtWidgets import QApplication
app = QApplication([])
import test_layout as tests
from explorer.state import window_layout as layouts
class Bot:
    def waitExposed(self, window): app.processEvents()
    def wait(self, ms): app.processEvents()
rooms = tests.Rooms(Bot())
window, docks, arrangement = rooms.window(shown=False)
arrangement.lay_out(layouts.from_plain(json.loads(sys.stdin.read())))
rooms.show(window)
found = tests.facts(window, docks)
places = {name: one[-1] and one[-1].getRect() for name, one in found.items()}
print(json.dumps({"ratio": window.devicePixelRatio(), "places": places}))
"""


def test_at_twice_the_scale_the_layout_is_the_same(rooms: Rooms, qtbot: QtBot) -> None:
    window, docks, arrangement = rooms.window()
    nested(window, docks)
    sized(window, docks)
    qtbot.wait(20)
    layout = arrangement.layout()
    assert layout is not None
    done = subprocess.run(
        [sys.executable, "-c", SCALED, str(Path(__file__).parents[1])],
        input=json.dumps(layouts.as_plain(layout)), capture_output=True, text=True,
        timeout=PATIENCE, env={**os.environ, "QT_SCALE_FACTOR": "2"},
    )  # fmt: skip
    observed = json.loads(done.stdout.splitlines()[-1])
    assert observed["ratio"] == 2.0
    places = {name: one and QRect(*one) for name, one in observed["places"].items()}
    before = {name: one[-1] for name, one in facts(window, docks).items()}
    assert all(near(before[name], places[name]) for name in before)
