"""A scatter of labeled points with interval bars, Pareto front and ideal values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from engine.drawing.geometry import nearest
from engine.drawing.label_placement import Box, label_positions
from explorer.theme import ModelStyle, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import Plot

REACH = 12  # logical pixels between a click and the point it picks, at most
MARGIN = 0.12  # of the data's extent, around it, for labels
SIZE, PICKED_SIZE = 11, 17  # logical pixels


@dataclass(frozen=True)
class Mark:
    """One point: its values, their intervals (NaN = none), label and tooltip.

    hollow: drawn unfilled, for points of other studies.
    """

    name: str
    label: str
    style: ModelStyle
    x: float
    y: float
    x_interval: tuple[float, float]
    y_interval: tuple[float, float]
    tip: str
    hollow: bool = False


class ScatterPlot(QWidget):
    """Points with labels that do not overlap; `picked` names the clicked point.

    '' means a click on no point. Drag pans, the wheel zooms, a double click shows all.
    """

    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scatter of two measures")
        self.plot = Plot()
        self.plot.setAccessibleName("Scatter of two measures")
        for side in ("bottom", "left"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.about = ""  # tooltip where no point is
        self.marks: tuple[Mark, ...] = ()
        self.stairs: list[pg.PlotDataItem] = []
        self.labels: list[pg.TextItem] = []
        self._lines: list[pg.InfiniteLine] = []  # at ideal values
        self._others: list[pg.GraphicsObject] = []
        self.goals: list[pg.TextItem] = []  # labels of the lines at ideal values
        self._theme: Theme | None = None
        self._drawn = pg.ScatterPlotItem(pxMode=True)
        self._drawn.setZValue(10)
        self.plot.addItem(self._drawn)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.getViewBox().sigRangeChanged.connect(self._place_labels)
        self.plot.viewport().installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors, from the next drawing on."""
        self._theme = theme
        self.plot.setBackground(theme.base)
        for side in ("bottom", "left"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.text))
        self.plot.showGrid(x=True, y=True, alpha=0.15)

    def draw(
        self,
        marks: Sequence[Mark],
        stairs: Sequence[np.ndarray],
        ideal: tuple[float, float],
        axes: tuple[str, str],
        picked: str = "",
    ) -> None:
        """Show these points, the outlines (k, 2) of their front, and lines at ideal values.

        ideal: (x, y), NaN for none; axes: labels; picked: name of the highlighted point.
        """
        theme = self._theme
        assert theme is not None, "set_theme comes first"
        self.marks = tuple(marks)
        for item in (*self._others, *self.goals, *self.stairs, *self.labels):
            self.plot.removeItem(item)
        for side, text in zip(("bottom", "left"), axes, strict=True):
            self.plot.getAxis(side).setLabel(text, color=theme.text)
        lines = self._ideal(ideal, theme)
        self.goals = [self._label("ideal", theme.good) for _ in lines]
        self._lines, self._others = lines, [*lines, *self._bars()]
        self.stairs = [self._stair(corners, theme) for corners in stairs]
        on_top_last = [*reversed(self.marks)]  # the open study's points come first
        self._drawn.setData([self._spot(one, one.name == picked, theme) for one in on_top_last])
        self.labels = [self._label(mark.label, theme.text) for mark in marks]
        self._fit()

    def place_of(self, name: str) -> QPointF:
        """The position of the point of that name, in pixels of the plot's viewport."""
        mark = next(one for one in self.marks if one.name == name)
        scene = self.plot.getViewBox().mapViewToScene(QPointF(mark.x, mark.y))
        return QPointF(self.plot.mapFromScene(scene))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the tooltip of the point under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            mark = self._at(QPointF(self.plot.mapToScene(event.pos())))
            words = mark.tip if mark else self.about
            QToolTip.showText(event.globalPos(), literal(words), self.plot.viewport())
            return True
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Fit the view to all points and bars, with room for labels."""
        rows = [(m.x, m.y) for m in self.marks]
        ends = [(x, m.y) for m in self.marks for x in m.x_interval]
        ends += [(m.x, y) for m in self.marks for y in m.y_interval]
        finite = [row for row in (*rows, *ends) if np.isfinite(row).all()]
        if finite:
            low, high = np.min(finite, 0), np.max(finite, 0)
            pad = np.maximum((high - low) * MARGIN, 1e-6 + 0.01 * np.abs(high))
            x, y = zip(low - pad, high + pad, strict=True)
            self.plot.getViewBox().setRange(xRange=x, yRange=y, padding=0)
        self._place_labels()

    def _spot(self, mark: Mark, picked: bool, theme: Theme) -> dict[str, object]:
        color = QColor(mark.style.color)
        outline = theme.text if picked else mark.style.color
        return {
            "pos": (mark.x, mark.y),
            "symbol": mark.style.symbol,
            "size": PICKED_SIZE if picked else SIZE,
            "brush": pg.mkBrush(theme.base if mark.hollow else color),
            "pen": pg.mkPen(outline, width=2.5 if picked else 1.5),
        }

    def _stair(self, corners: np.ndarray, theme: Theme) -> pg.PlotDataItem:
        item = pg.PlotDataItem(
            corners[:, 0], corners[:, 1],
            pen=pg.mkPen(theme.accent, width=1.5, style=Qt.PenStyle.DashLine),
        )  # fmt: skip
        item.setZValue(3)
        self.plot.addItem(item, ignoreBounds=True)
        return item

    def _ideal(self, ideal: tuple[float, float], theme: Theme) -> list[pg.InfiniteLine]:
        """Dotted lines at the ideal values."""
        lines = []
        for value, angle in zip(ideal, (90, 0), strict=True):
            if np.isfinite(value):
                pen = pg.mkPen(theme.good, width=1.2, style=Qt.PenStyle.DotLine)
                line = pg.InfiniteLine(value, angle, pen=pen)
                self.plot.addItem(line, ignoreBounds=True)
                lines.append(line)
        return lines

    def _bars(self) -> list[pg.PlotDataItem]:
        """One thin line for each interval."""
        bars = []
        for mark in self.marks:
            pen = pg.mkPen(mark.style.color, width=1.2)
            for xs, ys in (
                (mark.x_interval, (mark.y, mark.y)),
                ((mark.x, mark.x), mark.y_interval),
            ):
                if np.isfinite([*xs, *ys]).all():
                    item = pg.PlotDataItem(xs, ys, pen=pen)
                    item.setZValue(5)
                    self.plot.addItem(item, ignoreBounds=True)
                    bars.append(item)
        return bars

    def _label(self, words: str, color: str) -> pg.TextItem:
        item = pg.TextItem(words, color=color, anchor=(0, 0))
        item.setZValue(20)
        self.plot.addItem(item, ignoreBounds=True)
        return item

    def _place_labels(self) -> None:
        box = self.plot.getViewBox()
        points = [box.mapViewToScene(QPointF(mark.x, mark.y)) for mark in self.marks]
        sizes = [item.boundingRect() for item in self.labels]
        if len(points) != len(sizes) or not points:
            return
        page = box.sceneBoundingRect()
        positions = label_positions(
            np.array([(p.x(), p.y()) for p in points]),
            np.array([(s.width(), s.height()) for s in sizes]),
            (page.left(), page.top(), page.width(), page.height()),
            covered=self._place_goals(page),
        )
        for item, (x, y) in zip(self.labels, positions.tolist(), strict=True):
            item.setVisible(bool(np.isfinite(x)))  # without room, only the tooltip names it
            if np.isfinite(x):
                item.setPos(box.mapSceneToView(QPointF(x, y)))

    def _place_goals(self, page: QRectF) -> list[Box]:
        """Put 'ideal' at the end of each line; returns the boxes covered."""
        box, covered = self.plot.getViewBox(), []
        for line, words in zip(self._lines, self.goals, strict=True):
            at, size = box.mapViewToScene(line.pos()), words.boundingRect()
            left, top = page.right() - size.width(), at.y() - size.height()
            if line.angle == 90:
                left, top = at.x(), page.top()
            top = min(max(top, page.top()), page.bottom() - size.height())
            words.setVisible(page.left() <= at.x() <= page.right() or line.angle == 0)
            words.setPos(box.mapSceneToView(QPointF(left, top)))
            covered.append((left, top, size.width(), size.height()))
        return covered

    def _at(self, scene: QPointF) -> Mark | None:
        """The point within `REACH` of a place in the scene."""
        box = self.plot.getViewBox()
        if not self.marks or not box.sceneBoundingRect().contains(scene):
            return None
        marks = [*reversed(self.marks)]
        drawn = [box.mapViewToScene(QPointF(mark.x, mark.y)) for mark in marks]
        pixels = np.array([(p.x(), p.y()) for p in drawn])
        row = nearest(pixels, (scene.x(), scene.y()), (1.0, 1.0), REACH)
        return marks[row] if row is not None else None

    def _click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        if event.double():
            self._fit()
        elif event.button() == Qt.MouseButton.LeftButton:
            mark = self._at(event.scenePos())
            self.picked.emit(mark.name if mark else "")
