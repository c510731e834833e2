"""A plot that reports presses, drags and keys as positions and steps instead of panning."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent

from explorer.theme import Theme
from explorer.widgets.plot_widget import Plot

LEAPS = {Qt.Key.Key_Home: "first", Qt.Key.Key_End: "last", Qt.Key.Key_Backspace: "back"}
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1}
HEADROOM = 6  # px above the plot, for the upper half of the topmost number
PAGES = {Qt.Key.Key_PageDown: -1, Qt.Key.Key_PageUp: 1}


class DragPlot(Plot):
    """Reports where it is pressed and dragged, in the coordinates of its axes.

    dragged: x, y; stepped: -1 or 1 by an arrow key (Left and Down are -1), True for a large step
    (Shift, or the Page keys); leaped: 'first' by Home, 'last' by End, 'back' by Backspace or a
    double click; focused: whether it has the keyboard.
    """

    dragged = Signal(float, float)
    stepped = Signal(int, bool)
    leaped = Signal(str)
    focused = Signal(bool)

    def __init__(self, name: str, cursor: Qt.CursorShape) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMouseEnabled(False, False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setCursor(cursor)
        self._pressed = False
        self._labels = {"bottom": "", "left": ""}
        self._text = "#000000"
        for side in self._labels:
            self.getAxis(side).enableAutoSIPrefix(False)
        self.getViewBox().setDefaultPadding(0.02)
        self.plotItem.setContentsMargins(0, HEADROOM, 0, 0)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._text = theme.text
        self.setBackground(theme.base)
        for side in self._labels:
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.text))
        self.set_axes(self._labels["bottom"], self._labels["left"])

    def set_axes(self, bottom: str, left: str) -> None:
        """Axis labels, units included."""
        self._labels = {"bottom": bottom, "left": left}
        for side, text in self._labels.items():
            self.getAxis(side).setLabel(text, color=self._text)

    def place(self, x: float, y: float) -> QPoint:
        """The widget's pixel at which a point of the axes is drawn."""
        at: QPoint = self.mapFromScene(self.getViewBox().mapViewToScene(pg.Point(x, y)))
        return at

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag, which reports its position at once."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = True
            self._report(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue the drag."""
        if self._pressed:
            self._report(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Report a leap back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.leaped.emit("back")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the parent widget."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Report steps and leaps; pass other keys on."""
        key = Qt.Key(event.key())
        large = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in STEPS:
            self.stepped.emit(STEPS[key], large)
        elif key in PAGES:
            self.stepped.emit(PAGES[key], True)
        elif key in LEAPS:
            self.leaped.emit(LEAPS[key])
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Report that the plot has the keyboard focus."""
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Report that it lost the focus."""
        super().focusOutEvent(event)
        self.focused.emit(False)

    def _report(self, event: QMouseEvent) -> None:
        scene = self.mapToScene(event.position().toPoint())
        at = self.getViewBox().mapSceneToView(scene)
        self.dragged.emit(float(at.x()), float(at.y()))
