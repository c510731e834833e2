"""Labels in a column, each as near as possible to the height it belongs to, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.arrays import Floats


def stacked_centers(wanted: Sequence[float], height: float, low: float, high: float) -> Floats:
    """(n,) centers of n labels of one height within [low, high], in the order of `wanted`.

    They keep the order of their wanted centers, do not overlap, and the sum of squared shifts is
    smallest (isotonic regression). ValueError if n labels do not fit.

    >>> stacked_centers([50, 52, 90], 10, 0, 100).tolist()
    [46.0, 56.0, 90.0]
    >>> stacked_centers([99, 98], 10, 0, 100).tolist()
    [95.0, 85.0]
    """
    count = len(wanted)
    if not count:
        return np.zeros(0)
    if count * height > high - low:
        raise ValueError(f"{count} labels of {height:g} do not fit between {low:g} and {high:g}")
    order = np.argsort(wanted, kind="stable")
    steps = np.arange(count) * height
    level = _isotonic(np.asarray(wanted, np.float64)[order] - steps)
    level = np.clip(level, low + height / 2, high - height / 2 - steps[-1])
    centers = np.empty(count)
    centers[order] = level + steps
    return centers


def most_apart(wanted: Sequence[float], count: int) -> list[int]:
    """Indices of `count` labels that remain if the one nearest to another is dropped repeatedly.

    >>> most_apart([0, 1, 5, 9], 2)
    [0, 3]
    """
    left = np.argsort(wanted, kind="stable").tolist()
    while len(left) > max(0, count):
        if len(left) < 3:
            left.pop()
            continue
        values = np.asarray(wanted, np.float64)[left]
        gaps = values[2:] - values[:-2]  # what the ends of each inner label are apart
        left.pop(1 + int(gaps.argmin()))
    return sorted(left)


def _isotonic(values: Floats) -> Floats:
    """The non-decreasing sequence nearest to `values`, by pooling adjacent violators."""
    means: list[float] = []
    sizes: list[int] = []
    for value in values.tolist():
        means.append(value)
        sizes.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            size = sizes[-2] + sizes[-1]
            means[-2] = (means[-2] * sizes[-2] + means[-1] * sizes[-1]) / size
            sizes[-2] = size
            means.pop()
            sizes.pop()
    return np.repeat(means, sizes)
