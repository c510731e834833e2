"""Picking and layout in plain numpy, testable without Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def nearest(
    points: np.ndarray, at: tuple[float, float], scale: tuple[float, float], radius: float
) -> int | None:
    """Index of the point (n, 2) nearest to `at`, or None if it lies farther than `radius` pixels.

    scale: pixels per unit of x and y, of either sign. Among equally near points the last wins,
    because it is drawn on top; NaN points are never picked.
    """
    if not len(points):
        return None
    dx = (points[:, 0] - at[0]) * scale[0]
    dy = (points[:, 1] - at[1]) * scale[1]
    squared = np.nan_to_num(dx * dx + dy * dy, nan=np.inf)
    last = len(points) - 1 - int(np.argmin(squared[::-1]))
    return last if squared[last] <= radius * radius else None


def toward(points: np.ndarray, row: int, direction: tuple[int, int]) -> int | None:
    """The row of the point (n, 2) nearest to that of `row` in a direction; None if there is none.

    direction: (x, y), each -1, 0 or 1. Only points within 45 degrees of it count, and distance
    across it counts twice. NaN points and points at the same place are left out.
    """
    offset = (points - points[row]).astype(np.float64)
    unit = np.asarray(direction) / np.hypot(*direction)
    along = offset @ unit
    across = np.abs(offset @ np.array([-unit[1], unit[0]]))
    with np.errstate(invalid="ignore"):
        cost = np.where((along > 0) & (across <= along), along + 2 * across, np.inf)
    cost = np.nan_to_num(cost, nan=np.inf, posinf=np.inf)
    best = int(np.argmin(cost))
    return best if np.isfinite(cost[best]) else None


def distance_to_line(
    points: np.ndarray, at: tuple[float, float], scale: tuple[float, float]
) -> float:
    """Distance of `at` from the line through points (n, 2), in pixels; inf without points.

    scale: pixels per unit of x and y. The line is broken at NaN points; a point between two gaps
    counts as a point.
    """
    if not len(points):
        return np.inf
    offsets = (points - np.asarray(at)) * np.asarray(scale)
    start, step = offsets[:-1], np.diff(offsets, axis=0)
    length = (step * step).sum(1)
    share = np.clip(-(start * step).sum(1) / np.where(length > 0, length, 1), 0, 1)
    nearest_to_each = np.concatenate([start + share[:, None] * step, offsets])
    return float(np.nan_to_num(np.hypot(*nearest_to_each.T), nan=np.inf).min())


def in_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(n,) bool: points (n, 2) inside the polygon (k, 2), closed implicitly, even-odd rule."""
    inside = np.zeros(len(points), bool)
    if len(polygon) < 3 or not len(points):
        return inside
    low, high = polygon.min(0), polygon.max(0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(1))
    near = near[np.argsort(points[near, 1])]
    x, y = points[near, 0].astype(np.float64), points[near, 1].astype(np.float64)
    crossed = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 == y1:
            continue  # a ray along x never crosses a level edge
        level = slice(*np.searchsorted(y, sorted((y0, y1))))  # points are sorted, so few are tested
        crossed[level] ^= x[level] < x0 + (y[level] - y0) * (x1 - x0) / (y1 - y0)
    inside[near] = crossed
    return inside


def bounds(points: np.ndarray, margin: float = 0.05) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) around the finite points (n, 2), wider by `margin` of the extent each way.

    A single point gets a unit square; no points the unit square around the origin.
    """
    finite = points[np.isfinite(points).all(1)] if len(points) else points
    if not len(finite):
        return (-0.5, -0.5, 0.5, 0.5)
    low, high = finite.min(0).astype(np.float64), finite.max(0).astype(np.float64)
    extent = np.where(high > low, high - low, 1.0)
    pad = np.where(high > low, margin * extent, 0.5)
    x0, y0 = low - pad
    x1, y1 = high + pad
    return float(x0), float(y0), float(x1), float(y1)


def turned_to_fit(points: np.ndarray, aspect: float, step: int = 15) -> np.ndarray:
    """(2, 2) rotation by a multiple of `step` degrees after which points (n, 2) fit a page best.

    `points @ rotation` are the turned points; aspect: width of the page over its height. Only for
    layouts without a meaning of directions, such as UMAP's.
    """
    finite = points[np.isfinite(points).all(1)]
    best, largest = np.eye(2), 0.0
    if len(finite) < 2:
        return best
    for degrees in range(0, 180, step):
        angle = np.deg2rad(degrees)
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        width, height = np.ptp(finite @ rotation, axis=0).tolist()
        scale = min(aspect / max(width, 1e-12), 1 / max(height, 1e-12))
        if scale > 1.02 * largest:  # small gains are not worth turning it
            best, largest = rotation, scale
    return best


def runs(mask: np.ndarray) -> list[slice]:
    """The contiguous runs of True in a (n,) mask, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


@dataclass(frozen=True)
class Grid:
    """`count` equal cells of `cell` pixels, row by row, in a page `width` pixels wide.

    height: pixels per row if cells are not square.
    """

    count: int
    width: int
    cell: int
    height: int = 0

    @property
    def columns(self) -> int:
        """Cells side by side, at least one."""
        return max(1, self.width // max(1, self.cell))

    @property
    def rows(self) -> int:
        """Rows that hold every cell."""
        return -(-self.count // self.columns)

    def position(self, row: int, column: int) -> int | None:
        """Index of the cell at this position; None outside the grid and after the last cell."""
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return None
        position = row * self.columns + column
        return position if position < self.count else None

    def within(self, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
        """Ascending positions of the cells that a rectangle of page pixels touches, inclusive."""
        left, right = sorted((x0 // self.cell, x1 // self.cell))
        height = self.height or self.cell
        top, bottom = sorted((y0 // height, y1 // height))
        columns = np.arange(max(0, left), min(self.columns - 1, right) + 1)
        rows = np.arange(max(0, top), min(self.rows - 1, bottom) + 1)
        positions = (rows[:, None] * self.columns + columns[None, :]).ravel()
        return positions[positions < self.count]
