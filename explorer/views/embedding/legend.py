"""The legend on the map: kinds and groups with their counts, the color scale, and the rings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from explorer.theme import LIGHT, Theme
from explorer.widgets.plot_widget import no_collection

ROW, PAD, GAP, MARK = 22, 8, 14, 10  # logical pixels
BAR, BAR_HEIGHT = 110, 9  # logical pixels of the color scale
ROWS = 2  # lines of entries; the rest is behind the last entry
OFF = 0.5  # opacity of hidden entries
SOLID = 232  # of 255: opacity of the ground
MORE = "more"  # the entry that lists the rest
RING, RINGS = "ring", "rings"  # symbols that are no symbols of pyqtgraph


@dataclass(frozen=True)
class Entry:
    """A line of the legend.

    symbol: pyqtgraph's name, RING, RINGS, or '' for text only; name: what a click concerns, '' for
    nothing; count, selected: its points, and those of them in the selection; on: False if hidden;
    strong: whether it is highlighted; tip: its explanation.
    """

    label: str
    color: str = ""
    symbol: str = ""
    name: str = ""
    count: int = -1
    selected: int = -1
    on: bool = True
    strong: bool = False
    tip: str = ""

    @property
    def text(self) -> str:
        """The label with its counts: 'retain 47 of 412' where 47 of them are selected."""
        if self.count < 0:
            return self.label
        part = f"{self.selected:,} of " if self.selected >= 0 else ""
        return f"{self.label} {part}{self.count:,}"


@dataclass(frozen=True)
class ScaleBar:
    """A color scale: title, colors from low to high, and its ticks (position, label)."""

    title: str
    colors: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]


class MapLegend(QWidget):
    """Entries in at most two lines, as wide as they need.

    clicked: the name of an entry, and whether Ctrl was held; more: the entries that found no room,
    and the place to list them.
    """

    clicked = Signal(str, bool)
    more = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: tuple[Entry, ...] = ()
        self.scale: ScaleBar | None = None
        self._theme = LIGHT
        self._room = 400
        self._drawn: list[tuple[Entry, QRectF]] = []
        self._rest: tuple[Entry, ...] = ()
        self._bar = QRectF()
        self.setMouseTracking(True)
        self.setAccessibleName("Legend")

    def show_entries(self, entries: Sequence[Entry], scale: ScaleBar | None, theme: Theme) -> None:
        """Show these entries, and the color scale at their end."""
        self.entries, self.scale, self._theme = tuple(entries), scale, theme
        words = [entry.text if entry.on else f"{entry.text} (hidden)" for entry in entries]
        if scale is not None:
            words.append(f"{scale.title}: {', '.join(label for _, label in scale.ticks)}")
        self.setAccessibleDescription(", ".join(words))
        self.fit(self._room)

    def fit(self, room: int) -> None:
        """Lay the entries out in `room` logical pixels of width, and take the size they need."""
        self._room = room
        self._drawn, self._rest = self._laid_out(room)
        right = max((box.right() for _, box in self._drawn), default=0.0)
        bottom = max((box.bottom() for _, box in self._drawn), default=0.0)
        if self.scale is not None:
            width = self._scale_width()
            x, y = (self._drawn[-1][1].right() + GAP, bottom - ROW) if self._drawn else (PAD, 0)
            if x + width > room - PAD:
                x, y = float(PAD), bottom
            self._bar = QRectF(x, y, width, ROW)
            right, bottom = max(right, self._bar.right()), max(bottom, self._bar.bottom())
        self.resize(round(right + PAD), round(bottom))
        self.update()

    @property
    def lines(self) -> int:
        """How many lines the entries and the color scale take."""
        return round(self.height() / ROW)

    def sizeHint(self) -> QSize:
        """The size that the entries need."""
        return self.size()

    def box_of(self, name: str) -> QRectF:
        """Rectangle of the entry of that name, in the widget's pixels; empty if there is none."""
        return next((box for entry, box in self._drawn if entry.name == name), QRectF())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of the entry that was clicked."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        entry = self._entry_at(event.position())
        if entry is None or not entry.name:
            return
        if entry.name == MORE:
            self.more.emit(self._rest, self.mapToGlobal(self.rect().topLeft()))
        else:
            held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.clicked.emit(entry.name, held)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show a hand and the explanation of the entry below the mouse."""
        entry = self._entry_at(event.position())
        shape = Qt.CursorShape
        clickable = entry is not None and bool(entry.name)
        self.setCursor(shape.PointingHandCursor if clickable else shape.ArrowCursor)
        tip = entry.tip if entry is not None else ""
        if not tip and self.scale is not None and self._bar.contains(event.position()):
            tip = self.scale.title
        if self.toolTip() != tip:
            self.setToolTip(tip)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, entries and scale."""
        with no_collection():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint(painter)
            painter.end()

    # -- layout ---------------------------------------------------------------------------
    def _laid_out(self, room: int) -> tuple[list[tuple[Entry, QRectF]], tuple[Entry, ...]]:
        """The entries with their boxes, and those for which no room is left."""
        shown = self._lines(self.entries, room)
        if len(shown) == len(self.entries):
            return shown, ()
        while shown:
            rest = self.entries[len(shown) :]
            more = Entry(f"+ {len(rest):,} more", name=MORE, tip="List the other entries")
            drawn = self._lines([*self.entries[: len(shown)], more], room)
            if len(drawn) == len(shown) + 1:
                return drawn, rest
            shown.pop()
        return [], self.entries

    def _lines(self, entries: Sequence[Entry], room: int) -> list[tuple[Entry, QRectF]]:
        result: list[tuple[Entry, QRectF]] = []
        x, line = float(PAD), 0
        for entry in entries:
            width = self._width(entry)
            if x > PAD and x + width > room - PAD:
                x, line = float(PAD), line + 1
            if line >= ROWS:
                break
            result.append((entry, QRectF(x, line * ROW, width, ROW)))
            x += width + GAP
        return result

    def _width(self, entry: Entry) -> float:
        mark = MARK + 5 if entry.symbol else 0
        return float(mark + self.fontMetrics().horizontalAdvance(entry.text) + 2)

    def _scale_width(self) -> float:
        if self.scale is None:
            return 0.0
        advance = self.fontMetrics().horizontalAdvance
        ends = advance(self.scale.ticks[0][1]) + advance(self.scale.ticks[-1][1])
        return float(advance(_short(self.scale.title)) + ends + BAR + 3 * 6)

    def _entry_at(self, at: QPointF) -> Entry | None:
        return next((entry for entry, box in self._drawn if box.contains(at)), None)

    # -- drawing --------------------------------------------------------------------------
    def _paint(self, painter: QPainter) -> None:
        ground = QColor(self._theme.base)
        ground.setAlpha(SOLID)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        for entry, box in self._drawn:
            painter.setOpacity(1.0 if entry.on else OFF)
            self._entry(painter, entry, box)
        painter.setOpacity(1.0)
        if self.scale is not None:
            self._draw_scale(painter, self.scale)

    def _entry(self, painter: QPainter, entry: Entry, box: QRectF) -> None:
        text = QRectF(box)
        if entry.symbol:
            middle = QPointF(box.left() + MARK / 2 + 1, box.center().y())
            _symbol(painter, entry, middle, self._theme)
            text.setLeft(box.left() + MARK + 5)
        color = self._theme.accent if entry.strong or entry.name == MORE else self._theme.text
        painter.setPen(QColor(color if entry.name else self._theme.muted))
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, entry.text)
        if not entry.on:  # a second cue beside the paler color
            y = text.center().y()
            painter.drawLine(QPointF(text.left(), y), QPointF(text.right(), y))
        if entry.strong:
            painter.fillRect(QRectF(text.left(), box.bottom() - 3, text.width(), 2), QColor(color))

    def _draw_scale(self, painter: QPainter, scale: ScaleBar) -> None:
        left = self.fontMetrics().horizontalAdvance
        title, low, high = _short(scale.title), scale.ticks[0][1], scale.ticks[-1][1]
        x, middle = self._bar.left(), Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(self._theme.text))
        box = QRectF(self._bar)
        for words in (title, low):
            box.setLeft(x)
            painter.drawText(box, middle, words)
            x += left(words) + 6
        bar = QRectF(x, self._bar.center().y() - BAR_HEIGHT / 2, BAR, BAR_HEIGHT)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        last = max(1, len(scale.colors) - 1)
        for number, color in enumerate(scale.colors):
            gradient.setColorAt(number / last, QColor(color))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)
        painter.setPen(QColor(self._theme.text))
        box.setLeft(bar.right() + 6)
        painter.drawText(box, middle, high)


def _short(title: str) -> str:
    """The title without what stands behind a comma."""
    return title.split(",")[0]


def _symbol(painter: QPainter, entry: Entry, middle: QPointF, theme: Theme) -> None:
    if entry.symbol in (RING, RINGS):
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(entry.color), 1.6))
        painter.drawEllipse(middle, MARK / 2, MARK / 2)
        if entry.symbol == RINGS:
            painter.drawEllipse(middle, MARK / 4, MARK / 4)
        return
    painter.save()
    painter.translate(middle)
    painter.scale(MARK * 0.9, MARK * 0.9)
    painter.setPen(
        pg.mkPen(theme.text if entry.name.startswith("kind") else entry.color, width=1.2)
    )
    painter.setBrush(QColor(entry.color))
    painter.drawPath(Symbols[entry.symbol])
    painter.restore()
