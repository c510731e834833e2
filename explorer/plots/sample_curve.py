"""One sample's r over tau on the spread of the forget set's, with a draggable line at tau."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.analysis.sample_curve import Spread
from engine.drawing.geometry import runs
from engine.drawing.labels import tau_label
from engine.residual.sample_ratio import Ratio
from explorer.plots.chart import Chart, Ground, Series
from explorer.plots.readout import swatch
from explorer.theme import LIGHT, ModelStyle, Theme
from explorer.widgets import markup
from explorer.widgets.panel import button, muted_label

SPREAD = "spread"  # name of the median among the curves
ROOM = 0.06  # of the range, as margin beyond the extremes: symbols are not cut
AXIS = "r (1 = Re-train)"


@dataclass(frozen=True, eq=False)
class SampleRatios:
    """The data. curves: model -> r (T,) on the grid `taus` if the sample is in the forget set;
    around: model -> r () at `tau` if it is not; model: the one of `spread` and of the interval.
    """

    sample: int
    perturbation: str
    taus: np.ndarray
    samples: int
    model: str
    spread: Spread
    curves: Mapping[str, Ratio]
    around: Mapping[str, Ratio]
    tau: float

    @property
    def undefined(self) -> np.ndarray:
        """(T,) bool: norms at which no model's r is defined."""
        if not self.curves:
            return np.zeros(len(self.taus), bool)
        return np.asarray(np.isnan([one.r for one in self.curves.values()]).all(0))


class SampleCurve(QWidget):
    """A chart of `SampleRatios` with a note below; `tau_wanted` follows the dragged line."""

    tau_wanted = Signal(float)
    export_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart, self.note = (
            Chart("Residual knowledge of this sample against tau"),
            muted_label(),
        )
        markup.allow(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.chart, 1)
        layout.addLayout(self._foot())
        self.line = pg.InfiniteLine(angle=90, movable=True)
        self.line.setZValue(5)  # behind the curves
        self.chart.plot.addItem(self.line, ignoreBounds=True)
        self._holes: list[pg.LinearRegionItem] = []
        self._ratios: SampleRatios | None = None
        self._theme = LIGHT
        self._label: Callable[[str], str] = str
        self._hidden: set[str] = set()
        self.line.sigDragged.connect(self._dragged)
        self.line.sigPositionChangeFinished.connect(self._settle)
        self.chart.clicked.connect(self.tau_wanted)
        self.chart.hovered.connect(self._say)
        self.chart.toggled.connect(self._toggle)

    def _foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        self.log = QCheckBox("Log scale")
        self.log.setChecked(True)
        self.log.setToolTip("Draw r on a logarithmic axis, with r = 0 on the bottom line")
        self.log.toggled.connect(self._draw)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.log)
        tip = "Save this curve (SVG, PDF or PNG) with its numbers as CSV"
        foot.addWidget(button("Export curve…", tip, self.export_wanted.emit))
        return foot

    def show_ratios(self, ratios: SampleRatios, label: Callable[[str], str], theme: Theme) -> None:
        """Draw the data; label: display name of a model."""
        self._ratios, self._theme, self._label = ratios, theme, label
        self.chart.set_theme(theme)
        self.chart.set_axes(tau_label(ratios.perturbation), AXIS)
        pen = pg.mkPen(theme.accent, width=2)
        self.line.setPen(pen)
        self.line.setHoverPen(pg.mkPen(theme.accent, width=4))
        self._draw()
        self._settle()

    def show_tau(self, tau: float) -> None:
        """Move the line to another norm of the same data."""
        if self._ratios is not None and tau != self._ratios.tau:
            self._ratios = replace(self._ratios, tau=tau)
            self._settle()

    @property
    def holes(self) -> list[tuple[float, float]]:
        """The hatched spans of tau, where r is undefined."""
        spans = [hole.getRegion() for hole in self._holes]
        return [(float(low), float(high)) for low, high in spans]

    # -- drawing --------------------------------------------------------------------------
    def _draw(self) -> None:
        ratios = self._ratios
        if ratios is None:
            return
        series = [self._median(ratios), *map(self._series, ratios.curves or ratios.around)]
        low, high = _reach([item.y for item in series if item.shown], ratios.spread)
        log = self.log.isChecked()
        if log:
            series = [_lifted(item, low) for item in series]
        below, above = ratios.spread.most
        below = np.maximum(below, low) if log else below
        self.chart.draw(series, Ground("middle 90 %", ratios.taus, below, above, 1.0), log=log)
        ends = np.log10([low, high]) if log else (0.0, high)
        self.chart.plot.setYRange(*ends, padding=ROOM)
        self._draw_holes(ratios)
        self.line.setBounds((float(ratios.taus[0]), float(ratios.taus[-1])))
        self._say(np.nan)

    def _median(self, ratios: SampleRatios) -> Series:
        style = ModelStyle(self._theme.muted, "+", (2, 2))
        label = f"forget set in {self._label(ratios.model)}: median, middle 50 %"
        shown = SPREAD not in self._hidden
        return Series(
            SPREAD, label, style, ratios.taus, ratios.spread.median, *ratios.spread.half, shown
        )

    def _series(self, name: str) -> Series:
        ratios = self._ratios
        assert ratios is not None
        style, shown = self._theme.model_style(name), name not in self._hidden
        one = ratios.curves.get(name)
        if one is None:
            at, r = np.array([ratios.tau]), np.atleast_1d(ratios.around[name].r)
            return Series(name, self._label(name), style, at, r, shown=shown)
        missing = np.full(len(ratios.taus), np.nan)
        low, high = (one.low, one.high) if name == ratios.model else (missing, missing)
        return Series(name, self._label(name), style, ratios.taus, one.r, low, high, shown)

    def _draw_holes(self, ratios: SampleRatios) -> None:
        """Hatch the norms at which r is undefined."""
        for hole in self._holes:
            self.chart.plot.removeItem(hole)
        ink = QBrush(QColor(self._theme.muted), Qt.BrushStyle.BDiagPattern)
        self._holes = []
        for part in runs(ratios.undefined):
            region = pg.LinearRegionItem(_span(ratios.taus, part), movable=False, brush=ink)
            region.setZValue(-5)
            for edge in region.lines:
                edge.hide()
            self.chart.plot.addItem(region, ignoreBounds=True)
            self._holes.append(region)

    # -- reading and dragging -------------------------------------------------------------
    def _dragged(self) -> None:
        self.tau_wanted.emit(float(self.line.value()))

    def _settle(self) -> None:
        """Put the line at the shown norm."""
        if self._ratios is not None and not self.line.moving:
            self.line.setValue(self._ratios.tau)

    def _toggle(self, name: str) -> None:
        self._hidden ^= {name}
        self._draw()

    def _say(self, x: float) -> None:
        """Show the values at x, or, outside the chart, the note."""
        ratios = self._ratios
        if ratios is None:
            return
        inside = np.isfinite(x) and bool(ratios.curves)
        at = int(np.argmin(np.abs(ratios.taus - x))) if inside else 0
        self.chart.set_cross(float(ratios.taus[at]) if inside else None)
        self.note.setText(self._reading(ratios, at) if inside else self._words(ratios))

    def _words(self, ratios: SampleRatios) -> str:
        if not ratios.curves:
            return _not_forgotten(ratios)
        parts = ["Drag the line to another τ."]
        if ratios.undefined.any():
            taus = ", ".join(f"{tau:g}" for tau in ratios.taus[ratios.undefined])
            parts.append(f"Hatched: r undefined at τ {taus}, no Re-train recognizes a copy.")
        if self.log.isChecked() and any((one.r == 0).any() for one in ratios.curves.values()):
            parts.append("Bottom line: r = 0.")
        return " ".join(parts)

    def _reading(self, ratios: SampleRatios, at: int) -> str:
        parts = [f"<b>τ {ratios.taus[at]:g}</b>"]
        for name, one in ratios.curves.items():
            color, words = self._theme.model_style(name).color, interval_words(one, at)
            parts.append(f"{swatch(color, self._label(name))} {words}")
        return " · ".join(parts)


def interval_words(one: Ratio, at: int | tuple[()] = ()) -> str:
    """'1.23 [1.02, 1.51]' or 'undefined', for one index of a ratio's arrays."""
    r, low, high = float(one.r[at]), float(one.low[at]), float(one.high[at])
    return f"{short(r)} [{short(low)}, {short(high)}]" if np.isfinite(r) else "undefined"


def short(value: float) -> str:
    """A ratio to two decimals; from 10 on to three significant digits."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.3g}"


def _not_forgotten(ratios: SampleRatios) -> str:
    words = f"Sample {ratios.sample} is not in the forget set, so its r over τ was not measured."
    if not ratios.around:
        return words
    return f"{words} The points are r at τ {ratios.tau:g}, from the copies above."


def _reach(values: Sequence[np.ndarray], spread: Spread) -> tuple[float, float]:
    """(smallest above 0, largest) of the values drawn; intervals beyond are cut off.

    An r estimated from one copy in a hundred has an interval of up to several hundred.
    """
    every = np.concatenate([*values, *spread.most])
    positive = every[np.isfinite(every) & (every > 0)]
    return min(0.5, positive.min(initial=0.5)), max(2.0, positive.max(initial=2.0))


def _lifted(item: Series, floor: float) -> Series:
    """The series for a log scale, with zeros on the bottom line."""
    low = None if item.low is None else np.maximum(item.low, floor)
    return replace(item, y=np.maximum(item.y, floor), low=low)


def _span(taus: np.ndarray, part: slice) -> tuple[float, float]:
    """From half a step before to half a step after these norms, within the grid."""
    edges = np.concatenate([taus[:1], (taus[1:] + taus[:-1]) / 2, taus[-1:]])
    return float(edges[part.start]), float(edges[part.stop])
