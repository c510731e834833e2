"""The picture of many points, of which as much is kept as can be: places, pixels, who is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from engine.drawing.palette import rgb
from explorer.points.canvas import Area, Canvas, colors, exposed
from explorer.points.pixel_map import PixelMap
from explorer.points.stamps import Stamp, stamp
from explorer.points.visible import Marked, Seen

DIRECTLY = 2  # drawings of one view, before who is seen where is found out: that costs two more


@dataclass(frozen=True, eq=False)
class Layer:
    """Points drawn with one mark: their rows, shape, half-width and rim in logical pixels.

    ink: the one color '#rrggbb' of all of them; '' for that of each point.
    """

    rows: np.ndarray
    shape: int
    radius: float
    rim: float = 0.0
    ink: str = ""

    def mark(self, ratio: float) -> Stamp:
        """Its mark in device pixels."""
        return stamp(self.shape, self.radius * ratio, self.rim * ratio)

    def same(self, other: Layer) -> bool:
        """Whether the same points are drawn with the same mark, in whatever color."""
        mine, theirs = ((one.shape, one.radius, one.rim) for one in (self, other))
        return mine == theirs and np.array_equal(self.rows, other.rows)


class Raster:
    """Draws points (n, 2) in layers.

    A view that is only shifted is the same picture moved by whole pixels, and what comes into
    sight drawn beside it: points keep their places to one another while a hand drags them. Where
    colors change time and again in one view, they are put to the pixels that are seen only: of
    60,000 points one in nine of those that are stamped.
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
        self._moved = (0, 0)  # pixels since the places were found
        self._canvas: Canvas | None = None
        self._drawings = 0  # of the same view and layers
        self._seen: Seen | None = None

    @property
    def shades(self) -> np.ndarray:
        """(n, 3) colors of the points, in 0 to 255."""
        return np.asarray(self._palette[self.color])

    def set_points(self, xy: np.ndarray) -> None:
        """Other points, which have no layers yet."""
        self.xy = np.ascontiguousarray(xy)
        finite = np.abs(xy[np.isfinite(xy)])
        self._extent = float(finite.max()) if finite.size else 0.0
        self._layers, self._rings, self._anchor = [], [], None

    def set_layers(self, layers: Sequence[Layer], color: np.ndarray) -> None:
        """Draw these, later ones on top, in color numbers (n,)."""
        self.color, self._canvas = color, None
        alike = len(layers) == len(self._layers)
        if alike and all(a.same(b) for a, b in zip(layers, self._layers, strict=True)):
            return
        self._layers = list(layers)
        self._forget()

    def set_rings(self, rings: Sequence[Layer]) -> None:
        """Draw these on top of all layers."""
        self._rings, self._canvas = list(rings), None

    def set_colors(self, palette: np.ndarray, rim: tuple[int, int, int]) -> None:
        """Colors (m, 3) in 0 to 255 that color numbers stand for, and that of rims."""
        self._palette, self._rim = palette, rim
        self.colored, self._canvas = {}, None

    def image(self, wanted: PixelMap) -> QImage:
        """The picture; good until the next call."""
        slid = wanted.slid(self._anchor, self._extent) if self._anchor else None
        if slid is None:
            self._anchor, slid = wanted, (0, 0)
            self._places, self._moved = wanted.places(self.xy), slid
            self._forget()
        if slid != self._moved:
            self._slide(slid[0] - self._moved[0], slid[1] - self._moved[1])
        if self._canvas is None:
            self._canvas = self._draw_all()
        return self._canvas.image(wanted.ratio)

    def _forget(self) -> None:
        """Other places or marks: nothing of the picture is right any more."""
        self._canvas, self._seen, self._drawings = None, None, 0

    def _slide(self, dx: int, dy: int) -> None:
        canvas = self._canvas
        self._forget()
        self._moved = (self._moved[0] + dx, self._moved[1] + dy)
        width, height = self._size
        if canvas is None or abs(dx) >= width or abs(dy) >= height:
            return
        canvas.slide(dx, dy)
        for area in exposed(dx, dy, width, height):
            canvas.put(self._draw([*self._layers, *self._rings], area), area)
        self._canvas = canvas

    def _draw_all(self) -> Canvas:
        """All of the view; where it is drawn again and again, from what is seen of each point."""
        area = Area(0, 0, *self._size)
        self._drawings += 1
        if self._drawings <= DIRECTLY:
            return self._draw([*self._layers, *self._rings], area)
        if self._seen is None or self._seen.border != self._border:
            self._seen = Seen.on(
                self._empty(area), [self._marked(one, area) for one in self._layers]
            )
        canvas = self._empty(area)
        values = [self._values(one.mark(self._ratio)) for one in self._layers]
        self._seen.paint(canvas, self.color, values)
        return self._draw(self._rings, area, canvas)

    def _draw(self, layers: Sequence[Layer], area: Area, canvas: Canvas | None = None) -> Canvas:
        """Stamp what lies in an area of the view."""
        canvas = canvas or self._empty(area)
        near = self._near(area) if layers else np.empty(0, bool)
        for layer in layers:
            one = self._marked(layer, area, near)
            color = np.zeros(len(one.rows), np.intp) if layer.ink else self.color[one.rows]
            canvas.stamp_at(one.places, one.mark, colors(self._inked(one.mark, layer.ink), color))
        return canvas

    def _marked(self, layer: Layer, area: Area, near: np.ndarray | None = None) -> Marked:
        """The layer's points that are near, by default all, at their places in the area."""
        rows = layer.rows if near is None else layer.rows[near[layer.rows]]
        corner = [[area.left - self._moved[0]], [area.top - self._moved[1]]]
        places = self._places.take(rows, axis=1) - np.array(corner, np.int32)
        return Marked(rows, places, layer.mark(self._ratio))

    def _empty(self, area: Area) -> Canvas:
        """A canvas for the area, with a border of twice what the largest mark reaches."""
        return Canvas(area.width, area.height, self._border)

    def _near(self, area: Area) -> np.ndarray:
        """(n,) whether any of a point can be seen in the area."""
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
        """Twice what the largest mark reaches, as `Canvas` asks."""
        layers = [*self._layers, *self._rings]
        return 2 * max((one.mark(self._ratio).reach for one in layers), default=0)

    def _inked(self, mark: Stamp, ink: str) -> np.ndarray:
        if not ink:
            return self._values(mark)
        return mark.values(np.array([rgb(ink)], np.float64), self._rim)

    def _values(self, mark: Stamp) -> np.ndarray:
        """The mark in every color: thousands of values, kept while the colors stay."""
        if mark not in self.colored:
            self.colored[mark] = mark.values(self._palette, self._rim)
        return self.colored[mark]
