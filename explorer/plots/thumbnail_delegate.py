"""How a thumbnail looks: picture, class, caption, frames and badges."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPolygon
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from engine.datasets.base import Dataset
from explorer.plots.pictures import draw_sample, picture, pixel_ratio
from explorer.plots.thumbnails import CAPTION, CELL, Index, ThumbnailModel
from explorer.theme import LIGHT, Theme

INSET = 5  # logical pixels between a cell's edge and its picture
SIDE = CELL - 2 * INSET  # logical pixels of the picture
KEPT = 1500  # thumbnails kept after they left the screen
BADGE = 22  # logical pixels of a badge's side
CAPTION_FONT = 10  # pixels
STRETCHES = (100, 85)  # percent of a letter's width in captions


class ThumbnailDelegate(QStyledItemDelegate):
    """Draws a picture, its class as a colored strip, and frames and badge over it."""

    def __init__(self, model: ThumbnailModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = LIGHT
        self._text = QColor(LIGHT.text)
        self._captions = Captions()
        self._kept: OrderedDict[tuple[int, float], QImage] = OrderedDict()
        self._badges: dict[tuple[str, float], QImage] = {}

    def set_theme(self, theme: Theme) -> None:
        """Draw in another theme's colors."""
        self._theme, self._text = theme, QColor(theme.text)
        self.forget_pictures()

    def forget_pictures(self) -> None:
        """Drop kept thumbnails: another dataset or theme."""
        self._kept.clear()
        self._badges.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Every cell is alike."""
        return QSize(CELL, self._model.grid.height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        sample, dataset = self._model.sample_at(index), self._model.dataset
        if sample is None or dataset is None:
            return
        at: QPoint = option.rect.topLeft()
        left, top = at.x(), at.y()
        image = self._thumbnail(sample, dataset, pixel_ratio(painter))
        size = image.deviceIndependentSize()
        x, y = left + (CELL - size.width()) / 2, top + (CELL - size.height()) / 2
        painter.drawImage(QPointF(x, y), image)
        color = self._theme.class_color(dataset.label_of(sample))
        painter.fillRect(left + INSET, top + CELL - INSET, SIDE, 2, QColor(color))
        if self._model.caption is not None:
            below = QRect(left, top + CELL - 3, CELL, CAPTION)
            self._captions.draw(painter, below, self._model.caption(sample), self._text)
        self._mark(painter, QRect(left, top, CELL, CELL), sample)

    def _mark(self, painter: QPainter, box: QRect, sample: int) -> None:
        """What is chosen, forgotten, of the test set, and current."""
        model, theme = self._model, self._theme
        if model.chosen[sample]:
            inset = 3 if sample == model.current else 1
            _frame(painter, box.adjusted(inset, inset, -1 - inset, -1 - inset), theme.accent, 3)
        if model.forget[sample]:
            self._badge(painter, box, "F", theme.danger)
        elif model.dataset is not None and model.dataset.is_test(sample):
            self._badge(painter, box, "T", theme.muted)
        if sample == model.current:
            _frame(painter, box.adjusted(0, 0, -1, -1), theme.text, 2)
            _frame(painter, box.adjusted(2, 2, -3, -3), theme.base, 1)

    def _badge(self, painter: QPainter, box: QRect, letter: str, color: str) -> None:
        """The badge in the corner of a cell: drawn once, then copied."""
        ratio = pixel_ratio(painter)
        if (letter, ratio) not in self._badges:
            self._badges[letter, ratio] = badge(letter, color, self._theme.base, ratio)
        image = self._badges[letter, ratio]
        side = round(image.deviceIndependentSize().width())
        painter.drawImage(QPoint(box.right() - side - 1, box.top() + 2), image)

    def _thumbnail(self, sample: int, dataset: Dataset, ratio: float) -> QImage:
        """The sample at the size it is shown, in device pixels."""
        key = (sample, ratio)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = self._kept[key] = self._draw(sample, dataset, ratio)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def _draw(self, sample: int, dataset: Dataset, ratio: float) -> QImage:
        raw, side = dataset.raw(sample), round(SIDE * ratio)
        if raw.ndim == 3:
            made = _fitted(picture(raw), side)
        else:
            made = QImage(side, side, QImage.Format.Format_RGB32)
            made.fill(QColor(self._theme.base))
            painter = QPainter(made)
            color = self._theme.class_color(dataset.label_of(sample))
            draw_sample(painter, QRectF(0, 0, side, side), raw, color)
            painter.end()
        made.setDevicePixelRatio(ratio)
        return made


def _fitted(image: QImage, side: int) -> QImage:
    """The image in a square: enlarged pixel by pixel, averaged where it is larger."""
    enlarged = max(image.width(), image.height()) <= side
    how = Qt.TransformationMode
    mode = how.FastTransformation if enlarged else how.SmoothTransformation
    return image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)


class Captions:
    """Draws a few words in a narrow box: in narrower letters where they would not fit, then cut."""

    def __init__(self) -> None:
        self._fonts: list[QFont] = []

    def draw(self, painter: QPainter, box: QRect, text: str, color: QColor) -> None:
        """Write the text in the middle of the box."""
        if not self._fonts:
            self._fonts = [_caption_font(painter.font(), stretch) for stretch in STRETCHES]
            self._metrics = [QFontMetrics(font) for font in self._fonts]
        room = box.width() - 3
        widths = [metrics.horizontalAdvance(text) for metrics in self._metrics]
        fitting = next((i for i, width in enumerate(widths) if width <= room), len(widths) - 1)
        if widths[fitting] > room:
            text = self._metrics[-1].elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.setFont(self._fonts[fitting])
        painter.setPen(color)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _caption_font(usual: QFont, stretch: int) -> QFont:
    made = QFont(usual)
    made.setPixelSize(CAPTION_FONT)
    made.setStretch(stretch)
    return made


def badge(letter: str, color: str, ground: str, ratio: float) -> QImage:
    """A triangle in the upper right corner with a letter in it, on nothing."""
    side = round((BADGE + 1) * ratio)
    made = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(ground), 1))
    painter.setBrush(QColor(color))
    painter.drawPolygon(
        QPolygon([QPoint(0, 0), QPoint(BADGE + 1, 0), QPoint(BADGE + 1, BADGE + 1)])
    )
    font = QFont(painter.font())
    font.setPixelSize(BADGE // 2)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(ground))
    place = QRect(BADGE // 2 - 1, 1, BADGE // 2, BADGE // 2 + 2)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, letter)
    painter.end()
    return made


def _frame(painter: QPainter, box: QRect, color: str, width: int) -> None:
    painter.save()
    pen = QPen(QColor(color), width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    half = width // 2
    painter.drawRect(box.adjusted(half, half, -half, -half))
    painter.restore()
