"""Keyboard-only use: from start to an exported figure, through every control."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from quick import finish
from real import run, start

from explorer import theme
from explorer.app import Explorer
from explorer.dialogs.export_dialog import ExportDialog
from explorer.widgets.tab_order import tab_stops
from explorer.window.docks import DOCKS

CONTROL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
MOST = 400  # controls that Tab may visit before it returns to the first


class Mice(QObject):
    """Counts mouse presses anywhere."""

    def __init__(self, app: QApplication) -> None:
        super().__init__()
        self.presses = 0
        self._app = app
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.presses += event.type() == QEvent.Type.MouseButtonPress
        return False

    def leave(self) -> None:
        self._app.removeEventFilter(self)


@pytest.fixture
def explorer(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Explorer]:
    theme.apply(qapp, theme.LIGHT)
    result = start(qtbot, tmp_path)
    result.window.activateWindow()
    qtbot.waitUntil(result.window.isActiveWindow)
    yield result
    finish(result, qtbot)


def press(key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key in the focused widget."""
    at = QApplication.focusWidget() or QApplication.activeWindow()
    assert at is not None
    QTest.keyClick(at, key, keys)
    QApplication.processEvents()


def write(text: str) -> None:
    """Type letters into the focused widget, replacing its text."""
    press(Qt.Key.Key_A, CONTROL)
    at = QApplication.focusWidget()
    assert at is not None
    QTest.keyClicks(at, text)


def tab_to(wanted: QWidget) -> None:
    """Tab until a control has the focus."""
    for _ in range(MOST):
        if QApplication.focusWidget() is wanted:
            return
        press(Qt.Key.Key_Tab)
    raise AssertionError(f"{wanted.accessibleName()} is not reached by Tab")


def go_to(explorer: Explorer, name: str, qtbot: QtBot) -> QWidget:
    """A dock by its shortcut."""
    key = next(dock.key for dock in DOCKS if dock.name == name)
    press(Qt.Key[f"Key_{key.removeprefix('Alt+')}"], ALT)
    box = explorer.window.docks[name]  # with its title, where most controls are
    qtbot.waitUntil(lambda: _inside(box))
    return box


def _inside(view: QWidget) -> bool:
    at = QApplication.focusWidget()
    return at is not None and view.isAncestorOf(at)


def test_from_the_start_to_an_exported_figure_without_a_mouse(
    explorer: Explorer, qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    mice = Mice(qapp)
    state, bar = explorer.state, explorer.window.bar
    press(Qt.Key.Key_Tab)
    tab_to(bar.forget)
    write("class:1:5")
    press(Qt.Key.Key_Return)
    assert len(state.forget) == 5 and state.form.forget == "class:1:5"

    with qtbot.waitSignal(explorer.controller.shown.completed, timeout=WAIT):
        press(Qt.Key.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
    assert state.study is not None and state.study.forget.tolist() == list(state.forget)

    go_to(explorer, "samples", qtbot)
    press(Qt.Key.Key_Home)
    first = state.selection.current
    press(Qt.Key.Key_Right)
    press(Qt.Key.Key_Right)
    assert state.selection.current is not None and state.selection.current != first
    qtbot.waitUntil(
        lambda: (
            state.neighborhood is not None and state.neighborhood.sample == state.selection.current
        ),
        timeout=WAIT,
    )
    go_to(explorer, "slice", qtbot)
    assert explorer.window.views["slice"].seen
    go_to(explorer, "curves", qtbot)
    press(Qt.Key.Key_E, CONTROL)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), ExportDialog))
    out = tmp_path / "typed" / "r.svg"
    out.parent.mkdir()
    assert isinstance(QApplication.focusWidget(), QLineEdit)
    write(str(out))
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: out.exists() and not explorer.jobs.busy(), timeout=WAIT)
    assert out.read_text(encoding="utf-8").count("<text") > 5
    assert out.with_suffix(".csv").exists()
    assert not explorer.notifier.errors
    assert mice.presses == 0
    mice.leave()


def test_every_control_of_every_view_is_reached_by_tab_in_reading_order(
    explorer: Explorer, qtbot: QtBot
) -> None:
    run(explorer, qtbot)
    for dock in DOCKS:
        view = go_to(explorer, dock.name, qtbot)
        qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
        wanted = tab_stops(view)
        assert wanted, dock.title
        wanted[0].setFocus(Qt.FocusReason.TabFocusReason)
        met = [wanted[0]]
        for _ in wanted[1:]:
            QWidget.focusNextChild(met[-1].window())
            at = QApplication.focusWidget()
            assert at is not None and view.isAncestorOf(at), f"{dock.title}: {_named(met[-1])}"
            met.append(at)
        assert {id(one) for one in met} == {id(one) for one in _controls(view)}, dock.title
        title = view.titleBarWidget()
        inside = [title.isAncestorOf(one) for one in met]
        ends = sum(
            one != other for one, other in zip(inside, [*inside[1:], inside[0]], strict=True)
        )
        assert ends <= 2, f"{dock.title}: the title is left before its end"


def test_the_focus_is_visible(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    unseen = []
    press(Qt.Key.Key_Tab)  # from now on Qt shows keyboard focus
    for dock in DOCKS:
        view = go_to(explorer, dock.name, qtbot)
        qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
        for control in tab_stops(view):
            explorer.window.bar.run_button.setFocus(Qt.FocusReason.TabFocusReason)
            without = _picture(control)
            control.setFocus(Qt.FocusReason.TabFocusReason)
            if control.hasFocus() and _picture(control) == without:
                unseen.append(f"{dock.title}: {_named(control)}")
    assert not unseen, "\n".join(unseen)


def test_everything_that_takes_the_focus_has_a_name(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    nameless = set()
    for dock in DOCKS:
        go_to(explorer, dock.name, qtbot)
        window = explorer.window
        for control in (*tab_stops(window), *tab_stops(window.docks[dock.name].widget())):
            if not _named(control):
                nameless.add(f"{type(control).__name__} in {control.parentWidget()}")
    assert nameless == set()


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        (Qt.Key.Key_E, CONTROL),
        (Qt.Key.Key_P, CONTROL | SHIFT),
        (Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Slash, CONTROL),
        (Qt.Key.Key_Comma, CONTROL),
        (Qt.Key.Key_M, CONTROL),
        (Qt.Key.Key_F, CONTROL | ALT),
        (Qt.Key.Key_P, CONTROL),
    ],
)
def test_escape_closes_a_dialog_and_the_focus_comes_back(
    explorer: Explorer, qtbot: QtBot, key: Qt.Key, keys: Qt.KeyboardModifier
) -> None:
    run(explorer, qtbot)
    go_to(explorer, "samples", qtbot)
    before = QApplication.focusWidget()
    press(key, keys)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), QDialog))
    dialog = QApplication.activeWindow()
    assert dialog is not None and dialog.windowTitle()
    assert dialog.focusWidget() is not None
    press(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not dialog)
    explorer.window.activateWindow()  # done by window managers, but not by the offscreen platform
    qtbot.waitUntil(explorer.window.isActiveWindow)
    assert QApplication.focusWidget() is before


def _controls(view: QWidget) -> list[QWidget]:
    """The controls of a view that can currently be used."""
    return [
        one
        for one in view.findChildren(QWidget)
        if one.isVisible()
        and one.isEnabled()
        and one.window() is view.window()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one.focusProxy() is None
    ]


def _named(control: QWidget) -> str:
    """The text a screen reader would read."""
    text = getattr(control, "text", None)
    label = text() if callable(text) and not isinstance(control, QLineEdit | QComboBox) else ""
    return control.accessibleName() or str(label)


def _picture(control: QWidget) -> QImage:
    QApplication.processEvents()
    return control.grab().toImage()
