"""Many points as a density: their mean color, the more opaque the more of them share a place."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

DENSE = 12_000  # points in view from which they are drawn as a density
WEIGHT = 0.4  # opacity exponent of one point in its own cell
CELL = 2  # pixels of a cell; between cells, the image is interpolated


def draw_density(
    pixels: np.ndarray, places: np.ndarray, colors: np.ndarray, corner: tuple[int, int]
) -> None:
    """Fill pixels (h, w), uint32 premultiplied ARGB, with points at whole pixels places (2, n).

    places: relative to the area's corner; corner: its place in the view, to which the cells are
    aligned, so that neighboring areas fit. colors (n, 3), 0 to 255. Each point is spread over 3
    cells a side; a cell of the weight w has the opacity 1 - exp(-WEIGHT * w) and the weighted mean
    of the colors.
    """
    height, width = pixels.shape
    left, top = (int(part) % CELL for part in corner)
    columns, rows = -(-(width + left) // CELL), -(-(height + top) // CELL)
    x, y = (places[0] + left) // CELL, (places[1] + top) // CELL
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    at = y[inside].astype(np.intp) * columns + x[inside]
    parts = np.empty((4, rows * columns), np.float32)
    for part, weights in zip(parts, (None, *colors[inside].T), strict=True):
        part[:] = np.bincount(at, weights, rows * columns)
    spread = parts.reshape(4, rows, columns)
    for axis in (1, 2):
        _spread(spread, axis)
    total = spread[0]
    opacity = 1 - np.exp(-WEIGHT * total)
    share = np.divide(opacity, total, out=np.zeros_like(total), where=total > 0)
    red, green, blue = (np.rint(one * share).astype(np.uint32) for one in spread[1:])
    alpha = np.rint(opacity * 255).astype(np.uint32)
    cells = (alpha << 24) | (red << 16) | (green << 8) | blue
    large = _enlarged(cells)
    lines = np.frombuffer(large.constBits(), np.uint32).reshape(large.height(), -1)
    pixels[:] = lines[top : top + height, left : left + width]


def _spread(image: np.ndarray, axis: int) -> None:
    """Convolve the image (4, h, w) with (1/2, 1, 1/2) along an axis."""
    half = image * np.float32(0.5)
    front, back = [slice(None)] * 3, [slice(None)] * 3
    front[axis], back[axis] = slice(1, None), slice(None, -1)
    image[tuple(back)] += half[tuple(front)]
    image[tuple(front)] += half[tuple(back)]


def _enlarged(cells: np.ndarray) -> QImage:
    """The cells (h, w) uint32 premultiplied ARGB enlarged to pixels, interpolated between them."""
    height, width = cells.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    image = QImage(np.ascontiguousarray(cells).data, width, height, 4 * width, kind)
    return image.scaled(
        CELL * width, CELL * height,
        Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation,
    )  # fmt: skip
