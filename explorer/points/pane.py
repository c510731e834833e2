"""One panel of points: pan, zoom, lasso, hover, pictures, names and trails; panels can be linked.

Axes are left out: coordinates of an embedding have no unit and no meaning of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.drawing.geometry import nearest, toward
from explorer.points.lasso import LassoViewBox
from explorer.points.names import Name, NamesItem
from explorer.points.pictures import Draw, PicturesItem
from explorer.points.points import PICK_RADIUS, PointsItem
from explorer.theme import Theme
from explorer.widgets.plot_widget import Plot

SIZE = 0.8  # of the marks, relative to a plot that fills the screen
HALO = 20  # logical pixels across
COPY = 7  # logical pixels across the mark of a perturbed copy
MARGIN = 26.0  # logical pixels around all points, for pictures
HEAD = 32.0  # logical pixels more above all points, for the tools and the bar that float there
FOOT = 26.0  # logical pixels more below them, for a line of the legend
STEP = 1.3  # a step of zooming
UNDER, OVER, PICTURES, NAMES = -10, 30, 10, 20  # trails lie under the points, the halo over all


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
        self.points.margin = MARGIN
        self.pictures = PicturesItem()
        self.names = NamesItem(self.pictures)
        self.pictures.changed = self.names.place_again
        self.trails = pg.PlotCurveItem()
        self.copies = pg.ScatterPlotItem(symbol="t1", size=COPY)
        self.halo = pg.ScatterPlotItem(symbol="o", size=HALO, brush=None)
        self.positions = np.empty((0, 2), np.float32)  # of all points, the hidden ones too
        self._frame: Sequence[float] = (-0.5, -0.5, 0.5, 0.5)
        self._copies = np.empty(0, np.intp)  # rows of the perturbed copies drawn
        self._hovered: int | None = None
        self._head, self._foot = HEAD, FOOT
        self._build()

    def set_points(
        self, xy: np.ndarray, hidden: np.ndarray, frame: Sequence[float], draw: Draw | None = None
    ) -> None:
        """Show points (n, 2) that are not hidden (n,) bool.

        frame: the range of 'all points'; draw: draws the picture of a row.
        """
        self._hovered, self._frame = None, frame
        self.positions = xy
        self.halo.clear()
        self.set_trails([], np.empty(0, np.intp), ())
        shown = np.where(hidden[:, None], np.float32(np.nan), xy)
        plain = np.zeros(len(xy), np.intp)
        self._learn_unit()
        self.points.set_points(shown, plain, plain)
        self.pictures.set_points(shown, draw)

    def set_trails(
        self, trails: Sequence[np.ndarray], copies: np.ndarray, colors: Sequence[str]
    ) -> None:
        """Draw a line through the rows of each trail, and marks at the rows of copies (k,)."""
        self._copies = copies
        brushes = [pg.mkBrush(color) for color in colors]
        self.copies.setData(pos=self.positions[copies].astype(np.float64), brush=brushes)
        if not trails:
            self.trails.clear()
            return
        rows = np.concatenate(trails)
        ends = np.cumsum([len(trail) for trail in trails]) - 1
        connect = np.ones(len(rows), np.int32)
        connect[ends] = 0
        x, y = self.positions[rows].astype(np.float64).T
        self.trails.setData(x, y, connect=connect)

    def set_names(self, names: Sequence[Name]) -> None:
        """Write these names over the points."""
        self.names.set_names(names)

    def set_halo(self, row: int | None) -> None:
        """Mark the point under the mouse, in this or a linked panel."""
        at = self.positions[[] if row is None else [row]]
        self.halo.setData(pos=at[np.isfinite(at).all(1)])

    def set_room(self, head: int, foot: int) -> None:
        """Leave room for so many rows of controls above all points, and lines of a legend below."""
        room = head * HEAD, foot * FOOT
        if room != (self._head, self._foot):
            self._head, self._foot = room
            self._learn_unit()

    def set_theme(self, theme: Theme) -> None:
        """Colors of ground, lasso, trails, pictures, names and halo."""
        self.plot.setBackground(theme.base)
        self.box.set_color(theme.accent)
        self.halo.setPen(pg.mkPen(theme.accent, width=2.5))
        self.trails.setPen(pg.mkPen(theme.muted, width=1))
        self.copies.setPen(pg.mkPen(theme.text, width=1))
        self.pictures.set_colors(theme.base, theme.text, theme.accent)
        self.names.set_colors(theme.base, theme.text)

    def set_lasso(self, on: bool) -> None:
        """Whether a plain drag draws a lasso."""
        self.box.lasso_tool = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self.plot.setCursor(shape)

    def show_all(self) -> None:
        """Show all points."""
        self.plot.enableAutoRange()

    def zoom(self, steps: int) -> None:
        """Zoom in by some steps, or out by negative ones, around the middle."""
        factor = STEP**-steps
        self.box.scaleBy((factor, factor))

    def show_like(self, other: Pane) -> None:
        """Show the same part as another panel."""
        if all(other.box.state["autoRange"]):
            self.show_all()
        else:
            self.box.setRange(other.box.viewRect(), padding=0)

    def show_row(self, row: int) -> None:
        """Move the view to a row that is out of sight."""
        x, y = self.positions[row].tolist()
        view = self.box.viewRect()
        if np.isfinite([x, y]).all() and not view.contains(QPointF(x, y)):
            self.box.translateBy(x=x - view.center().x(), y=y - view.center().y())

    def show_rows(self, rows: np.ndarray) -> None:
        """Zoom to these rows."""
        at = self.positions[rows]
        at = at[np.isfinite(at).all(1)]
        if len(at):
            (x0, y0), (x1, y1) = at.min(0).tolist(), at.max(0).tolist()
            self.box.setRange(QRectF(x0, y0, max(x1 - x0, 1e-3), max(y1 - y0, 1e-3)), padding=0.15)

    def row_at(self, at: QPointF) -> int | None:
        """The row of the picture or the point at a place of the scene, None if there is none."""
        if not self.box.sceneBoundingRect().contains(at):
            return None
        place = self.box.mapSceneToView(at)
        row = self.pictures.row_at(place)
        if row is None and len(self._copies):
            row = self._copy_at(place)
        return self.points.nearest(place) if row is None else row

    def row_toward(self, row: int | None, direction: tuple[int, int]) -> int | None:
        """The nearest row in a direction (right, up), each -1 to 1; from the middle without row."""
        shown = self.points.xy
        if row is None or not np.isfinite(shown[row]).all():
            middle = self.box.viewRect().center()
            return nearest(shown, (middle.x(), middle.y()), (1.0, 1.0), np.inf)
        return toward(shown, row, direction)

    # -- building -------------------------------------------------------------------------
    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.plot.plotItem.layout.setContentsMargins(0, 0, 0, 0)
        for side in ("bottom", "left"):
            self.plot.hideAxis(side)
        layers = (
            (self.trails, UNDER), (self.copies, UNDER + 1), (self.points, 0),
            (self.pictures, PICTURES), (self.names, NAMES), (self.halo, OVER),
        )  # fmt: skip
        for item, height in layers:
            item.setZValue(height)
            self.plot.addItem(item, ignoreBounds=item is not self.points)
        self.box.lassoed.connect(self._lassoed)
        self.box.sigRangeChanged.connect(self._move)
        self.box.sigResized.connect(self._learn_unit)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.scene().sigMouseMoved.connect(self._hover)

    def _learn_unit(self) -> None:
        """Learn how large a unit is where all points are in view, with room for the controls."""
        x0, y0, x1, y1 = self._frame
        across = self.box.width() - 2 * MARGIN
        down = self.box.height() - 2 * MARGIN - self._head - self._foot
        if across <= 0 or down <= 0 or x1 <= x0 or y1 <= y0:
            self.points.set_frame(self._frame)
            return
        unit = min(across / (x1 - x0), down / (y1 - y0))
        self.points.set_frame((x0, y0 - self._foot / unit, x1, y1 + self._head / unit))
        self.pictures.set_unit(unit)
        if all(self.box.state["autoRange"]):
            self.plot.enableAutoRange()

    def _copy_at(self, place: QPointF) -> int | None:
        size = self.points.pixelVectors()
        if size[0] is None or size[1] is None:
            return None
        scale = (1 / size[0].x(), 1 / size[1].y())
        found = nearest(self.positions[self._copies], (place.x(), place.y()), scale, PICK_RADIUS)
        return None if found is None else int(self._copies[found])

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

    def leave(self) -> None:
        """The mouse left: nothing is hovered."""
        if self._hovered is not None:
            self._hovered = None
            self.hovered.emit(None)

    def _click(self, event: Any) -> None:
        row = self.row_at(event.scenePos())
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(row, event.screenPos().toPoint())
        elif event.double():
            self.reset_wanted.emit()
        elif event.button() == Qt.MouseButton.LeftButton and row is not None:
            self.picked.emit(row, event.modifiers())
