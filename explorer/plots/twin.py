"""Two charts with the same axes and one legend, side by side if they fit, else stacked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.plots.chart import Chart, Ground, Series, entry_of
from explorer.theme import Theme
from explorer.widgets.legend import Legend, LegendEntry
from explorer.widgets.panel import muted_label

SIDE_BY_SIDE = 420  # logical pixels of width, from which the two are side by side
LETTER, TICK_GAP = 6.5, 14  # logical pixels: width of a letter, gap between two ticks
LEFT, RIGHT = 0, 1


class TwinCharts(QWidget):
    """Signals as those of Chart; `hovered` and `picked` also give the chart, LEFT or RIGHT."""

    hovered = Signal(int, float)
    picked = Signal(int, str, float)
    toggled = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.charts = (Chart(f"{name}, first"), Chart(f"{name}, second"))
        self.titles: tuple[QLabel, QLabel] = (muted_label(), muted_label())
        self.legend = Legend()
        self._ticks: tuple[str, ...] = ()
        self._theme: Theme | None = None
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for chart, title in zip(self.charts, self.titles, strict=True):
            chart.legend.hide()
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addWidget(title)
            column.addWidget(chart, 1)
            self._row.addLayout(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addLayout(self._row, 1)
        self._connect()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        for chart in self.charts:
            chart.set_theme(theme)

    def set_axes(self, bottom: str, left: str, ticks: Sequence[str] = ()) -> None:
        """Axis labels, units included; ticks: names of x = 1, 2, ... instead of numbers."""
        self._ticks = tuple(ticks)
        for chart in self.charts:
            chart.set_axes(bottom, left)
        self._set_ticks()

    def draw(
        self,
        series: tuple[Sequence[Series], Sequence[Series]],
        grounds: tuple[Ground | None, Ground | None] = (None, None),
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        log: bool = False,
    ) -> None:
        """Show curves in both, over the same range of x and y (before taking logarithms)."""
        low, high = (np.log10(end) for end in y) if log else y
        for chart, curves, ground in zip(self.charts, series, grounds, strict=True):
            chart.draw(curves, ground, log=log)
            chart.plot.setXRange(*x, padding=0.03)
            chart.plot.setYRange(low, high, padding=0.05)
        self._draw_legend([*series[LEFT], *series[RIGHT]], grounds[LEFT])

    def set_cross(self, side: int, x: float | None) -> None:
        """Put the crosshair of one chart at x and hide the other's; None hides both."""
        for number, chart in enumerate(self.charts):
            chart.set_cross(x if number == side else None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the charts side by side if there is room."""
        super().resizeEvent(event)
        wide = self.width() >= SIDE_BY_SIDE
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._row.setDirection(across if wide else down)
        self._set_ticks()

    def _connect(self) -> None:
        first, second = self.charts
        first.hovered.connect(self._hover_left)
        second.hovered.connect(self._hover_right)
        first.picked.connect(self._pick_left)
        second.picked.connect(self._pick_right)
        self.legend.toggled.connect(self.toggled)

    def _set_ticks(self) -> None:
        """Show as many tick names as fit, evenly spaced; numbers without names."""
        stacked = self._row.direction() == QBoxLayout.Direction.TopToBottom
        room = (self.width() if stacked else self.width() / 2) - 70
        longest = max(map(len, self._ticks), default=1) * LETTER + TICK_GAP
        every = max(1, int(np.ceil(len(self._ticks) * longest / max(room, 1))))
        ticks = [(i + 1, word) for i, word in enumerate(self._ticks) if i % every == every // 2]
        for chart in self.charts:
            chart.plot.getAxis("bottom").setTicks([ticks] if self._ticks else None)

    def _draw_legend(self, series: Sequence[Series], ground: Ground | None) -> None:
        if self._theme is None:
            return
        entries = [*{item.name: entry_of(item) for item in series}.values()]
        if ground is not None and ground.label:
            entries.append(LegendEntry(ground.label, self._theme.border, area=True))
        self.legend.set_entries(entries, self._theme.text)

    def _hover_left(self, x: float) -> None:
        self.hovered.emit(LEFT, x)

    def _hover_right(self, x: float) -> None:
        self.hovered.emit(RIGHT, x)

    def _pick_left(self, name: str, x: float) -> None:
        self.picked.emit(LEFT, name, x)

    def _pick_right(self, name: str, x: float) -> None:
        self.picked.emit(RIGHT, name, x)
