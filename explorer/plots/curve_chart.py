"""A chart whose curves are named at their ends and whose range follows its main curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from explorer.plots.annotations import Annotations
from explorer.plots.chart import Chart, Ground, Series
from explorer.plots.curve_notes import band_name, beyond_words, edge_marks, end_label
from explorer.plots.plot_message import PlotMessage
from explorer.plots.readout import Reading
from explorer.plots.readout_card import ReadoutCard
from explorer.plots.value_range import ValueRange, value_range
from explorer.theme import LIGHT, Theme
from explorer.widgets.legend import LegendEntry

MARGIN = 0.36  # of the width, at most, for the names of curves
HEADROOM = 8  # logical pixels above the plot, for half of the topmost number
ROOM = 0.05  # of the range, beyond the extremes
FAINT = 0.25  # opacity of the other curves while one is under the cursor
MANY, LOW = 6, 280  # more curves, or a lower plot: only the interval under the cursor is drawn
LINE, GRASPED = 1.5, 3.0  # width of the line at tau, and under the cursor


class CurveChart(Chart):
    """Names instead of a legend: those of curves at their ends, those of hidden ones below.

    The range holds the curves in front; intervals and curves of other runs may widen it only a
    little. What lies beyond is marked, and a double click shows all of it, another one the range as
    before. The curve under the cursor is emphasized. `line_moved` gives the x of the dragged line.
    """

    line_moved = Signal(float)

    def __init__(
        self, name: str, parent: QWidget | None = None, box: pg.ViewBox | None = None
    ) -> None:
        super().__init__(name, parent, box)
        viewport = self.plot.viewport()
        self.notes = Annotations(viewport, self._pixel, self._frame)
        self.card = ReadoutCard(viewport)
        self.message = PlotMessage(viewport)
        self.line = pg.InfiniteLine(angle=90, movable=True)
        self.line.setZValue(4)
        self.line.hide()
        self.plot.addItem(self.line, ignoreBounds=True)
        self.plot.getAxis("bottom").setStyle(hideOverlappingLabels=False)  # the margin has room
        self.line.sigDragged.connect(self._drag_line)
        self._series: tuple[Series, ...] = ()
        self._ground = Ground()
        self._range: ValueRange | None = None
        self._everything = False  # whether a double click asked for all
        self._free = False  # whether the user panned or zoomed
        self._strong = ""
        self._line_text = ""
        self._margin = -1  # logical pixels at the right, for the names
        self._floor: float | None = None
        self._held: ValueRange | None = None
        self._spots: tuple[tuple[float, float], ...] = ()
        self.hover_y = 0.0  # height of the cursor in the coordinates of the view
        box = self.plot.getViewBox()
        box.sigRangeChangedManually.connect(self._set_free)
        box.sigTransformChanged.connect(self.notes.update)
        box.sigResized.connect(self._cover)
        self.legend.hide()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        super().set_theme(theme)
        self.notes.set_theme(theme)
        self.card.set_theme(theme)
        self.line.setPen(pg.mkPen(theme.accent, width=LINE))
        self.line.setHoverPen(pg.mkPen(theme.accent, width=GRASPED))

    def set_axes(self, bottom: str, left: str, *shorter: tuple[str, str]) -> None:
        """Axis labels, units included; shorter: pairs for where there is less room."""
        for side, place in (("bottom", 0), ("left", 1)):
            self.plot.getAxis(side).set_shorter([pair[place] for pair in shorter])
        super().set_axes(bottom, left)

    def draw(
        self,
        series: Sequence[Series],
        ground: Ground | None,
        *,
        log: bool = False,
        entries: Sequence[LegendEntry] = (),
    ) -> None:
        """Show these curves; entries: of a legend above, beside the names of the curves."""
        if log != self._log:
            self._free = False
        self._series, self._ground = tuple(series), ground or Ground()
        super().draw(series, ground, log=log, entries=entries)
        self._fit()
        self._annotate()
        self._emphasize("")

    def fit_again(self) -> None:
        """Drop zoom and position: other data are shown."""
        self._free = self._everything = False

    def show_all(self) -> None:
        """Show all if something lies beyond the range, or the range as before."""
        cut = self._range is not None and self._range.cuts
        self._everything = cut and not self._everything and not self._free
        self._free = False
        self._fit()
        self._annotate()

    def hold(self, fixed: ValueRange | None) -> None:
        """Keep the axis at this range, whatever is drawn; None follows what is drawn."""
        self._held = fixed

    def set_floor(self, floor: float | None) -> None:
        """Set the lowest value of the axis, for measures that cannot be smaller."""
        self._floor = floor

    def keep_clear(self, spots: Sequence[tuple[float, float]]) -> None:
        """Keep the name of the band off marks with these centers."""
        self._spots = tuple(spots)
        self._annotate()

    def set_line(self, x: float | None, text: str = "") -> None:
        """Put the line at x with a text beside its top, or hide it."""
        self.line.setVisible(x is not None)
        self._line_text = text
        if x is not None and not self.line.moving:
            self.line.setPos(x)
        self.notes.line = (x, text) if x is not None else None
        self.notes.update()

    def read(self, title: str, rows: Sequence[Reading], x: float, y: float) -> None:
        """List these readings in the card beside x; y: the value under the cursor."""
        self.message.hide()
        level = y if not self._log else 10.0**y
        self.card.show_readings(title, rows, level, self._pixel(x, y), self._frame())

    def say(self, words: str) -> None:
        """Write a sentence at the foot of the plot; '' takes it away."""
        self.message.say(words, self._frame().toRect())

    def stop_reading(self) -> None:
        """Hide the card and the crosshair."""
        self.card.clear()
        self.message.setVisible(bool(self.message.text()))
        self.set_cross(None)

    @property
    def shown_range(self) -> tuple[float, float]:
        """The values at the bottom and at the top of the axis."""
        low, high = self.plot.viewRange()[1]
        return (10.0**low, 10.0**high) if self._log else (low, high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the names their margin."""
        super().resizeEvent(event)
        self._set_margin()
        self._emphasize("")

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._set_margin()

    # -- range ----------------------------------------------------------------------------
    def _fit(self) -> None:
        main = [one for one in self._series if one.shown and one.front]
        self._range = self._held or self._range_of(main)
        if self._free or self._range is None:
            return
        x = np.concatenate([one.x for one in main if len(one.x)] or [np.zeros(0)])
        if len(x) and self._everything:
            x = np.concatenate([one.x for one in self._series if one.shown])
        low, high = self._range.low, self._range.high
        if self._everything:
            low, high = self._range.lowest, self._range.highest
        room = ROOM * max(high - low, 1e-9)
        bottom = low - room
        if self._floor is not None and not self._log:
            bottom = max(bottom, self._floor - room)
        self.plot.setYRange(bottom, high + room, padding=0)
        if len(x):
            width = float(np.ptp(x)) or 1.0
            self.plot.setXRange(
                float(x.min()) - 0.03 * width, float(x.max()) + 0.01 * width, padding=0
            )

    def _range_of(self, main: Sequence[Series]) -> ValueRange | None:
        """The range of the curves in front; in log10 on a log axis."""
        core = [self._scaled(one.y) for one in main]
        if self._ground.level is not None:
            core.append(self._scaled(np.array([self._ground.level])))
        return value_range(core, [self._scaled(one) for one in self._others(main)])

    def _others(self, main: Sequence[Series]) -> Iterator[np.ndarray]:
        ends = [(self._ground.low, self._ground.high)]
        if len(main) <= MANY:
            ends += [(one.low, one.high) for one in main]
        for low, high in ends:
            yield from (one for one in (low, high) if one is not None)
        last = max((float(one.x[-1]) for one in main if len(one.x)), default=np.inf)
        for one in self._series:
            if one.shown and not one.front:
                yield one.y[one.x <= last]

    def _set_free(self) -> None:
        self._free = True
        self._annotate()

    # -- names ----------------------------------------------------------------------------
    def _draw_legend(
        self, series: Sequence[Series], ground: Ground, more: Sequence[LegendEntry]
    ) -> None:
        text = self._theme.text if self._theme else "#000000"
        self.legend.set_entries(more, text)
        self.legend.setVisible(bool(more))
        names = [
            one.label if one.shown else f"{one.label} (hidden)" for one in series if one.listed
        ]
        band = [ground.label] if ground.label else []
        self.setAccessibleDescription(", ".join([*names, *(one.label for one in more), *band]))

    def _annotate(self) -> None:
        """Write the names of curves and band, and mark what lies beyond the axis."""
        theme = self._theme or LIGHT
        named = [one for one in self._series if one.listed]
        self.notes.labels = tuple(end_label(one, self._scaled, theme) for one in named)
        self.notes.band = band_name(self._ground, self._series, self._scaled, self._spots)
        view = self.plot.viewRange()
        self.notes.marks = tuple(edge_marks(self._series, self._scaled, view))
        usual = not (self._free or self._everything)
        self.notes.beyond = beyond_words(self._range, self._log) if usual and self._range else ()
        self._set_margin()
        self.notes.update()

    def _set_margin(self) -> None:
        wanted = min(self.notes.width_needed(), MARGIN * self.width())
        margin = round(max(wanted, HEADROOM))
        if margin != self._margin:
            self._margin = margin
            self.plot.plotItem.setContentsMargins(0, HEADROOM, margin, 0)
            self.plot.plotItem.layout.activate()  # a pending request may outlive the scene: a crash
        self.notes.resize(self.plot.viewport().size())
        self.notes.update()

    def _cover(self) -> None:
        """Keep the texts over the whole plot."""
        self.notes.resize(self.plot.viewport().size())
        self.notes.update()
        self.message.place(self._frame().toRect())

    # -- cursor ---------------------------------------------------------------------------
    def _leave(self) -> None:
        self._emphasize("")
        super()._leave()

    def _hover(self, at: QPointF) -> None:
        pixel = QPointF(self.plot.mapFromScene(at))
        name = self.notes.name_at(pixel)
        over = bool(name)
        if not name and self._inside(at):
            name = self._curve_at(at)
        self._emphasize(name)
        if over:
            self.plot.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.plot.viewport().unsetCursor()
        self.hover_y = float(self.plot.getViewBox().mapSceneToView(at).y())
        super()._hover(at)

    def _click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        name = self.notes.name_at(QPointF(self.plot.mapFromScene(event.scenePos())))
        if name and event.button() == Qt.MouseButton.LeftButton:
            self.toggled.emit(name)
        else:
            super()._click(event)

    def _emphasize(self, name: str) -> None:
        """Draw the other curves faintly; '' for none in particular."""
        known = name if name in self._curves else ""
        if known == self._strong and known:
            return
        many = len([one for one in self._series if one.shown and one.front]) > MANY
        many = many or self.plot.height() < LOW
        self._strong = self.notes.strong = known
        for other, curve in self._curves.items():
            curve.setOpacity(1.0 if known in ("", other) else FAINT)
        for other, band in self._bands.items():
            if other:
                usual = 0.0 if many else 0.55
                band.setOpacity(1.0 if other == known else usual if not known else usual * FAINT)
        self.notes.update()

    # -- line and pixels ------------------------------------------------------------------
    def _drag_line(self) -> None:
        x = float(self.line.value())
        self.notes.line = (x, self._line_text)
        self.notes.update()
        self.line_moved.emit(x)

    def _pixel(self, x: float, y: float) -> QPointF:
        scene = self.plot.getViewBox().mapViewToScene(QPointF(float(x), float(y)))
        return QPointF(self.plot.mapFromScene(scene))

    def _frame(self) -> QRectF:
        box = self.plot.getViewBox().sceneBoundingRect()
        return QRectF(self.plot.mapFromScene(box).boundingRect())
