"""pyqtgraph's plot widget without what can bring a program down: menus nobody owns, and garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyqtgraph as pg
from PySide6.QtGui import QPaintEvent


@contextmanager
def no_collection() -> Iterator[None]:
    """Put Python's collection of cycles off while something is painted.

    A cycle may hold the widgets of a closed view; destroying them in the middle of a paint event
    leaves Qt's painter without its engine (seen as a crash in QPainter::restore).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A PlotWidget without menus and buttons."""

    def __init__(self, box: pg.ViewBox | None = None) -> None:
        super().__init__(viewBox=box, enableMenu=False)
        self.hideButtons()
        menu = self.plotItem.ctrlMenu  # made even so, as a window of its own that outlives the plot
        menu.setParent(self, menu.windowFlags())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint without interruption."""
        with no_collection():
            super().paintEvent(event)
