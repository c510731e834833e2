"""An image that thousands of marks are stamped into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from explorer.points.stamps import Stamp

CHUNK = 1024  # points stamped at once: their pixels fit into the processor's cache
FAR = 1 << 28  # pixels: never visible, and adding to it does not overflow
Ink = Callable[[np.ndarray], np.ndarray]  # rows (m,) of points -> (m, k) uint32 for their pixels


def pixels_of(xy: np.ndarray) -> np.ndarray:
    """(2, n) int32 pixels that contain the points (n, 2); NaN maps to `FAR`."""
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

    A border twice as wide as the reach of the largest mark surrounds the visible pixels, so that
    stamped pixels need no bounds check.
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
        self.stamp_at(pixels_of(xy), mark, colors(values, color))

    def stamp_at(self, places: np.ndarray, mark: Stamp, ink: Ink) -> None:
        """`stamp` for places (2, n) in whole pixels."""
        height, width = self.pixels.shape
        (x, y), reach = places + np.int32(self.border), mark.reach
        inside = (x >= reach) & (x < width - reach) & (y >= reach) & (y < height - reach)
        rows = np.flatnonzero(inside)
        base = y[rows].astype(np.intp) * width + x[rows]
        offsets, flat = mark.dy * width + mark.dx, self.pixels.reshape(-1)
        for start in range(0, len(base), CHUNK):
            part = slice(start, start + CHUNK)
            flat[base[part, None] + offsets] = ink(rows[part])

    def slide(self, dx: int, dy: int) -> None:
        """Move the image right and down; the exposed areas must be redrawn.

        Rows are contiguous in memory, so that the whole image moves at once.
        """
        flat = self.pixels.reshape(-1)
        offset = dy * self.pixels.shape[1] + dx
        if offset > 0:
            flat[offset:] = flat[:-offset]
        elif offset < 0:
            flat[:offset] = flat[-offset:]

    def put(self, other: Canvas, area: Area) -> None:
        """Copy the visible pixels of another canvas, which has the size of the area."""
        rows = slice(area.top, area.top + area.height)
        self.visible[rows, area.left : area.left + area.width] = other.visible

    def image(self, ratio: float) -> QImage:
        """The visible pixels, `ratio` per logical one; valid until the canvas changes."""
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
    """The areas exposed when an image of this size slides right and down."""
    areas = []
    if dx:
        areas.append(Area(0 if dx > 0 else width + dx, 0, abs(dx), height))
    if dy:
        areas.append(Area(0, 0 if dy > 0 else height + dy, width, abs(dy)))
    return areas
