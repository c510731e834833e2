"""Draws parallel coordinates: lines, axes with their numbers, and brushes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from explorer.plots.parallel_axes import Brush, ParallelAxis
from explorer.plots.parallel_geometry import BRUSH, MISSING, Geometry
from explorer.plots.split_painter import mixed
from explorer.theme import Theme

MANY = 80  # lines above which they are thinner
CENTER = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True, eq=False)
class ParallelLines:
    """What is drawn: axes from left to right, and the color, title and emphasis of each line.

    colors, titles: n each; chosen: indices of lines that are selected elsewhere.
    """

    axes: Sequence[ParallelAxis] = ()
    colors: Sequence[str] = ()
    titles: Sequence[str] = ()
    chosen: frozenset[int] = field(default_factory=frozenset)


def paint_lines(
    painter: QPainter,
    room: Geometry,
    lines: ParallelLines,
    inside: NDArray[np.bool_],
    emphasized: Collection[int],
    look: Theme,
    *,
    rough: bool = False,
) -> None:
    """Draw the lines; those that pass no brush faintly, emphasized ones last.

    Many lines are one pixel wide: Qt draws these some twenty times faster than wider ones. rough:
    without antialiasing and transparency, ten times faster still.
    """
    heights = room.heights()
    xs = [room.x_of(place) for place in range(len(room.axes))]
    many = len(lines.colors) > MANY
    faint, order = mixed(look.border, look.base, 0.6), np.argsort(inside, kind="stable").tolist()
    for line in [*order, *sorted(emphasized)]:
        points = [QPointF(x, y) for x, y in zip(xs, heights[:, line].tolist(), strict=True)]
        if line in emphasized and inside[line]:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for under, thickness in ((look.base, 6.5), (look.text, 4.6)):
                painter.setPen(QPen(QColor(under), thickness))
                painter.drawPolyline(QPolygonF(points))
            painter.setPen(QPen(QColor(lines.colors[line]), 2.6))
            painter.drawPolyline(QPolygonF(points))
            continue
        share = 0.6 if many else 0.85
        color = mixed(lines.colors[line], look.base, share) if rough else QColor(lines.colors[line])
        if not rough:
            color.setAlphaF(share)
        smooth = not many or (bool(inside[line]) and not rough)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        painter.setPen(QPen(color if inside[line] else faint, 1.0 if many else 1.7))
        painter.drawLines([QLineF(one, two) for one, two in pairwise(points)])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def paint_axis(
    painter: QPainter, room: Geometry, place: int, brushes: Mapping[str, Brush], look: Theme,
    *, active: bool,
) -> None:  # fmt: skip
    """Draw one axis; active: whether keys act on it."""
    axis, x = room.axes[place], room.x_of(place)
    painter.setPen(QPen(QColor(look.accent if active else look.edge), 2 if active else 1))
    painter.drawLine(QPointF(x, room.y_of(1)), QPointF(x, room.y_of(0)))
    if axis.range[0] <= axis.goal <= axis.range[1]:  # False for NaN
        at = room.point(place, axis.goal)
        painter.setPen(QPen(QColor(look.good), 3))
        painter.drawLine(at - QPointF(7, 0), at + QPointF(7, 0))
    _paint_brush(painter, room.brush_box(place, brushes), look)
    _paint_ticks(painter, room, place, look)
    _paint_title(painter, room, place, look, active=active)
    if not np.isfinite(axis.values).all():
        painter.setPen(QColor(look.muted))
        box = QRectF(x - 30, room.y_of(0) + MISSING - 8, 22, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "–")


def _paint_title(
    painter: QPainter, room: Geometry, place: int, look: Theme, *, active: bool
) -> None:
    axis, box, metrics = room.axes[place], room.title_box(place), QFontMetricsF(painter.font())
    first = look.accent if active else look.text
    for text, color, row in ((axis.title, first, 0), (axis.below, look.muted, 1)):
        painter.setPen(QColor(color))
        top = box.top() + row * metrics.height()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(QRectF(box.left(), top, box.width(), metrics.height()), CENTER, shown)


def _paint_brush(painter: QPainter, box: QRectF | None, look: Theme) -> None:
    if box is not None:
        fill = QColor(look.accent)
        fill.setAlphaF(0.28)
        painter.setPen(QPen(QColor(look.accent), 1.5))
        painter.setBrush(fill)
        painter.drawRect(box)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_ticks(painter: QPainter, room: Geometry, place: int, look: Theme) -> None:
    """Draw the numbers at the right of an axis."""
    axis, metrics = room.axes[place], QFontMetricsF(painter.font())
    apart = (room.y_of(0) - room.y_of(1)) / max(1, len(axis.ticks) - 1)
    every = max(1, int(np.ceil(metrics.height() / max(apart, 1e-6))))
    ground = QColor(look.base)
    ground.setAlphaF(0.9)
    for number, (value, label) in enumerate(axis.ticks):
        at = room.point(place, value)
        painter.setPen(QColor(look.edge))
        painter.drawLine(at, at + QPointF(-4, 0))
        if number % every:
            continue
        left, width = at.x() + BRUSH / 2 + 3, metrics.horizontalAdvance(label)
        box = QRectF(left, at.y() - metrics.height() / 2, width, metrics.height())
        painter.fillRect(box.adjusted(-1, 1, 1, -1), ground)
        painter.setPen(QColor(look.muted))
        painter.drawText(box, CENTER, label)
