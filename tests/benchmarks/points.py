"""A cloud of 60,000 points: ours against `ScatterPlotItem`; `python -m tests.benchmarks.points`.

Both are drawn in a plot of the same size. A pan is a shifted view and its painting; recoloring
gives every point another color and paints; nearest finds the point under the cursor; a lasso finds
what lies in a polygon of 60 corners. Each is done in turn in the one and in the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pyqtgraph as pg
from matplotlib.path import Path as Outline
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from engine.bench.row import BenchRow
from engine.drawing.geometry import in_polygon
from explorer.points.points import PointsItem
from explorer.points.stamps import CIRCLE
from tests.benchmarks.harness import application, circumstances, compared, show

POINTS, COLORS, ROUNDS = 60_000, 10, 15
SIZE = (900, 700)  # logical pixels
TARGETS = {"pan": 16, "recolor": 10, "nearest": 5, "lasso": 30}  # ms


class Cloud:
    """The points, in a plot of ours and in one of pyqtgraph's own kind."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.xy = rng.normal(size=(POINTS, 2)).astype(np.float32)
        self.colors = [rng.integers(0, COLORS, POINTS) for _ in range(2)]
        self.palette = [pg.intColor(number, COLORS).name() for number in range(COLORS)]
        self.brushes = [pg.mkBrush(color) for color in self.palette]
        self.ours, self.theirs = PointsItem(), pg.ScatterPlotItem(size=4, pen=None)
        self.ours.set_colors(self.palette, "#000000")
        self.ours.set_points(self.xy, self.colors[0], np.full(POINTS, CIRCLE))
        self.theirs.setData(pos=self.xy, brush=self._brushes(0))
        self.plots = [self._plot(item) for item in (self.ours, self.theirs)]
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        self.outline = np.stack([np.cos(angle), np.sin(angle)], 1)
        self._turn = 0

    def pan(self, number: int) -> None:
        """Shift the view by some pixels and paint."""
        view = self.plots[number].getViewBox()
        self._turn += 1
        view.translateBy(x=0.05 if self._turn % 2 else -0.05)
        self._paint(number)

    def recolor(self, number: int) -> None:
        """Give every point another color and paint."""
        self._turn += 1
        if number == 0:
            self.ours.set_marks(self.colors[self._turn % 2], np.full(POINTS, CIRCLE))
        else:
            self.theirs.setBrush(self._brushes(self._turn % 2))
        self._paint(number)

    def nearest(self, number: int) -> None:
        """The point under the cursor."""
        if number == 0:
            self.ours.nearest(QPointF(0.1, 0.1))
        else:
            self.theirs.pointsAt(QPointF(0.1, 0.1))

    def lasso(self, number: int) -> None:
        """Who lies in the polygon; pyqtgraph has no such question, matplotlib's is widely used."""
        if number == 0:
            in_polygon(self.xy, self.outline)
        else:
            Outline(self.outline).contains_points(self.xy)

    def close(self) -> None:
        """Free the plots."""
        for plot in self.plots:
            plot.close()

    def _brushes(self, number: int) -> list[object]:
        return [self.brushes[color] for color in self.colors[number]]

    def _plot(self, item: pg.GraphicsObject) -> pg.PlotWidget:
        plot = pg.PlotWidget()
        plot.resize(*SIZE)
        plot.addItem(item)
        plot.setRange(xRange=(-4, 4), yRange=(-4, 4))
        plot.show()
        QApplication.processEvents()
        return plot

    def _paint(self, number: int) -> None:
        self.plots[number].viewport().repaint()


def rows() -> Iterator[BenchRow]:
    """One row for each thing that a hand does."""
    application()
    cloud = Cloud()
    for name, target in TARGETS.items():
        times = _alternate(getattr(cloud, name))
        yield compared(f"{POINTS:,} points: {name}", target, *times)
    cloud.close()


def _alternate(do: Callable[[int], None]) -> tuple[list[float], list[float]]:
    """Milliseconds of ours and of the other, in turn; the first of each is a warm-up."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * (ROUNDS + 1)):
        started = time.perf_counter()
        do(turn % 2)
        found[turn % 2].append((time.perf_counter() - started) * 1000)
    return found[0][1:], found[1][1:]


if __name__ == "__main__":
    print(circumstances())
    show(rows())
