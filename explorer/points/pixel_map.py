"""The map from plot coordinates to device pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from explorer.points.canvas import pixels_of
from explorer.widgets.sample_picture import pixel_ratio

SAME = 0.01  # pixels, largest deviation of a point for a view to count as merely shifted


@dataclass(frozen=True)
class PixelMap:
    """The affine map of a painter.

    corner: of the image, (left, top) in logical pixels; size: (width, height) in device pixels;
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
        """The map of the pixels that `rect` covers, and two more for rounding."""
        transform, ratio = painter.worldTransform(), pixel_ratio(painter)
        area = transform.mapRect(rect)
        left, top = float(np.floor(area.left())), float(np.floor(area.top()))
        size = (int(np.ceil(area.width() * ratio)) + 2, int(np.ceil(area.height() * ratio)) + 2)
        scale = (transform.m11() * ratio, transform.m22() * ratio)
        shift = ((transform.dx() - left) * ratio, (transform.dy() - top) * ratio)
        return cls((left, top), size, scale, shift, ratio)

    def places(self, xy: np.ndarray) -> np.ndarray:
        """(2, n) int32 pixels of points (n, 2); `FAR` for NaN."""
        return pixels_of(xy * np.array(self.scale) + self.shift)

    def slid(self, earlier: PixelMap, extent: float) -> tuple[int, int] | None:
        """The shift (dx, dy) in whole pixels against an earlier view, None if its scale differs.

        extent: the largest absolute coordinate.
        """
        if (self.size, self.ratio) != (earlier.size, earlier.ratio):
            return None
        change = max(abs(a - b) for a, b in zip(self.scale, earlier.scale, strict=True))
        if not change * extent <= SAME:
            return None
        dx, dy = (round(a - b) for a, b in zip(self.shift, earlier.shift, strict=True))
        return dx, dy
