"""The point that each pixel of an image shows, to recolor it without drawing again."""

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
        """Number of pixels of one mark."""
        return len(self.mark.dx)


@dataclass(frozen=True, eq=False)
class Visible:
    """The point and the part of its mark that each pixel shows, independent of colors.

    at: (m,) flat index of the pixel; rows: (m,) row of the point; part: (m,) index into the
    concatenated pixels of all marks; border: of the canvas.
    """

    at: np.ndarray
    rows: np.ndarray
    part: np.ndarray
    border: int

    @classmethod
    def on(cls, canvas: Canvas, layers: Sequence[Marked]) -> Visible:
        """Stamp the numbers of the marks' pixels on an empty canvas, later layers on top."""
        first = [1 + start for start in _starts([len(one.rows) * one.pixels for one in layers])]
        for one, number in zip(layers, first, strict=False):
            canvas.stamp_at(one.places, one.mark, _numbers(number, one.pixels))
        flat = canvas.pixels.reshape(-1)
        at = np.flatnonzero(flat != 0)
        rows, part = _points(flat[at], first, layers)
        return cls(at, rows, part, canvas.border)

    def paint(self, canvas: Canvas, color: np.ndarray, values: Sequence[np.ndarray]) -> None:
        """Color a canvas like that by color numbers (n,); values: `Stamp.values` per layer."""
        if not len(self.at):
            return
        table = np.concatenate([one.T for one in values])
        number = self.part * table.shape[1] + color.take(self.rows)
        canvas.pixels.reshape(-1)[self.at] = table.reshape(-1).take(number)


def _points(
    number: np.ndarray, first: Sequence[int], layers: Sequence[Marked]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the points and indices of the parts that pixels with these numbers (m,) show."""
    rows, part = np.empty(len(number), np.intp), np.empty(len(number), np.intp)
    parts = _starts([one.pixels for one in layers])
    for i, one in enumerate(layers):
        selected = np.flatnonzero((number >= first[i]) & (number < first[i + 1]))
        inside, pixels = number[selected] - np.uint32(first[i]), np.uint32(one.pixels)
        point = inside // pixels
        rows[selected], part[selected] = one.rows[point], parts[i] + (inside - point * pixels)
    return rows, part


def _numbers(first: int, pixels: int) -> Ink:
    """Ink that numbers the pixels of all marks consecutively."""
    each = np.arange(pixels, dtype=np.uint32)

    def ink(rows: np.ndarray) -> np.ndarray:
        return np.asarray((first + rows * pixels).astype(np.uint32)[:, None] + each)

    return ink


def _starts(counts: Sequence[int]) -> list[int]:
    """The start of each part if they are concatenated, and the end of the last."""
    return [0, *np.cumsum(counts, dtype=np.intp).tolist()]
