"""A view box in which a drag chooses a range of x instead of moving the plot."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal


class RangeBox(pg.ViewBox):  # type: ignore[misc]
    """ranged: the x at both ends of the drag, ascending, and whether it has ended."""

    ranged = Signal(float, float, bool)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)  # a menu would outlive the plot as a window

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Report the range; other buttons than the left one pan and zoom as usual."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        start = float(self.mapSceneToView(event.buttonDownScenePos()).x())
        end = float(self.mapSceneToView(event.scenePos()).x())
        self.ranged.emit(min(start, end), max(start, end), bool(event.isFinish()))
