"""One panel of points: pan, zoom, lasso, hover, trails; panels side by side can be linked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.points.lasso import LassoViewBox
from explorer.points.points import PointsItem
from explorer.theme import Theme
from explorer.widgets.plot_widget import Plot

SIZE = 0.7  # of the marks: two panels share the width of one
HALO = 20  # logical pixels across
UNDER, OVER = -10, 10  # trails lie under the points, the halo over them


class Pane(QWidget):
    """Points with one row each; signals give rows."""

    hovered = Signal(object)  # row, or None
    picked = Signal(int, Qt.KeyboardModifier)
    lassoed = Signal(np.ndarray, str)  # polygon (k, 2), selection mode
    menu_wanted = Signal(object, QPoint)  # row or None, screen position
    reset_wanted = Signal()
    moved = Signal()  # the visible part changed

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = LassoViewBox()
        self.plot = Plot(self.box)
        self.plot.setAccessibleName(name)
        self.points = PointsItem(SIZE)
        self.trails = pg.PlotCurveItem()
        self.halo = pg.ScatterPlotItem(symbol="o", size=HALO, brush=None)
        self._hovered: int | None = None
        self._build()

    def set_points(self, xy: np.ndarray, frame: Sequence[float]) -> None:
        """Show points (n, 2), NaN for hidden ones; frame: the range of 'all points'."""
        self._hovered = None
        self.halo.clear()
        self.trails.clear()
        plain = np.zeros(len(xy), np.intp)
        self.points.set_frame(frame)
        self.points.set_points(xy, plain, plain)

    def set_trails(self, trails: Sequence[np.ndarray]) -> None:
        """Draw a line through the rows of each trail."""
        if not trails:
            self.trails.clear()
            return
        rows = np.concatenate(trails)
        ends = np.cumsum([len(trail) for trail in trails]) - 1
        connect = np.ones(len(rows), np.int32)
        connect[ends] = 0
        x, y = self.points.xy[rows].astype(np.float64).T
        self.trails.setData(x, y, connect=connect)

    def set_halo(self, row: int | None) -> None:
        """Mark the point under the mouse, in this or a linked panel."""
        at = self.points.xy[[] if row is None else [row]]
        self.halo.setData(pos=at[np.isfinite(at).all(1)])

    def set_theme(self, theme: Theme) -> None:
        """Colors of ground, axes, lasso, trails and halo."""
        self.plot.setBackground(theme.base)
        self.box.set_color(theme.accent)
        self.halo.setPen(pg.mkPen(theme.accent, width=2.5))
        self.trails.setPen(pg.mkPen(theme.muted, width=1))
        for side in ("bottom", "left"):
            self.plot.getAxis(side).setPen(pg.mkPen(theme.border))
            self.plot.getAxis(side).setTextPen(pg.mkPen(theme.muted))

    def set_lasso(self, on: bool) -> None:
        """Whether a plain drag draws a lasso."""
        self.box.lasso_tool = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self.plot.setCursor(shape)

    def show_all(self) -> None:
        """Show all points."""
        self.plot.enableAutoRange()

    def show_like(self, other: Pane) -> None:
        """Show the same part as another panel."""
        if all(other.box.state["autoRange"]):
            self.show_all()
        else:
            self.box.setRange(other.box.viewRect(), padding=0)

    def row_at(self, at: QPointF) -> int | None:
        """The row of the point at a place of the scene, None if there is none."""
        if not self.box.sceneBoundingRect().contains(at):
            return None
        return self.points.nearest(self.box.mapSceneToView(at))

    # -- building -------------------------------------------------------------------------
    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.trails.setZValue(UNDER)
        self.halo.setZValue(OVER)
        for item in (self.trails, self.points, self.halo):
            self.plot.addItem(item, ignoreBounds=item is not self.points)
        for side, text in (("bottom", "UMAP 1 (no unit)"), ("left", "UMAP 2 (no unit)")):
            axis = self.plot.getAxis(side)
            axis.setStyle(showValues=False, tickLength=0)  # UMAP coordinates have no meaning
            axis.setLabel(text)
        self.box.lassoed.connect(self._lassoed)
        self.box.sigRangeChanged.connect(self._move)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.scene().sigMouseMoved.connect(self._hover)

    # -- the mouse ------------------------------------------------------------------------
    def _lassoed(self, polygon: np.ndarray, mode: str) -> None:
        self.lassoed.emit(polygon, mode)

    def _move(self) -> None:
        self.moved.emit()

    def _hover(self, at: QPointF) -> None:
        row = self.row_at(at)
        if row != self._hovered:
            self._hovered = row
            self.hovered.emit(row)

    def _click(self, event: Any) -> None:
        row = self.row_at(event.scenePos())
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(row, event.screenPos().toPoint())
        elif event.double():
            self.reset_wanted.emit()
        elif event.button() == Qt.MouseButton.LeftButton and row is not None:
            self.picked.emit(row, event.modifiers())
