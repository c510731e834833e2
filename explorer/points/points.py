"""The graphics item of many points: one raster image, no object per point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from engine.drawing.geometry import bounds, nearest
from engine.drawing.palette import rgb
from explorer.points.pixel_map import PixelMap
from explorer.points.raster import Layer, Raster
from explorer.points.stamps import CIRCLE, CROSS, RING, SHAPES, TRIANGLE
from explorer.points.visible_item import VisibleItem

BEHIND, PLAIN, MARKED = range(3)  # weight of a point; MARKED has a rim
CROWD = 40  # rings that would cover each other if they were larger
PICK_RADIUS = 8.0  # logical pixels


class PointsItem(VisibleItem):
    """Thousands of points in a ViewBox, drawn as one image at the screen's own resolution.

    A frame of 60,000 points takes about 4 ms on one core; points are stored in arrays only.
    """

    def __init__(self, size: float = 1.0) -> None:
        """size: scale of the marks, 1 for a plot that fills the window."""
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._size = size
        self._raster = Raster()
        self.rings: list[tuple[np.ndarray, int, str]] = []  # as given to `set_rings`
        self._radius = 4.0
        self.margin = 0.0  # pixels around all points in the automatic range
        self._frame: Sequence[float] | None = None

    def set_points(self, xy: np.ndarray, color: np.ndarray, shape: np.ndarray) -> None:
        """Show points xy (n, 2) with color numbers (n,) and shapes (n,), higher shapes on top."""
        self._raster.set_points(xy)
        self.rings = []
        self._radius = self._size * point_radius(len(xy))
        self._geometry_changes()
        self.set_marks(color, shape)

    def set_marks(
        self, color: np.ndarray, shape: np.ndarray, weight: np.ndarray | None = None
    ) -> None:
        """Change color numbers (n,) and shapes (n,) of the points, but not their positions.

        weight (n,): BEHIND, PLAIN or MARKED, later ones larger and on top; by default circles are
        PLAIN and all other shapes MARKED.
        """
        if weight is None:
            weight = np.where(shape == CIRCLE, PLAIN, MARKED)
        kind = (weight * SHAPES + shape).astype(np.uint8)
        layers = [
            self._layer(np.flatnonzero(kind == one), *divmod(int(one), SHAPES))
            for one in np.flatnonzero(np.bincount(kind))
        ]
        self._raster.set_layers(layers, color.astype(np.intp))
        self.update()

    def set_frame(self, frame: Sequence[float] | None) -> None:
        """Set the automatic range: (x0, y0, x1, y1), None = that of the points."""
        self._frame = frame

    def set_colors(self, colors: Sequence[str], rim: str) -> None:
        """Set the palette '#rrggbb' of the color numbers, and the color of rims."""
        palette = np.array([rgb(color) for color in colors] or [(0, 0, 0)], np.float64)
        self._raster.set_colors(palette, rgb(rim))
        self.update()

    def set_rings(self, rings: Sequence[tuple[np.ndarray, int, str]]) -> None:
        """Draw rings on top: (rows (m,), RING or DOUBLE_RING, color '#rrggbb') each."""
        self.rings = [(rows, shape, color) for rows, shape, color in rings if len(rows)]
        self._raster.set_rings(
            [
                Layer(rows, shape, self._ring_radius(shape, len(rows)), ink=color)
                for rows, shape, color in self.rings
            ]
        )
        self.update()

    @property
    def xy(self) -> np.ndarray:
        """(n, 2) points as given to `set_points`."""
        return self._raster.xy

    @property
    def color(self) -> np.ndarray:
        """(n,) color numbers as given to `set_marks`."""
        return self._raster.color

    @property
    def shades(self) -> np.ndarray:
        """(n, 3) colors of the points in 0 to 255, without rims."""
        return self._raster.shades

    def nearest(self, at: QPointF, radius: float = PICK_RADIUS) -> int | None:
        """Row of the point nearest to `at` (data coordinates) within `radius` logical pixels."""
        size = self.pixelVectors()
        if size[0] is None or size[1] is None or not size[0].x() or not size[1].y():
            return None
        scale = (1 / size[0].x(), 1 / size[1].y())
        return nearest(self.xy, (at.x(), at.y()), scale, radius)

    def dataBounds(self, axis: int, *_: object, **__: object) -> tuple[float, float] | None:
        """(low, high) along an axis, for the automatic range of pyqtgraph."""
        if not len(self.xy):
            return None
        box = self._frame or bounds(self.xy, 0.0)
        return box[axis], box[axis + 2]

    def pixelPadding(self) -> float:
        """Pixels by which marks extend beyond the data."""
        return max(3 * self._radius, self.margin)

    @property
    def dense(self) -> bool:
        """Whether the points in view are drawn as a density."""
        return self._raster.dense

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the image over the view; the raster reuses what has not changed."""
        if not len(self.xy):
            return
        pixels = PixelMap.of(painter, self.boundingRect())
        image = self._raster.image(pixels)
        painter.save()
        painter.resetTransform()
        painter.drawImage(QPointF(*pixels.corner), image)
        painter.restore()

    def _layer(self, rows: np.ndarray, weight: int, shape: int) -> Layer:
        if weight == BEHIND:
            return Layer(rows, shape, max(1.2, self._radius * 0.8), soft=True)
        if weight == PLAIN:
            return Layer(rows, shape, self._radius, soft=True)
        factor = 1.15 if shape in (TRIANGLE, CROSS) else 1.35  # forget samples stand out most
        return Layer(rows, shape, self._radius * factor + 0.5, 1.0)

    def _ring_radius(self, shape: int, count: int) -> float:
        if count > CROWD:  # so many rings lie tightly around their points
            return self._radius * 1.25 + 1.0
        return self._radius * 1.6 + self._size * (4.0 if shape == RING else 7.0)


def point_radius(count: int) -> float:
    """Half-width of a point in logical pixels, 4.5 down to 2 as points become more."""
    return float(np.clip(4.5 - 0.75 * np.log10(max(count, 1) / 300), 2.0, 4.5))
