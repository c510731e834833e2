"""Stamps: the pixels of the marks that points are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CIRCLE, TRIANGLE, CROSS, SQUARE, DIAMOND, RING, DOUBLE_RING = range(7)  # later ones on top
SHAPES = 7
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

    @property
    def reach(self) -> int:
        """The largest offset from the center along an axis, in pixels."""
        return int(max(np.abs(self.dx).max(), np.abs(self.dy).max()))

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
    """The stamp of a shape of half-width `radius` with a rim of width `rim`, in pixels."""
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


# the factors of the radius give all shapes about the area of the circle
_OUTLINES: dict[int, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    CIRCLE: lambda x, y, r: np.hypot(x, y) - r,
    SQUARE: lambda x, y, r: np.maximum(np.abs(x), np.abs(y)) - r * 0.9,
    DIAMOND: lambda x, y, r: (np.abs(x) + np.abs(y)) / ROOT2 - r * 0.88,
    TRIANGLE: lambda x, y, r: np.maximum(np.abs(x) * 0.866 - y * 0.5, y) - r * 0.6,
    CROSS: _cross,
    RING: lambda x, y, r: np.abs(np.hypot(x, y) - r) - max(0.8, r * 0.14),
    DOUBLE_RING: _double_ring,
}
