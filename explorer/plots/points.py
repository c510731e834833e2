"""A raster of many points: numpy stamps in one image, no brush and no object per point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from engine.geometry import bounds, nearest
from engine.palette import rgb
from explorer.plots.pictures import pixel_ratio

CIRCLE, TRIANGLE, CROSS, SQUARE, DIAMOND, RING, DOUBLE_RING = range(7)  # later ones on top
BEHIND, PLAIN, MARKED = range(3)  # how much a point is made of: the last with a rim
SHAPES = 7
CHUNK = 2048  # points stamped at once: their pixels stay in the processor's cache
PICK_RADIUS = 8.0  # logical pixels
ROOT2 = 2**0.5
SUPERSAMPLING = 8  # sub-pixels per pixel and axis when a stamp's edge is smoothed


@dataclass(frozen=True, eq=False)
class Stamp:
    """The pixels of one mark around its center.

    dx, dy: (k,) int offsets; fill, rim: (k,) float coverage in [0, 1] by the point's own color
    and by the rim's, together at most 1.
    """

    dx: np.ndarray
    dy: np.ndarray
    fill: np.ndarray
    rim: np.ndarray

    def values(self, colors: np.ndarray, rim: tuple[int, int, int]) -> np.ndarray:
        """(number of colors, k) uint32 premultiplied ARGB for colors (m, 3) in 0 to 255."""
        solid = colors[:, None, :] * self.fill[None, :, None]
        solid = solid + np.asarray(rim, np.float64) * self.rim[None, :, None]
        alpha = np.broadcast_to((self.fill + self.rim) * 255, solid.shape[:2])
        parts = np.concatenate([alpha[..., None], solid], axis=2)
        a, r, g, b = np.moveaxis(np.rint(np.clip(parts, 0, 255)).astype(np.uint32), 2, 0)
        return np.asarray((a << 24) | (r << 16) | (g << 8) | b)


@lru_cache(maxsize=256)
def stamp(shape: int, radius: float, rim: float = 0.0) -> Stamp:
    """The stamp of a shape whose half-width is `radius` pixels, with a rim `rim` pixels wide."""
    reach = int(np.ceil(radius * 1.3 + rim)) + 1
    axis = np.arange(-reach, reach + 1)
    fine = (np.arange(SUPERSAMPLING) + 0.5) / SUPERSAMPLING - 0.5
    x = (axis[:, None] + fine).ravel()[None, :]
    y = (axis[:, None] + fine).ravel()[:, None]
    inner = _pixels(_distance(shape, x, y, radius) <= 0)
    both = _pixels(_distance(shape, x, y, radius) <= rim)
    rows, columns = np.nonzero(both > 0.02)
    fill = inner[rows, columns]
    return Stamp(axis[columns], axis[rows], fill, np.maximum(both[rows, columns] - fill, 0))


def _pixels(mask: np.ndarray) -> np.ndarray:
    n = len(mask) // SUPERSAMPLING
    parts = mask.reshape(n, SUPERSAMPLING, n, SUPERSAMPLING)
    covered: np.ndarray = parts.mean((1, 3))
    return covered


def _distance(shape: int, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Signed distance in pixels from the shape's outline, negative inside; y grows downward."""
    return np.asarray(_OUTLINES[shape](x, y, radius))


def _cross(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    a, b = np.abs(x + y) / ROOT2, np.abs(x - y) / ROOT2
    bar = np.maximum(np.minimum(a, b) - radius * 0.3, np.maximum(a, b) - radius * 1.1)
    return np.asarray(bar)


def _double_ring(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    length, width = np.hypot(x, y), max(0.8, radius * 0.12)
    lines = np.minimum(np.abs(length - radius), np.abs(length - radius * 0.58))
    return np.asarray(lines - width)


# factors of the radius give all shapes about the area of the circle
_OUTLINES: dict[int, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    CIRCLE: lambda x, y, r: np.hypot(x, y) - r,
    SQUARE: lambda x, y, r: np.maximum(np.abs(x), np.abs(y)) - r * 0.9,
    DIAMOND: lambda x, y, r: (np.abs(x) + np.abs(y)) / ROOT2 - r * 0.88,
    TRIANGLE: lambda x, y, r: np.maximum(np.abs(x) * 0.866 - y * 0.5, y) - r * 0.6,
    CROSS: _cross,
    RING: lambda x, y, r: np.abs(np.hypot(x, y) - r) - max(0.8, r * 0.14),
    DOUBLE_RING: _double_ring,
}


class Canvas:
    """A transparent image of device pixels that marks are stamped into.

    A border as wide as the largest mark surrounds the visible pixels, which spares every
    stamped pixel its own test for the edge.
    """

    def __init__(self, width: int, height: int, border: int) -> None:
        self.border = border
        self.pixels = np.zeros((height + 2 * border, width + 2 * border), np.uint32)

    def stamp(self, xy: np.ndarray, color: np.ndarray, mark: Stamp, values: np.ndarray) -> None:
        """Stamp points (n, 2), in visible pixels, later ones over earlier ones.

        color: (n,) row of `values` (`Stamp.values`); points beyond the border are left out.
        """
        height, width = self.pixels.shape
        reach = int(max(np.abs(mark.dx).max(), np.abs(mark.dy).max()))
        with np.errstate(invalid="ignore"):
            x, y = np.floor(xy[:, 0]) + self.border, np.floor(xy[:, 1]) + self.border
            seen = (x >= reach) & (x < width - reach) & (y >= reach) & (y < height - reach)
        base = y[seen].astype(np.intp) * width + x[seen].astype(np.intp)
        color, offsets = color[seen], mark.dy * width + mark.dx
        flat = self.pixels.reshape(-1)
        for start in range(0, len(base), CHUNK):
            part = slice(start, start + CHUNK)
            flat[base[part, None] + offsets] = values[color[part]]

    def image(self, ratio: float) -> QImage:
        """The picture, border included, at `ratio` device pixels per logical one (a copy)."""
        height, width = self.pixels.shape
        kind = QImage.Format.Format_ARGB32_Premultiplied
        image = QImage(self.pixels.data, width, height, 4 * width, kind).copy()
        image.setDevicePixelRatio(ratio)
        return image


@dataclass(frozen=True, eq=False)
class Layer:
    """Points drawn with one mark: their rows, shape, half-width and rim in logical pixels."""

    rows: np.ndarray
    shape: int
    radius: float
    rim: float


class PointsItem(pg.GraphicsObject):  # type: ignore[misc]
    """Thousands of points in a ViewBox, drawn as one image at the screen's own resolution.

    60,000 points take some 7 ms a frame on one core; nothing is kept per point but the arrays.
    """

    def __init__(self, size: float = 1.0) -> None:
        """size: of the marks, 1 for a plot that has the window to itself."""
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._size = size
        self._xy = np.empty((0, 2), np.float32)
        self._color = np.empty(0, np.intp)
        self._layers: list[Layer] = []
        self._rings: list[tuple[np.ndarray, int, str]] = []
        self._palette = np.zeros((1, 3))
        self._rim = (0, 0, 0)
        self._colored: dict[Stamp, np.ndarray] = {}
        self._radius = 4.0
        self._frame: Sequence[float] | None = None
        self._cache: tuple[object, QImage] | None = None
        self._bounds: QRectF | None = None

    def set_points(self, xy: np.ndarray, color: np.ndarray, shape: np.ndarray) -> None:
        """Show points xy (n, 2) with color numbers (n,) and shapes (n,), higher shapes on top."""
        self._xy = np.ascontiguousarray(xy)
        self._radius = self._size * point_radius(len(xy))
        self._rings = []
        self._geometry_changes()
        self.set_marks(color, shape)

    def set_marks(
        self, color: np.ndarray, shape: np.ndarray, weight: np.ndarray | None = None
    ) -> None:
        """Give the points other color numbers (n,) and shapes (n,), but not other places.

        weight (n,): BEHIND, PLAIN or MARKED, later ones larger and on top; without it circles are
        plain and all other shapes marked.
        """
        self._color = color.astype(np.intp)
        if weight is None:
            weight = np.where(shape == CIRCLE, PLAIN, MARKED)
        kind = (weight * SHAPES + shape).astype(np.uint8)
        self._layers = [
            self._layer(np.flatnonzero(kind == one), *divmod(int(one), SHAPES))
            for one in np.flatnonzero(np.bincount(kind))
        ]
        self._redraw()

    def set_frame(self, frame: Sequence[float] | None) -> None:
        """What 'all points' means when the range is automatic: (x0, y0, x1, y1), None = its own."""
        self._frame = frame

    def set_colors(self, colors: Sequence[str], rim: str) -> None:
        """Colors '#rrggbb' that color numbers stand for, and the color around marked shapes."""
        self._palette = np.array([rgb(color) for color in colors] or [(0, 0, 0)], np.float64)
        self._rim = rgb(rim)
        self._colored = {}
        self._redraw()

    def set_rings(self, rings: Sequence[tuple[np.ndarray, int, str]]) -> None:
        """Draw rings on top: (rows (m,), RING or DOUBLE_RING, color '#rrggbb') each."""
        self._rings = [(rows, shape, color) for rows, shape, color in rings if len(rows)]
        self._redraw()

    @property
    def xy(self) -> np.ndarray:
        """(n, 2) points as given to `set_points`."""
        return self._xy

    def nearest(self, at: QPointF, radius: float = PICK_RADIUS) -> int | None:
        """Row of the point nearest to `at` (data coordinates) within `radius` logical pixels."""
        size = self.pixelVectors()
        if size[0] is None or size[1] is None or not size[0].x() or not size[1].y():
            return None
        scale = (1 / size[0].x(), 1 / size[1].y())
        return nearest(self._xy, (at.x(), at.y()), scale, radius)

    def dataBounds(self, axis: int, *_: object, **__: object) -> tuple[float, float] | None:
        """What pyqtgraph's automatic range asks: (low, high) along an axis."""
        if not len(self._xy):
            return None
        box = self._frame or bounds(self._xy, 0.0)
        return box[axis], box[axis + 2]

    def pixelPadding(self) -> float:
        """Pixels that marks reach beyond the data."""
        return 3 * self._radius

    def boundingRect(self) -> QRectF:
        """All that is visible, so that marks at the edge are never cut.

        It is kept until Qt has been told: a rectangle that changes by itself corrupts the scene.
        """
        if self._bounds is None:
            self._bounds = QRectF(self.viewRect())
        return self._bounds

    def viewTransformChanged(self) -> None:
        """The image is drawn anew after every pan and zoom."""
        self._geometry_changes()
        super().viewTransformChanged()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the image over the view; it is kept until points, colors or the view change."""
        if not len(self._xy):
            return
        transform, ratio = painter.worldTransform(), pixel_ratio(painter)
        area = transform.mapRect(self.boundingRect())
        left, top = np.floor(area.left()), np.floor(area.top())
        size = (int(np.ceil(area.width() * ratio)) + 2, int(np.ceil(area.height() * ratio)) + 2)
        numbers = (transform.m11(), transform.m22(), transform.dx(), transform.dy())
        key = (*numbers, left, top, *size, ratio)
        if self._cache is None or self._cache[0] != key:
            self._cache = (key, self._render(transform, (left, top), size, ratio))
        border = self._border(ratio) / ratio
        painter.save()
        painter.resetTransform()
        painter.drawImage(QPointF(left - border, top - border), self._cache[1])
        painter.restore()

    def _render(
        self,
        transform: QTransform,
        corner: tuple[float, float],
        size: tuple[int, int],
        ratio: float,
    ) -> QImage:
        canvas = Canvas(*size, self._border(ratio))
        scale = np.array([transform.m11(), transform.m22()]) * ratio
        shift = (np.array([transform.dx(), transform.dy()]) - corner) * ratio
        xy = self._xy * scale + shift
        for layer in self._layers:
            mark = stamp(layer.shape, layer.radius * ratio, layer.rim * ratio)
            values = self._values(mark)
            canvas.stamp(xy[layer.rows], self._color[layer.rows], mark, values)
        for rows, shape, color in self._rings:
            mark = stamp(shape, self._ring_radius(shape) * ratio)
            values = mark.values(np.array([rgb(color)], np.float64), self._rim)
            canvas.stamp(xy[rows], np.zeros(len(rows), np.intp), mark, values)
        return canvas.image(ratio)

    def _values(self, mark: Stamp) -> np.ndarray:
        """The mark in every color: thousands of values, kept while the colors stay."""
        if mark not in self._colored:
            self._colored[mark] = mark.values(self._palette, self._rim)
        return self._colored[mark]

    def _layer(self, rows: np.ndarray, weight: int, shape: int) -> Layer:
        if weight == BEHIND:
            return Layer(rows, shape, max(1.2, self._radius * 0.8), 0.0)
        if weight == PLAIN:
            return Layer(rows, shape, self._radius, 0.0)
        larger = 1.15 if shape in (TRIANGLE, CROSS) else 1.35  # forget samples stand out most
        return Layer(rows, shape, self._radius * larger + 0.5, 1.0)

    def _ring_radius(self, shape: int) -> float:
        return self._radius * 1.6 + self._size * (4.0 if shape == RING else 7.0)

    def _border(self, ratio: float) -> int:
        return int(np.ceil((self._radius * 4 + 16) * ratio))

    def _geometry_changes(self) -> None:
        self.prepareGeometryChange()
        self._bounds = None

    def _redraw(self) -> None:
        self._cache = None
        self.update()


def point_radius(count: int) -> float:
    """Half-width of a point in logical pixels: the more points, the smaller, 2 to 4.5."""
    return float(np.clip(4.5 - 0.75 * np.log10(max(count, 1) / 300), 2.0, 4.5))
