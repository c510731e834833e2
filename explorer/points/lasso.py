"""A ViewBox with a freehand lasso: drag with Shift, or with the lasso tool on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem

from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE

MIN_STEP = 2.0  # logical pixels between two corners; finer steps only cost time


def lasso_mode(modifiers: Qt.KeyboardModifier) -> str:
    """The selection mode of a lasso: Ctrl adds, Alt removes, both intersect."""
    ctrl = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    alt = bool(modifiers & Qt.KeyboardModifier.AltModifier)
    return {(False, False): REPLACE, (True, False): ADD, (False, True): REMOVE}.get(
        (ctrl, alt), INTERSECT
    )


class LassoViewBox(pg.ViewBox):  # type: ignore[misc]
    """Pans and zooms like any ViewBox; `lassoed` gives a (k, 2) polygon and a selection mode."""

    lassoed = Signal(object, str)

    def __init__(self) -> None:
        super().__init__(lockAspect=True, enableMenu=False)
        self.lasso_tool = False
        self._corners: list[QPointF] = []
        self._last = QPointF()  # the newest corner, in scene coordinates
        self._trace = QGraphicsPathItem()
        self._trace.setZValue(100)
        self._trace.hide()
        self.addItem(self._trace, ignoreBounds=True)

    def set_color(self, color: str) -> None:
        """The lasso's color."""
        fill = QColor(color)
        fill.setAlphaF(0.12)
        self._trace.setPen(pg.mkPen(color, width=1.5, style=Qt.PenStyle.DashLine))
        self._trace.setBrush(fill)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Draw the lasso, or pan as usual."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        begins = event.isStart() and (self.lasso_tool or shift)
        if event.button() != Qt.MouseButton.LeftButton or not (begins or self._corners):
            super().mouseDragEvent(event, axis=axis)
            return
        event.accept()
        if begins:
            self._last = event.buttonDownScenePos()
            self._corners = [self.mapSceneToView(self._last)]
        self._extend(event.scenePos())
        if event.isFinish():
            self._finish(event.modifiers())

    def _extend(self, place: QPointF) -> None:
        if (place - self._last).manhattanLength() < MIN_STEP:
            return
        self._last = place
        self._corners.append(self.mapSceneToView(place))
        path = QPainterPath(self._corners[0])
        for point in self._corners[1:]:
            path.lineTo(point)
        path.closeSubpath()
        self._trace.setPath(path)
        self._trace.show()

    def _finish(self, modifiers: Qt.KeyboardModifier) -> None:
        polygon = np.array([(corner.x(), corner.y()) for corner in self._corners])
        self._corners = []
        self._trace.hide()
        self.lassoed.emit(polygon, lasso_mode(modifiers))
