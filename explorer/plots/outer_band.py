"""The band around the null band: where one more Re-train lies, with dashed edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QGraphicsPathItem

from explorer.plots.band_paths import band_path
from explorer.theme import Theme

FILL = 0.35  # opacity of its area, relative to the null band's
BEHIND = 0.5  # its height: below intervals and the null band


class OuterBand:
    """An area and its two edges in a plot; nothing is drawn without ends."""

    def __init__(self, plot: pg.PlotWidget) -> None:
        self._area = QGraphicsPathItem()
        self._area.setPen(Qt.PenStyle.NoPen)
        self._edges = [pg.PlotCurveItem(), pg.PlotCurveItem()]
        for item in (self._area, *self._edges):
            item.setZValue(BEHIND)
            plot.addItem(item, ignoreBounds=True)

    def draw(self, x: np.ndarray | None, ends: Sequence[np.ndarray], theme: Theme) -> None:
        """Draw the band between the ends (n,) at x (n,), in the coordinates of the axis."""
        shown = x is not None and len(ends) == len(self._edges)
        for item in (self._area, *self._edges):
            item.setVisible(shown)
        if x is None or not shown:
            return
        fill = QColor(theme.null_band.fill)
        fill.setAlphaF(FILL * fill.alphaF())
        self._area.setBrush(QBrush(fill))
        self._area.setPath(band_path(x, *ends))
        pen = pg.mkPen(theme.null_band.edge, width=1, style=Qt.PenStyle.DashLine)
        for edge, end in zip(self._edges, ends, strict=True):
            edge.setPen(pen)
            edge.setData(x, end, connect="finite")
