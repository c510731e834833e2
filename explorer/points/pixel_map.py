"""How a plot's coordinates become pixels of the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from explorer.points.canvas import whole
from explorer.widgets.sample_picture import pixel_ratio

SAME = 0.01  # pixels by which no point may be elsewhere where a view is called shifted only


@dataclass(frozen=True)
class PixelMap:
    """What a painter does to a rectangle of coordinates.

    corner: of the picture, (left, top) in logical pixels; size: (width, height) in device pixels;
    a point lies at `xy * scale + shift` device pixels from the corner; ratio: device pixels per
    logical one.
    """

    corner: tuple[float, float]
    size: tuple[int, int]
    scale: tuple[float, float]
    shift: tuple[float, float]
    ratio: float

    @classmethod
    def of(cls, painter: QPainter, rect: QRectF) -> PixelMap:
        """The pixels that `rect` covers, and two more for what is rounded."""
        transform, ratio = painter.worldTransform(), pixel_ratio(painter)
        area = transform.mapRect(rect)
        left, top = float(np.floor(area.left())), float(np.floor(area.top()))
        size = (int(np.ceil(area.width() * ratio)) + 2, int(np.ceil(area.height() * ratio)) + 2)
        scale = (transform.m11() * ratio, transform.m22() * ratio)
        shift = ((transform.dx() - left) * ratio, (transform.dy() - top) * ratio)
        return cls((left, top), size, scale, shift, ratio)

    def places(self, xy: np.ndarray) -> np.ndarray:
        """(2, n) int32, the pixels of points (n, 2); far away for NaN."""
        return whole(xy * np.array(self.scale) + self.shift)

    def slid(self, earlier: PixelMap, extent: float) -> tuple[int, int] | None:
        """By how many whole pixels this view is shifted against an earlier one of this size.

        extent: the largest coordinate; None where anything is larger or smaller than it was.
        """
        if (self.size, self.ratio) != (earlier.size, earlier.ratio):
            return None
        grown = max(abs(a - b) for a, b in zip(self.scale, earlier.scale, strict=True))
        if not grown * extent <= SAME:
            return None
        dx, dy = (round(a - b) for a, b in zip(self.shift, earlier.shift, strict=True))
        return dx, dy
