"""Placement of a window's docks according to a layout, through Qt's public interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from explorer.state.window_layout import ACROSS, Content, Layout, Stack, names_in, only
from explorer.window import frames

SIDES = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "top": Qt.DockWidgetArea.TopDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}


class _StackSize(NamedTuple):
    """A stack and its size in px; 0 if unknown."""

    stack: Stack
    width: int
    height: int


class DockPlacement:
    """Places the docks of one window according to one layout."""

    def __init__(
        self, window: QMainWindow, docks: Mapping[str, QDockWidget], layout: Layout
    ) -> None:
        self._window, self._docks, self._layout = window, docks, only(layout, docks)

    def place(self) -> None:
        """Remove every dock, and add it again in its place."""
        for box in self._docks.values():
            box.setFloating(False)
            self._window.removeDockWidget(box)
        for area in self._layout.areas:
            self._window.addDockWidget(SIDES[area.side], self._first(area.content))
            self._divide(area.content)
        self._add_new()
        for name, place in self._layout.floating.items():
            self._docks[name].setFloating(True)
            frames.place(self._docks[name], place)
        for name in self._docks.keys() - {*self._layout.hidden}:
            self._docks[name].show()
        self.resize()
        if (layout := self._window.layout()) is not None:
            layout.activate()  # creates the tab bars if the window is not shown yet
        for area in self._layout.areas:
            self._bring_to_front(area.content)

    def _first(self, content: Content) -> QDockWidget:
        return self._docks[next(names_in(content))]

    def _divide(self, content: Content) -> None:
        """Place the first dock of each part first: a split is confined to the dock it splits."""
        if isinstance(content, Stack):
            for name in content.names[1:]:
                self._window.tabifyDockWidget(self._first(content), self._docks[name])
            return
        orientation = (
            Qt.Orientation.Horizontal if content.direction == ACROSS else Qt.Orientation.Vertical
        )
        for before, after in pairwise(map(self._first, content.parts)):
            self._window.splitDockWidget(before, after, orientation)
        for part in content.parts:
            self._divide(part)

    def _add_new(self) -> None:
        """Tab docks that the layout does not know behind its last one."""
        placed = [name for area in self._layout.areas for name in names_in(area.content)]
        for name in [dock for dock in self._docks if dock not in placed]:
            if placed:
                self._window.tabifyDockWidget(self._docks[placed[-1]], self._docks[name])
            else:
                self._window.addDockWidget(SIDES["left"], self._docks[name])
            placed.append(name)

    def _bring_to_front(self, content: Content) -> None:
        if not isinstance(content, Stack):
            for part in content.parts:
                self._bring_to_front(part)
        elif content.front in content.names and len(content.names) > 1:
            for name in (content.names[0], content.names[1], content.front):
                self._docks[name].raise_()  # raising a front dock would not update its tab bar

    def resize(self) -> None:
        """Set sizes, hidden stacks first, so that their sizes do not affect the others."""
        wide = self._window.width() / (self._layout.width or self._window.width())
        high = self._window.height() / (self._layout.height or self._window.height())
        sizes_by_stack = [
            room
            for area in self._layout.areas
            for room in self._stack_sizes(area.content, area.width, area.height)
        ]
        sizes_by_stack.sort(key=lambda room: self._is_visible(room.stack))
        across = [(room.stack, round(wide * room.width)) for room in sizes_by_stack]
        down = [(room.stack, round(high * room.height)) for room in sizes_by_stack]
        for sizes, orientation in (
            (across, Qt.Orientation.Horizontal),
            (down, Qt.Orientation.Vertical),
        ):
            known = [(self._first(stack), size) for stack, size in sizes if size > 0]
            self._window.resizeDocks(
                [box for box, _ in known], [size for _, size in known], orientation
            )

    def _stack_sizes(self, content: Content, width: int, height: int) -> Iterator[_StackSize]:
        """The sizes of the stacks in `content`, except where all docks of a split are hidden."""
        if isinstance(content, Stack):
            yield _StackSize(content, width, height)
            return
        for part in content.parts:
            if self._is_visible(content):
                along = content.direction == ACROSS
                room = (part.size, height) if along else (width, part.size)
                yield from self._stack_sizes(part, *room)

    def _is_visible(self, content: Content) -> bool:
        docks = [self._docks[name] for name in names_in(content)]
        return any(not box.isHidden() and not box.isFloating() for box in docks)
