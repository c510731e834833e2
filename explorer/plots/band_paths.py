"""Paths of intervals: the area between two curves, and vertical lines."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPainterPath

from engine.drawing.geometry import runs


def band_path(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> QPainterPath:
    """The area between low and high (n,), broken where either is undefined."""
    path = QPainterPath()
    for part in runs(np.isfinite(low) & np.isfinite(high)):
        corners = [*zip(x[part], low[part], strict=True)]
        corners += reversed([*zip(x[part], high[part], strict=True)])
        path.moveTo(*map(float, corners[0]))
        for a, b in corners[1:]:
            path.lineTo(float(a), float(b))
        path.closeSubpath()
    return path


def whisker_path(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> QPainterPath:
    """A line from low to high (n,) at each x where both are defined."""
    path = QPainterPath()
    for at, start, end in zip(x.tolist(), low.tolist(), high.tolist(), strict=True):
        if np.isfinite(start) and np.isfinite(end):
            path.moveTo(at, start)
            path.lineTo(at, end)
    return path
