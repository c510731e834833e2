"""Random but seeded mouse, keys, drags, drops, sizes, docks, themes and commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import shiboken6
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QDockWidget, QLineEdit, QMenu, QWidget

from explorer.app import Explorer

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home,
    Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Escape,
    Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace,
    *(Qt.Key(code) for code in range(Qt.Key.Key_A, Qt.Key.Key_Z + 1)),
    *(Qt.Key(code) for code in range(Qt.Key.Key_0, Qt.Key.Key_9 + 1)),
    Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Slash, Qt.Key.Key_Question, Qt.Key.Key_F1,
)  # fmt: skip
LEFT_OUT = ("quit", "theme-light", "theme-dark", "theme-system")  # ends the test; a deed of its own
TEXTS = (
    "class:1:5", "random:10", "0,0.1", "3, 17, 40-50", "<b>x</b>", "1e9", "-1", "x" * 300, "π",
    "<img src=x>", "a & b &amp;", "$x_1$", "[*]", "\u202egpj",
)  # fmt: skip
CLOSE_AFTER = 4  # looks at a menu or dialog that keeps us waiting, until it is closed
LOOK_MS = 15
STUCK = 2000  # looks in a row, in one event, at nothing to close: half a minute
TIRED = 0.1  # chance to leave a menu or dialog, instead of doing something in it


class Monkey(QObject):
    """Does one thing after another with a window."""

    def __init__(self, explorer: Explorer, rng: Random, folder: Path) -> None:
        super().__init__()
        self._explorer, self._rng, self._folder = explorer, rng, folder
        self._window = explorer.window
        self.done: list[str] = []
        self._depth = self._looks = self._idle = 0
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._unstick)
        self._deeds: tuple[tuple[Callable[[], str], int], ...] = (
            (self._click, 40), (self._key, 18), (self._drag, 10), (self._command, 10),
            (self._type, 5), (self._wheel, 5), (self._hover, 6), (self._resize, 2), (self._dock, 3),
            (self._theme, 1), (self._drop, 2), (self._run, 2),
        )  # fmt: skip

    def act(self) -> None:
        """One event, and what follows from it at once."""
        deeds = [deed for deed, _ in self._deeds]
        deed = self._rng.choices(deeds, [weight for _, weight in self._deeds])[0]
        if self._modal() is not None and self._rng.random() < TIRED:
            deed = self._leave
        self._looks = self._idle = 0
        self._timer.start()
        self._depth += 1
        try:
            self.done.append(f"{deed.__name__} ...")
            self.done[-1] = f"{deed.__name__} {deed()}"
            QApplication.processEvents()
        finally:
            self._depth -= 1
            self._timer.stop()

    # -- what it does ---------------------------------------------------------------------
    def _click(self) -> str:
        widget, at = self._somewhere()
        button = self._rng.choices((LEFT, RIGHT), (9, 1))[0]
        keys = self._rng.choices((NONE, SHIFT, CTRL), (8, 1, 1))[0]
        act = QTest.mouseDClick if self._rng.random() < 0.1 else QTest.mouseClick
        said = _named(widget)
        act(widget, button, keys, at)
        return said

    def _key(self) -> str:
        widget = QApplication.focusWidget() or self._somewhere()[0]
        key, keys = self._rng.choice(KEYS), self._rng.choices((NONE, SHIFT, CTRL), (8, 1, 1))[0]
        said = f"{key.name} {keys.name} on {_named(widget)}"
        if keys == CTRL and key == Qt.Key.Key_Q:
            return "nothing"
        QTest.keyClick(widget, key, keys)
        return said

    def _drag(self) -> str:
        widget, start = self._somewhere()
        keys = self._rng.choices((NONE, SHIFT, CTRL), (8, 1, 1))[0]
        said = _named(widget)
        held = _Held(widget)
        held.send(QEvent.Type.MouseButtonPress, start, LEFT, LEFT, keys)
        at = start
        for _ in range(self._rng.randint(1, 8)):
            at = at + QPoint(self._rng.randint(-60, 60), self._rng.randint(-60, 60))
            held.send(QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, LEFT, keys)
            QApplication.processEvents()
        held.send(QEvent.Type.MouseButtonRelease, at, LEFT, Qt.MouseButton.NoButton, keys)
        return said

    def _command(self) -> str:
        actions = self._window.actions_.by_name
        names = [
            name for name in sorted(actions) if name not in LEFT_OUT and actions[name].isEnabled()
        ]
        name = self._rng.choice(names)
        actions[name].trigger()
        return name

    def _type(self) -> str:
        lines = [one for one in self._widgets() if isinstance(one, QLineEdit) and one.isEnabled()]
        if not lines:
            return "nowhere"
        line = self._rng.choice(lines)
        text = self._rng.choice(TEXTS)
        line.selectAll()
        for one in text:  # QTest knows no other letters than those of ASCII
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                if shiboken6.isValid(line):
                    QApplication.sendEvent(line, QKeyEvent(kind, 0, NONE, one))
        return text[:20]

    def _wheel(self) -> str:
        widget, at = self._somewhere()
        turn = QPoint(0, self._rng.choice((-240, -120, 120, 240)))
        event = QWheelEvent(
            QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), turn,
            Qt.MouseButton.NoButton, self._rng.choice((NONE, CTRL)),
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
        return _named(widget)

    def _hover(self) -> str:
        widget, at = self._somewhere()
        said, place = _named(widget), widget.mapToGlobal(at)
        QTest.mouseMove(widget, at)
        if shiboken6.isValid(widget):
            QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, at, place))
        return said

    def _resize(self) -> str:
        width, height = self._rng.randint(600, 1900), self._rng.randint(400, 1200)
        self._window.resize(width, height)
        return f"{width}x{height}"

    def _dock(self) -> str:
        box = self._rng.choice(list(self._window.docks.values()))
        self._window._arrangement.let_go()  # a person's mouse would be elsewhere
        return self._rng.choice((self._float, self._move, self._tab, self._toggle))(box)

    def _float(self, box: QDockWidget) -> str:
        box.setFloating(not box.isFloating())
        if box.isFloating():
            box.resize(self._rng.randint(150, 900), self._rng.randint(100, 700))
        return f"float {box.windowTitle()}"

    def _move(self, box: QDockWidget) -> str:
        areas = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea,
                 Qt.DockWidgetArea.BottomDockWidgetArea)  # fmt: skip
        self._window.addDockWidget(self._rng.choice(areas), box)
        box.show()
        return f"move {box.windowTitle()}"

    def _tab(self, box: QDockWidget) -> str:
        other = self._rng.choice([one for one in self._window.docks.values() if one is not box])
        self._window.tabifyDockWidget(other, box)
        box.show()
        box.raise_()
        return f"tab {box.windowTitle()}"

    def _toggle(self, box: QDockWidget) -> str:
        box.toggleViewAction().trigger()
        return f"toggle {box.windowTitle()}"

    def _theme(self) -> str:
        choice = self._rng.choice(("light", "dark", "system"))
        self._window.choose_theme(choice)
        return choice

    def _drop(self) -> str:
        files = [*sorted(self._folder.iterdir()), Path("/nowhere/x.json"), self._folder]
        path = self._rng.choice(files)
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        copy, at = Qt.DropAction.CopyAction, QPoint(200, 200)
        enter = QDragEnterEvent(at, copy, mime, LEFT, NONE)
        QApplication.sendEvent(self._window, enter)
        if enter.isAccepted() and self._modal() is None:
            QApplication.sendEvent(self._window, QDropEvent(QPointF(at), copy, mime, LEFT, NONE))
        return path.name

    def _leave(self) -> str:
        top = self._modal()
        if isinstance(top, QDialog):
            top.reject()
        elif top is not None:
            top.close()
        return _named(top) if top is not None and shiboken6.isValid(top) else "it"

    def _run(self) -> str:
        button = self._window.bar.run_button
        if button.isEnabled() and button.isVisible() and self._modal() is None:
            QTest.mouseClick(button, LEFT)
        return "run"

    # -- where ----------------------------------------------------------------------------
    def _modal(self) -> QWidget | None:
        return QApplication.activePopupWidget() or QApplication.activeModalWidget()

    def _widgets(self) -> list[QWidget]:
        """What can be clicked: in the menu or dialog that is open, else anywhere."""
        top = self._modal()
        tops = [top] if top else [one for one in QApplication.topLevelWidgets() if one.isVisible()]
        found = [one for top in tops for one in [top, *top.findChildren(QWidget)]]
        there = [one for one in found if shiboken6.isValid(one) and one.isVisible()]
        return [one for one in there if one.width() > 0 and one.height() > 0]

    def _somewhere(self) -> tuple[QWidget, QPoint]:
        widget = self._rng.choice(self._widgets() or [self._window])
        if not shiboken6.isValid(widget):  # PySide ends those of a popup's parts with its own
            widget = self._window
        at = QPoint(self._rng.randrange(widget.width()), self._rng.randrange(widget.height()))
        return widget, at

    def _unstick(self) -> None:
        """What keeps us waiting in a loop of its own: press something in it, or close it."""
        top = self._modal()
        self._idle = self._idle + 1 if top is None else 0
        if self._idle > STUCK:
            self._break_out()
        if top is None or not self._depth:
            return
        self._looks += 1
        if self._looks > CLOSE_AFTER:
            self._leave()
        elif isinstance(top, QMenu):
            self._choose(top)

    def _break_out(self) -> None:
        """A menu that lost its size is no popup any more, but its loop goes on, for people too."""
        self._idle = 0
        left = [one for one in self._window.findChildren(QMenu) if one.isVisible()]
        for menu in left:
            menu.close()
        raise RuntimeError(f"a loop does not end; menus that nobody can close: {len(left)}")

    def _choose(self, menu: QMenu) -> None:
        actions = [one for one in menu.actions() if _harmless(one)]
        if actions and self._rng.random() < 0.5:
            QTest.mouseClick(
                menu, LEFT, pos=menu.actionGeometry(self._rng.choice(actions)).center()
            )


class _Held:
    """Sends mouse events to a widget for as long as it is there."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget

    def send(
        self,
        kind: QEvent.Type,
        at: QPoint,
        button: Qt.MouseButton,
        held: Qt.MouseButton,
        keys: Qt.KeyboardModifier,
    ) -> None:
        """One event, if somebody is there to get it."""
        if shiboken6.isValid(self._widget):
            place = QPointF(self._widget.mapToGlobal(at))
            event = QMouseEvent(kind, QPointF(at), place, button, held, keys)
            QApplication.sendEvent(self._widget, event)


def _harmless(action: QAction) -> bool:
    return action.isEnabled() and not action.isSeparator() and action.text() != "Quit"


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} '{widget.objectName() or widget.accessibleName()}'"
