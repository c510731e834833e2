"""Which point each pixel of a picture belongs to: other colors need no other drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.points.canvas import Canvas, Ink
from explorer.points.stamps import Stamp


@dataclass(frozen=True, eq=False)
class Marked:
    """Points with one mark: their rows (m,) among all points and their places (2, m) int32."""

    rows: np.ndarray
    places: np.ndarray
    mark: Stamp

    @property
    def pixels(self) -> int:
        """Of one mark."""
        return len(self.mark.dx)


@dataclass(frozen=True, eq=False)
class Seen:
    """Which part of which point's mark each pixel shows, whatever its color.

    at: (m,) flat pixel of the canvas; rows: (m,) point; part: (m,) number among the pixels of all
    marks, one mark behind the other; border: of the canvas.
    """

    at: np.ndarray
    rows: np.ndarray
    part: np.ndarray
    border: int

    @classmethod
    def on(cls, canvas: Canvas, layers: Sequence[Marked]) -> Seen:
        """Stamp the numbers of the marks' pixels on an empty canvas, later layers on top."""
        first = [1 + start for start in _starts([len(one.rows) * one.pixels for one in layers])]
        for one, number in zip(layers, first, strict=False):
            canvas.stamp_at(one.places, one.mark, _numbers(number, one.pixels))
        flat = canvas.pixels.reshape(-1)
        at = np.flatnonzero(flat != 0)
        rows, part = _told(flat[at], first, layers)
        return cls(at, rows, part, canvas.border)

    def paint(self, canvas: Canvas, color: np.ndarray, values: Sequence[np.ndarray]) -> None:
        """Color a canvas like that by color numbers (n,); values: `Stamp.values` per layer."""
        if not len(self.at):
            return
        table = np.concatenate([one.T for one in values])
        number = self.part * table.shape[1] + color.take(self.rows)
        canvas.pixels.reshape(-1)[self.at] = table.reshape(-1).take(number)


def _told(
    number: np.ndarray, first: Sequence[int], layers: Sequence[Marked]
) -> tuple[np.ndarray, np.ndarray]:
    """Row of the point and part of all marks that pixels with these numbers (m,) show."""
    rows, part = np.empty(len(number), np.intp), np.empty(len(number), np.intp)
    parts = _starts([one.pixels for one in layers])
    for i, one in enumerate(layers):
        mine = np.flatnonzero((number >= first[i]) & (number < first[i + 1]))
        inside, pixels = number[mine] - np.uint32(first[i]), np.uint32(one.pixels)
        point = inside // pixels
        rows[mine], part[mine] = one.rows[point], parts[i] + (inside - point * pixels)
    return rows, part


def _numbers(first: int, pixels: int) -> Ink:
    """Ink that numbers the pixels of all marks through, one mark behind the other."""
    each = np.arange(pixels, dtype=np.uint32)

    def ink(rows: np.ndarray) -> np.ndarray:
        return np.asarray((first + rows * pixels).astype(np.uint32)[:, None] + each)

    return ink


def _starts(counts: Sequence[int]) -> list[int]:
    """Where each begins if they lie one behind the other, and where the last ends."""
    return [0, *np.cumsum(counts, dtype=np.intp).tolist()]
