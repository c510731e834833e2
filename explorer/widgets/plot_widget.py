"""pyqtgraph's plot widget without what can bring a program down: menus nobody owns, and garbage."""

from __future__ import annotations

import gc
import html
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QGraphicsSceneResizeEvent

from explorer.widgets.plain_text import literal

FRAME = 3  # px, of which the half outside is not seen
APART = 1.25  # heights of a number, from one to the next along an upright axis
COARSER = (1.0, 2.5, 5.0)  # times the usual spacing of numbers


def _tell(*said: object) -> None:
    """Hand on what pyqtgraph's handlers raise, which it would only print, as slots do."""
    kind, error, trace = sys.exc_info()
    if kind is not None and error is not None:
        sys.excepthook(kind, error, trace)


pg.debug.printExc = _tell


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


def frame_focus(area: QAbstractScrollArea) -> None:
    """Draw a frame around what has the keyboard's focus; to be called at the end of a paint."""
    if area.hasFocus():
        painter = QPainter(area.viewport())
        painter.setPen(QPen(area.palette().highlight().color(), FRAME))
        painter.drawRect(area.viewport().rect().adjusted(0, 0, -1, -1))
        painter.end()


class Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose label and numbers keep to its length; a label cut short is its tooltip."""

    def resizeEvent(self, event: QGraphicsSceneResizeEvent | None = None) -> None:
        """Fit the label, then let it be placed in the middle."""
        if getattr(self, "label", None) is not None and self.labelText:
            self._fit()
        super().resizeEvent(event)

    def labelString(self) -> str:
        """The label's markup, with as much of its words as there is room for."""
        whole, length = str(self.labelText), self._length()
        if not whole or length <= 0:
            return self._marked(whole, whole)
        metrics = QFontMetricsF(self.label.font())
        shown = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, length)
        self.setToolTip("" if shown == whole else literal(whole))
        return self._marked(whole, shown)

    def _marked(self, whole: str, shown: str) -> str:
        """pyqtgraph's markup, in which the label itself is words."""
        return str(super().labelString()).replace(f">{whole}", f">{html.escape(shown)}", 1)

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """(spacing, offset) of each level; of a short upright axis one level, as wide as needed."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        need = APART * QFontMetricsF(self.label.font()).height()
        if self.orientation != "left" or not levels or levels[0][0] * size >= need * (high - low):
            return levels
        wider = [levels[0][0] * times for times in COARSER]
        fitting = (one for one in wider if one * size >= need * (high - low))
        return [(next(fitting, wider[-1]), 0.0)]

    def _length(self) -> float:
        size = self.size()
        return float(size.width() if self.orientation in ("top", "bottom") else size.height())

    def _fit(self) -> None:
        self.label.setHtml(self.labelString())


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A PlotWidget without menus and buttons."""

    def __init__(self, box: pg.ViewBox | None = None) -> None:
        axes = {side: Axis(side) for side in ("left", "bottom")}
        super().__init__(viewBox=box, enableMenu=False, axisItems=axes)
        self.hideButtons()
        menu = self.plotItem.ctrlMenu  # made even so, as a window of its own that outlives the plot
        menu.setParent(self, menu.windowFlags())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint without interruption."""
        with no_collection():
            super().paintEvent(event)
            frame_focus(self)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show it no more."""
        super().focusOutEvent(event)
        self.viewport().update()
