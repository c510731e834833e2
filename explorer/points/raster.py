"""The image of many points, with caches of their places, pixels and visibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from engine.drawing.palette import rgb
from explorer.points.canvas import Area, Canvas, colors, exposed
from explorer.points.density import DENSE, draw_density
from explorer.points.pixel_map import PixelMap
from explorer.points.stamps import Stamp, stamp
from explorer.points.visible import Marked, Visible

DIRECTLY = 2  # drawings of one view before visibility is computed, which costs two more


@dataclass(frozen=True, eq=False)
class Layer:
    """Points drawn with one mark: their rows, shape, half-width and rim in logical pixels.

    ink: the one color '#rrggbb' of all of them; '' for that of each point; soft: whether they
    become a density where too many of them are in view.
    """

    rows: np.ndarray
    shape: int
    radius: float
    rim: float = 0.0
    ink: str = ""
    soft: bool = False

    def mark(self, ratio: float) -> Stamp:
        """The stamp of the mark in device pixels."""
        return stamp(self.shape, self.radius * ratio, self.rim * ratio)

    def same(self, other: Layer) -> bool:
        """Whether the same points have the same mark, regardless of color."""
        mine, theirs = ((one.shape, one.radius, one.rim) for one in (self, other))
        return mine == theirs and np.array_equal(self.rows, other.rows)


class Raster:
    """Draws points (n, 2) in layers.

    A view that is only shifted reuses the image, moved by whole pixels, and draws the exposed
    areas: points keep their relative places while the user pans. If colors change repeatedly in
    one view, only visible pixels are recolored: with 60,000 points one in nine of those stamped.
    Soft layers become one density where more than DENSE of their points are in view.
    """

    def __init__(self) -> None:
        self.xy = np.empty((0, 2), np.float32)
        self._extent = 0.0
        self.color = np.empty(0, np.intp)
        self._layers: list[Layer] = []
        self._rings: list[Layer] = []
        self._palette, self._rim = np.zeros((1, 3)), (0, 0, 0)
        self.colored: dict[Stamp, np.ndarray] = {}
        self._anchor: PixelMap | None = None
        self._places = np.empty((2, 0), np.int32)
        self._moved = (0, 0)  # shift in pixels since the places were computed
        self._canvas: Canvas | None = None
        self._drawings = 0  # of the same view and layers
        self._visible: Visible | None = None
        self._dense: bool | None = None  # whether soft layers are a density; None: not counted

    @property
    def dense(self) -> bool:
        """Whether points are drawn as a density in the view drawn last."""
        return bool(self._dense)

    @property
    def shades(self) -> np.ndarray:
        """(n, 3) colors of the points, in 0 to 255."""
        return np.asarray(self._palette[self.color])

    def set_points(self, xy: np.ndarray) -> None:
        """Set other points, which have no layers yet."""
        self.xy = np.ascontiguousarray(xy)
        finite = np.abs(xy[np.isfinite(xy)])
        self._extent = float(finite.max()) if finite.size else 0.0
        self._layers, self._rings, self._anchor, self._dense = [], [], None, None

    def set_layers(self, layers: Sequence[Layer], color: np.ndarray) -> None:
        """Set the layers, later ones on top, and color numbers (n,)."""
        self.color, self._canvas = color, None
        alike = len(layers) == len(self._layers)
        if alike and all(a.same(b) for a, b in zip(layers, self._layers, strict=True)):
            return
        self._layers, self._dense = list(layers), None
        self._invalidate()

    def set_rings(self, rings: Sequence[Layer]) -> None:
        """Set the rings, drawn on top of all layers."""
        self._rings, self._canvas = list(rings), None

    def set_colors(self, palette: np.ndarray, rim: tuple[int, int, int]) -> None:
        """Set the palette (m, 3), in 0 to 255, of the color numbers, and the color of rims."""
        self._palette, self._rim = palette, rim
        self.colored, self._canvas = {}, None

    def image(self, wanted: PixelMap) -> QImage:
        """The image; valid until the next call."""
        shift = wanted.slid(self._anchor, self._extent) if self._anchor else None
        if shift is None:
            self._anchor, shift = wanted, (0, 0)
            self._places, self._moved, self._dense = wanted.places(self.xy), shift, None
            self._invalidate()
        if shift != self._moved:
            self._slide(shift[0] - self._moved[0], shift[1] - self._moved[1])
        if self._canvas is None:
            if self._dense is None:
                self._dense = self._crowded()
            self._canvas = self._draw_all()
        return self._canvas.image(wanted.ratio)

    def _invalidate(self) -> None:
        """Invalidate the image: places or marks changed."""
        self._canvas, self._visible, self._drawings = None, None, 0

    def _slide(self, dx: int, dy: int) -> None:
        canvas = self._canvas
        self._invalidate()
        self._moved = (self._moved[0] + dx, self._moved[1] + dy)
        width, height = self._size
        if canvas is None or abs(dx) >= width or abs(dy) >= height:
            return
        canvas.slide(dx, dy)
        for area in exposed(dx, dy, width, height):
            canvas.put(self._draw([*self._layers, *self._rings], area), area)
        self._canvas = canvas

    def _draw_all(self) -> Canvas:
        """Draw the whole view; if that is repeated, from the visible pixels of each point."""
        area = Area(0, 0, *self._size)
        self._drawings += 1
        if self._drawings <= DIRECTLY or self._dense:
            return self._draw([*self._layers, *self._rings], area)
        if self._visible is None or self._visible.border != self._border:
            self._visible = Visible.on(
                self._empty(area), [self._marked(one, area) for one in self._layers]
            )
        canvas = self._empty(area)
        values = [self._values(one.mark(self._ratio)) for one in self._layers]
        self._visible.paint(canvas, self.color, values)
        return self._draw(self._rings, area, canvas)

    def _draw(self, layers: Sequence[Layer], area: Area, canvas: Canvas | None = None) -> Canvas:
        """Stamp the points in an area of the view."""
        canvas = canvas or self._empty(area)
        near = self._near(area) if layers else np.empty(0, bool)
        soft = [layer for layer in layers if layer.soft] if self._dense else []
        if soft:
            self._blend(soft, area, canvas, near)
            layers = [layer for layer in layers if not layer.soft]
        for layer in layers:
            one = self._marked(layer, area, near)
            color = np.zeros(len(one.rows), np.intp) if layer.ink else self.color[one.rows]
            canvas.stamp_at(one.places, one.mark, colors(self._inked(one.mark, layer.ink), color))
        return canvas

    def _crowded(self) -> bool:
        soft = [layer.rows for layer in self._layers if layer.soft]
        if sum(map(len, soft)) <= DENSE:
            return False
        near = self._near(Area(0, 0, *self._size))
        return int(near[np.concatenate(soft)].sum()) > DENSE

    def _blend(self, layers: Sequence[Layer], area: Area, canvas: Canvas, near: np.ndarray) -> None:
        """Draw the points of these layers as a density on an empty canvas."""
        rows = np.concatenate([layer.rows[near[layer.rows]] for layer in layers])
        left = area.left - self._moved[0] - canvas.border
        top = area.top - self._moved[1] - canvas.border
        places = self._places.take(rows, axis=1) - np.array([[left], [top]], np.int32)
        draw_density(canvas.pixels, places, self._palette[self.color[rows]], (left, top))

    def _marked(self, layer: Layer, area: Area, near: np.ndarray | None = None) -> Marked:
        """The layer's points where `near`, by default all, at their places in the area."""
        rows = layer.rows if near is None else layer.rows[near[layer.rows]]
        corner = [[area.left - self._moved[0]], [area.top - self._moved[1]]]
        places = self._places.take(rows, axis=1) - np.array(corner, np.int32)
        return Marked(rows, places, layer.mark(self._ratio))

    def _empty(self, area: Area) -> Canvas:
        """An empty canvas for the area, with the border that `Canvas` needs."""
        return Canvas(area.width, area.height, self._border)

    def _near(self, area: Area) -> np.ndarray:
        """(n,) whether any part of a point can be visible in the area."""
        (x, y), edge = self._places, self._border
        left, top = area.left - self._moved[0] - edge, area.top - self._moved[1] - edge
        right, bottom = left + area.width + 2 * edge, top + area.height + 2 * edge
        return np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom))

    @property
    def _size(self) -> tuple[int, int]:
        assert self._anchor is not None
        return self._anchor.size

    @property
    def _ratio(self) -> float:
        assert self._anchor is not None
        return self._anchor.ratio

    @property
    def _border(self) -> int:
        """Twice the reach of the largest mark, as `Canvas` requires."""
        layers = [*self._layers, *self._rings]
        return 2 * max((one.mark(self._ratio).reach for one in layers), default=0)

    def _inked(self, mark: Stamp, ink: str) -> np.ndarray:
        if not ink:
            return self._values(mark)
        return mark.values(np.array([rgb(ink)], np.float64), self._rim)

    def _values(self, mark: Stamp) -> np.ndarray:
        """The mark in every color, cached until the colors change."""
        if mark not in self.colored:
            self.colored[mark] = mark.values(self._palette, self._rim)
        return self.colored[mark]
