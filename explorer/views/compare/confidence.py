"""The Confidence tab: histograms of both models' confidence."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QWidget

from engine.comparison.pair import BINS, FORGET, Comparison, histogram
from explorer.plots.chart import Series
from explorer.plots.twin import LEFT, RIGHT, TwinCharts
from explorer.theme import ModelStyle, Theme
from explorer.views.compare.pair import Pair
from explorer.views.compare.tab import Tab, choose_data
from explorer.widgets import markup
from explorer.widgets.panel import muted_label

CONFIDENCES = {"true": "of the true class", "top": "of the predicted class"}
EDGES = np.linspace(0, 1, BINS + 1)


class ConfidenceTab(Tab):
    """Histograms of confidence, forget samples beside those of the split."""

    name = "confidence"
    title = "Confidence"
    help = "Confidence of A and B on forget samples, beside retain or test samples"
    hint = "Hover to read percentages; click a bin to select its samples."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.charts, self.of = TwinCharts("Confidence"), QComboBox()
        self.log = QCheckBox("Log scale")
        self.of.setAccessibleName("Whose probability")
        self.of.setToolTip("Probability of the true class, or of the class a model predicts")
        for name, label in CONFIDENCES.items():
            self.of.addItem(label, name)
        self.log.setToolTip("Draw the percentages on a logarithmic axis")
        self.note: QLabel = muted_label()
        markup.allow(self.note)
        self.options.addWidget(self.of)
        self.options.addWidget(self.log)
        self.options.addStretch(1)
        self.body.addWidget(self.charts, 1)
        self.body.addWidget(self.note)
        self.of.activated.connect(self.redraw)
        self.log.clicked.connect(self.redraw)
        self.charts.hovered.connect(self._read)
        self.charts.picked.connect(self._pick)

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw both histograms of both models."""
        self.charts.set_theme(theme)
        shown = [self._series(pair, side, theme) for side in (LEFT, RIGHT)]
        for side, title in enumerate(self.charts.titles):
            title.setText(self._title(pair, side))
        self.charts.set_axes("probability (0 to 1)", "samples (%)")
        heights = np.concatenate([series.y for part in shown for series in part])
        least, most = np.nanmin(heights[heights > 0], initial=100), np.nanmax(heights, initial=1)
        bounds = (0.7 * least, most) if self.log.isChecked() else (0.0, most)
        self.charts.draw(
            (shown[LEFT], shown[RIGHT]), x=(-0.03, 1.03), y=bounds, log=self.log.isChecked()
        )

    def choices(self) -> dict[str, Any]:
        """The class whose probability is shown, and the scale."""
        return {"of": self.of.currentData(), "log": self.log.isChecked()}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore both."""
        choose_data(self.of, stored.get("of"))
        self.log.setChecked(stored.get("log") is True)

    def _comparison(self, pair: Pair, side: int) -> Comparison:
        """The comparison shown in a chart: forget samples on the left, the split on the right."""
        return pair.comparisons[FORGET if side == LEFT else pair.beside]

    def _values(self, comparison: Comparison, model: str) -> np.ndarray:
        answers = comparison.side(model)
        return answers.confidence if self.of.currentData() == "true" else answers.top

    def _series(self, pair: Pair, side: int, theme: Theme) -> list[Series]:
        series = []
        for model, label, style, dash in zip(
            ("a", "b"), pair.labels, pair.styles(theme), ((), (4.0, 2.0)), strict=True
        ):
            heights = histogram(self._values(self._comparison(pair, side), model))
            look = ModelStyle(style.color, "", dash)
            series.append(Series(model, label, look, *steps(heights)))
        return series

    def _title(self, pair: Pair, side: int) -> str:
        comparison = self._comparison(pair, side)
        means = [self._values(comparison, model) for model in ("a", "b")]
        words = ", ".join(
            f"{name} {values.mean():.2f}" if len(values) else name
            for name, values in zip("AB", means, strict=True)
        )
        return f"{len(comparison.samples):,} {comparison.split}: mean {words}"

    def _read(self, side: int, x: float) -> None:
        if self.pair is None or not 0 <= x <= 1:
            self.charts.set_cross(side, None)
            self.note.setText("")
            return
        place, comparison = min(int(x * BINS), BINS - 1), self._comparison(self.pair, side)
        parts = [
            f"{html.escape(label)} {histogram(self._values(comparison, model))[place]:.1f} %"
            for model, label in zip(("a", "b"), self.pair.labels, strict=True)
        ]
        low, high = EDGES[place], EDGES[place + 1]
        self.note.setText(
            f"<b>{low:.2f} to {high:.2f}</b>, {comparison.split}: " + " · ".join(parts)
        )

    def _pick(self, side: int, model: str, x: float) -> None:
        if self.pair is None or not model or not 0 <= x <= 1:
            return
        comparison, place = self._comparison(self.pair, side), min(int(x * BINS), BINS - 1)
        values = np.minimum((self._values(comparison, model) * BINS).astype(int), BINS - 1)
        label = self.pair.labels[0 if model == "a" else 1]
        low, high = EDGES[place], EDGES[place + 1]
        words = f"of the {comparison.split} set with confidence {low:.2f} to {high:.2f} in {label}"
        self.choose(comparison.samples[values == place], words, Qt.KeyboardModifier.NoModifier)


def steps(heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2 BINS + 2,) x and y of the outline of a histogram, closed at both ends."""
    x = np.repeat(EDGES, 2)
    y = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return x, y
