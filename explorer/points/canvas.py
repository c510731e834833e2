"""An image that thousands of marks are stamped into, and what is seen of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from explorer.points.stamps import Stamp

CHUNK = 1024  # points stamped at once: their pixels stay in the processor's cache
FAR = 1 << 28  # pixels: nothing is drawn there, and adding to it does not overflow
Ink = Callable[[np.ndarray], np.ndarray]  # rows (m,) of points -> (m, k) uint32 for their pixels


def whole(xy: np.ndarray) -> np.ndarray:
    """(2, n) int32, the pixels that places (n, 2) lie in; what is no number lies far away."""
    pixels: np.ndarray = np.fmin(np.fmax(np.floor(xy.T), -FAR), FAR).astype(np.int32)
    return pixels


@dataclass(frozen=True)
class Area:
    """A rectangle of pixels: its corner and its size."""

    left: int
    top: int
    width: int
    height: int


class Canvas:
    """A transparent image of device pixels that marks are stamped into.

    A border twice as wide as the largest mark reaches surrounds the visible pixels, which spares
    every stamped pixel its own test for the edge.
    """

    def __init__(self, width: int, height: int, border: int) -> None:
        self.border = border
        self.pixels = np.zeros((height + 2 * border, width + 2 * border), np.uint32)

    @property
    def visible(self) -> np.ndarray:
        """(height, width) uint32 premultiplied ARGB, without the border."""
        height, width = self.pixels.shape
        return self.pixels[self.border : height - self.border, self.border : width - self.border]

    def stamp(self, xy: np.ndarray, color: np.ndarray, mark: Stamp, values: np.ndarray) -> None:
        """Stamp points (n, 2), in visible pixels, later ones over earlier ones.

        color: (n,) row of `values` (`Stamp.values`); points beyond the border are left out.
        """
        self.stamp_at(whole(xy), mark, colors(values, color))

    def stamp_at(self, places: np.ndarray, mark: Stamp, ink: Ink) -> None:
        """The same for places (2, n) that are whole pixels."""
        height, width = self.pixels.shape
        (x, y), reach = places + np.int32(self.border), mark.reach
        seen = (x >= reach) & (x < width - reach) & (y >= reach) & (y < height - reach)
        rows = np.flatnonzero(seen)
        base = y[rows].astype(np.intp) * width + x[rows]
        offsets, flat = mark.dy * width + mark.dx, self.pixels.reshape(-1)
        for start in range(0, len(base), CHUNK):
            part = slice(start, start + CHUNK)
            flat[base[part, None] + offsets] = ink(rows[part])

    def slide(self, dx: int, dy: int) -> None:
        """Move what is drawn to the right and down; what comes in from there is to be drawn anew.

        Rows lie one behind the other in memory, so that all of it moves at once.
        """
        flat = self.pixels.reshape(-1)
        by = dy * self.pixels.shape[1] + dx
        if by > 0:
            flat[by:] = flat[:-by]
        elif by < 0:
            flat[:by] = flat[-by:]

    def put(self, other: Canvas, area: Area) -> None:
        """Take over what is visible of another canvas, which is as large as the area."""
        rows = slice(area.top, area.top + area.height)
        self.visible[rows, area.left : area.left + area.width] = other.visible

    def image(self, ratio: float) -> QImage:
        """The visible pixels, `ratio` per logical one; good as long as the canvas is kept as is."""
        height, width = self.visible.shape
        kind, line = QImage.Format.Format_ARGB32_Premultiplied, self.pixels.shape[1]
        inner = self.pixels.reshape(-1)[self.border * line + self.border :]
        image = QImage(inner.data, width, height, 4 * line, kind)
        image.setDevicePixelRatio(ratio)
        return image


def colors(values: np.ndarray, color: np.ndarray) -> Ink:
    """Ink for points of color numbers (n,), each a row of `values`."""

    def ink(rows: np.ndarray) -> np.ndarray:
        return np.asarray(values.take(color[rows], axis=0))

    return ink


def exposed(dx: int, dy: int, width: int, height: int) -> list[Area]:
    """What comes into sight when an image of this size slides to the right and down."""
    found = []
    if dx:
        found.append(Area(0 if dx > 0 else width + dx, 0, abs(dx), height))
    if dy:
        found.append(Area(0, 0 if dy > 0 else height + dy, width, abs(dy)))
    return found
