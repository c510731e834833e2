"""The arrangement of docks: workspaces, restored layouts, and one dock that fills the window."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal, qWarning
from PySide6.QtGui import QHoverEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QMenuBar, QToolBar, QWidget

from explorer.state.window_layout import Content, Layout, Stack
from explorer.window import dock_state
from explorer.window.dock_placement import DockPlacement
from explorer.window.workspaces import BY_NAME, FIRST

DIRECT = Qt.FindChildOption.FindDirectChildrenOnly


class Arrangement(QObject):
    """Arranges the docks of a window. `changed`: another workspace, or none ('')."""

    changed = Signal(str)

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
        super().__init__(window)
        self._window, self._docks = window, docks
        self.workspace = FIRST
        self._laid: Layout | None = None  # the workspace's own layout, as last laid out
        self._own = False  # whether the user has moved a dock or a border since
        self._others: dict[str, Layout] = {}  # layouts that the user gave to other workspaces
        self._before: Layout | None = None  # the layout while one dock fills the window
        self._large = ""
        window.installEventFilter(self)

    @property
    def moved(self) -> bool:
        """Whether the docks differ from the workspace's own layout."""
        if self._own or not self.workspace:
            return True
        current = self.layout()
        expected = self._laid or self._default()
        return current is None or _shape(current) != _shape(expected)

    # -- workspaces -------------------------------------------------------------------------
    def show_workspace(self, name: str) -> None:
        """Lay the docks out for a workspace, as the user left it."""
        if name not in BY_NAME:
            return
        if self.workspace != name and self.moved:
            layout = self.layout()
            if layout is not None and self.workspace:
                self._others[self.workspace] = layout
        self.workspace = name
        layout = self._others.pop(name, None)
        if layout is not None:
            self.lay_out(layout)
            self._own = True
        else:
            self.reset()
        self.changed.emit(name)

    def reset(self) -> None:
        """Restore the workspace's own layout, whatever is closed, floating or moved."""
        self.workspace = self.workspace or FIRST
        self._others.pop(self.workspace, None)
        self._lay_out_default(self._default())
        self._own = False
        self.changed.emit(self.workspace)

    def fit(self) -> None:
        """Share out the new size of the window as the workspace does, unless the user moved a dock
        or a border."""
        if self._large or self.moved:
            return
        default = self._default()
        if _shape(default) == _shape(self._laid or default):
            DockPlacement(self._window, self._docks, default).resize()
        else:  # lower than stacks of docks can be, or high enough again
            self._lay_out_default(default)

    # -- layouts ----------------------------------------------------------------------------
    def layout(self) -> Layout | None:
        """The current layout of the docks; None if this version of Qt does not reveal it."""
        if self._before is not None:
            return self._before
        names = {box.objectName(): name for name, box in self._docks.items()}
        try:
            return dock_state.read(self._window, names)
        except ValueError as error:
            qWarning(str(error))
            return None

    def restore(self, layout: Layout, workspace: str) -> None:
        """Restore a layout that the user had given to a workspace ('' for none)."""
        self.workspace = workspace if workspace in BY_NAME else ""
        self.lay_out(layout)
        self._own = True
        self.changed.emit(self.workspace)

    def lay_out(self, layout: Layout) -> None:
        """Restore a layout; docks it does not know are tabbed behind its last one."""
        self.let_go()
        self._before, self._large = None, ""
        DockPlacement(self._window, self._docks, layout).place()

    # -- one dock -----------------------------------------------------------------------------
    @property
    def large(self) -> str:
        """The name of the dock that fills the window, or ''."""
        return self._large

    def enlarge(self, name: str) -> None:
        """Let a dock fill the window, or put everything back if one does."""
        if self._large:
            self.put_back()
            return
        layout = self.layout()
        if layout is None or name not in self._docks:
            return
        self.let_go()
        self._before, self._large = layout, name
        self._docks[name].setFloating(False)
        self._docks[name].show()
        for other, box in self._docks.items():
            if other != name and not box.isFloating():
                box.hide()

    def put_back(self) -> None:
        """Show the docks again that were hidden for a large one."""
        if self._before is not None:
            own, layout = self._own, self._before
            self.lay_out(layout)
            self._own = own

    def reveal(self, name: str) -> None:
        """Show a dock wherever it is, also if another one fills the window."""
        if self._large and name != self._large:
            self.put_back()
        box = self._docks[name]
        box.show()
        box.raise_()

    # -- events -------------------------------------------------------------------------------
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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note that the user drags a border: the window itself is clicked only there."""
        if event.type() == QEvent.Type.MouseButtonPress and watched is self._window:
            self._own = True
        return super().eventFilter(watched, event)

    def _lay_out_default(self, layout: Layout) -> None:
        self.lay_out(layout)
        self._laid = layout

    def _default(self) -> Layout:
        """The workspace's own layout in the window as it is."""
        width, height = self._room()
        return BY_NAME[self.workspace].layout(width, height, tuple(self._docks))

    def _room(self) -> tuple[int, int]:
        """Width and height that the docks share, px; a guess before the window is shown."""
        rows: list[QWidget] = [
            *self._window.findChildren(QToolBar, options=DIRECT),
            *self._window.findChildren(QMenuBar, options=DIRECT),
        ]
        above = sum(bar.sizeHint().height() for bar in rows if not bar.isHidden())
        return self._window.width(), max(1, self._window.height() - above)


def _shape(layout: Layout) -> tuple[object, ...]:
    """What is where, without sizes and without the docks in front."""
    areas = tuple((area.side, _parts(area.content)) for area in layout.areas)
    return areas, frozenset(layout.floating), frozenset(layout.hidden)


def _parts(content: Content) -> tuple[object, ...]:
    if isinstance(content, Stack):
        return (frozenset(content.names),)
    return (content.direction, *map(_parts, content.parts))
