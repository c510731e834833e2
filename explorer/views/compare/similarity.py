"""The Similarity tab: CKA of every layer of both models with Original and Re-train."""

from __future__ import annotations

import html
import math

import numpy as np
from PySide6.QtWidgets import QLabel, QWidget

from engine.comparison.pair import FORGET, RETAIN
from engine.drawing.labels import LAYER_NOTE
from engine.results import Likeness, Similarity
from explorer.plots.chart import Ground, Series
from explorer.plots.twin import TwinCharts
from explorer.theme import ModelStyle, Theme
from explorer.views.compare.pair import Pair
from explorer.views.compare.tab import Tab
from explorer.widgets import markup
from explorer.widgets.panel import muted_label

RETRAIN, ORIGINAL = "retrain", "original"


class SimilarityTab(Tab):
    """CKA of every layer with Original and Re-train, on forget and retain samples."""

    name = "similarity"
    title = "Similarity"
    help = (
        "Linear CKA of each layer: 1 = equal up to rotation and scale, 0 = unrelated. Unbiased "
        f"estimate on up to 256 samples; feature maps are average-pooled to 4 × 4. {LAYER_NOTE}"
    )
    hint = "Hover over a layer to read its values; click a legend entry to hide its line."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.charts = TwinCharts("Similarity of layers")
        self.note: QLabel = muted_label()
        markup.allow(self.note)
        self.body.addWidget(self.charts, 1)
        self.body.addWidget(self.note)
        self.similarity: Similarity | None = None
        self.problem = ""
        self._hidden: set[str] = set()
        self.charts.hovered.connect(self._read)
        self.charts.toggled.connect(self._toggle)

    def draw(self, pair: Pair, theme: Theme) -> None:
        """Draw the lines, or the reason why there are none yet."""
        self.charts.set_theme(theme)
        shown = self._answer()
        if shown is None:
            self.note.setText(html.escape(self.problem or _waiting(pair)))
            self.charts.draw(([], []), x=(0, 1), y=(0, 1))
            for title in self.charts.titles:
                title.setText("")
            return
        self.note.setText(LAYER_NOTE)
        x = np.arange(1.0, len(shown.layers) + 1)
        series = (self._series(shown, FORGET, x), self._series(shown, RETAIN, x))
        grounds = (_null(shown, FORGET, x), _null(shown, RETAIN, x))
        for title, split in zip(self.charts.titles, (FORGET, RETAIN), strict=True):
            title.setText(f"{shown.samples[split]:,} {split} samples")
        self.charts.set_axes("layer, from input to output", "CKA (1 = alike)", shown.layers)
        self.charts.draw(series, grounds, x=(0.5, len(x) + 0.5), y=_range(shown))

    def _answer(self) -> Similarity | None:
        """The similarity of this pair; None while the state holds another pair's."""
        pair, shown = self.pair, self.similarity
        if pair is None or shown is None or {shown.a, shown.b} != {pair.a.name, pair.b.name}:
            return None
        return shown

    def _series(self, shown: Similarity, split: str, x: np.ndarray) -> list[Series]:
        assert self.pair is not None and self.theme is not None
        colors = [style.color for style in self.pair.styles(self.theme)]
        names, curves = (self.pair.a.name, self.pair.b.name), []
        for model, label, color in zip(names, self.pair.labels, colors, strict=True):
            for to, words, symbol, dash in (
                (ORIGINAL, "Original", "o", ()),
                (RETRAIN, "Re-train", "s", (4.0, 2.0)),
            ):
                line = shown.line(split, model, to)
                if line is not None:
                    style = ModelStyle(color, symbol, dash)
                    curves.append(self._one(f"{model}>{to}", f"{label} – {words}", style, x, line))
        line = shown.line(split, shown.a, shown.b)
        if line is not None and RETRAIN not in (shown.a, shown.b):
            style = ModelStyle(self.theme.text, "d", (1.5, 1.5))
            curves.append(self._one("a>b", "A – B", style, x, line))
        return curves

    def _one(
        self, name: str, label: str, style: ModelStyle, x: np.ndarray, line: Likeness
    ) -> Series:
        spread = bool((line.high > line.low).any())
        low, high = (line.low, line.high) if spread else (None, None)
        shown = name not in self._hidden
        return Series(name, label, style, x, line.mean, low, high, shown=shown)

    def _toggle(self, name: str) -> None:
        self._hidden ^= {name}
        self.redraw()

    def _read(self, side: int, x: float) -> None:
        shown = self._answer()
        if shown is None or not math.isfinite(x):
            self.charts.set_cross(side, None)
            self.note.setText(LAYER_NOTE if shown is not None else self.note.text())
            return
        layer = min(max(round(x), 1), len(shown.layers))
        self.charts.set_cross(side, float(layer))
        split = (FORGET, RETAIN)[side]
        series = self._series(shown, split, np.arange(1.0, len(shown.layers) + 1))
        parts = [f"{html.escape(one.label)} {_cka(one, layer - 1)}" for one in series if one.shown]
        name = html.escape(shown.layers[layer - 1])
        self.note.setText(f"<b>{name}</b>, {split}: " + " · ".join(parts))


def _waiting(pair: Pair) -> str:
    first, second = pair.labels
    return (
        f"Comparing the layers of {first} and {second}; the curves appear here. If a model is "
        "training, the comparison waits for it."
    )


def _null(shown: Similarity, split: str, x: np.ndarray) -> Ground | None:
    line = shown.line(split, RETRAIN, RETRAIN)
    if line is None:
        return None
    return Ground("Re-train against Re-train", x, line.low, line.high)


def _range(shown: Similarity) -> tuple[float, float]:
    """The smallest CKA drawn, and 1."""
    values = [np.concatenate([line.low, line.mean]) for line in shown.lines]
    every = np.concatenate(values)
    least = float(np.min(every[np.isfinite(every)], initial=1.0))
    return min(least, 0.99), 1.0


def _cka(series: Series, place: int) -> str:
    words = f"{series.y[place]:.3f}"
    if series.low is None or series.high is None:
        return words
    return f"{words} [{series.low[place]:.3f}, {series.high[place]:.3f}]"
