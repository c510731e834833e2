"""The second page of the Runs view: the studies of one dataset as parallel coordinates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from engine.analysis.study_measures import goal_words
from engine.drawing.palette import BLUE, GREEN, ORANGE, SKY, VERMILION
from engine.study.siblings import setting_title, varied
from explorer.plots.parallel import ParallelPlot
from explorer.plots.parallel_axes import Brush, ParallelAxis, numeric_axis, setting_axis
from explorer.plots.parallel_geometry import SIDE
from explorer.plots.parallel_painter import ParallelLines
from explorer.theme import Theme
from explorer.views.runs.columns import SETTING, Column
from explorer.views.runs.rows import StudyRow
from explorer.widgets.color_bar import ColorBar
from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.panel import SPACING, button, muted_label

TOO_FEW = (
    "Parallel coordinates compare the stored studies of a dataset, one line for each. Run a grid: "
    "write several values, such as 1, 2, 3, into a setting or the seed."
)
LOW = 230  # logical pixels of height
APART = 78  # logical pixels from one axis to the next, at least
SCALE = (BLUE, SKY, GREEN, ORANGE, VERMILION)  # from the lowest value to the highest
LEVELS = 24  # colors of the scale
ONE = "one"  # goal of a measure: near 1


class ParallelPage(QWidget):
    """Axes are the settings that differ and the measures of the table's columns.

    brushed: other lines pass; picked: key of a clicked line, and whether to add it to the
    selection.
    """

    brushed = Signal()
    picked = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = ParallelPlot()
        self.plot.setToolTip(" ")  # explained by place, see ParallelPlot.event
        self.rows: list[StudyRow] = []
        self._order: list[str] = []
        self._caption_parts = ("", 0)
        self._colored = False
        self.caption = ElidedLabel()
        self.bar = ColorBar()
        self.clear_button = button("Clear brushes", "Show all studies again", self.clear)
        self.empty = muted_label(TOO_FEW)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(16)
        scroll = QScrollArea()
        scroll.setWidget(self.plot)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setFocusProxy(self.plot)
        self._filled = QWidget()
        inner = QVBoxLayout(self._filled)
        inner.setContentsMargins(0, SPACING, 0, 0)
        inner.setSpacing(SPACING // 2)
        head = QHBoxLayout()
        head.addWidget(self.caption, 1)
        head.addWidget(self.clear_button)
        inner.addLayout(head)
        inner.addWidget(self.bar)
        inner.addWidget(scroll, 1)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self.plot.brushed.connect(self._on_brushed)
        self.plot.picked.connect(self._on_picked)
        self.plot.reordered.connect(self._on_reordered)

    # -- what is shown ------------------------------------------------------------------------
    def show_rows(
        self,
        rows: Sequence[StudyRow],
        columns: Sequence[Column],
        color: Column | None,
        chosen: Collection[str],
        dataset: str,
        look: Theme,
    ) -> None:
        """Draw the stored studies among these rows.

        columns: measures that are axes; color: the measure that colors the lines; chosen: keys of
        selected studies; dataset: of the open study, preferred where there are several.
        """
        stored = [row for row in rows if row.key and row.settings]
        counts = Counter(row.dataset for row in stored)
        named = dataset if dataset in counts else max(counts, key=lambda n: counts[n], default="")
        self.rows = [row for row in stored if row.dataset == named]
        axes = self._axes(columns)
        if len(self.rows) < 2 or len(axes) < 2:
            self._stack.setCurrentWidget(self.empty)
            self.plot.set_lines(ParallelLines(), look)
            return
        self._stack.setCurrentWidget(self._filled)
        colors = self._colors(color, look)
        titles = [_title(row, color) for row in self.rows]
        at = frozenset(i for i, row in enumerate(self.rows) if row.key in chosen)
        self.plot.setMinimumWidth(round(2 * SIDE + APART * (len(axes) - 1)))
        self.plot.set_lines(ParallelLines(axes, colors, titles, at), look)
        others = len(stored) - len(self.rows)
        self._caption_parts = (named, others)
        self._say()

    @property
    def passing(self) -> frozenset[str] | None:
        """Keys of the studies that pass all brushes; None without brushes."""
        if not self.plot.brushes or not self.plot.lines.axes:
            return None
        inside = self.plot.inside
        return frozenset(row.key for row, passes in zip(self.rows, inside, strict=True) if passes)

    @property
    def order(self) -> list[str]:
        """Names of the axes from left to right, as somebody arranged them; [] for the usual one."""
        return list(self._order)

    def set_order(self, names: Sequence[str]) -> None:
        """Arrange the axes."""
        self._order = list(names)

    def clear(self) -> None:
        """Remove all brushes."""
        self.plot.set_brushes({})
        self._on_brushed({})

    # -- inside ---------------------------------------------------------------------------------
    def _axes(self, columns: Sequence[Column]) -> list[ParallelAxis]:
        axes = [self._setting(name) for name in varied(row.settings for row in self.rows)]
        axes += [_measure(column, self.rows) for column in columns if column.quantity is not None]
        axes = [axis for axis in axes if axis.ticks]
        places = {name: place for place, name in enumerate(self._order)}
        return sorted(axes, key=lambda axis: places.get(axis.name, len(places)))

    def _setting(self, name: str) -> ParallelAxis:
        owner, dot, last = setting_title(name).rpartition(".")
        texts = [row.settings.get(name, "") for row in self.rows]
        tip = f"The setting {name}."
        return setting_axis(f"{SETTING}{name}", last, owner if dot else "setting", texts, tip)

    def _colors(self, color: Column | None, look: Theme) -> list[str]:
        """The color of each line, by its value; undefined ones are muted."""
        values = np.array([_number(color, row) for row in self.rows])
        finite = values[np.isfinite(values)]
        self._colored = color is not None and len(finite) > 0
        self._fit_bar()
        if color is None or color.quantity is None or not len(finite):
            return [look.muted] * len(self.rows)
        low, high = float(finite.min()), float(finite.max())
        if color.quantity.better == ONE:  # green, in the middle
            reach = max(abs(low - 1), abs(high - 1)) or 1.0
            low, high = 1 - reach, 1 + reach
        scale = [look.legible(_mixed(share)) for share in np.linspace(0, 1, LEVELS)]
        digits = color.quantity.digits
        marks = (0.0, 0.5, 1.0) if color.quantity.better == ONE else (0.0, 1.0)
        ticks = [(mark, f"{low + mark * (high - low):.{digits}f}") for mark in marks]
        self.bar.set_scale(
            f"{color.full_title}, {goal_words(color.quantity)}", scale, ticks, look.text
        )
        spread = high - low or 1.0
        shares = (values - low) / spread
        return [
            scale[round(float(share) * (LEVELS - 1))] if np.isfinite(share) else look.muted
            for share in shares
        ]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hide the color scale where the axes need its room."""
        super().resizeEvent(event)
        self._fit_bar()

    def _fit_bar(self) -> None:
        self.bar.setVisible(self._colored and self.height() >= LOW)

    def _say(self) -> None:
        named, others = self._caption_parts
        passing = self.passing
        text = f"{named}: {len(self.rows):,} studies"
        if passing is not None:
            text = f"{named}: {len(passing):,} of {len(self.rows):,} studies pass the brushes"
        if others:
            text += f"; {others:,} of other datasets are not drawn"
        if passing is None:
            text += ". Drag along an axis to select."
        self.caption.setText(text)
        self.caption.setToolTip(
            "Drag along an axis to select studies, click it to undo that; drag a title to move its "
            "axis; click a line to select its study. By keyboard: ← → choose an axis, ↑ ↓ brush "
            "it, with Shift longer or shorter, Ctrl+← → move it, Del removes its brush, Esc all."
        )
        self.clear_button.setVisible(passing is not None)

    def _on_brushed(self, _brushes: Mapping[str, Brush]) -> None:
        self._say()
        self.brushed.emit()

    def _on_picked(self, line: int, add: bool) -> None:
        self.picked.emit(self.rows[line].key, add)

    def _on_reordered(self, names: list[str]) -> None:
        self._order = names


def _measure(column: Column, rows: Sequence[StudyRow]) -> ParallelAxis:
    assert column.quantity is not None
    values = [_number(column, row) for row in rows]
    digits = column.quantity.digits
    goal = 1.0 if column.quantity.better == ONE else np.nan
    return numeric_axis(column.name, column.title, column.below, values, digits, column.tip, goal)


def _number(column: Column | None, row: StudyRow) -> float:
    value = column.value(row) if column is not None else np.nan
    return value if isinstance(value, float) else np.nan


def _title(row: StudyRow, color: Column | None) -> str:
    own = f"{row.title}" if not row.name else f"{row.title} ({row.differs})"
    return f"{own}; {color.full_title} {color.text(row)}" if color is not None else own


def _mixed(share: float) -> str:
    """The color at a share of the scale."""
    place = share * (len(SCALE) - 1)
    left = min(int(place), len(SCALE) - 2)
    one, two = (
        [int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in (SCALE[left], SCALE[left + 1])
    )
    part = place - left
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(one, two, strict=True))
