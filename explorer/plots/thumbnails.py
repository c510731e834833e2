"""A grid of thumbnails that exist only while they are visible: 50,000 scroll smoothly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygon,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QRubberBand,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from engine.geometry import Grid
from explorer.plots.pictures import draw_sample, pixel_ratio
from explorer.plots.plot import no_collection
from explorer.theme import LIGHT, Theme

CELL = 48  # logical pixels of a cell
INSET = 5  # logical pixels between a cell's edge and its picture
KEPT = 1500  # thumbnails kept after they left the screen
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ThumbnailModel(QAbstractTableModel):
    """Samples in rows of as many columns as fit; what they look like is the delegate's affair.

    samples: (n, C, H, W) or (n, d); labels: (n,); shown: (m,) the samples in the grid; chosen,
    forget: (n,) bool.
    """

    def __init__(self, describe: Callable[[int], str], parent: QWidget) -> None:
        super().__init__(parent)
        self.samples = np.empty((0, 1), np.float32)
        self.labels = np.empty(0, np.int64)
        self.shown = np.empty(0, np.intp)
        self.chosen = np.empty(0, bool)
        self.forget = np.empty(0, bool)
        self.current: int | None = None
        self.grid = Grid(0, CELL, CELL)
        self._describe = describe

    def set_samples(self, samples: np.ndarray, labels: np.ndarray) -> None:
        """Another dataset."""
        self.samples, self.labels = samples, labels
        self.chosen = self.forget = np.zeros(len(labels), bool)
        self.set_shown(np.arange(len(labels)))

    def set_shown(self, shown: np.ndarray) -> None:
        """Show these samples only, in this order."""
        self.beginResetModel()
        self.shown = shown
        self.grid = Grid(len(shown), self.grid.width, CELL)
        self.endResetModel()

    def set_width(self, width: int) -> None:
        """Lay the grid out anew for a page `width` pixels wide."""
        grid = Grid(len(self.shown), width, CELL)
        if grid.columns != self.grid.columns:
            self.beginResetModel()
            self.grid = grid
            self.endResetModel()

    def sample_at(self, index: Index) -> int | None:
        """The sample in a cell, or None in the empty rest of the last row."""
        place = self.grid.position(index.row(), index.column()) if index.isValid() else None
        return None if place is None else int(self.shown[place])

    def place_of(self, sample: int | None) -> int | None:
        """Where in the grid a sample is, or None if it is not shown."""
        found = np.flatnonzero(self.shown == (-1 if sample is None else sample))
        return int(found[0]) if len(found) else None

    def index_of(self, place: int) -> QModelIndex:
        """The cell of a place."""
        row, column = divmod(place, self.grid.columns)
        return self.index(row, column)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Rows of thumbnails."""
        return 0 if parent.isValid() else self.grid.rows

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Thumbnails side by side."""
        return 0 if parent.isValid() else self.grid.columns

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Tooltip and accessible text; pictures are drawn by the delegate."""
        sample = self.sample_at(index)
        if sample is None:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._describe(sample)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            marks = [(self.forget, ", to forget"), (self.chosen, ", selected")]
            return f"Sample {sample}" + "".join(text for mask, text in marks if mask[sample])
        return None


class ThumbnailDelegate(QStyledItemDelegate):
    """Draws a picture, its class as a colored strip, and frames and badge over it."""

    def __init__(self, model: ThumbnailModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = LIGHT
        self._kept: OrderedDict[tuple[int, float], QPixmap] = OrderedDict()

    def set_theme(self, theme: Theme) -> None:
        """Draw in another theme's colors."""
        self._theme = theme
        self.forget_pictures()

    def forget_pictures(self) -> None:
        """Drop kept thumbnails: another dataset or theme."""
        self._kept.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Every cell is alike."""
        return QSize(CELL, CELL)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        sample = self._model.sample_at(index)
        if sample is None:
            return
        box: QRect = option.rect
        ratio = pixel_ratio(painter)
        painter.drawPixmap(box.topLeft(), self._thumbnail(sample, ratio))
        if self._model.chosen[sample]:
            inset = 3 if sample == self._model.current else 1
            inner = box.adjusted(inset, inset, -1 - inset, -1 - inset)
            _frame(painter, inner, self._theme.accent, 3)
        if self._model.forget[sample]:
            draw_badge(painter, box.adjusted(2, 2, -2, -2), self._theme)
        if sample == self._model.current:
            _frame(painter, box.adjusted(0, 0, -1, -1), self._theme.text, 2)
            _frame(painter, box.adjusted(2, 2, -3, -3), self._theme.base, 1)

    def _thumbnail(self, sample: int, ratio: float) -> QPixmap:
        key = (sample, ratio)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = self._kept[key] = self._draw(sample, ratio)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def _draw(self, sample: int, ratio: float) -> QPixmap:
        pixmap = QPixmap(round(CELL * ratio), round(CELL * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(self._theme.base))
        painter = QPainter(pixmap)
        color = self._theme.class_color(int(self._model.labels[sample]))
        side = CELL - 2 * INSET
        draw_sample(painter, QRectF(INSET, INSET, side, side), self._model.samples[sample], color)
        painter.fillRect(QRectF(INSET, CELL - INSET, side, 2), QColor(color))
        painter.end()
        return pixmap


class ThumbnailGrid(QTableView):
    """Thumbnails to click, drag over and walk through with the keyboard.

    picked: (place, modifiers) of a click; banded: (places, modifiers) under a rubber band; moved:
    (places forward, Shift held) by the arrow keys; pressed: any other key, as Qt.Key.
    """

    picked = Signal(int, object)
    banded = Signal(object, object)
    moved = Signal(int, bool)
    pressed = Signal(object, object)

    def __init__(self, model: ThumbnailModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = model
        self.setModel(model)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(CELL)
            header.setDefaultSectionSize(CELL)
            header.setSectionResizeMode(header.ResizeMode.Fixed)
        self._start: QPoint | None = None
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self.viewport())

    def show_place(self, place: int) -> None:
        """See this place: where it is out of sight, in the middle, with what is around it."""
        if not self.viewport().rect().contains(self.place_rect(place)):
            middle = QAbstractItemView.ScrollHint.PositionAtCenter
            self.scrollTo(self._thumbnails.index_of(place), middle)

    def place_rect(self, place: int) -> QRect:
        """Where in the viewport a place is drawn."""
        return self.visualRect(self._thumbnails.index_of(place))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit as many columns as there is room for."""
        super().resizeEvent(event)
        self._thumbnails.set_width(self.viewport().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the visible cells without interruption."""
        with no_collection():
            super().paintEvent(event)

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

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A second click is a click."""
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrow keys; hand other keys on."""
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
        page = max(1, self.viewport().height() // CELL) * columns
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
        top = self.verticalScrollBar().value()
        return self._thumbnails.grid.within(a.x(), a.y() + top, b.x(), b.y() + top)


def draw_badge(painter: QPainter, box: QRect, theme: Theme) -> None:
    """The forget badge in the corner of a box: a red triangle with the letter F."""
    side = max(12, box.width() // 2)
    corner = box.topRight()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.base), 1))
    painter.setBrush(QColor(theme.danger))
    painter.drawPolygon(
        QPolygon([corner + QPoint(-side, 0), corner + QPoint(1, 0), corner + QPoint(1, side + 1)])
    )
    font = QFont(painter.font())
    font.setPixelSize(max(9, side // 2))
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(theme.base))
    letter = QRect(corner.x() - side // 2 - 1, corner.y() + 1, side // 2, side // 2 + 2)
    painter.drawText(letter, Qt.AlignmentFlag.AlignCenter, "F")
    painter.restore()


def _frame(painter: QPainter, box: QRect, color: str, width: int) -> None:
    painter.save()
    pen = QPen(QColor(color), width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    half = width // 2
    painter.drawRect(box.adjusted(half, half, -half, -half))
    painter.restore()
