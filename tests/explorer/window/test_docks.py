"""Workspaces, reset, small windows, one large dock, shortcuts; the theme follows the system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mouse import left_button
from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QDockWidget, QPushButton, QTabBar
from pytestqt.qtbot import QtBot
from quick import finish
from real import start

from explorer import theme
from explorer.app import Explorer
from explorer.state import session as sessions
from explorer.state.json_fields import Fields
from explorer.state.notice import NEWS, Notice
from explorer.state.window_layout import ACROSS, Split
from explorer.window.actions import COMMANDS
from explorer.window.dock_set import SMALLEST_VIEW
from explorer.window.docks import DOCKS
from explorer.window.shortcuts import ShortcutsDialog
from explorer.window.workspaces import BESIDE, BY_NAME, STRIP, WORKSPACES

SMALL, USUAL = QSize(1000, 640), QSize(1440, 900)
LOW = QSize(952, 560)  # half of 1920 x 1200, without the frame


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


def visible(explorer: Explorer) -> set[str]:
    """The docks on the screen, those behind a tab included."""
    docks = explorer.window.docks.items()
    return {name for name, box in docks if not box.isHidden() and not box.isFloating()}


def everything_is_back(explorer: Explorer) -> bool:
    workspace = BY_NAME[explorer.window.look().workspace]
    return visible(explorer) == workspace.docks and columns(explorer) == 2


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
        assert columns(explorer) == 2
        border, place = what == "border", box.geometry()
        part = window if border else box
        at = below(explorer, box) if border else QPoint(3, 8)
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
    assert bars
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
        assert docks["neighborhood"].x() == docks["curves"].x()
        assert docks["neighborhood"].width() == docks["curves"].width()
        assert docks["neighborhood"].y() < docks["curves"].y()
    assert docks["slice"] in window.tabifiedDockWidgets(docks["neighborhood"])


# -- workspaces -------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [SMALL, QSize(1280, 800), USUAL])
def test_each_workspace_gives_its_canvas_the_most_room(
    explorer: Explorer, qtbot: QtBot, size: QSize
) -> None:
    window = explorer.window
    resize(explorer, size, qtbot)
    for workspace in WORKSPACES:
        window.workspaces.buttons[workspace.name].click()
        qtbot.wait(50)
        assert visible(explorer) == workspace.docks
        assert not window._arrangement.moved
        checked = [name for name, one in window.workspaces.buttons.items() if one.isChecked()]
        assert checked == [workspace.name]
        areas = {
            name: box.width() * box.height()
            for name, box in window.docks.items()
            if not box.visibleRegion().isEmpty()
        }
        assert max(areas, key=lambda name: areas[name]) == workspace.canvas
        assert all(window.rect().contains(window.docks[name].geometry()) for name in areas)


def test_the_docks_beside_the_canvas_are_wide_enough_for_their_controls() -> None:
    for workspace in WORKSPACES:
        for width in (LOW.width(), USUAL.width()):
            content = workspace.layout(width, 500, tuple(workspace.docks)).areas[0].content
            while isinstance(content, Split) and content.direction != ACROSS:
                content = content.parts[0]
            assert isinstance(content, Split)
            canvas, beside = content.parts
            assert beside.size >= min(BESIDE, width // 2) and canvas.size >= width // 2
            assert canvas.size <= workspace.share * width + 1


def test_in_a_low_window_the_docks_beside_the_canvas_are_one_stack(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    for workspace in WORKSPACES:
        resize(explorer, USUAL, qtbot)
        window.show_workspace(workspace.name)
        beside = [name for stack in workspace.side for name in stack]
        first, last = (window.docks[stack[0]] for stack in (workspace.side[0], workspace.side[-1]))
        assert last not in window.tabifiedDockWidgets(first)
        resize(explorer, LOW, qtbot)
        tabs = {first, *window.tabifiedDockWidgets(first)}
        assert tabs >= {window.docks[name] for name in beside}
        assert first.height() > 0.7 * LOW.height() - STRIP
        assert visible(explorer) == workspace.docks and not window._arrangement.moved
        resize(explorer, USUAL, qtbot)
        assert last not in window.tabifiedDockWidgets(first)
        assert not window._arrangement.moved


def test_a_workspace_keeps_what_the_user_moved_until_it_is_reset(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    window.docks["curves"].toggleViewAction().trigger()
    assert window.look().docks is not None
    window.show_workspace("compare")
    assert "curves" in visible(explorer) and window.look().docks is None
    window.show_workspace("explore")
    assert "curves" not in visible(explorer)
    window.reset_layout()
    assert "curves" in visible(explorer)


def test_a_workspace_is_restored_with_the_session(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    window.show_workspace("attack")
    look = sessions._look(Fields(sessions._plain_look(window.look()), "'look'"))
    window.show_workspace("choose")
    window.arrange(look)
    assert window.look().workspace == "attack"
    assert visible(explorer) == BY_NAME["attack"].docks


def test_a_dock_that_the_workspace_hides_appears_beside_the_canvas(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    window.go_to("attack")
    qtbot.waitUntil(lambda: _in_front(window.docks["attack"]))
    assert window.docks["curves"] in window.tabifiedDockWidgets(window.docks["attack"])


def test_a_click_on_a_tab_gives_the_focus_to_its_view(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.go_to("embedding")
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    bars = [one for one in window.findChildren(QTabBar, options=direct) if one.isVisible()]
    bar, place = next(
        (bar, place)
        for bar in bars
        for place in range(bar.count())
        if bar.tabText(place) == "Slice"
    )
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(place).center())
    qtbot.waitUntil(lambda: window._dock_set.with_focus() == "slice")
    window.enlarge()
    assert visible(explorer) == {"slice"}


def test_any_dock_fills_the_window_and_returns(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    resize(explorer, USUAL, qtbot)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    before = visible(explorer)
    for name in ("embedding", "neighborhood", "samples"):
        title = window.docks[name].titleBarWidget()
        QTest.mouseDClick(title, Qt.MouseButton.LeftButton, pos=QPoint(4, title.height() - 3))
        qtbot.wait(20)
        assert visible(explorer) == {name}
        assert window.docks[name].width() > window.width() - 20
        assert window.look().docks is None  # a session gets the docks as they were
        QTest.keyClick(window, Qt.Key.Key_F11)
        qtbot.wait(20)
        assert visible(explorer) == before and not window._arrangement.moved
    window.go_to("curves")
    qtbot.waitUntil(lambda: _in_front(window.docks["curves"]))
    QTest.keyClick(window, Qt.Key.Key_F11)
    assert visible(explorer) == {"curves"}
    window.go_to("slice")
    assert visible(explorer) == before


def test_the_controls_of_a_view_are_in_its_title(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    view, title = window.views["curves"], window.docks["curves"].titleBarWidget()
    assert title.isAncestorOf(view.panel.bar)
    window.docks["curves"].setFloating(True)
    assert title.name.isVisible() and title.name.text() == "Curves"
    window.docks["curves"].setFloating(False)
    qtbot.waitUntil(lambda: not title.name.isVisible())  # the tab bar shows it


def test_an_enlarged_dock_has_its_name_and_leaves_messages_on_top(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    title = window.docks["curves"].titleBarWidget()
    window.go_to("curves")
    qtbot.waitUntil(lambda: _in_front(window.docks["curves"]))
    assert not title.name.isVisible()
    window.toasts.show_notice(Notice(NEWS, "A message that stays", stays=True))
    for enlarged in (True, False):
        window.enlarge("curves")
        assert title.name.isVisible() == enlarged  # no tab bar shows it
        qtbot.wait(20)
        assert not window.toasts.toasts[-1].visibleRegion().isEmpty()
        at = window.toasts.toasts[-1].geometry().center()
        assert window.toasts.toasts[-1].isAncestorOf(window.childAt(at))


def test_secondary_controls_are_on_a_card(explorer: Explorer, qtbot: QtBot) -> None:
    view = explorer.window.views["runs"]
    box, button = QCheckBox("A box"), QPushButton("A button")
    clicks: list[int] = []
    button.clicked.connect(lambda: clicks.append(1))
    view.panel.fold(box, "A label")
    view.panel.fold(button)
    explorer.window.show_workspace("run")
    QTest.mouseClick(view.panel.options, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(box.isVisible)
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert box.isChecked() and box.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert clicks and not box.isVisible()


def test_a_view_taken_out_of_its_tabs_is_visible(explorer: Explorer, qtbot: QtBot) -> None:
    view, box = explorer.window.views["slice"], explorer.window.docks["slice"]
    assert not view.seen
    box.setFloating(True)
    assert view.seen
    box.setFloating(False)
    qtbot.waitUntil(lambda: view.seen == (not box.visibleRegion().isEmpty()))


# -- small windows ----------------------------------------------------------------------------
def test_a_view_is_never_squeezed_below_a_readable_size(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    resize(explorer, SMALL, qtbot)
    assert window.size() == SMALL
    for name, box in window.docks.items():
        window.go_to(name)
        qtbot.waitUntil(lambda box=box: not box.visibleRegion().isEmpty())
        assert box.width() >= SMALLEST_VIEW.width() and box.height() >= 90, (name, box.size())


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
    assert window._arrangement.moved
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
    QTest.keyClick(explorer.window, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
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
