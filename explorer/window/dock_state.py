"""The current layout of a window's docks, decoded from Qt's saved state.

Only `QMainWindow.saveState` reveals splits and tabs, and where a hidden or floating dock returns
to. The bytes decoded here were written a moment before, by Qt in this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QDataStream, QSize
from PySide6.QtWidgets import QMainWindow

from explorer.state.window_layout import (
    ACROSS,
    DOWN,
    LARGEST,
    MOST_DOCKS,
    SIDES,
    Area,
    Box,
    Content,
    Layout,
    Split,
    Stack,
    simplified,
)

BEGIN, DOCKS, TABS, SEQUENCE, DOCK = 0xFF, 0xFD, 0xFA, 0xFC, 0xFB  # marks of qmainwindowlayout
BY_NUMBER = dict(enumerate(("left", "right", "top", "bottom")))  # QInternal::DockPosition
SHOWN, FLOATING, ALONG = 1, 2, 1  # flags of a dock; Qt::Horizontal
UNKNOWN_FORMAT = "This version of Qt saves the layout of docks in an unknown format"


def read(window: QMainWindow, names: Mapping[str, str]) -> Layout:
    """The layout of the window's docks; names: object name of a dock -> our name.

    Raises ValueError if this version of Qt uses another format.
    """
    state = window.saveState()
    stream = QDataStream(state)
    stream.setVersion(QDataStream.Version.Qt_5_0)  # as in qmainwindow.cpp
    reader = _StateReader(stream, names)
    areas = reader.areas()
    return Layout(window.width(), window.height(), areas, reader.floating, tuple(reader.hidden))


@dataclass
class _StateReader:
    """Decodes the stream, and collects floating and hidden docks."""

    stream: QDataStream
    names: Mapping[str, str]
    floating: dict[str, Box] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)

    def areas(self) -> tuple[Area, ...]:
        self._expect(self.stream.readInt32() == BEGIN)
        self.stream.readInt32()  # the version passed to saveState
        self._expect(self.stream.readUInt8() == DOCKS)
        areas = [self._area() for _ in range(self._count(len(SIDES)))]
        return tuple(area for area in areas if area is not None)

    def _area(self) -> Area | None:
        side, size = self.stream.readInt32(), QSize()
        self.stream >> size
        self._expect(side in BY_NUMBER)
        content = self._content(self.stream.readUInt8())
        if content is None:
            return None
        return Area(BY_NUMBER[side], _fitting(size.width()), _fitting(size.height()), content)

    def _content(self, marker: int) -> Content | None:
        self._expect(marker in (TABS, SEQUENCE))
        front = self.stream.readInt32() if marker == TABS else -1
        direction = ACROSS if self.stream.readUInt8() == ALONG else DOWN
        items = [self._item() for _ in range(self._count(MOST_DOCKS))]
        parts = tuple(item for item in items if item is not None)
        if marker == TABS:
            return self._stack(items, front)
        return simplified(Split(direction, parts)) if parts else None

    def _stack(self, items: list[Content | None], front: int) -> Stack | None:
        stacks = [item for item in items if isinstance(item, Stack)]
        names = tuple(name for stack in stacks for name in stack.names)
        front_item = items[front] if 0 <= front < len(items) else None
        return (
            Stack(names, front_item.front if isinstance(front_item, Stack) else "")
            if names
            else None
        )

    def _item(self) -> Content | None:
        marker = self.stream.readUInt8()
        if marker == DOCK:
            return self._dock()
        self._expect(marker == SEQUENCE)
        size = self._measures()
        content = self._content(self.stream.readUInt8())
        return None if content is None else replace(content, size=size)

    def _dock(self) -> Stack | None:
        name = self.names.get(self.stream.readQString(), "")
        flags, size = self.stream.readUInt8(), 0
        if flags & FLOATING:
            x, y, width, height = (self.stream.readInt32() for _ in range(4))
            self.floating[name] = Box(x, y, _fitting(width), _fitting(height))
        else:
            size = self._measures()
        if not flags & SHOWN:
            self.hidden.append(name)
        return Stack((name,), name, size) if name else None

    def _measures(self) -> int:
        """Px along the split; position, minimum and maximum are ignored."""
        _, size, _, _ = (self.stream.readInt32() for _ in range(4))
        return _fitting(size)

    def _count(self, most: int) -> int:
        count = self.stream.readInt32()
        self._expect(0 <= count <= most)
        return count

    def _expect(self, fulfilled: bool) -> None:
        if not fulfilled or self.stream.status() != QDataStream.Status.Ok:
            raise ValueError(UNKNOWN_FORMAT)


def _fitting(size: int) -> int:
    return min(max(0, size), LARGEST)
