"""Themed line plots: curves with interval bands, a reference band and line, a crosshair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem, QVBoxLayout, QWidget

from engine.drawing.geometry import distance_to_line, runs
from explorer.theme import ModelStyle, Theme
from explorer.widgets.legend import Legend, LegendEntry, line_pen
from explorer.widgets.plot_widget import Plot

BAND_ALPHA, GROUND_ALPHA = 0.16, 0.3
FEW = 40  # points of a curve, up to which each gets a symbol
REACH = 10  # logical pixels between a click and the curve it picks, at most


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: x, y (n,), NaN = gap; low, high (n,) its interval, or None.

    shown: False shows it in the legend only; listed: whether the legend has it; marks: whether
    points get symbols; hollow: unfilled symbols; front: drawn above curves that are not.
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


@dataclass(frozen=True, eq=False)
class Ground:
    """The background of curves: a shaded band x, low, high (n,) and a horizontal level."""

    label: str = ""
    x: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    level: float | None = None


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

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.plot = Plot()
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
        self.plot.scene().sigMouseMoved.connect(self._hover)
        self.plot.scene().sigMouseClicked.connect(self._click)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.plot.setBackground(theme.base)
        self._cross.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DashLine))
        self._level.setPen(pg.mkPen(theme.text, width=1))
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
        for item in drawn:
            self._draw_series(item)
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
        if item.low is not None and item.high is not None:
            self._draw_band(item.name, item.x, item.low, item.high, item.style.color, BAND_ALPHA)

    def _draw_ground(self, ground: Ground) -> None:
        theme = self._theme
        color = theme.muted if theme else "#808080"
        if ground.x is not None and ground.low is not None and ground.high is not None:
            self._draw_band("", ground.x, ground.low, ground.high, color, GROUND_ALPHA)
        elif "" in self._bands:
            self.plot.removeItem(self._bands.pop(""))
        self._level.setVisible(ground.level is not None)
        if ground.level is not None:
            self._level.setPos(float(self._scaled(np.array([ground.level]))[0]))

    def _draw_band(
        self, name: str, x: np.ndarray, low: np.ndarray, high: np.ndarray, color: str, alpha: float
    ) -> None:
        band = self._bands.get(name)
        if band is None:
            band = self._bands[name] = QGraphicsPathItem()
            band.setPen(Qt.PenStyle.NoPen)  # any pen would widen the range of the view
            band.setZValue(1 if name else 0)
            self.plot.addItem(band)
        fill = QColor(color)
        fill.setAlphaF(alpha)
        band.setBrush(QBrush(fill))
        band.setPath(band_path(x, self._scaled(low), self._scaled(high)))

    def _draw_legend(
        self, series: Sequence[Series], ground: Ground, more: Sequence[LegendEntry]
    ) -> None:
        text = self._theme.text if self._theme else "#000000"
        entries = [*(entry_of(item) for item in series if item.listed), *more]
        if ground.label and self._theme:
            shade = QColor(self._theme.muted)
            shade.setAlphaF(GROUND_ALPHA)
            name = shade.name(QColor.NameFormat.HexArgb)
            entries.append(LegendEntry(ground.label, name, area=True))
        self.legend.set_entries(entries, text)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """The values as drawn: log10 on a log axis, NaN where they are not positive."""
        if not self._log:
            return np.asarray(values, np.float64)
        positive = np.where(values > 0, values, np.nan)
        return np.asarray(np.log10(positive))

    def _hover(self, at: QPointF) -> None:
        self.hovered.emit(self._x(at) if self._inside(at) else np.nan)

    def _click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        if event.double():
            self.show_all()
        elif event.button() == Qt.MouseButton.LeftButton and self._inside(event.scenePos()):
            at = event.scenePos()
            self.picked.emit(self._curve_at(at), self._x(at))
            self.clicked.emit(self._x(at))

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


def band_path(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> QPainterPath:
    """The area between low and high (n,), broken where either is undefined."""
    path = QPainterPath()
    for part in runs(np.isfinite(low) & np.isfinite(high)):
        corners = [*zip(x[part], low[part], strict=True)]
        corners += reversed([*zip(x[part], high[part], strict=True)])
        path.moveTo(*map(float, corners[0]))
        for a, b in corners[1:]:
            path.lineTo(float(a), float(b))
        path.closeSubpath()
    return path
