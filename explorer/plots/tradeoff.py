"""A scatter of two measures, with their combos above and a readout below."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.analysis.model_table import GAP, RESIDUAL, ModelTable, Quantity
from engine.analysis.pareto import NEAR
from engine.analysis.tradeoff import Point, Scatter, axis, goal_text, scatter
from explorer.plots.readout import swatch
from explorer.plots.scatter import Mark, ScatterPlot
from explorer.theme import Theme
from explorer.widgets import markup
from explorer.widgets.panel import muted_label

LOW = 230  # logical pixels of height, below which the readout is hidden
NO_FRONT = "No method has both measures: choose others above."


class Tradeoff(QWidget):
    """A scatter of a board; a click on a point reads its values, a click elsewhere clears them."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.across, self.along = QComboBox(), QComboBox()
        self.plot = ScatterPlot()
        self.words: QLabel = muted_label()
        markup.allow(self.words)
        self.shown: Scatter | None = None
        self.picked = ""
        self._board: ModelTable | None = None
        self._theme: Theme | None = None
        self._wanted = (GAP, RESIDUAL)
        self._build()
        self.plot.picked.connect(self._pick)
        for box in (self.across, self.along):
            box.activated.connect(self._choose)

    def show_board(self, board: ModelTable, theme: Theme) -> None:
        """Show these numbers in these colors."""
        self._board, self._theme = board, theme
        self.plot.set_theme(theme)
        for box, name in zip((self.across, self.along), self._wanted, strict=True):
            _fill(box, board.quantities, name)
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hide the readout if there is no room for it."""
        super().resizeEvent(event)
        self._show_words()

    @property
    def axes(self) -> tuple[str, str]:
        """The names of the measures on x and y."""
        return self._wanted

    def set_axes(self, x: str, y: str) -> None:
        """Show these measures, once there is a board."""
        self._wanted = (x, y)
        if self._board is not None and self._theme is not None:
            self.show_board(self._board, self._theme)

    def _build(self) -> None:
        row = QHBoxLayout()
        for name, box in (("x", self.across), ("y", self.along)):
            label = QLabel(f"{name}:")
            label.setBuddy(box)
            box.setAccessibleName(f"Measure on the {name} axis")
            box.setToolTip(
                f"The measure on the {name} axis; its label tells which values are better"
            )
            row.addWidget(label)
            row.addWidget(box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.words)

    def _choose(self) -> None:
        self._wanted = (str(self.across.currentData()), str(self.along.currentData()))
        self._draw()
        self.changed.emit()

    def _pick(self, name: str) -> None:
        self.picked = name
        self._draw()

    def _draw(self) -> None:
        board, theme = self._board, self._theme
        x = board.quantity(str(self.across.currentData())) if board else None
        y = board.quantity(str(self.along.currentData())) if board else None
        if board is None or theme is None or x is None or y is None:
            return
        self.shown = shown = scatter(board, x, y)
        ideal = [goal.target if goal.better == NEAR else np.nan for goal in shown.goals]
        self.plot.draw(
            [_mark(one, shown, theme) for one in shown.points],
            shown.stairs,
            (ideal[0], ideal[1]),
            (axis(x, board, shown.goals[0]), axis(y, board, shown.goals[1])),
            self.picked,
        )
        self.words.setText(self._readout(shown, theme))
        self._show_words()

    def _show_words(self) -> None:
        """Show the readout below the plot, or, if that is low, only with a picked point."""
        self.words.setVisible(self.height() >= LOW or bool(self.picked))
        self.plot.about = markup.plain(self.words.text())

    def _readout(self, shown: Scatter, theme: Theme) -> str:
        """The picked point, the methods on the front, and those left out, as rich text."""
        own = [one for one in shown.points if _name(one) == self.picked]
        parts = [
            f"{swatch(theme.model_style(one.row.model).color, one.row.name)}: "
            f"{html.escape(_values(one, shown))}."
            for one in own
        ]
        best = ", ".join(html.escape(one.row.name) for one in shown.best)
        front = f"Pareto front (dashed): {best}. Bars: 95 % interval of r, else ± deviation."
        parts.append(front if best else NO_FRONT)
        if any(any(one.bounds) for one in shown.points):
            parts.append("≥, &gt;: a lower bound, as not all is counted.")
        if shown.left_out:
            parts.append(f"Without a value: {html.escape(', '.join(shown.left_out))}.")
        return " ".join(parts)


def _fill(box: QComboBox, quantities: Sequence[Quantity], wanted: str) -> None:
    """List the quantities and select the wanted one, or the first if it is missing."""
    names = [one.name for one in quantities]
    if names != [box.itemData(i) for i in range(box.count())]:
        box.clear()
        for one in quantities:
            box.addItem(f"{one.label} ({one.unit})" if one.unit else one.label, one.name)
    box.setCurrentIndex(names.index(wanted) if wanted in names else 0)


def _mark(point: Point, shown: Scatter, theme: Theme) -> Mark:
    row = point.row
    tip = f"{row.name}\n{_values(point, shown).replace('; ', chr(10))}"
    if point.front:
        tip += "\non the Pareto front"
    return Mark(
        _name(point), point.name(shown.x, shown.y), theme.model_style(row.model), point.x, point.y,
        point.x_interval, point.y_interval, tip, bool(row.number),
    )  # fmt: skip


def _name(point: Point) -> str:
    return f"{point.row.model}@{point.row.number}"


def _values(point: Point, shown: Scatter) -> str:
    """'Gap 4.67 % points, lower is better; r 0.66 [0.53, 0.79], best near 1'."""
    parts = []
    for quantity, goal, value, (low, high), bound in (
        (shown.x, shown.goals[0], point.x, point.x_interval, point.bounds[0]),
        (shown.y, shown.goals[1], point.y, point.y_interval, point.bounds[1]),
    ):
        ends = f" [{quantity.text(low)}, {quantity.text(high)}]" if np.isfinite(low) else ""
        unit = f" {quantity.unit}" if quantity.unit else ""
        words = f"{quantity.label} {quantity.text(value, bound)}{unit}{ends}"
        parts.append(f"{words}, {goal_text(quantity, goal, shown.targets_bound(quantity))}")
    return "; ".join(parts)
