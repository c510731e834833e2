"""Default layout of the docks: three columns, or two in a narrow window."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, pairwise

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, qWarning
from PySide6.QtGui import QHoverEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow

from explorer.state.window_layout import Layout
from explorer.window import dock_state
from explorer.window.dock_placement import DockPlacement
from explorer.window.docks import foreign

# columns from left to right, of stacks from top to bottom, of tabbed docks
Stack = tuple[str, ...]
Columns = tuple[tuple[Stack, ...], ...]

NARROW, LOW = 1340, 760  # px: least width for three columns, least height for two rows
CHOOSE = ("samples", "embedding", "runs", "activity")
AROUND = ("neighborhood", "slice")
WHOLE = ("curves", "metrics", "epochs", "comparison", "attack")
THREE: Columns = (
    (("samples", "runs"),),
    (("embedding",), ("curves", "epochs", "comparison", "attack")),
    (AROUND, ("metrics",), ("activity",)),
)
TWO: Columns = ((CHOOSE,), (AROUND, WHOLE))
TWO_LOW: Columns = ((CHOOSE,), ((*AROUND, *WHOLE),))
WIDTHS = {THREE: (460, 490, 490), TWO: (490, 510), TWO_LOW: (490, 510)}
HEIGHTS = {"embedding": 400, "neighborhood": 430, "curves": 400, "metrics": 275, "activity": 105}
ACROSS, DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


class Arrangement(QObject):
    """Arranges the docks of a window."""

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
        super().__init__(window)
        self._window, self._docks = window, docks
        self._columns = THREE
        self._others = tuple(dock.name for dock in foreign())

    def reset(self) -> None:
        """Restore the default layout of all docks, whether closed, floating or moved."""
        self.let_go()
        self._columns = self._fitting()
        for box in self._docks.values():
            box.setFloating(False)
            self._window.removeDockWidget(box)
        self._place(self._complete(self._columns))
        self._size()

    def layout(self) -> Layout | None:
        """The current layout of the docks; None if this version of Qt does not reveal it."""
        names = {box.objectName(): name for name, box in self._docks.items()}
        try:
            return dock_state.read(self._window, names)
        except ValueError as error:
            qWarning(str(error))
            return None

    def lay_out(self, layout: Layout) -> None:
        """Restore a layout; docks it does not know are tabbed behind its last one."""
        self.let_go()
        DockPlacement(self._window, self._docks, layout).place()

    def let_go(self) -> None:
        """End any mouse hover or drag, of a border between docks or of a dock.

        To be called before docks are moved: Qt would continue with the old layout and crash at
        the next move of the mouse.
        """
        at, none = QPointF(-1, -1), Qt.MouseButton.NoButton
        left, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        above = self._window.mapToGlobal(at)
        kind = QEvent.Type.MouseButtonRelease
        QApplication.sendEvent(self._window, QMouseEvent(kind, at, above, left, none, keys))
        QApplication.sendEvent(self._window, QHoverEvent(QEvent.Type.HoverLeave, at, above, at))
        for box in self._docks.values():
            if box.isFloating():  # as a dragged dock is
                box.setFloating(True)

    def fit(self) -> None:
        """Adapt columns and rows to the window's size, unless the user has moved a dock."""
        if self._fitting() != self._columns and self._now() == _unordered(
            self._complete(self._columns)
        ):
            self.reset()

    def take(self) -> None:
        """Adopt a restored layout: if it is a default one, it keeps adapting to the window."""
        for columns in (THREE, TWO, TWO_LOW):
            if self._now() == _unordered(self._complete(columns)):
                self._columns = columns
        self.fit()

    def _fitting(self) -> Columns:
        if self._window.width() >= NARROW:
            return THREE
        return TWO if self._window.height() >= LOW else TWO_LOW

    def _complete(self, columns: Columns) -> Columns:
        """The columns with plug-in docks tabbed behind the last one."""
        *before, last = columns
        return (*before, (*last[:-1], (*last[-1], *self._others)))

    def _place(self, columns: Columns) -> None:
        """Place the heads of columns first: a split is confined to the dock that is split."""
        heads = [self._docks[column[0][0]] for column in columns]
        self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, heads[0])
        for left, right in pairwise(heads):
            self._window.splitDockWidget(left, right, ACROSS)
        for column in columns:
            fronts = [self._docks[stack[0]] for stack in column]
            for above, below in pairwise(fronts):
                self._window.splitDockWidget(above, below, DOWN)
        for stack in chain(*columns):
            self._stack(stack)

    def _stack(self, names: Stack) -> None:
        front = self._docks[names[0]]
        front.show()
        for name in names[1:]:
            self._window.tabifyDockWidget(front, self._docks[name])
            self._docks[name].show()
        front.raise_()

    def _size(self) -> None:
        heads = [self._docks[column[0][0]] for column in self._columns]
        self._window.resizeDocks(heads, list(WIDTHS[self._columns]), ACROSS)
        for column in self._columns:
            fronts = [stack[0] for stack in column]
            if len(fronts) > 1:
                boxes = [self._docks[name] for name in fronts]
                self._window.resizeDocks(boxes, [HEIGHTS[name] for name in fronts], DOWN)

    def _now(self) -> tuple[tuple[frozenset[str], ...], ...]:
        """The current columns, without closed and floating docks."""
        names = {box: name for name, box in self._docks.items()}
        placed: dict[int, list[tuple[int, frozenset[str]]]] = {}
        for box, name in names.items():
            if box.isFloating() or box.visibleRegion().isEmpty():
                continue  # behind a tab: covered by the dock in front
            behind = [names[other] for other in self._window.tabifiedDockWidgets(box)]
            placed.setdefault(box.x(), []).append((box.y(), frozenset((name, *behind))))
        return tuple(
            tuple(stack for _, stack in sorted(placed[x], key=lambda item: item[0]))
            for x in sorted(placed)
        )


def _unordered(columns: Columns) -> tuple[tuple[frozenset[str], ...], ...]:
    """The columns regardless of tab order."""
    return tuple(tuple(frozenset(stack) for stack in column) for column in columns)
