"""ROC curves with their operating points, on a linear or a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.membership.results import Roc
from explorer.plots.drag_plot import DragPlot
from explorer.theme import LIGHT, ModelStyle, Theme
from explorer.widgets.legend import Legend, LegendEntry, line_pen

LOW_FPR = 1.0  # percent
DOTS = (1.0, 3.0)
LOWEST = 100  # logical pixels


@dataclass(frozen=True, eq=False)
class Rates:
    """One curve. step: index of its operating point, -1 for none."""

    label: str
    style: ModelStyle
    roc: Roc
    step: int


class RocPlot(QWidget):
    """ROC curves; the first one's operating point can be dragged, `picked` gives its step."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = DragPlot("ROC", Qt.CursorShape.PointingHandCursor)
        self.plot.setToolTip(
            "True against false positive rate at every threshold. Click or drag along the curve "
            "of A to move its threshold. The thin line is chance, the dotted one an FPR of 1 %."
        )
        self.legend = Legend()
        self._theme, self._log, self._floor = LIGHT, False, 0.0
        self._shown: tuple[Rates, ...] = ()
        self._curves = [pg.PlotDataItem(), pg.PlotDataItem()]
        self._points = [pg.PlotDataItem(), pg.PlotDataItem()]
        self._chance = pg.PlotDataItem()
        self._low = pg.InfiniteLine(angle=90, movable=False)
        for item in (self._chance, *reversed(self._curves), *reversed(self._points)):
            self.plot.addItem(item)
        self.plot.addItem(self._low, ignoreBounds=True)
        self.plot.setMinimumHeight(LOWEST)
        self.plot.set_axes("FPR (%)", "TPR (%)")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self.plot.dragged.connect(self._drag)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.plot.set_theme(theme)
        self._low.setPen(line_pen(theme.muted, DOTS, 1.5))
        self._chance.setPen(pg.mkPen(theme.muted, width=1))

    def draw(self, shown: Sequence[Rates], *, log: bool) -> None:
        """Show one or two curves; log: FPR on a logarithmic axis, 0 at its left end."""
        self._shown, self._log = tuple(shown), log
        self._floor = 50 / int(shown[0].roc.fp[-1])  # percent: half a sample
        for number, curve in enumerate(self._curves):
            curve.setVisible(number < len(shown))
            self._points[number].setVisible(number < len(shown))
        for number, one in enumerate(shown):
            self._curves[number].setData(*self._rates(one.roc))
            width = 2.5 if number == 0 else 2.0
            self._curves[number].setPen(line_pen(one.style.color, one.style.dash, width))
            self._set_point(number, one.step)
        self._draw_axes()
        text = self._theme.text
        entries = [
            LegendEntry(one.label, one.style.color, one.style.symbol, one.style.dash)
            for one in shown
        ]
        self.legend.set_entries(entries, text)

    def set_step(self, step: int) -> None:
        """Set the operating point of the first curve."""
        self._set_point(0, step)

    def point_of(self, step: int) -> tuple[float, float]:
        """The position of a step of the first curve, in the coordinates of the axes."""
        x, y = self._rates(self._shown[0].roc)
        return float(x[step]), float(y[step])

    def operating_point(self, number: int = 0) -> tuple[float, float] | None:
        """The position of a curve's operating point in the coordinates of the axes, if any."""
        x, y = self._points[number].getData()
        return (float(x[0]), float(y[0])) if x is not None and len(x) else None

    def _set_point(self, number: int, step: int) -> None:
        style, (x, y) = self._shown[number].style, self._rates(self._shown[number].roc)
        rows = [step] if step >= 0 else []
        self._points[number].setData(
            x[rows], y[rows], pen=None, symbol=style.symbol, symbolSize=12 if number == 0 else 9,
            symbolBrush=QColor(style.color), symbolPen=pg.mkPen(self._theme.text, width=1.5),
        )  # fmt: skip

    def _rates(self, roc: Roc) -> tuple[np.ndarray, np.ndarray]:
        return self._place(100 * roc.fp / roc.fp[-1]), 100 * roc.tp / roc.tp[-1]

    def _place(self, percent: np.ndarray) -> np.ndarray:
        """The position of false positive rates on the axis."""
        return np.log10(np.maximum(percent, self._floor)) if self._log else percent

    def _draw_axes(self) -> None:
        low = self._place(np.array([0.0, LOW_FPR]))
        right = float(self._place(np.array([100.0]))[0])
        chance = np.append(0, np.geomspace(self._floor, 100, 60))
        self._chance.setData(self._place(chance), chance)
        self._low.setPos(float(low[1]))
        pad = 0.02 * (right - float(low[0]))
        self.plot.setRange(
            xRange=(float(low[0]) - pad, right + 2 * pad), yRange=(-2, 104), padding=0
        )
        self.plot.getAxis("bottom").setTicks([self._marks()] if self._log else None)

    def _marks(self) -> list[tuple[float, str]]:
        powers = [k for k in range(-3, 3) if 10.0**k > 1.5 * self._floor]
        return [(float(np.log10(self._floor)), "0"), *((float(k), f"{10.0**k:g}") for k in powers)]

    def _drag(self, x: float, y: float) -> None:
        if self._shown:
            (left, right), (bottom, top) = self.plot.viewRange()
            at_x, at_y = self._rates(self._shown[0].roc)
            far = np.hypot((at_x - x) / (right - left), (at_y - y) / (top - bottom))
            self.picked.emit(int(far.argmin()))
