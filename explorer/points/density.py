"""Many points as a density: their mean color, the more opaque the more of them share a pixel."""

from __future__ import annotations

import numpy as np

DENSE = 12_000  # points in view from which they are drawn as a density
WEIGHT = 0.55  # opacity exponent of one point at its own pixel
REACH = 2  # pixels that a point is spread over on each side
KERNEL = np.array([0.25, 0.75, 1.0, 0.75, 0.25], np.float32)


def density(places: np.ndarray, colors: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) uint32 premultiplied ARGB of points at whole pixels places (2, n).

    colors (n, 3), 0 to 255. Each point is spread over (2 * REACH + 1) pixels a side; a pixel with
    the weight w has the opacity 1 - exp(-WEIGHT * w) and the weighted mean of the colors.
    """
    x, y = places
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    at = y[inside].astype(np.intp) * width + x[inside]
    shades, count = colors[inside], width * height
    weights = [None, *shades.T]
    parts = np.stack([np.bincount(at, one, count) for one in weights]).astype(np.float32)
    spread = _spread(_spread(parts.reshape(4, height, width), 1), 2)
    total = spread[0]
    opacity = 1 - np.exp(-WEIGHT * total)
    share = np.divide(opacity, total, out=np.zeros_like(total), where=total > 0)
    red, green, blue = (np.rint(one * share).astype(np.uint32) for one in spread[1:])
    alpha = np.rint(opacity * 255).astype(np.uint32)
    return np.asarray((alpha << 24) | (red << 16) | (green << 8) | blue)


def _spread(image: np.ndarray, axis: int) -> np.ndarray:
    """The image (4, h, w) convolved with KERNEL along an axis."""
    result = image * KERNEL[REACH]
    for step in range(1, REACH + 1):
        weight = KERNEL[REACH + step]
        front = [slice(None)] * 3
        back = [slice(None)] * 3
        front[axis], back[axis] = slice(step, None), slice(None, -step)
        result[tuple(back)] += weight * image[tuple(front)]
        result[tuple(front)] += weight * image[tuple(back)]
    return np.asarray(result)
