"""Where docks lie until somebody moves them: in three columns, or two where there is no room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from explorer.docks import DOCKS, Dock, foreign
from explorer.plots.tab_order import name_tabs

NARROW, LOW = 1340, 760  # px of the window, below which three columns, two rows are too many
WIDTHS = {"samples": 460, "embedding": 490, "neighborhood": 490}
HEIGHTS = (  # of the two columns
    {"embedding": 400, "curves": 400},
    {"neighborhood": 430, "metrics": 275, "activity": 105},
)
# of a narrow window: what samples are chosen in, and beside it what is seen of them
CHOOSE = ("samples", "embedding", "runs", "activity")
AROUND = ("neighborhood", "slice")
WHOLE = ("curves", "metrics", "epochs", "comparison", "attack")
NARROW_WIDTHS = {"samples": 490, "neighborhood": 510}
NARROW_HEIGHTS = {"neighborhood": 430, "curves": 400}
Shape = tuple[object, ...]


class Room(NamedTuple):
    """How much a window has: too little for three columns, too little for two rows beside."""

    narrow: bool
    low: bool


class Arrangement(QObject):
    """The docks of a window, put where they belong."""

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
        super().__init__(window)
        self._window, self._docks = window, docks
        self._all = [*DOCKS, *foreign()]
        self._room = Room(False, False)
        self._placing, self._moved = False, False
        self._shape: Shape = ()
        for box in docks.values():
            box.dockLocationChanged.connect(self._note_move)

    def reset(self) -> None:
        """Put every dock back, whether closed, floating or moved."""
        self._room, self._placing = self._now_room(), True
        for box in self._docks.values():
            self._window.removeDockWidget(box)
            box.setFloating(False)
        if self._room.narrow:
            self._place_in_two()
        else:
            self._place_in_three()
        self._placing, self._moved = False, False
        self.settle()

    def settle(self) -> None:
        """Take note of the default, which Qt tells only of a window that is on the screen."""
        self._shape = self._now() if self._window.isVisible() else ()
        name_tabs(self._window, "docks")

    def fit(self) -> None:
        """After another size: fewer columns and rows or more, unless somebody moved a dock."""
        own = self._moved or (self._shape and self._now() != self._shape)
        if self._now_room() != self._room and not own:
            self.reset()

    def _note_move(self) -> None:
        """Somebody moved a dock, or brought a former session back."""
        self._moved = self._moved or not self._placing

    def _now_room(self) -> Room:
        narrow = self._window.width() < NARROW
        return Room(narrow, narrow and self._window.height() < LOW)

    def _now(self) -> Shape:
        """Which docks are closed, float or share tabs."""
        return tuple(
            (
                box.isFloating(),
                box.toggleViewAction().isChecked(),
                frozenset(other.objectName() for other in self._window.tabifiedDockWidgets(box)),
            )
            for box in self._docks.values()
        )

    # -- three columns --------------------------------------------------------------------
    def _place_in_three(self) -> None:
        for dock in self._all:
            self._place(dock)
        for dock in DOCKS:
            if dock.tab:
                self._docks[dock.beside].raise_()
        self._size(WIDTHS, Qt.Orientation.Horizontal)
        for column in HEIGHTS:
            self._size(column, Qt.Orientation.Vertical)

    def _place(self, dock: Dock) -> None:
        box = self._docks[dock.name]
        if dock.tab:
            self._window.tabifyDockWidget(self._docks[dock.beside], box)
        elif dock.beside:
            self._window.splitDockWidget(self._docks[dock.beside], box, dock.direction)
        else:
            self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, box)
        box.show()

    # -- two columns ----------------------------------------------------------------------
    def _place_in_two(self) -> None:
        others = tuple(dock.name for dock in self._all if dock not in DOCKS)
        low = self._room.low
        right = (*AROUND, *WHOLE, *others) if low else AROUND
        self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self._docks[CHOOSE[0]])
        self._split(CHOOSE[0], right[0], Qt.Orientation.Horizontal)
        if not low:
            self._split(AROUND[0], WHOLE[0], Qt.Orientation.Vertical)
            self._stack((*WHOLE, *others))
        self._stack(CHOOSE)
        self._stack(right)
        self._size(NARROW_WIDTHS, Qt.Orientation.Horizontal)
        if not low:
            self._size(NARROW_HEIGHTS, Qt.Orientation.Vertical)

    def _split(self, old: str, new: str, direction: Qt.Orientation) -> None:
        self._window.splitDockWidget(self._docks[old], self._docks[new], direction)

    def _stack(self, names: tuple[str, ...]) -> None:
        """One behind the other, the first in front."""
        front = self._docks[names[0]]
        front.show()
        for name in names[1:]:
            self._window.tabifyDockWidget(front, self._docks[name])
            self._docks[name].show()
        front.raise_()

    def _size(self, wanted: Mapping[str, int], direction: Qt.Orientation) -> None:
        boxes = [self._docks[name] for name in wanted]
        self._window.resizeDocks(boxes, list(wanted.values()), direction)
