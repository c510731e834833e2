"""What is written into a chart: names at the ends of curves, of the band, and of the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.drawing.stacked_labels import most_apart, stacked_centers
from explorer.theme import LIGHT, Theme
from explorer.widgets.plot_widget import no_collection

GAP, LEADER = 8, 5  # logical pixels: between a curve and its name; of shift, to draw a line to it
MARK = 5  # of a mark at the edge
PLACES = 25  # tried for the name of the band
CLEAR, SPOT = 2, 8  # logical pixels around it; from it to the center of a mark
MOST = 0.8  # of the width, for that name
TIMES = 3  # cost of a pixel of a curve behind the name
SHORTER, DEAREST = 20, 150  # cost of a shorter name; cost, from which none is written


@dataclass(frozen=True)
class EndLabel:
    """The name of a curve at its last point (x, y), in the coordinates of the view.

    on: False for a hidden curve, which is listed below the others.
    """

    name: str
    text: str
    color: str
    x: float
    y: float
    on: bool = True


@dataclass(frozen=True, eq=False)
class BandName:
    """The name of a band x, low, high (n,), longest first.

    curves (n, 2): should stay clear; spots: centers (x, y) of marks that it must not cover.
    """

    texts: tuple[str, ...]
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    curves: tuple[np.ndarray, ...] = ()
    spots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class EdgeMark:
    """A curve leaves the view at x through its top (up) or bottom."""

    x: float
    up: bool
    color: str


class Annotations(QWidget):
    """Draws the texts over a plot; the mouse passes through.

    place: maps a point of the view to a pixel; frame: the rectangle of the view in pixels. `boxes`
    are the rectangles of the names as drawn.
    """

    def __init__(
        self, parent: QWidget, place: Callable[[float, float], QPointF], frame: Callable[[], QRectF]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._place, self._frame = place, frame
        self._theme = LIGHT
        self.labels: tuple[EndLabel, ...] = ()
        self.band: BandName | None = None
        self.marks: tuple[EdgeMark, ...] = ()
        self.beyond: tuple[str, ...] = ()  # what lies beyond the axis, and shorter
        self.line: tuple[float, str] | None = None
        self.strong = ""  # the name of the curve under the cursor
        self._band_seen: tuple[object, ...] = ()  # what the place of its name depends on
        self._band_box: tuple[str, QRectF] | None = None

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.update()

    def width_needed(self) -> float:
        """The width of the longest name at the end of a curve, with its gap; 0 without names."""
        metrics = QFontMetricsF(self.font())
        widths = [metrics.horizontalAdvance(one.text) for one in self.labels]
        return max(widths) + GAP + 2 if widths else 0.0

    def name_at(self, at: QPointF) -> str:
        """The curve whose name is at a pixel, '' if there is none."""
        return next((name for name, box in self.boxes().items() if box.contains(at)), "")

    def boxes(self) -> dict[str, QRectF]:
        """The rectangles of the names of curves, those of hidden ones below or above the others.

        Where not all fit, those that are nearest to others are left out.
        """
        frame, row = self._frame(), QFontMetricsF(self.font()).height()
        room = int(max(frame.height(), 0) / row) if row else 0
        on = [one for one in self.labels if one.on]
        off = [one for one in self.labels if not one.on][: max(0, room - len(on))]
        heights = [self._height(one, frame) for one in on]
        above = bool(on) and sum(heights) / len(on) > frame.center().y()
        first = frame.top() if above else frame.bottom() - len(off) * row  # of the hidden ones
        ends = (first + len(off) * row, frame.bottom()) if above else (frame.top(), first)
        chosen = most_apart(heights, room) if len(on) > room else list(range(len(on)))
        centers = stacked_centers([heights[i] for i in chosen], row, *ends)
        boxes = {
            on[i].name: self._box(on[i], frame, center, row)
            for i, center in zip(chosen, centers.tolist(), strict=True)
        }
        for number, one in enumerate(off):
            boxes[one.name] = self._box(one, frame, first + (number + 0.5) * row, row)
        return boxes

    def band_box(self) -> tuple[str, QRectF] | None:
        """The name of the band and its rectangle: where it covers the curves least, or None.

        It is looked for only where something has moved: a hovered chart paints at every move.
        """
        if self.band is None:
            return None
        frame = self._frame()
        corners = [self._place(at, at) for at in (0.0, 1.0)]
        seen = (self.band, frame, self.font(), *corners)
        if seen != self._band_seen:
            self._band_seen, self._band_box = seen, self._find_band_box(self.band, frame)
        return self._band_box

    def _find_band_box(self, band: BandName, frame: QRectF) -> tuple[str, QRectF] | None:
        metrics = QFontMetricsF(self.font())
        found: list[tuple[float, str, QRectF]] = []
        for number, text in enumerate(band.texts):
            size = (metrics.horizontalAdvance(text) + 2, metrics.height())
            if size[0] <= MOST * frame.width():
                places = self._band_places(band, size, frame)
                found += [(cost + SHORTER * number, text, box) for cost, box in places]
        cost, text, box = min(found, key=_cost, default=(np.inf, "", QRectF()))
        return (text, box) if cost < DEAREST else None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw all texts and marks."""
        with no_collection():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_band(painter)
            self._paint_line(painter)
            self._paint_marks(painter)
            self._paint_labels(painter)
            painter.end()

    # -- places ---------------------------------------------------------------------------
    def _height(self, one: EndLabel, frame: QRectF) -> float:
        y = self._place(one.x, one.y).y() if np.isfinite(one.y) else frame.bottom()
        return min(max(y, frame.top()), frame.bottom())

    def _box(self, one: EndLabel, frame: QRectF, center: float, row: float) -> QRectF:
        width = min(
            QFontMetricsF(self.font()).horizontalAdvance(one.text) + 2,
            self.width() - frame.right() - GAP,
        )
        return QRectF(frame.right() + GAP, center - row / 2, max(width, 0), row)

    def _band_places(
        self, band: BandName, size: tuple[float, float], frame: QRectF
    ) -> list[tuple[float, QRectF]]:
        """(cost, rectangle) of candidate places: in the band, below and above it."""
        defined = np.isfinite(band.low) & np.isfinite(band.high)
        if defined.sum() < 2:
            return []
        x, low, high = band.x[defined], band.low[defined], band.high[defined]
        edges = [
            np.array([(at.x(), at.y()) for at in map(self._place, x, y)])
            for y in (high, low)  # the upper edge has the smaller pixels
        ]
        curves = [
            np.array([(at.x(), at.y()) for at in map(self._place, one[:, 0], one[:, 1])])
            for one in band.curves
            if len(one)
        ]
        spots = [self._place(*spot) for spot in band.spots]
        found = []
        lefts = np.linspace(frame.left() + 4, frame.right() - size[0] - 4, PLACES)
        for left in lefts.tolist():
            span = np.linspace(left, left + size[0], 9)
            top = np.interp(span, edges[0][:, 0], edges[0][:, 1])
            bottom = np.interp(span, edges[1][:, 0], edges[1][:, 1])
            inside = (top.max() + bottom.min()) / 2 - size[1] / 2
            fits = bottom.min() - top.max() >= size[1]
            for extra, y in (
                (0 if fits else 60, inside),
                (10, bottom.max() + 2),
                (25, top.min() - size[1] - 2),
            ):
                box = QRectF(left, y, *size)
                around = box.adjusted(-SPOT, -SPOT, SPOT, SPOT)
                if frame.contains(box) and not any(around.contains(spot) for spot in spots):
                    found.append((extra + _covered(box, curves) + 0.01 * left, box))
        return found

    # -- painting -------------------------------------------------------------------------
    def _paint_labels(self, painter: QPainter) -> None:
        frame, boxes = self._frame(), self.boxes()
        font, bold = self.font(), self.font()
        bold.setBold(True)
        for one in self.labels:
            box = boxes.get(one.name)
            if box is None:
                continue
            painter.setOpacity(1 if one.on and self.strong in ("", one.name) else 0.5)
            painter.setPen(QColor(one.color if one.on else self._theme.muted))
            y = self._height(one, frame)
            if one.on and abs(y - box.center().y()) > LEADER:
                line = QPen(QColor(one.color), 1)
                painter.setPen(line)
                painter.drawLine(
                    QPointF(frame.right() + 1, y), QPointF(box.left() - 2, box.center().y())
                )
            painter.setFont(bold if one.name == self.strong else font)
            text = painter.fontMetrics().elidedText(
                one.text, Qt.TextElideMode.ElideRight, int(self.width() - box.left())
            )
            wide = QRectF(box.left(), box.top(), self.width() - box.left(), box.height())
            painter.drawText(wide, Qt.AlignmentFlag.AlignVCenter, text)
            if not one.on:
                middle = box.center().y()
                painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
        painter.setOpacity(1)
        painter.setFont(font)

    def _paint_band(self, painter: QPainter) -> None:
        found = self.band_box()
        if found is not None:
            text, box = found
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_line(self, painter: QPainter) -> None:
        if self.line is None:
            return
        text, box = self.line[1], self.line_box()
        base = QColor(self._theme.base)
        base.setAlphaF(0.8)
        painter.fillRect(box, base)
        painter.setPen(QColor(self._theme.accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_marks(self, painter: QPainter) -> None:
        frame = self._frame()
        for mark in self.marks:
            x = self._place(mark.x, 0).x()
            if frame.left() <= x <= frame.right():
                y, way = (frame.top() + 1, 1) if mark.up else (frame.bottom() - 1, -1)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(mark.color))
                corners = [
                    (x, y),
                    (x - MARK, y + way * 1.6 * MARK),
                    (x + MARK, y + way * 1.6 * MARK),
                ]
                painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
        box = self.beyond_box()
        if box is not None:
            text, place = box
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)

    def line_box(self) -> QRectF:
        """Where the text of the line is: right of it, left of it at the edge; empty without it."""
        if self.line is None:
            return QRectF()
        (x, text), frame, metrics = self.line, self._frame(), QFontMetricsF(self.font())
        at, width = self._place(x, 0).x(), metrics.horizontalAdvance(text) + 6
        left = at + 4 if at + 4 + width <= frame.right() else at - 4 - width
        return QRectF(left, frame.top() + 1, width, metrics.height())

    def beyond_box(self) -> tuple[str, QRectF] | None:
        """What is written about what lies beyond the axis, and where, clear of the line and its
        text; None if nothing does, or if there is no room.
        """
        metrics, frame = QFontMetricsF(self.font()), self._frame()
        taken = self.line_box()
        if self.line is not None:
            at = self._place(self.line[0], 0).x()
            taken = taken.united(QRectF(at - 2, taken.top(), 4, taken.height()))
        for text in self.beyond:
            width = metrics.horizontalAdvance(text) + 4
            if width > MOST * frame.width():
                continue
            for left in (frame.right() - width - 4, frame.left() + 6):
                box = QRectF(left, frame.top() + 1, width, metrics.height())
                if not box.intersects(taken):
                    return text, box
        return None


def _cost(found: tuple[float, str, QRectF]) -> float:
    return found[0]


def _covered(box: QRectF, curves: Sequence[np.ndarray]) -> float:
    """How much of the curves, in pixels across, runs through a box."""
    total, wide = 0.0, box.adjusted(-CLEAR, -CLEAR, CLEAR, CLEAR)
    for curve in curves:
        good = curve[np.isfinite(curve).all(1)]
        if len(good) < 2:
            continue
        x = np.linspace(wide.left(), wide.right(), 24)
        y = np.interp(x, good[:, 0], good[:, 1], left=np.nan, right=np.nan)
        total += float(((y >= wide.top()) & (y <= wide.bottom())).sum()) / 24 * box.width()
    return TIMES * total
