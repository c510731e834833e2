"""One sample's r over tau on the spread of the forget set's, with a draggable line at tau."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from engine.analysis.sample_curve import Spread
from engine.drawing.geometry import runs
from engine.drawing.labels import perturbation_label, tau_label
from engine.residual.sample_ratio import Ratio
from explorer.plots.chart import Ground, Series
from explorer.plots.curve_chart import CurveChart
from explorer.plots.readout import Reading
from explorer.plots.value_range import ValueRange
from explorer.theme import LIGHT, ModelStyle, Theme
from explorer.widgets.panel import button, muted_label

SPREAD = "spread"  # name of the median among the curves
LOW = 220  # logical pixels of height, below which the note leaves its room to the curves
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
    """A chart of `SampleRatios` with a note below; `tau_wanted` follows the dragged line.

    log, export_button: its secondary controls, placed by the view that shows it.
    """

    tau_wanted = Signal(float)
    export_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = CurveChart("Residual knowledge of this sample against tau")
        self.note, self.line = muted_label(), self.chart.line
        self.log = QCheckBox("Log scale of the curve")
        self.log.setChecked(True)
        self.log.setToolTip("Draw r on a logarithmic axis, with r = 0 on the bottom line")
        self.log.toggled.connect(self._draw)
        tip = "Save this curve (SVG, PDF or PNG) with its numbers as CSV"
        self.export_button = button("Export curve…", tip, self.export_wanted.emit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.note)
        self._holes: list[pg.LinearRegionItem] = []
        self._ratios: SampleRatios | None = None
        self._theme = LIGHT
        self._label: Callable[[str], str] = str
        self._hidden: set[str] = set()
        self.chart.line_moved.connect(self.tau_wanted)
        self.line.sigPositionChangeFinished.connect(self._settle)
        self.chart.clicked.connect(self.tau_wanted)
        self.chart.hovered.connect(self._say)
        self.chart.toggled.connect(self._toggle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room of a low chart to the curves."""
        super().resizeEvent(event)
        self.note.setVisible(self.height() >= LOW)

    def show_ratios(self, ratios: SampleRatios, label: Callable[[str], str], theme: Theme) -> None:
        """Draw the data; label: display name of a model."""
        self._ratios, self._theme, self._label = ratios, theme, label
        self.chart.set_theme(theme)
        short = f"τ: {perturbation_label(ratios.perturbation)}"
        self.chart.set_axes(tau_label(ratios.perturbation), AXIS, (short, "r"), ("τ", "r"))
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
        bottom, top = np.log10([low, high]) if log else (0.0, high)
        self.chart.hold(ValueRange(float(bottom), float(top), float(bottom), float(top)))
        self.chart.draw(series, self._ground(ratios, below, above), log=log)
        self._draw_holes(ratios)
        self.line.setBounds((float(ratios.taus[0]), float(ratios.taus[-1])))
        self._say(np.nan)

    def _ground(self, ratios: SampleRatios, below: np.ndarray, above: np.ndarray) -> Ground:
        of = f"of the forget set in {self._label(ratios.model)}"
        words = (f"median, middle 50 and 90 % {of}", "middle 50 and 90 %", "90 %")
        return Ground(
            words[0], ratios.taus, below, above, 1.0, shorter=words[1:], color=self._theme.muted
        )

    def _median(self, ratios: SampleRatios) -> Series:
        style = ModelStyle(self._theme.muted, "+", (2, 2))
        shown = SPREAD not in self._hidden
        return Series(
            SPREAD, "median", style, ratios.taus, ratios.spread.median, *ratios.spread.half, shown
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
        return Series(
            name, self._label(name), style, ratios.taus, one.r, low, high, shown, whiskers=True
        )

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
    def _settle(self) -> None:
        """Put the line at the shown norm."""
        if self._ratios is not None:
            self.chart.set_line(self._ratios.tau, f"τ {self._ratios.tau:.3g}")

    def _toggle(self, name: str) -> None:
        self._hidden ^= {name}
        self._draw()

    def _say(self, x: float) -> None:
        """Read the values at x, or, outside the chart, only write the note."""
        ratios = self._ratios
        if ratios is None:
            return
        self.note.setText(self._words(ratios))
        if not (np.isfinite(x) and ratios.curves):
            self.chart.stop_reading()
            return
        at = int(np.argmin(np.abs(ratios.taus - x)))
        tau = float(ratios.taus[at])
        self.chart.set_cross(tau)
        self.chart.read(f"τ {tau:g}", self._readings(ratios, at), tau, self.chart.hover_y)

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

    def _readings(self, ratios: SampleRatios, at: int) -> list[Reading]:
        rows = [
            Reading(
                self._label(name), self._theme.model_style(name).color, interval_words(one, at),
                y=float(one.r[at]),
            )
            for name, one in ratios.curves.items()
        ]  # fmt: skip
        return sorted(rows, key=_height, reverse=True)


def _height(reading: Reading) -> float:
    return reading.y if np.isfinite(reading.y) else -np.inf


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
