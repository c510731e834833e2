"""Where the parts of parallel coordinates lie in a widget, in pixels. No widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF

from engine.arrays import Floats
from explorer.plots.parallel_axes import Brush, ParallelAxis

SIDE, TOP, BOTTOM, MISSING = 56.0, 46.0, 34.0, 16.0  # px; MISSING: below an axis, of undefined
GRAB, NEAR, EDGE = 11.0, 6.0, 6.0  # px: around an axis; from the mouse to a line; of a brush
BRUSH = 14.0  # px, width


@dataclass(frozen=True, eq=False)
class Geometry:
    """Axes from left to right in a widget of `width` x `height` px."""

    axes: Sequence[ParallelAxis]
    width: float
    height: float

    def x_of(self, place: int) -> float:
        """Where the axis at this place stands."""
        count, room = len(self.axes), self.width - 2 * SIDE
        return SIDE + (room / 2 if count < 2 else room * place / (count - 1))

    def y_of(self, position: float) -> float:
        """The height of a position on an axis, 0 to 1."""
        return self.height - BOTTOM - position * (self.height - TOP - BOTTOM)

    def point(self, place: int, value: float) -> QPointF:
        """The pixel of a value on an axis."""
        position = float(self.axes[place].positions(np.array([value]))[0])
        return QPointF(self.x_of(place), self.y_of(position))

    def value_at(self, place: int, y: float) -> float:
        """The value of an axis at this height, within its ends."""
        position = (self.y_of(0) - y) / (self.y_of(0) - self.y_of(1))
        axis = self.axes[place]
        margin = 0.5 / max(1, len(axis.ticks) - 1) if axis.discrete else 0.0
        return axis.value_at(min(max(position, -margin), 1 + margin))

    def heights(self) -> Floats:
        """(axes, lines) heights; undefined values lie below their axis."""
        positions = np.stack([axis.positions(axis.values) for axis in self.axes])
        bottom, top = self.y_of(0), self.y_of(1)
        missing = bottom + MISSING
        return np.where(np.isfinite(positions), bottom + (top - bottom) * positions, missing)

    def title_box(self, place: int) -> QRectF:
        """Where the title of an axis is drawn."""
        gap = (self.width - 2 * SIDE) / max(1, len(self.axes) - 1)
        width = min(max(gap - 4, 40), 2 * SIDE)
        return QRectF(self.x_of(place) - width / 2, 2, width, TOP - 8)

    def brush_box(self, place: int, brushes: Mapping[str, Brush]) -> QRectF | None:
        """Where the brush of an axis is drawn, None if it has none."""
        brush = brushes.get(self.axes[place].name)
        if brush is None:
            return None
        low, high = (self.point(place, value).y() for value in brush)
        return QRectF(self.x_of(place) - BRUSH / 2, high, BRUSH, max(3.0, low - high))

    def title_at(self, at: QPointF) -> int:
        """The axis whose title is at a pixel, -1 for none."""
        places = range(len(self.axes))
        return next((place for place in places if self.title_box(place).contains(at)), -1)

    def axis_at(self, at: QPointF) -> int:
        """The axis at a pixel, -1 for none."""
        if not self.y_of(1) - EDGE <= at.y() <= self.y_of(0) + EDGE:
            return -1
        places = range(len(self.axes))
        return next((p for p in places if abs(self.x_of(p) - at.x()) <= GRAB), -1)

    def nearest_axis(self, x: float) -> int:
        """The axis that stands nearest to x."""
        return min(range(len(self.axes)), key=lambda place: abs(self.x_of(place) - x))

    def line_at(self, at: QPointF, reachable: NDArray[np.bool_]) -> int:
        """The reachable line (n,) nearest to a pixel, -1 for none within reach."""
        if len(self.axes) < 2 or not reachable.any():
            return -1
        xs = np.array([self.x_of(place) for place in range(len(self.axes))])
        left = int(np.clip(np.searchsorted(xs, at.x()) - 1, 0, len(xs) - 2))
        gap, heights = xs[left + 1] - xs[left], self.heights()
        share = float(np.clip((at.x() - xs[left]) / gap, 0, 1))
        rise = heights[left + 1] - heights[left]
        away = np.abs(heights[left] + share * rise - at.y()) / np.hypot(1, rise / gap)
        away[~reachable] = np.inf
        line = int(away.argmin())
        return line if away[line] <= NEAR else -1
