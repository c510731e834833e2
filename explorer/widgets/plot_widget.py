"""pyqtgraph's plot widget without causes of crashes: ownerless menus and garbage collection."""

from __future__ import annotations

import gc
import html
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QGraphicsScene, QGraphicsSceneResizeEvent
from shiboken6 import Shiboken

from engine.drawing.log_ticks import log_ticks, tick_text
from explorer.qt_imports import mirrors_on_demand
from explorer.widgets.plain_text import literal

with mirrors_on_demand():
    import pyqtgraph as pg

FRAME = 3  # px, of which the outer half is clipped
APART = 1.25  # text heights from one number to the next on a vertical axis
LOG_APART = 1.8  # the same on a logarithmic axis
LAST_NUMBER = 20  # px beyond a horizontal axis whose labels may exceed it
WIDEST_NUMBER = 6  # digits, the room of a number on a horizontal logarithmic axis
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


def frame_focus(area: QAbstractScrollArea, framed: bool = False) -> None:
    """Draw a frame if the area has keyboard focus; call at the end of a paint event.

    framed: draw it anyway, for a view around the area that takes the keys for it.
    """
    if framed or area.hasFocus():
        painter = QPainter(area.viewport())
        painter.setPen(QPen(area.palette().highlight().color(), FRAME))
        painter.drawRect(area.viewport().rect().adjusted(0, 0, -1, -1))
        painter.end()


class Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose label and numbers fit its length; a shortened label becomes the tooltip.

    A logarithmic one has few, round ticks, labeled as plain numbers.
    """

    def __init__(self, orientation: str) -> None:
        self._shorter: tuple[str, ...] = ()
        super().__init__(orientation)

    def set_shorter(self, labels: Sequence[str]) -> None:
        """Set what is drawn instead of the label where that is too long, longest first."""
        self._shorter = tuple(labels)
        if self.labelText:
            self._fit()

    def resizeEvent(self, event: QGraphicsSceneResizeEvent | None = None) -> None:
        """Fit the label, then center it."""
        if getattr(self, "label", None) is not None and self.labelText:
            self._fit()
        super().resizeEvent(event)

    def linkedView(self) -> pg.ViewBox | None:
        """The axis's view; None once Qt has destroyed it, which it may do before the axis."""
        view = super().linkedView()
        return view if view is not None and Shiboken.isValid(view) else None

    def boundingRect(self) -> QRectF:
        """The axis with room for half of its last number, which pyqtgraph hides beside a grid."""
        rect: QRectF = super().boundingRect()
        aside = LAST_NUMBER if not self.style["hideOverlappingLabels"] else 0
        return rect.adjusted(0, 0, aside, 0) if self.orientation == "bottom" else rect

    def labelString(self) -> str:
        """The label's markup, shortened to the available length."""
        text, length = str(self.labelText), self._length()
        if not text or length <= 0:
            return self._escaped(text, text)
        metrics = QFontMetricsF(self.label.font())
        texts = (text, *self._shorter)
        fitting = (one for one in texts if metrics.horizontalAdvance(one) <= length)
        last = metrics.elidedText(texts[-1], Qt.TextElideMode.ElideRight, length)
        shown = next(fitting, last)
        self.setToolTip("" if shown == text else literal(text))
        return self._escaped(text, shown)

    def _escaped(self, text: str, shown: str) -> str:
        """pyqtgraph's markup with the label itself escaped."""
        return str(super().labelString()).replace(f">{text}", f">{html.escape(shown)}", 1)

    def tickValues(
        self, low: float, high: float, size: float
    ) -> list[tuple[float | None, list[float]]]:
        """(spacing, positions) of each level; one level of round numbers if logarithmic."""
        if not self.logMode:
            return super().tickValues(low, high, size)  # type: ignore[no-any-return]
        metrics = QFontMetricsF(self.label.font())
        room = LOG_APART * metrics.height()
        if self.orientation in ("top", "bottom"):
            room = metrics.horizontalAdvance("0" * WIDEST_NUMBER)
        first, last = sorted((low, high))
        ticks = log_ticks(10.0**first, 10.0**last, max(2, int(size / room)))
        return [(None, [float(np.log10(tick)) for tick in ticks])]

    def tickStrings(
        self, values: Sequence[float], scale: float, spacing: float | None
    ) -> list[str]:
        """The numbers at these positions."""
        if not self.logMode:
            return super().tickStrings(values, scale, spacing)  # type: ignore[no-any-return]
        return [tick_text(float(f"{10.0**value * scale:.9g}")) for value in values]

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
    """A PlotWidget without menus and buttons. left: the mouse has left it."""

    left = Signal()
    framed = False  # whether a view around it has the focus

    def __init__(self, box: pg.ViewBox | None = None) -> None:
        axes = {side: Axis(side) for side in ("left", "bottom")}
        super().__init__(viewBox=box, enableMenu=False, axisItems=axes)
        self.hideButtons()
        # pyqtgraph's items change their bounds without notice, of which Qt's index is not to know
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        menu = self.plotItem.ctrlMenu  # created anyway, as a window that would outlive the plot
        menu.setParent(self, menu.windowFlags())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint without garbage collection."""
        with no_collection():
            super().paintEvent(event)
            frame_focus(self, self.framed)

    def set_framed(self, framed: bool) -> None:
        """Show the focus of a view that takes the keys for this plot."""
        self.framed = framed
        self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        """Note that the mouse leaves."""
        super().leaveEvent(event)
        self.left.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus frame."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus frame."""
        super().focusOutEvent(event)
        self.viewport().update()
