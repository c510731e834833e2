"""Layouts of docks, tried in a real window: what a session says of it, whoever wrote that."""

from __future__ import annotations

import base64
import functools
import json
import struct
from random import Random
from typing import Any

from inputs import json_text
from PySide6.QtCore import QEvent, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow

from explorer.state import session
from explorer.state import window_layout as layouts
from explorer.state.window_layout import ACROSS, DOWN, Area, Box, Frame, Layout, Split, Stack
from explorer.window import frames
from explorer.window.dock_layout import Arrangement
from explorer.window.docks import DOCKS

HARMLESS = ("This plugin does not support",)  # all that the offscreen platform has to say
SOUND = 0.4  # share of layouts that are nothing but odd
NAMES = [dock.name for dock in DOCKS]


class Stand:
    """A window with the program's docks, and what Qt complained of."""

    def __init__(self) -> None:
        self.app = QApplication.instance() or QApplication([])
        self.complaints: list[str] = []
        self._listener = qInstallMessageHandler(self._hear)
        self.window = QMainWindow()
        self.window.setDockNestingEnabled(True)
        self.window.resize(1000, 700)
        self.docks = {name: self._dock(name) for name in NAMES}
        self.arrangement = Arrangement(self.window, self.docks)
        self.arrangement.reset()
        self.window.show()

    def try_(self, found: session.Look) -> None:
        """Lay the docks out; AssertionError if one of them is nowhere, or Qt complains."""
        self.complaints.clear()
        if found.window is not None:
            frames.restore(self.window, found.window)
        if found.docks is not None:
            self.arrangement.lay_out(found.docks)
        for _ in range(2):
            QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self._look()

    def close(self) -> None:
        """Leave nothing on the screen, nor anything in Qt's way."""
        qInstallMessageHandler(self._listener)
        self.window.close()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _look(self) -> None:
        layout = self.arrangement.layout()
        assert layout is not None
        placed = [name for area in layout.areas for name in layouts.names_in(area.content)]
        assert sorted(placed) == sorted(NAMES), placed
        assert layouts.from_plain(layouts.as_plain(layout)) == layout
        room = QApplication.primaryScreen().availableGeometry()
        assert room.intersects(self.window.geometry()), self.window.geometry()
        assert not self.complaints, self.complaints

    def _dock(self, name: str) -> QDockWidget:
        box = QDockWidget(name, self.window)
        box.setObjectName(f"dock-{name}")
        box.setWidget(QLabel(name))
        return box

    def _hear(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if not any(word in message for word in HARMLESS):
            self.complaints.append(message)


stand = functools.cache(Stand)


def close() -> None:
    """End with the window, if there is one."""
    if stand.cache_info().currsize:
        stand().close()
        stand.cache_clear()


def lay_out(words: str) -> None:
    """Open a session as far as it is about the window."""
    stand().try_(session.parse(words).look)


def made(rng: Random) -> str:
    """A session whose layout is changed; what Qt once wrote into it is changed too."""
    look = {"docks": _sane(rng), "window": layouts.frame_as_plain(_frame(rng))}
    text = json.dumps(look) if rng.random() < SOUND else json_text(rng, [look])
    old = base64.b64encode(rng.choice((b"", endless(), rng.randbytes(90)))).decode()
    head = f'{{"format": "{session.FORMAT}", "schema": {session.SCHEMA}, "look": '
    try:
        return head + json.dumps({"layout": old, "geometry": old} | json.loads(text)) + "}"
    except (ValueError, TypeError, RecursionError):
        return head + text + "}"


def endless() -> bytes:
    """A state of a main window whose toolbars Qt would count for hours."""
    begin = struct.pack(">iiBi", 0xFF, 2, 0xFD, 0) + struct.pack(">ii4i", *[0] * 6)
    return begin + struct.pack(">Biii", 0xFC, 40, 2, 0x7FFFFFFF)


def _sane(rng: Random) -> dict[str, Any]:
    """A layout that could be one."""
    names = rng.sample([*NAMES, "novel"], rng.randint(1, len(NAMES) + 1))
    sides = rng.sample(layouts.SIDES, rng.randint(1, 4))
    areas = []
    for number, side in enumerate(sides):
        own = names[number :: len(sides)]
        if own:
            areas.append(Area(side, _px(rng), _px(rng), _content(rng, own)))
    floating = {name: _box(rng) for name in rng.sample(names, rng.randint(0, min(3, len(names))))}
    hidden = tuple(rng.sample(names, rng.randint(0, len(names))))
    return layouts.as_plain(Layout(_px(rng), _px(rng), tuple(areas), floating, hidden))


def _content(rng: Random, names: list[str]) -> layouts.Content:
    if len(names) == 1 or rng.random() < 0.4:
        return Stack(tuple(names), rng.choice([*names, "", "novel"]), _px(rng))
    cut = rng.randrange(1, len(names))
    parts = tuple(_content(rng, part) for part in (names[:cut], names[cut:]))
    return Split(rng.choice((ACROSS, DOWN)), parts, _px(rng))


def _frame(rng: Random) -> Frame:
    states = (layouts.NORMAL, layouts.NORMAL, layouts.MAXIMIZED, layouts.FULL)
    return Frame(_box(rng), rng.choice(states))


def _box(rng: Random) -> Box:
    return Box(*(rng.choice((-90_000, -50, 0, 90, 5000)) for _ in range(2)), _px(rng), _px(rng))


def _px(rng: Random) -> int:
    return rng.choice((0, 1, 90, 300, 300, 500, 700, 16_384))
