"""The size of the thumbnails: chosen by the user, or that of a strip in a low dock."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFrame

from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import CAPTION, INSET, ThumbnailModel
from explorer.views.samples.status_row import SMALLEST, STEP, USUAL, StatusRow, checked_side

LOW = 190  # logical pixels of the view's height below which it shows one row
SCROLL = 14  # logical pixels of the bar below a strip


class GridSize(QObject):
    """Follows slider, wheel and height; `strip_changed` after the grid became a strip or a page."""

    strip_changed = Signal()

    def __init__(self, grid: ThumbnailGrid, model: ThumbnailModel, status: StatusRow) -> None:
        super().__init__(grid)
        self._grid, self._model, self._status = grid, model, status
        self.side = USUAL  # logical pixels of a picture, but in a strip
        grid.scaled.connect(self._scale)
        grid.fitted.connect(self.fit)
        status.sized.connect(self.set_side)

    @property
    def strip(self) -> bool:
        """Whether there is one row only."""
        return self._model.strip

    def follow_height(self, height: int) -> None:
        """Show one row in a view of little height, else as many as there are."""
        strip = height < LOW
        if strip != self.strip:
            shape = QFrame.Shape
            self._grid.set_strip(strip)
            self._grid.setFrameShape(shape.NoFrame if strip else shape.StyledPanel)
            self._status.setVisible(not strip)
            self.strip_changed.emit()
        self.fit()

    def set_side(self, side: int) -> None:
        """Set the size of the pictures; what is in the middle, or the start, stays in view."""
        place = self._grid.middle_place() if self._grid.verticalScrollBar().value() else None
        self.side = side
        self.fit()
        if place is not None:
            self._grid.show_place(place)

    def fit(self) -> None:
        """Give the pictures their size: in a strip, as much as its height allows."""
        side = self.side
        if self.strip:
            height = self._grid.maximumViewportSize().height()  # without the style's border
            room = height - self._model.lines * CAPTION - 2 * INSET - SCROLL
            side = max(SMALLEST, 2 * (room // 2))
        self._model.set_side(side)
        self._status.show_side(self.side)

    def _scale(self, steps: int) -> None:
        if not self.strip:
            self.set_side(checked_side(self.side + steps * STEP))
