"""Themed line plots: curves with interval bands, a reference band and line, a crosshair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QGraphicsPathItem, QVBoxLayout, QWidget

from engine.drawing.geometry import distance_to_line
from engine.drawing.palette import INTERVAL_ALPHA
from explorer.plots.band_paths import band_path, whisker_path
from explorer.plots.outer_band import OuterBand
from explorer.theme import DARK, LIGHT, ModelStyle, Theme
from explorer.widgets.legend import Legend, LegendEntry, line_pen
from explorer.widgets.plot_widget import Plot

BAND_ALPHA = INTERVAL_ALPHA
DODGE, WHISKER = 0.05, 1.2  # of a step of x between the whiskers of two curves; logical pixels
FEW = 40  # points of a curve, up to which each gets a symbol
REACH = 10  # logical pixels between a click and the curve it picks, at most


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: x, y (n,), NaN = gap; low, high (n,) its interval, or None.

    shown: False shows it in the legend only; listed: whether the legend has it; marks: whether
    points get symbols; hollow: unfilled symbols; front: drawn above curves that are not; whiskers:
    the interval is drawn as lines, not as an area.
    """

    name: str
    label: str
    style: ModelStyle
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    shown: bool = True
    width: float = 2.0
    marks: bool = True
    hollow: bool = False
    listed: bool = True
    front: bool = True
    whiskers: bool = False


@dataclass(frozen=True, eq=False)
class Ground:
    """The background of curves: a shaded band x, low, high (n,) and a horizontal level.

    label: the band's name; shorter: the same in fewer words, longest first; color: of a band that
    is none of the Re-trains, '' for the null band's; outer: low and high (n,) of a wider band
    around it, with dashed edges.
    """

    label: str = ""
    x: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    level: float | None = None
    shorter: tuple[str, ...] = ()
    color: str = ""
    outer: tuple[np.ndarray, np.ndarray] | None = None


class Chart(QWidget):
    """A plot with its legend above; `hovered` gives the x under the cursor, NaN outside.

    `clicked` gives the x of a click; `picked`, before it, the curve within `REACH` of the click,
    '' if there is none, and the x. `toggled` names a curve whose legend entry was clicked. Drag
    pans, the wheel zooms, a double click shows all.
    """

    hovered = Signal(float)
    clicked = Signal(float)
    picked = Signal(str, float)
    toggled = Signal(str)

    def __init__(
        self, name: str, parent: QWidget | None = None, box: pg.ViewBox | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.plot = Plot(box)
        self.plot.setAccessibleName(name)
        for side in ("bottom", "left"):  # before any label is set, or it would rescale
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        self.legend = Legend()
        self.legend.toggled.connect(self.toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self._log = False
        self._theme: Theme | None = None
        self._labels = {"bottom": "", "left": ""}
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._bands: dict[str, QGraphicsPathItem] = {}
        self._level = pg.InfiniteLine(angle=0, movable=False)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        for line in (self._level, self._cross):
            line.hide()
            self.plot.addItem(line, ignoreBounds=True)
        self._level.setZValue(3)
        self._edges = [pg.PlotCurveItem(), pg.PlotCurveItem()]
        for edge in self._edges:
            edge.setZValue(3)
            self.plot.addItem(edge)
        self._outer = OuterBand(self.plot)
        self.plot.left.connect(self._leave)
        self.plot.scene().sigMouseMoved.connect(self._hover)
        self.plot.scene().sigMouseClicked.connect(self._click)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.plot.setBackground(theme.base)
        self._cross.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DashLine))
        self._level.setPen(pg.mkPen(theme.muted, width=1))
        for side in ("bottom", "left"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.text))
            axis.setLabel(self._labels[side], color=theme.text)
        self.plot.showGrid(x=True, y=True, alpha=0.15)

    def set_axes(self, bottom: str, left: str) -> None:
        """Axis labels, units included."""
        self._labels = {"bottom": bottom, "left": left}
        for side, text in self._labels.items():
            self.plot.setLabel(side, text)
            if self._theme:
                self.plot.getAxis(side).setLabel(text, color=self._theme.text)

    def draw(
        self,
        series: Sequence[Series],
        ground: Ground | None,
        *,
        log: bool = False,
        entries: Sequence[LegendEntry] = (),
    ) -> None:
        """Show these curves; existing items are reused, which makes live updates cheap.

        entries: further legend entries, before that of the ground.
        """
        ground = ground or Ground()
        self._log = log
        self.plot.getAxis("left").setLogMode(x=False, y=log)
        self._draw_ground(ground)
        drawn = [item for item in series if item.shown]
        wanted = {item.name for item in drawn}
        for name in set(self._curves) - wanted:
            self.plot.removeItem(self._curves.pop(name))
        banded = {item.name for item in drawn if item.low is not None and item.high is not None}
        for name in set(self._bands) - banded - {""}:
            self.plot.removeItem(self._bands.pop(name))
        whiskered = [item.name for item in drawn if item.whiskers and item.name in banded]
        for item in drawn:
            self._draw_series(item)
            if item.name in banded:
                self._draw_interval(item, whiskered)
        self._draw_legend(series, ground, entries)

    @property
    def curves(self) -> Mapping[str, pg.PlotDataItem]:
        """Name -> drawn curve, with its data as drawn (log10 on a log axis)."""
        return MappingProxyType(self._curves)

    @property
    def bands(self) -> Mapping[str, QGraphicsPathItem]:
        """Name of the curve -> drawn interval; '' for that of the ground."""
        return MappingProxyType(self._bands)

    @property
    def level(self) -> float | None:
        """The position of the ground's level, None without one."""
        return float(self._level.value()) if self._level.isVisible() else None

    @property
    def cross(self) -> float | None:
        """The x of the crosshair, None while it is hidden."""
        return float(self._cross.value()) if self._cross.isVisible() else None

    def show_all(self) -> None:
        """Fit the view to the data, and keep it fitted."""
        self.plot.enableAutoRange()

    def set_cross(self, x: float | None) -> None:
        """Put the crosshair at x, or hide it."""
        self._cross.setVisible(x is not None)
        if x is not None:
            self._cross.setPos(x)

    def _draw_series(self, item: Series) -> None:
        curve = self._curves.get(item.name)
        if curve is None:
            curve = self._curves[item.name] = self.plot.plot(connect="finite")
        curve.setZValue(10 if item.front else 5)
        few = len(item.x) <= FEW
        y = self._scaled(item.y)
        count = len(y) if np.isfinite(y).any() else 0  # pyqtgraph warns of bounds that are all NaN
        curve.setData(item.x[:count], y[:count], connect="finite")
        curve.setPen(line_pen(item.style.color, item.style.dash, item.width))
        curve.setSymbol(item.style.symbol if few and item.marks else None)
        curve.setSymbolSize(7)
        curve.setSymbolBrush(QColor(0, 0, 0, 0) if item.hollow else QColor(item.style.color))
        curve.setSymbolPen(pg.mkPen(item.style.color, width=1))

    def _draw_interval(self, item: Series, whiskered: Sequence[str]) -> None:
        """Draw a curve's interval; whiskered: the curves whose whiskers stand side by side."""
        if item.low is None or item.high is None:
            return
        low, high = self._scaled(item.low), self._scaled(item.high)
        band = self._band(item.name)
        color = QColor(item.style.color)
        if item.whiskers:
            place = whiskered.index(item.name) - (len(whiskered) - 1) / 2
            band.setPen(pg.mkPen(color, width=WHISKER))  # widens automatic ranges: none here
            band.setBrush(QBrush(Qt.BrushStyle.NoBrush))
            band.setZValue(4)
            band.setPath(whisker_path(item.x + place * _dodge(item.x, len(whiskered)), low, high))
        else:
            color.setAlphaF(self._alpha())
            band.setPen(Qt.PenStyle.NoPen)
            band.setBrush(QBrush(color))
            band.setZValue(1)
            band.setPath(band_path(item.x, low, high))

    def _draw_ground(self, ground: Ground) -> None:
        if ground.x is not None and ground.low is not None and ground.high is not None:
            look = (self._theme or LIGHT).null_band
            band = self._band("")
            band.setPen(Qt.PenStyle.NoPen)
            fill = QColor(ground.color or look.fill)
            if ground.color:
                fill.setAlphaF(self._alpha())
            band.setBrush(QBrush(fill))
            band.setZValue(2)  # above the intervals that are areas
            ends = [self._scaled(ground.low), self._scaled(ground.high)]
            band.setPath(band_path(ground.x, *ends))
            for edge, end in zip(self._edges, ends, strict=True):
                edge.setPen(pg.mkPen(fill if ground.color else look.edge, width=1))
                edge.setData(ground.x, end, connect="finite")
        elif "" in self._bands:
            self.plot.removeItem(self._bands.pop(""))
            for edge in self._edges:
                edge.setData([], [])
        ends = [] if ground.outer is None else [self._scaled(end) for end in ground.outer]
        self._outer.draw(ground.x, ends, self._theme or LIGHT)
        self._level.setVisible(ground.level is not None)
        if ground.level is not None:
            self._level.setPos(float(self._scaled(np.array([ground.level]))[0]))

    def _alpha(self) -> float:
        """The opacity of filled areas; on a dark ground a faint one is hardly seen."""
        dark = self._theme is not None and self._theme.name == DARK.name
        return 2 * BAND_ALPHA if dark else BAND_ALPHA

    def _band(self, name: str) -> QGraphicsPathItem:
        """The item of an interval, '' for that of the ground."""
        if name not in self._bands:
            self._bands[name] = QGraphicsPathItem()
            self.plot.addItem(self._bands[name])
        return self._bands[name]

    def _draw_legend(
        self, series: Sequence[Series], ground: Ground, more: Sequence[LegendEntry]
    ) -> None:
        text = self._theme.text if self._theme else "#000000"
        entries = [*(entry_of(item) for item in series if item.listed), *more]
        if ground.label:
            look = (self._theme or LIGHT).null_band
            entries.append(LegendEntry(ground.label, look.fill, outline=look.edge, area=True))
        self.legend.set_entries(entries, text)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """The values as drawn: log10 on a log axis, NaN where they are not positive."""
        if not self._log:
            return np.asarray(values, np.float64)
        positive = np.where(values > 0, values, np.nan)
        return np.asarray(np.log10(positive))

    def _leave(self) -> None:
        self.hovered.emit(np.nan)

    def _hover(self, at: QPointF) -> None:
        self.hovered.emit(self._x(at) if self._inside(at) else np.nan)

    def _click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        if event.double():
            self.show_all()
        elif event.button() == Qt.MouseButton.LeftButton and self._inside(event.scenePos()):
            at = event.scenePos()
            x = self._x(at)  # before the layout changes: what is picked may be listed beside
            self.picked.emit(self._curve_at(at), x)
            self.clicked.emit(x)

    def _curve_at(self, at: QPointF) -> str:
        """The curve nearest to a scene position, '' if none is within `REACH`."""
        box = self.plot.getViewBox()
        place, (width, height) = box.mapSceneToView(at), box.viewPixelSize()
        if not (width and height):  # a chart of no size
            return ""
        best, best_name = float(REACH), ""
        for name, curve in sorted(self._curves.items(), key=_depth):
            x, y = curve.getData()
            points = np.column_stack([x, y]) if x is not None else np.empty((0, 2))
            far = distance_to_line(points, (place.x(), place.y()), (1 / width, 1 / height))
            if far <= best:  # of equally near curves the last is on top
                best, best_name = far, name
        return best_name

    def _inside(self, at: QPointF) -> bool:
        return bool(self.plot.getViewBox().sceneBoundingRect().contains(at))

    def _x(self, at: QPointF) -> float:
        return float(self.plot.getViewBox().mapSceneToView(at).x())


def _depth(named: tuple[str, pg.PlotDataItem]) -> float:
    return float(named[1].zValue())


def entry_of(item: Series) -> LegendEntry:
    """The legend entry of a curve; a click on it toggles the curve."""
    style = item.style
    return LegendEntry(
        item.label, style.color, style.symbol, style.dash, name=item.name, on=item.shown
    )


def _dodge(x: np.ndarray, curves: int) -> float:
    """How far apart the whiskers of neighboring curves stand, in units of x."""
    step = float(np.median(np.diff(x))) if len(x) > 1 else 0.0
    return step * min(DODGE, 0.5 / max(1, curves))
