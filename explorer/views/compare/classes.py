"""The Classes tab: accuracy of both models by class, and the gap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from engine.comparison.class_order import MOST
from engine.comparison.pair import ClassGaps, Comparison, Groups, class_gaps, group_samples
from explorer.plots.dumbbells import ClassRow, Dumbbells
from explorer.theme import ModelStyle, Theme
from explorer.views.compare.pair import Pair
from explorer.views.compare.tab import Grouping, Tab, choose_data
from explorer.widgets.legend import Legend, LegendEntry
from explorer.widgets.panel import muted_label


class ClassesTab(Tab):
    """Accuracy of both models by class, and the gap."""

    name = "classes"
    title = "Classes"
    help = "Accuracy of A and B by class with 95 % intervals, and the gap in percentage points"
    hint = "Click a class to select its samples; Ctrl adds them to the selection."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows, self.grouping, self.order = Dumbbells(), Grouping(), QComboBox()
        self.order.setAccessibleName("Order of classes")
        self.order.setToolTip("What the rows are sorted by")
        for label, name in (("in order", "class"), ("largest gap first", "gap")):
            self.order.addItem(label, name)
        self.caption: QLabel = muted_label()
        self.options.addWidget(self.order)
        self.options.addWidget(self.grouping)
        self.options.addStretch(1)
        self.legend = Legend()
        for part in (self.legend, self.caption):
            self.body.addWidget(part)
        self.body.addWidget(self.rows, 1)
        self._places: list[int] = []
        self.rows.picked.connect(self._pick)
        self.grouping.clicked.connect(self.redraw)
        self.order.activated.connect(self._order_by_hand)
        self._ordered = False  # whether the user chose the order

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw a row a class."""
        self.grouping.fit(pair)
        groups, styles = self.grouping.groups(pair), pair.styles(theme)
        gaps = class_gaps(pair.comparison, groups)
        if not self._ordered:  # of many classes, those in which the models differ come first
            choose_data(self.order, "gap" if len(groups.names) > MOST else "class")
        self._places = self._in_order(gaps)
        rows = [_row(gaps, groups, place, pair, theme) for place in self._places]
        axis = f"accuracy on {pair.split} samples (%)"
        self.rows.set_rows(rows, styles, axis, theme)
        self.legend.set_entries(_model_entries(pair, styles), theme.text)
        self.caption.setText(_overall(pair.comparison))

    def _order_by_hand(self) -> None:
        self._ordered = True
        self.redraw()

    def choices(self) -> dict[str, Any]:
        """Order and grouping."""
        return {"order": self.order.currentData(), "grouped": self.grouping.isChecked()}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore order and grouping."""
        if stored.get("order") in ("class", "gap"):
            self._ordered = True
            choose_data(self.order, stored.get("order"))
        self.grouping.restore(stored.get("grouped"))

    def _in_order(self, gaps: ClassGaps) -> list[int]:
        """Classes in the order shown, without those that have no sample."""
        places = np.flatnonzero(gaps.samples)
        if self.order.currentData() == "gap":
            places = places[np.argsort(-np.abs(gaps.gap[places]), kind="stable")]
        return [int(place) for place in places]

    def _pick(self, row: int, modifiers: Qt.KeyboardModifier) -> None:
        if self.pair is not None:
            groups = self.grouping.groups(self.pair)
            place = self._places[row]
            words = f"of class {groups.names[place]} among the {self.pair.split} samples"
            self.choose(group_samples(self.pair.comparison, groups, place), words, modifiers)


def signed(value: float) -> str:
    """A number with its sign, one decimal; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def _row(gaps: ClassGaps, groups: Groups, place: int, pair: Pair, theme: Theme) -> ClassRow:
    a = (float(gaps.a[place]), float(gaps.a_low[place]), float(gaps.a_high[place]))
    b = (float(gaps.b[place]), float(gaps.b_low[place]), float(gaps.b_high[place]))
    gap, detail = _gap_words(gaps, place)
    first, second = pair.labels
    several = np.count_nonzero(groups.of == place) > 1
    color = theme.muted if several else theme.class_color(int(np.argmax(groups.of == place)))
    tip = (
        f"{groups.names[place]}, {gaps.samples[place]:,} {pair.split} samples\n"
        f"A {first}: {_interval_words(a)}\nB {second}: {_interval_words(b)}\n"
        f"A − B: {gap} points {detail}"
    )
    forgotten = bool((groups.of[pair.forgotten] == place).any())
    label = f"{groups.names[place]} (forget)" if forgotten else groups.names[place]
    return ClassRow(label, color, a, b, gap, detail, tip)


def _gap_words(gaps: ClassGaps, place: int) -> tuple[str, str]:
    low, high = float(gaps.gap_low[place]), float(gaps.gap_high[place])
    if math.isnan(low):
        return "–", ""
    return signed(float(gaps.gap[place])), f"[{signed(low)}, {signed(high)}]"


def _interval_words(values: tuple[float, float, float]) -> str:
    share, low, high = values
    return f"{share:.1f} % [{low:.1f}, {high:.1f}]"


def _overall(comparison: Comparison) -> str:
    """Accuracy of both models on the whole split, and the gap."""
    groups = Groups(("all",), np.zeros(comparison.classes, np.int64))
    gaps = class_gaps(comparison, groups)
    if not gaps.samples[0]:
        return f"There are no {comparison.split} samples."
    gap, detail = _gap_words(gaps, 0)
    return (
        f"All {gaps.samples[0]:,} {comparison.split} samples: A {gaps.a[0]:.1f} %, "
        f"B {gaps.b[0]:.1f} %, gap {gap} points {detail}"
    )


def _model_entries(pair: Pair, styles: tuple[ModelStyle, ModelStyle]) -> list[LegendEntry]:
    return [
        LegendEntry(f"{side} {label}", style.color, style.symbol)
        for side, label, style in zip("AB", pair.labels, styles, strict=True)
    ]
