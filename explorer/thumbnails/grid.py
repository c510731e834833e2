"""A grid of thumbnails drawn only while visible, so that 50,000 scroll smoothly."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QRubberBand, QTableView, QWidget

from explorer.thumbnails.model import ThumbnailModel
from explorer.thumbnails.painter import ThumbnailPainter
from explorer.widgets import markup
from explorer.widgets.plot_widget import no_collection

NOTCH = 120  # eighths of a degree: one step of a wheel


class ThumbnailGrid(QTableView):
    """Thumbnails to click, drag over and navigate with the keyboard.

    picked: (place, modifiers) of a click; banded: (places, modifiers) under a rubber band; moved:
    (places forward, Shift held) by the arrow keys; pressed: any other key, as Qt.Key; asked:
    (place or None, global QPoint) of a requested context menu; scaled: steps up, or down if
    negative, that the pictures should grow by (Ctrl and the wheel); fitted: the size changed.
    """

    picked = Signal(int, object)
    banded = Signal(object, object)
    moved = Signal(int, bool)
    pressed = Signal(object, object)
    asked = Signal(object, object)
    scaled = Signal(int)
    fitted = Signal()

    def __init__(self, model: ThumbnailModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = model
        self.setModel(model)
        markup.allow_tips(self.viewport())
        self.artist = ThumbnailPainter(model)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        for set_mode in (self.setVerticalScrollMode, self.setHorizontalScrollMode):
            set_mode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(1)
            header.setSectionResizeMode(header.ResizeMode.Fixed)
        self._turned = 0  # of the wheel with Ctrl, in eighths of a degree
        self._start: QPoint | None = None
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self.viewport())
        model.modelReset.connect(self._fit_cells)
        self._fit_cells()

    def set_strip(self, strip: bool) -> None:
        """Show one row that fills the height and scrolls sideways, or a page of rows."""
        policy = Qt.ScrollBarPolicy
        across = policy.ScrollBarAsNeeded if strip else policy.ScrollBarAlwaysOff
        self.setHorizontalScrollBarPolicy(across)
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAlwaysOff if strip else policy.ScrollBarAlwaysOn
        )
        self._thumbnails.set_strip(strip)

    def to_start(self) -> None:
        """Scroll to the first sample."""
        self.verticalScrollBar().setValue(0)
        self.horizontalScrollBar().setValue(0)

    def show_place(self, place: int) -> None:
        """Scroll a place that is out of sight to the middle of the view."""
        if not self.viewport().rect().contains(self.place_rect(place)):
            middle = QAbstractItemView.ScrollHint.PositionAtCenter
            self.scrollTo(self._thumbnails.index_of(place), middle)

    def middle_place(self) -> int | None:
        """The place in the middle of the view, None if there is none."""
        index = self.indexAt(self.viewport().rect().center())
        return self._thumbnails.grid.position(index.row(), index.column())

    def place_rect(self, place: int) -> QRect:
        """The rectangle of a place in the viewport."""
        return self.visualRect(self._thumbnails.index_of(place))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit as many columns as possible."""
        super().resizeEvent(event)
        self._thumbnails.set_width(self.viewport().width())
        self.fitted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; sideways in a strip, and with Ctrl change the size of the pictures."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._turned += turned
            steps = int(self._turned / NOTCH)
            self._turned -= steps * NOTCH
            if steps:
                self.scaled.emit(steps)
            event.accept()
        elif self._thumbnails.strip:
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - round(turned / NOTCH * 2 * self._thumbnails.cell))
            event.accept()
        else:
            super().wheelEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the exposed rows, or part of a strip, without garbage collection."""
        high, area = self._thumbnails.grid.height, event.rect()
        first, last = ((y + self.verticalOffset()) // high for y in (area.top(), area.bottom()))
        with no_collection():
            painter = QPainter(self.viewport())
            if self._thumbnails.strip:
                self._paint_strip(painter, area)
            else:
                self.artist.paint(painter, first, last, first * high - self.verticalOffset())
            painter.end()

    def _paint_strip(self, painter: QPainter, area: QRect) -> None:
        wide, offset = self._thumbnails.cell, self.horizontalOffset()
        first, last = ((x + offset) // wide for x in (area.left(), area.right()))
        painter.translate(first * wide - offset, -self.verticalOffset())
        self.artist.paint_strip(painter, first, last)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a rubber band."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Stretch the rubber band once the mouse has moved far enough."""
        if self._start is None:
            return
        at = event.position().toPoint()
        far = (at - self._start).manhattanLength() >= QApplication.startDragDistance()
        if far or self._band.isVisible():
            self._band.setGeometry(QRect(self._start, at).normalized())
            self._band.show()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the click or the rubber band."""
        if event.button() != Qt.MouseButton.LeftButton or self._start is None:
            return
        start, self._start = self._start, None
        at, modifiers = event.position().toPoint(), event.modifiers()
        if self._band.isVisible():
            self._band.hide()
            self.banded.emit(self._places(start, at), modifiers)
            return
        index = self.indexAt(at)
        place = self._thumbnails.grid.position(index.row(), index.column())
        if place is not None:
            self.picked.emit(place, modifiers)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Request a menu: of the sample under the mouse, or by keyboard of the current one."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self._thumbnails.place_of(self._thumbnails.current)
            at = self.place_rect(place).center() if place is not None else QPoint(0, 0)
        else:
            at = event.pos()
            index = self.indexAt(at)
            place = self._thumbnails.grid.position(index.row(), index.column())
        self.asked.emit(place, self.viewport().mapToGlobal(at))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Treat the second click as a click."""
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys; pass other keys on."""
        step = self._step(event.key())
        if step:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.moved.emit(step, shift)
            event.accept()
            return
        event.ignore()
        self.pressed.emit(Qt.Key(event.key()), event.modifiers())

    def _step(self, key: int) -> int:
        columns = self._thumbnails.grid.columns
        page = max(1, self.viewport().height() // self._thumbnails.grid.height) * columns
        if self._thumbnails.strip:
            columns, page = 1, max(1, self.viewport().width() // self._thumbnails.cell)
        everything = self._thumbnails.grid.count
        return {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -everything,
            Qt.Key.Key_End: everything,
        }.get(Qt.Key(key), 0)

    def _places(self, a: QPoint, b: QPoint) -> np.ndarray:
        top, left = self.verticalOffset(), self.horizontalOffset()
        return self._thumbnails.grid.within(a.x() + left, a.y() + top, b.x() + left, b.y() + top)

    def _fit_cells(self) -> None:
        """Cells have the size of the pictures; rows are higher where there are captions."""
        self.horizontalHeader().setDefaultSectionSize(self._thumbnails.cell)
        self.verticalHeader().setDefaultSectionSize(self._thumbnails.grid.height)
        self.verticalScrollBar().setSingleStep(self._thumbnails.grid.height // 2)
