"""The picture of many points, of which as much is kept as can be: places, pixels, who is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from engine.palette import rgb
from explorer.plots.canvas import Area, Canvas, exposed
from explorer.plots.pixel_map import PixelMap
from explorer.plots.stamps import Stamp, stamp


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


@dataclass(frozen=True, eq=False)
class Seen:
    """Which part of which point's mark each pixel shows, whatever its color.

    at: (m,) flat pixel of the canvas; rows: (m,) point; part: (m,) number in all marks' pixels.
    """

    at: np.ndarray
    rows: np.ndarray
    part: np.ndarray


class Raster:
    """Draws points (n, 2) in layers.

    A view that is only shifted is the same picture moved by whole pixels, and what comes into
    sight drawn beside it: points keep their places to one another while a hand drags them. New
    colors for the second time in one view are put to the pixels that are seen, about one in nine
    of those that are stamped.
    """

    def __init__(self) -> None:
        self.xy = np.empty((0, 2), np.float32)
        self._extent = 0.0
        self._color = np.empty(0, np.intp)
        self._layers: list[Layer] = []
        self._rings: list[Layer] = []
        self._palette, self._rim = np.zeros((1, 3)), (0, 0, 0)
        self._colored: dict[Stamp, np.ndarray] = {}
        self._anchor: PixelMap | None = None
        self._places = np.empty((2, 0), np.int32)
        self._moved = (0, 0)  # pixels since the places were found
        self._canvas: Canvas | None = None
        self._drawn = False  # is it a view and layers that were drawn before?
        self._seen: Seen | None = None

    def set_points(self, xy: np.ndarray) -> None:
        """Other points, which have no layers yet."""
        self.xy = np.ascontiguousarray(xy)
        finite = np.abs(xy[np.isfinite(xy)])
        self._extent = float(finite.max()) if finite.size else 0.0
        self._layers, self._rings, self._anchor = [], [], None

    def set_layers(self, layers: Sequence[Layer], color: np.ndarray) -> None:
        """Draw these, later ones on top, in color numbers (n,)."""
        self._color, self._canvas = color, None
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
        self._colored, self._canvas = {}, None

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
        self._canvas, self._seen, self._drawn = None, None, False

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
        """All of the view; from what is seen of each point where it is drawn once more."""
        area = Area(0, 0, *self._size)
        if not self._drawn:
            self._drawn = True
            return self._draw([*self._layers, *self._rings], area)
        if self._seen is None:
            self._seen = self._look(area)
        canvas = Canvas(area.width, area.height, self._border)
        table = np.concatenate([self._values(one.mark(self._ratio)).T for one in self._layers])
        values = self._seen.part * table.shape[1] + self._color.take(self._seen.rows)
        canvas.pixels.reshape(-1)[self._seen.at] = table.reshape(-1).take(values)
        return self._draw(self._rings, area, canvas)

    def _draw(self, layers: Sequence[Layer], area: Area, canvas: Canvas | None = None) -> Canvas:
        """Stamp what lies in an area of the view."""
        canvas = canvas or Canvas(area.width, area.height, self._border)
        near = self._near(area) if layers else np.empty(0, bool)
        for layer in layers:
            rows, mark = layer.rows[near[layer.rows]], layer.mark(self._ratio)
            color = np.zeros(len(rows), np.intp) if layer.ink else self._color[rows]
            canvas.stamp_at(self._from(area, rows), mark, _colors(self._inked(mark, layer), color))
        return canvas

    def _look(self, area: Area) -> Seen:
        """Stamp the numbers of the marks' pixels in place of their colors, and read them."""
        canvas = Canvas(area.width, area.height, self._border)
        pixels = [len(layer.mark(self._ratio).dx) for layer in self._layers]
        counts = [len(layer.rows) * k for layer, k in zip(self._layers, pixels, strict=True)]
        first, parts = 1 + _starts(counts), _starts(pixels)
        for layer, k, number in zip(self._layers, pixels, first.tolist(), strict=False):
            places = self._from(area, layer.rows)
            canvas.stamp_at(places, layer.mark(self._ratio), _numbers(number, k))
        at = np.flatnonzero(canvas.pixels)
        number = canvas.pixels.reshape(-1)[at]
        rows, part = np.empty(len(at), np.intp), np.empty(len(at), np.intp)
        for i, layer in enumerate(self._layers):
            mine = np.flatnonzero((number >= first[i]) & (number < first[i + 1]))
            found = number[mine] - np.uint32(first[i])
            point = found // np.uint32(pixels[i])
            rows[mine] = layer.rows[point]
            part[mine] = parts[i] + found - point * np.uint32(pixels[i])
        return Seen(at, rows, part)

    def _near(self, area: Area) -> np.ndarray:
        """(n,) whether any of a point can be seen in the area."""
        (x, y), edge = self._places, self._border
        left, top = area.left - self._moved[0] - edge, area.top - self._moved[1] - edge
        right, bottom = left + area.width + 2 * edge, top + area.height + 2 * edge
        return np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom))

    def _from(self, area: Area, rows: np.ndarray) -> np.ndarray:
        """(2, m) int32 places of rows (m,), from the area's corner."""
        corner = [[area.left - self._moved[0]], [area.top - self._moved[1]]]
        return np.asarray(self._places.take(rows, axis=1) - np.array(corner, np.int32))

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

    def _inked(self, mark: Stamp, layer: Layer) -> np.ndarray:
        if not layer.ink:
            return self._values(mark)
        return mark.values(np.array([rgb(layer.ink)], np.float64), self._rim)

    def _values(self, mark: Stamp) -> np.ndarray:
        """The mark in every color: thousands of values, kept while the colors stay."""
        if mark not in self._colored:
            self._colored[mark] = mark.values(self._palette, self._rim)
        return self._colored[mark]


def _colors(values: np.ndarray, color: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ink for points of color numbers (n,), each a row of `values`."""

    def ink(rows: np.ndarray) -> np.ndarray:
        return np.asarray(values.take(color[rows], axis=0))

    return ink


def _numbers(first: int, pixels: int) -> Callable[[np.ndarray], np.ndarray]:
    """Ink that numbers the pixels of all marks through."""
    each = np.arange(pixels, dtype=np.uint32)

    def ink(rows: np.ndarray) -> np.ndarray:
        return np.asarray((first + rows * pixels).astype(np.uint32)[:, None] + each)

    return ink


def _starts(counts: Sequence[int]) -> np.ndarray:
    """(n + 1,) where each begins if they lie one behind the other, and where the last ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.intp)])
