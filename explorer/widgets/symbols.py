"""Drawing of a model's marker."""

from __future__ import annotations

import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter

from explorer.theme import ModelStyle


def draw_symbol(painter: QPainter, style: ModelStyle, at: QPointF, size: float) -> None:
    """The symbol of `style`, `size` logical pixels across, centered at a point."""
    painter.save()
    painter.translate(at)
    painter.scale(size, size)
    painter.setPen(pg.mkPen(style.color, width=1))
    painter.setBrush(QColor(style.color))
    painter.drawPath(Symbols[style.symbol])
    painter.restore()
