"""Docks are reset, fit into small windows and have shortcuts; the theme follows the system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mouse import left_button
from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QTabBar
from pytestqt.qtbot import QtBot
from quick import finish
from real import start

from explorer import theme
from explorer.app import Explorer
from explorer.window.actions import COMMANDS
from explorer.window.docks import DOCKS
from explorer.window.shortcuts import ShortcutsDialog

SMALL, USUAL = QSize(1000, 640), QSize(1440, 900)


@pytest.fixture
def explorer(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Explorer]:
    theme.apply(qapp, theme.LIGHT)
    result = start(qtbot, tmp_path)
    yield result
    finish(result, qtbot)


def columns(explorer: Explorer) -> int:
    """The number of docks side by side."""
    front = [box for box in explorer.window.docks.values() if not box.visibleRegion().isEmpty()]
    return len({box.x() for box in front})


def resize(explorer: Explorer, size: QSize, qtbot: QtBot) -> None:
    explorer.window.resize(size)
    qtbot.waitUntil(lambda: explorer.window.size() == size)
    qtbot.wait(50)


def everything_is_back(explorer: Explorer) -> bool:
    docks = explorer.window.docks.values()
    there = all(box.isVisible() and not box.isFloating() for box in docks)
    return there and columns(explorer) == 3


def below(explorer: Explorer, box: QDockWidget) -> QPoint:
    """Move the mouse to the border below a dock."""
    at = QPoint(box.geometry().center().x(), box.geometry().bottom())
    while explorer.window.cursor().shape() != Qt.CursorShape.SplitVCursor:
        at += QPoint(0, 1)
        left_button(explorer.window, QEvent.Type.MouseMove, at)
    return at


# -- dragging ---------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["border", "dock"])
@pytest.mark.parametrize("how", ["session", "size"])
def test_docks_move_while_something_is_dragged(
    explorer: Explorer, qtbot: QtBot, what: str, how: str
) -> None:
    """For example, a session arrives; Qt would crash continuing the drag with moved docks."""
    window = explorer.window
    resize(explorer, SMALL, qtbot)
    box, look = window.docks["neighborhood"], window.look()
    for _ in range(2):
        resize(explorer, USUAL, qtbot)
        window.reset_layout()
        qtbot.wait(50)
        assert columns(explorer) == 3
        border, place = what == "border", box.geometry()
        part = window if border else box
        at = below(explorer, box) if border else QPoint(30, 8)
        left_button(part, QEvent.Type.MouseButtonPress, at)
        for _ in range(2):
            at -= QPoint(10, 15)
            left_button(part, QEvent.Type.MouseMove, at)
        assert box.height() < place.height() if border else box.isFloating()
        if how == "session":
            window.arrange(look)
        else:
            window.resize(SMALL)
        for _ in range(3):
            at -= QPoint(20, 20)
            left_button(part, QEvent.Type.MouseMove, at)
        left_button(part, QEvent.Type.MouseButtonRelease, at)
        assert how == "size" or columns(explorer) == 2


def test_tabs_of_docks_keep_their_order(explorer: Explorer, qtbot: QtBot) -> None:
    """Qt 6.10 crashes where a tab is dragged after a layout was restored, as at every start."""
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    window.arrange(window.look())
    qtbot.wait(50)
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    bars = [one for one in window.findChildren(QTabBar, options=direct) if one.isVisible()]
    assert len(bars) > 1
    for bar in bars:
        titles = [bar.tabText(number) for number in range(bar.count())]
        at = bar.tabRect(0).center()
        left_button(bar, QEvent.Type.MouseButtonPress, at)
        for _ in range(8):
            at += QPoint(25, 0)
            left_button(bar, QEvent.Type.MouseMove, at)
        left_button(bar, QEvent.Type.MouseButtonRelease, at)
        assert [bar.tabText(number) for number in range(bar.count())] == titles


# -- reset ------------------------------------------------------------------------------------
def test_reset_layout_works_from_any_state(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    docks = window.docks
    reset = window.actions_.by_name["reset-layout"]

    def all_closed() -> None:
        for box in docks.values():
            box.close()

    def all_floating() -> None:
        for box in docks.values():
            box.setFloating(True)

    def elsewhere() -> None:
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, docks["curves"])
        window.tabifyDockWidget(docks["samples"], docks["metrics"])
        docks["slice"].setFloating(True)
        docks["slice"].close()

    for disorder in (all_closed, all_floating, elsewhere):
        disorder()
        qtbot.wait(20)
        assert not everything_is_back(explorer)
        reset.trigger()
        qtbot.waitUntil(lambda: everything_is_back(explorer))
        for above, below in (("embedding", "curves"), ("neighborhood", "metrics")):
            assert docks[above].x() == docks[below].x()
            assert docks[above].width() == docks[below].width()
            assert docks[above].y() < docks[below].y()
    assert docks["slice"] in window.tabifiedDockWidgets(docks["neighborhood"])


def test_a_view_taken_out_of_its_tabs_is_visible(explorer: Explorer, qtbot: QtBot) -> None:
    view, box = explorer.window.views["comparison"], explorer.window.docks["comparison"]
    assert not view.seen
    box.setFloating(True)
    assert view.seen
    box.setFloating(False)
    qtbot.waitUntil(lambda: view.seen == (not box.visibleRegion().isEmpty()))


# -- small windows ----------------------------------------------------------------------------
def test_a_small_window_has_two_columns_in_which_every_view_fits(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    resize(explorer, SMALL, qtbot)
    assert window.size() == SMALL and columns(explorer) == 2
    for name, box in window.docks.items():
        window.go_to(name)
        qtbot.waitUntil(lambda box=box: not box.visibleRegion().isEmpty())
        view = box.widget()
        hint = view.layout().minimumSize()
        assert view.width() >= hint.width() - 12, (name, view.size(), hint)
        assert view.height() >= max(300, hint.height()), (name, view.size(), hint)
    resize(explorer, USUAL, qtbot)
    assert columns(explorer) == 3


@pytest.mark.parametrize("name", ["close", "float", "move"])
def test_docks_arranged_by_the_user_stay_when_the_window_becomes_small(
    explorer: Explorer, qtbot: QtBot, name: str
) -> None:
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    box = window.docks["metrics"]
    if name == "close":
        box.close()
    elif name == "float":
        box.setFloating(True)
    else:
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, box)
    qtbot.wait(20)
    resize(explorer, SMALL, qtbot)
    assert columns(explorer) >= 3
    assert box.isVisible() == (name != "close") and box.isFloating() == (name == "float")


# -- keys -------------------------------------------------------------------------------------
def test_every_dock_has_a_key_that_brings_it_to_the_front(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert len({dock.key for dock in DOCKS}) == len(DOCKS)
    for dock in reversed(DOCKS):
        box = window.docks[dock.name]
        box.close()
        key = Qt.Key[f"Key_{dock.key.removeprefix('Alt+')}"]
        QTest.keyClick(window, key, Qt.KeyboardModifier.AltModifier)
        qtbot.waitUntil(lambda box=box: _in_front(box))


def _in_front(box: QDockWidget) -> bool:
    at = QApplication.focusWidget()
    focused = at is not None and (at is box or box.isAncestorOf(at))
    return focused and not box.visibleRegion().isEmpty()


def test_the_overview_lists_every_shortcut_and_the_keys_of_every_view(
    explorer: Explorer, qtbot: QtBot
) -> None:
    QTest.keyClick(explorer.window, Qt.Key.Key_F1)
    dialog = explorer.window.findChild(ShortcutsDialog)
    root = dialog.tree.invisibleRootItem()
    groups = [root.child(i) for i in range(root.childCount())]
    listed = {group.child(i).text(0) for group in groups for i in range(group.childCount())}
    assert {one.shortcut for one in COMMANDS if one.shortcut} <= listed
    named = {group.text(0) for group in groups}
    with_keys = {f"In {view.title}" for view in explorer.window.views.values() if view.keys}
    assert with_keys and with_keys <= named
    dialog.reject()


# -- theme ------------------------------------------------------------------------------------
def test_follow_system_follows_the_system_live(
    explorer: Explorer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offscreen platform has no color scheme of its own, so its signal is emitted here."""
    system = {"is": Qt.ColorScheme.Dark}

    def resolve(choice: str) -> str:
        dark = system["is"] == Qt.ColorScheme.Dark
        return choice if choice != "system" else "dark" if dark else "light"

    monkeypatch.setattr(theme, "resolve", resolve)
    hints, state = QGuiApplication.styleHints(), explorer.state
    explorer.window.choose_theme("light")
    hints.colorSchemeChanged.emit(system["is"])
    assert state.theme == "light"  # as chosen
    explorer.window.actions_.by_name["theme-system"].trigger()
    assert state.theme == "dark"
    assert explorer.window.grab().toImage().pixelColor(4, 4).lightness() < 100
    system["is"] = Qt.ColorScheme.Light
    hints.colorSchemeChanged.emit(system["is"])
    assert state.theme == "light"
    assert explorer.window.grab().toImage().pixelColor(4, 4).lightness() > 200
    explorer.window.choose_theme("light")
