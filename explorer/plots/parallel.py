"""Parallel coordinates: one line for each item through all axes, with brushes that select."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from explorer.plots.parallel_axes import Brush, passing
from explorer.plots.parallel_geometry import EDGE, Geometry
from explorer.plots.parallel_painter import ParallelLines, paint_axis, paint_lines
from explorer.theme import LIGHT, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

ARROWS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
SIDEWAYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
CALM_MS = 150  # after the last step of a brush, until lines are drawn smoothly again
CLEARING = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


class ParallelPlot(QWidget):
    """Draws `ParallelLines`. Drag along an axis to brush it, its title to move it; click a line.

    brushed: axis -> (low, high); picked: a line, and whether to add it to the selection; reordered:
    names of the axes from left to right.
    """

    brushed = Signal(dict)
    picked = Signal(int, bool)
    reordered = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines = ParallelLines()
        self.brushes: dict[str, Brush] = {}
        self._theme: Theme = LIGHT
        self._axis = 0  # that keys act on
        self._hovered = -1
        self._drag: _Drag | None = None
        self._calm = QTimer(self, singleShot=True, interval=CALM_MS)
        self._calm.timeout.connect(self.update)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Parallel coordinates of the studies")
        self.setMinimumSize(160, 120)

    def sizeHint(self) -> QSize:
        """Room for a handful of axes."""
        return QSize(600, 320)

    def set_lines(self, lines: ParallelLines, theme: Theme) -> None:
        """Show these lines; brushes on axes that are gone are dropped."""
        names = [axis.name for axis in lines.axes]
        self.lines, self._theme, self._hovered = lines, theme, -1
        self.brushes = {name: brush for name, brush in self.brushes.items() if name in names}
        self._axis = min(self._axis, max(0, len(names) - 1))
        self._describe()
        self.update()

    def set_brushes(self, brushes: Mapping[str, Brush]) -> None:
        """Set the brushes without emitting `brushed`."""
        self.brushes = dict(brushes)
        self._describe()
        self._calm.start()
        self.update()

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(n,) bool: the lines that pass through all brushes."""
        return passing(self.lines.axes, self.brushes)

    @property
    def room(self) -> Geometry:
        """Where axes and lines lie, in pixels of the widget."""
        return Geometry(self.lines.axes, self.width(), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw lines, axes and brushes."""
        with no_collection():
            painter = QPainter(self)
            painter.fillRect(self.rect(), QColor(self._theme.base))
            if self.lines.axes:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                self._paint(painter)
            if self.hasFocus():
                painter.setPen(QPen(QColor(self._theme.accent), 2))
                painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        room, look = self.room, self._theme
        emphasized = {*self.lines.chosen, *([self._hovered] if self._hovered >= 0 else [])}
        rough = self._calm.isActive()
        paint_lines(painter, room, self.lines, self.inside, emphasized, look, rough=rough)
        for place in range(len(room.axes)):
            active = self.hasFocus() and place == self._axis
            paint_axis(painter, room, place, self.brushes, look, active=active)

    # -- mouse --------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to brush or to move an axis, or pick a line."""
        if event.button() != Qt.MouseButton.LeftButton or not self.lines.axes:
            return
        at = event.position()
        place = self.room.title_at(at)
        if place >= 0:
            self._axis, self._drag = place, _Drag("title", place, at)
        elif (place := self.room.axis_at(at)) >= 0:
            self._axis, self._drag = place, self._begin_brush(place, at)
        else:
            line = self.line_at(at)
            if line >= 0:
                adding = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
                self.picked.emit(line, adding)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue a drag, or show the line under the mouse."""
        at = event.position()
        if self._drag is None:
            self._hover(at)
        elif self._drag.kind == "title":
            self._move_title(at)
        elif (at - self._drag.start).manhattanLength() > 3 or self._drag.moved:
            self._drag.moved = True
            value = self.room.value_at(self._drag.place, at.y())
            self._set_brush(self._drag.place, self._drag.brush_at(value))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; a click on an axis removes its brush."""
        drag, self._drag = self._drag, None
        if drag is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if drag.kind == "title":
            if drag.moved:
                self.reordered.emit([axis.name for axis in self.lines.axes])
        elif not drag.moved:
            self._set_brush(drag.place, None)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the line under the mouse."""
        super().leaveEvent(event)
        self._hovered = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """Explain the axis or the line under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), literal(self._tip(QPointF(event.pos()))), self)
            return True
        return super().event(event)

    def line_at(self, at: QPointF) -> int:
        """The line nearest to a pixel, within reach and not brushed away; -1 for none."""
        return self.room.line_at(at, self.inside)

    def _begin_brush(self, place: int, at: QPointF) -> _Drag:
        value = self.room.value_at(place, at.y())
        box = self.room.brush_box(place, self.brushes)
        if box is not None and box.top() - EDGE <= at.y() <= box.bottom() + EDGE:
            low, high = self.brushes[self.lines.axes[place].name]
            if abs(at.y() - box.top()) <= EDGE:
                return _Drag("edge", place, at, low)
            if abs(at.y() - box.bottom()) <= EDGE:
                return _Drag("edge", place, at, high)
            return _Drag("whole", place, at, value, (low, high))
        return _Drag("edge", place, at, value)

    def _move_title(self, at: QPointF) -> None:
        assert self._drag is not None
        target = self.room.nearest_axis(at.x())
        if target != self._drag.place:
            self._drag.moved = True
            self._swap(self._drag.place, target)
            self._drag.place = self._axis = target

    def _hover(self, at: QPointF) -> None:
        on_axis = self.room.axis_at(at) >= 0
        title = self.room.title_at(at) >= 0
        line = -1 if on_axis or title else self.line_at(at)
        shape = Qt.CursorShape.PointingHandCursor if line >= 0 else Qt.CursorShape.ArrowCursor
        shape = Qt.CursorShape.SplitVCursor if on_axis else shape
        self.setCursor(Qt.CursorShape.SizeHorCursor if title else shape)
        if line != self._hovered:
            self._hovered = line
            self.update()

    def _tip(self, at: QPointF) -> str:
        place = self.room.title_at(at)
        if place >= 0:
            axis = self.lines.axes[place]
            return f"{axis.tip or axis.title} Drag the title to move the axis."
        line = self.line_at(at)
        return self.lines.titles[line] if line >= 0 else ""

    # -- keyboard -----------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to another axis, move it, and brush it."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if not self.lines.axes:
            super().keyPressEvent(event)
        elif key in SIDEWAYS:
            self._go(SIDEWAYS[key], move=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
        elif key in ARROWS:
            self._brush_by_key(
                ARROWS[key], grow=bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
            )
        elif key in CLEARING:
            self._set_brush(self._axis, None)
        elif key == Qt.Key.Key_Escape and self.brushes:
            self.brushes = {}
            self._tell_brushes()
        else:
            super().keyPressEvent(event)

    def _go(self, by: int, *, move: bool) -> None:
        target = min(max(self._axis + by, 0), len(self.lines.axes) - 1)
        if move and target != self._axis:
            self._swap(self._axis, target)
            self.reordered.emit([axis.name for axis in self.lines.axes])
        self._axis = target
        self._describe()
        self.update()

    def _brush_by_key(self, up: int, *, grow: bool) -> None:
        axis = self.lines.axes[self._axis]
        if axis.name not in self.brushes:
            self._set_brush(self._axis, axis.first_brush())
            return
        low, high = self.brushes[axis.name]
        step = up * axis.step
        changed = (
            (low, max(high + step, low + abs(axis.step) / 2)) if grow else (low + step, high + step)
        )
        self._set_brush(self._axis, axis.within(changed))

    # -- changes ------------------------------------------------------------------------------
    def _set_brush(self, place: int, brush: Brush | None) -> None:
        name = self.lines.axes[place].name
        if brush is None and name not in self.brushes:
            return
        if brush is None:
            del self.brushes[name]
        else:
            self.brushes[name] = brush
        self._tell_brushes()

    def _tell_brushes(self) -> None:
        self._describe()
        self._calm.start()
        self.update()
        self.brushed.emit(dict(self.brushes))

    def _swap(self, one: int, two: int) -> None:
        axes = list(self.lines.axes)
        axes.insert(two, axes.pop(one))
        self.lines = replace(self.lines, axes=axes)
        self._calm.start()
        self.update()

    def _describe(self) -> None:
        """Say for assistive technology where the keys act, and what passes."""
        if not self.lines.axes:
            self.setAccessibleDescription("Nothing to compare")
            return
        axis = self.lines.axes[self._axis]
        brush = self.brushes.get(axis.name)
        words = f", brushed {brush[0]:.4g} to {brush[1]:.4g}" if brush else ""
        lines = f"{int(self.inside.sum())} of {len(self.lines.colors)} lines pass"
        self.setAccessibleDescription(f"Axis {axis.title} {axis.below}{words}; {lines}")


@dataclass(eq=False)
class _Drag:
    """A drag. kind: 'title', 'edge' (anchor is the other end) or 'whole' (of the brush)."""

    kind: str
    place: int
    start: QPointF
    anchor: float = 0.0
    brush: Brush = (0.0, 0.0)
    moved: bool = False

    def brush_at(self, value: float) -> Brush:
        """The brush once the mouse is at this value."""
        if self.kind == "whole":
            by = value - self.anchor
            return self.brush[0] + by, self.brush[1] + by
        return min(self.anchor, value), max(self.anchor, value)
