"""The base of what fills the visible part of a plot: points, pictures and names."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF


class VisibleItem(pg.GraphicsObject):  # type: ignore[misc]
    """An item whose bounds are the visible range, so that nothing at its edge is ever cut.

    They are kept until Qt is notified: a rectangle that changes by itself corrupts the scene.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bounds: QRectF | None = None

    def boundingRect(self) -> QRectF:
        """The visible range, as Qt was last notified of it."""
        if self._bounds is None:
            self._bounds = QRectF(self.viewRect())
        return self._bounds

    def viewTransformChanged(self) -> None:
        """The visible range changed."""
        self._geometry_changes()
        super().viewTransformChanged()

    def _geometry_changes(self) -> None:
        """Notify Qt before the bounds change."""
        self.prepareGeometryChange()
        self._bounds = None
