"""Histograms of the scores of members and non-members with a draggable threshold."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.membership.scores import LINEAR, Histogram, Score
from explorer.plots.drag_plot import DragPlot
from explorer.theme import LIGHT, Theme
from explorer.widgets.legend import Legend, LegendEntry, line_pen

FILL, DASH = 0.3, (3.0, 2.0)
LOWEST = 100  # logical pixels
FEW_MARKS = 4  # ticks on an axis that is not linear


class ScoreHistogram(QWidget):
    """Two distributions over one axis and a threshold moved by mouse or keyboard.

    moved: the threshold, in the score's unit, that the line was dragged to; `plot` reports keys,
    as its owner knows the samples to step over.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = DragPlot("Scores and threshold", Qt.CursorShape.SplitHCursor)
        self.plot.setToolTip(
            "Drag the threshold that divides members from non-members. Arrow keys move it past one "
            "sample, with Shift past a tenth of them; Backspace restores the held-out threshold."
        )
        self.legend = Legend()
        self.plot.setMinimumHeight(LOWEST)
        self._theme = LIGHT
        self._score: Score | None = None
        self._others = pg.PlotDataItem(stepMode="center")
        self._members = pg.PlotDataItem(stepMode="center", fillLevel=0)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._side = pg.TextItem()
        for item in (self._members, self._others):
            self.plot.addItem(item)
        for item in (self._line, self._side):
            self.plot.addItem(item, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self.plot.dragged.connect(self._drag)
        self.plot.focused.connect(self._show_focus)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.plot.set_theme(theme)
        self._side.fill = pg.mkBrush(theme.base)
        self._show_focus(self.plot.hasFocus())

    def draw(self, score: Score, shown: Histogram, color: str, size: int) -> None:
        """Show the scores of `size` members, in `color`, and as many non-members."""
        self._score = score
        fill = QColor(color)
        fill.setAlphaF(FILL)
        self._members.setData(shown.edges, shown.members)
        self._others.setData(shown.edges, shown.others)
        self._members.setPen(line_pen(color, ()))
        self._members.setBrush(fill)
        self._others.setPen(line_pen(self._theme.text, DASH))
        self.plot.set_axes(score.axis, "samples")
        self._mark(score, shown.edges)
        top = max(1, shown.members.max(), shown.others.max())
        self.plot.setRange(xRange=shown.edges[[0, -1]], yRange=(0, 1.22 * top), padding=0)
        self._draw_legend(color, fill, size)

    @property
    def line_at(self) -> float:
        """The position of the line, in the coordinates of the axis."""
        return float(self._line.value())

    def set_threshold(self, threshold: float) -> None:
        """Move the line; a threshold beyond the axis is shown at its end."""
        if self._score is None:
            return
        (low, high), (_, top) = self.plot.viewRange()
        defined = bool(np.isfinite(threshold))
        self._line.setVisible(defined)
        self._side.setVisible(defined)
        if defined:
            place = min(max(float(self._score.drawn(np.array(threshold))), low), high)
            self._line.setPos(place)
            self._side.setPos(place, top)
            self._label_side(self._score.sign > 0, place > (low + high) / 2)
        self.plot.setAccessibleDescription(f"threshold {threshold:.4g}")

    def _label_side(self, members_right: bool, on_left: bool) -> None:
        """Label one side of the line, where there is room, as members or not members."""
        named = members_right != on_left  # whether the labeled side is that of the members
        words = "members" if named else "not members"
        self._side.setText(f"← {words}" if on_left else f"{words} →")
        self._side.setAnchor((1, 0) if on_left else (0, 0))

    def _mark(self, score: Score, edges: np.ndarray) -> None:
        axis = self.plot.getAxis("bottom")
        if score.scale == LINEAR:
            axis.setTicks(None)
            return
        inside = [mark for mark in score.marks() if edges[0] <= mark[0] <= edges[-1]]
        axis.setTicks([inside[:: 1 + len(inside) // FEW_MARKS]])

    def _draw_legend(self, color: str, fill: QColor, size: int) -> None:
        area = fill.name(QColor.NameFormat.HexArgb)
        entries = [
            LegendEntry(f"{size:,} members", area, area=True),
            LegendEntry(f"{size:,} non-members", self._theme.text, dash=DASH),
        ]
        self.legend.set_entries(entries, self._theme.text)

    def _show_focus(self, focused: bool) -> None:
        color = self._theme.accent if focused else self._theme.text
        self._line.setPen(pg.mkPen(color, width=4 if focused else 2))
        self._side.setColor(color)

    def _drag(self, x: float, y: float) -> None:
        if self._score is not None:
            low, high = self.plot.viewRange()[0]
            self.moved.emit(self._score.read(min(max(x, low), high)))
