"""pyqtgraph's plot widget without causes of crashes: ownerless menus and garbage collection."""

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

FRAME = 3  # px, of which the outer half is clipped
APART = 1.25  # text heights from one number to the next on a vertical axis
COARSER = (1.0, 2.5, 5.0)  # multiples of the usual tick spacing


def _forward_exception(*_args: object) -> None:
    """Pass exceptions in pyqtgraph's handlers to the excepthook; it would only print them."""
    kind, error, trace = sys.exc_info()
    if kind is not None and error is not None:
        sys.excepthook(kind, error, trace)


pg.debug.printExc = _forward_exception


@contextmanager
def no_collection() -> Iterator[None]:
    """Suspend Python's cyclic garbage collection during painting.

    A cycle may hold the widgets of a closed view; destroying them during a paint event leaves Qt's
    painter without its engine (observed as a crash in QPainter::restore).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def frame_focus(area: QAbstractScrollArea) -> None:
    """Draw a frame if the area has keyboard focus; call at the end of a paint event."""
    if area.hasFocus():
        painter = QPainter(area.viewport())
        painter.setPen(QPen(area.palette().highlight().color(), FRAME))
        painter.drawRect(area.viewport().rect().adjusted(0, 0, -1, -1))
        painter.end()


class Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose label and numbers fit its length; an elided label becomes the tooltip."""

    def resizeEvent(self, event: QGraphicsSceneResizeEvent | None = None) -> None:
        """Fit the label, then center it."""
        if getattr(self, "label", None) is not None and self.labelText:
            self._fit()
        super().resizeEvent(event)

    def labelString(self) -> str:
        """The label's markup, elided to the available length."""
        text, length = str(self.labelText), self._length()
        if not text or length <= 0:
            return self._escaped(text, text)
        metrics = QFontMetricsF(self.label.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, length)
        self.setToolTip("" if shown == text else literal(text))
        return self._escaped(text, shown)

    def _escaped(self, text: str, shown: str) -> str:
        """pyqtgraph's markup with the label itself escaped."""
        return str(super().labelString()).replace(f">{text}", f">{html.escape(shown)}", 1)

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """(spacing, offset) of each level; a short vertical axis has one level, wide enough."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        need = APART * QFontMetricsF(self.label.font()).height()
        if self.orientation != "left" or not levels or levels[0][0] * size >= need * (high - low):
            return levels
        wider = [levels[0][0] * times for times in COARSER]
        fitting = (spacing for spacing in wider if spacing * size >= need * (high - low))
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
        menu = self.plotItem.ctrlMenu  # created anyway, as a window that would outlive the plot
        menu.setParent(self, menu.windowFlags())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint without garbage collection."""
        with no_collection():
            super().paintEvent(event)
            frame_focus(self)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus frame."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus frame."""
        super().focusOutEvent(event)
        self.viewport().update()
