"""A legend beside the plot, never over the data: color, line, symbol and name of each entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.drawing.glossary import mentions, term
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.term import tip_of
from explorer.widgets.term_header import draw_underline, underlines

PAD, GAP, LINE, MARK = 4, 14, 30, 10  # logical pixels
OFF = 0.55  # opacity of hidden entries


@dataclass(frozen=True)
class LegendEntry:
    """One line of a legend.

    symbol: pyqtgraph's name, '' = none; dash: None = no line, () = solid; area: a filled box;
    outline: of a symbol or a box; name: what a click toggles, '' = nothing; on: False if that is
    hidden.
    """

    label: str
    color: str
    symbol: str = ""
    dash: tuple[float, ...] | None = None
    outline: str = ""
    area: bool = False
    name: str = ""
    on: bool = True

    @property
    def sample_width(self) -> int:
        """Width of the line or symbol before the label, in logical pixels."""
        return LINE if self.dash is not None or self.area else MARK + 2


def line_pen(color: str, dash: tuple[float, ...], width: float = 2.0) -> pg.QtGui.QPen:
    """A cosmetic pen; `dash` in line widths, () = solid."""
    pen = pg.mkPen(color, width=width)
    if dash:
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern(list(dash))
    return pen


class Legend(QWidget):
    """Entries in rows that wrap at the widget's width; `toggled` names the clicked one."""

    toggled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self._text = "#000000"
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self.setAccessibleName("Legend")

    def set_entries(self, entries: Sequence[LegendEntry], text: str) -> None:
        """Show these entries, with labels in the color `text`."""
        self._entries, self._text = tuple(entries), text
        self.setAccessibleDescription(", ".join(map(_words, entries)))
        clickable = any(entry.name for entry in entries)
        self.setToolTip("Click a name to hide or show it" if clickable else "")
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """The height the entries need at the current width."""
        return QSize(160, self._needed())

    def minimumSizeHint(self) -> QSize:
        """Room for one entry."""
        return QSize(80, self._row())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Re-wrap the entries."""
        super().resizeEvent(event)
        self._fit()

    def box_of(self, name: str) -> QRectF:
        """Rectangle of the entry of that name, in the widget's pixels; empty if there is none."""
        drawn = zip(self._entries, self.boxes(), strict=True)
        return next((box for entry, box in drawn if entry.name == name), QRectF())

    def term_at(self, place: QPoint) -> str:
        """The name of the term in the entry at this place; '' if there is none."""
        for entry, box in zip(self._entries, self.boxes(), strict=True):
            if box.contains(QPointF(place)):
                found = mentions(entry.label)
                return found[0].term.name if found else ""
        return ""

    def event(self, event: QEvent) -> bool:
        """Explain the term under the mouse, below what a click does."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = term(self.term_at(event.pos()))
            if found is not None:
                tip = f"{self.toolTip()}\n\n{tip_of(found)}" if self.toolTip() else tip_of(found)
                QToolTip.showText(event.globalPos(), tip, self)
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Toggle the entry under a left click."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        for entry, box in zip(self._entries, self.boxes(), strict=True):
            if entry.name and box.contains(event.position()):
                self.toggled.emit(entry.name)
                return

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every entry."""
        with no_collection():
            self._paint()

    def _paint(self) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for entry, box in zip(self._entries, self.boxes(), strict=True):
            sample = QRectF(box.left(), box.top(), entry.sample_width, box.height())
            painter.setOpacity(1.0 if entry.on else OFF)
            _draw_sample(painter, entry, sample)
            painter.setPen(QColor(self._text))
            text = box.adjusted(entry.sample_width + PAD, 0, 0, 0)
            left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            painter.drawText(text, left, entry.label)
            for line in underlines(entry.label, text, self.fontMetrics()):
                draw_underline(painter, line, self)
            painter.setPen(QColor(self._text))
            if not entry.on:  # a second cue beside the paler color
                end = text.left() + self.fontMetrics().horizontalAdvance(entry.label)
                middle = text.center().y()
                painter.drawLine(QPointF(text.left(), middle), QPointF(end, middle))
        painter.end()

    def boxes(self) -> list[QRectF]:
        """Rectangle of each entry, in the widget's pixels."""
        boxes, x, y = [], float(PAD), 0.0
        for entry in self._entries:
            text_width = self.fontMetrics().horizontalAdvance(entry.label) + 2
            width = entry.sample_width + PAD + text_width
            if x > PAD and x + width > self.width():
                x, y = float(PAD), y + self._row()
            boxes.append(QRectF(x, y, width, self._row()))
            x += width + GAP
        return boxes

    def _row(self) -> int:
        return self.fontMetrics().height() + PAD

    def _needed(self) -> int:
        boxes = self.boxes()
        return int(boxes[-1].bottom()) if boxes else 0

    def _fit(self) -> None:
        if self.height() != self._needed():
            self.setFixedHeight(self._needed())


def _words(entry: LegendEntry) -> str:
    return entry.label if entry.on else f"{entry.label} (hidden)"


def _draw_sample(painter: QPainter, entry: LegendEntry, box: QRectF) -> None:
    middle = box.center()
    if entry.area:
        area = box.adjusted(2, 4, -2, -4)
        painter.fillRect(area, QColor(entry.color))
        if entry.outline:
            painter.setPen(QColor(entry.outline))
            painter.drawRect(area)
        return
    if entry.dash is not None:
        painter.setPen(line_pen(entry.color, entry.dash))
        painter.drawLine(QPointF(box.left(), middle.y()), QPointF(box.right(), middle.y()))
    if entry.symbol:
        painter.save()
        painter.translate(middle)
        painter.scale(MARK * 0.9, MARK * 0.9)
        painter.setPen(pg.mkPen(entry.outline or entry.color, width=1.2))
        painter.setBrush(QColor(entry.color))
        painter.drawPath(Symbols[entry.symbol])
        painter.restore()
