"""Draws thumbnails: picture, class, caption, frames and badges."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPolygon

from engine.datasets.base import Dataset
from explorer.theme import LIGHT, Theme
from explorer.thumbnails.model import CAPTION, INSET, ThumbnailModel
from explorer.thumbnails.tiles import OPAQUE, Tiles, fitted, sheet
from explorer.widgets.sample_picture import draw_sample, drawable, picture, pixel_ratio

STRIP, ACCENT = 2, 4  # logical pixels: height of the bar below a picture, of the class or of r
CACHED = 1500  # thumbnails kept after leaving the screen
BADGE = 22  # logical pixels of a badge's side
CAPTION_FONT = 10  # pixels
STRETCHES = (100, 85)  # percent, widths of letters in captions
FITTED = 5000  # captions whose fit is cached


class ThumbnailPainter:
    """Draws pictures, their classes as colored strips, and captions, frames and badges."""

    def __init__(self, model: ThumbnailModel) -> None:
        self._model = model
        self._theme = LIGHT
        self._text = QColor(LIGHT.text)
        self._captions = Captions()
        self._colors: dict[int, QColor] = {}
        self._columns = 1  # cells side by side in what is being painted
        self._cache: OrderedDict[tuple[int, int, float], QImage] = OrderedDict()
        self._badges: dict[tuple[str, float], QImage] = {}
        self._tiles: dict[tuple[Dataset, int, float], Tiles | None] = {}

    def set_theme(self, theme: Theme) -> None:
        """Draw in another theme's colors."""
        self._theme, self._text = theme, QColor(theme.text)
        self._colors.clear()
        self.forget_pictures()

    def forget_pictures(self) -> None:
        """Drop cached thumbnails, after a change of dataset or theme."""
        self._cache.clear()
        self._badges.clear()
        self._tiles.clear()

    def paint(self, painter: QPainter, first: int, last: int, top: int) -> None:
        """Draw the model's rows `first` to `last`; top: upper edge of the first."""
        self._columns = columns = self._model.grid.columns
        self._paint(painter, self._model.shown[first * columns : (last + 1) * columns], top)

    def paint_strip(self, painter: QPainter, first: int, last: int) -> None:
        """Draw the places `first` to `last` of a single row, from the left edge."""
        samples = self._model.shown[first : last + 1]
        self._columns = max(1, len(samples))
        self._paint(painter, samples, 0)

    def _paint(self, painter: QPainter, samples: np.ndarray, top: int) -> None:
        dataset = self._model.dataset
        if dataset is None or not len(samples):
            return
        self._pictures(painter, dataset, samples, top)
        texts = [self._model.caption] if self._model.caption is not None else []
        texts += [self._model.name] if self._model.named else []
        for line, text in enumerate(texts):
            self._write(painter, samples, text, top + line * CAPTION)
        for place in np.flatnonzero(self._marked(dataset, samples)).tolist():
            self._mark(painter, self._box(place, top), int(samples[place]))

    def _pictures(self, painter: QPainter, dataset: Dataset, samples: np.ndarray, top: int) -> None:
        """Draw pictures and strips, all at once if possible, else one by one."""
        ratio = pixel_ratio(painter)
        tiles = self._tiles_of(dataset, ratio)
        if tiles is not None:
            page = self._page(tiles, dataset, samples, round(ratio))
            painter.drawImage(QPoint(0, top), sheet(page, ratio))
            return
        for place, sample in enumerate(samples.tolist()):
            self._picture(painter, self._box(place, top), sample, dataset, ratio)

    def _write(
        self, painter: QPainter, samples: np.ndarray, caption: Callable[[int], str], top: int
    ) -> None:
        """Draw the captions below the pictures."""
        painter.setPen(self._text)
        cell = self._model.cell
        for place, sample in enumerate(samples.tolist()):
            box = self._box(place, top)
            below = QRect(box.left(), box.top() + cell - 2, cell, CAPTION)
            self._captions.draw(painter, below, caption(sample))

    def _box(self, place: int, top: int) -> QRect:
        """The cell at a place, counted from the first painted, without its caption."""
        row, column = divmod(place, self._columns)
        cell = self._model.cell
        return QRect(column * cell, top + row * self._model.grid.height, cell, cell)

    def _tiles_of(self, dataset: Dataset, ratio: float) -> Tiles | None:
        """The tiles that draw all pictures at once; None if these do not lie on whole pixels."""
        key = (dataset, self._model.side, ratio)
        if key not in self._tiles:
            side, whole = round(self._model.side * ratio), ratio == round(ratio)
            tiles = Tiles(dataset, side) if whole and Tiles.suit(dataset, side) else None
            if tiles is not None and (tiles.size.width() % 2 or tiles.size.height() % 2):
                tiles = None  # would be half a pixel off center
            self._tiles = {key: tiles}
        return self._tiles[key]

    def _page(self, tiles: Tiles, dataset: Dataset, samples: np.ndarray, ratio: int) -> np.ndarray:
        """(h, w) uint32 premultiplied ARGB: pictures and strips of whole rows."""
        columns, cell, inset = self._columns, self._model.cell * ratio, INSET * ratio
        rows, high = -(-len(samples) // columns), self._model.grid.height * ratio
        page = np.zeros((rows, high, columns, cell), np.uint32)
        cells = page.transpose(0, 2, 1, 3)
        pictures = tiles.of(samples)
        top, left = ((cell - size) // 2 for size in pictures.shape[1:])
        inner = cells[:, :, top : top + pictures.shape[1], left : left + pictures.shape[2]]
        _fill(inner, pictures)
        bar = self._bar_height * ratio
        strips = cells[:, :, cell - inset : cell - inset + bar, inset : cell - inset]
        _fill(strips, self._strips(dataset, samples)[:, None, None])
        return page.reshape(rows * high, columns * cell)

    def _strips(self, dataset: Dataset, samples: np.ndarray) -> np.ndarray:
        """(m,) uint32 colors of the samples' classes, or the model's accents."""
        if self._model.accents is not None:
            return np.asarray(self._model.accents[samples] | np.uint32(OPAQUE))
        labels, which = np.unique(dataset.labels[samples], return_inverse=True)
        colors = [self._color(label).rgb() | OPAQUE for label in labels.tolist()]
        return np.array(colors, np.uint32)[which]

    def _color(self, label: int) -> QColor:
        if label not in self._colors:
            self._colors[label] = QColor(self._theme.class_color(label))
        return self._colors[label]

    def _picture(
        self, painter: QPainter, box: QRect, sample: int, dataset: Dataset, ratio: float
    ) -> None:
        """One picture and the strip below it."""
        image = self._thumbnail(sample, dataset, ratio)
        size, left, top = image.deviceIndependentSize(), box.left(), box.top()
        cell, side = self._model.cell, self._model.side
        x, y = left + (cell - size.width()) / 2, top + (cell - size.height()) / 2
        painter.drawImage(QPointF(x, y), image)
        color = QColor(int(self._strips(dataset, np.array([sample]))[0]))
        painter.fillRect(left + INSET, top + cell - INSET, side, self._bar_height, color)

    @property
    def _bar_height(self) -> int:
        return STRIP if self._model.accents is None else ACCENT

    def _marked(self, dataset: Dataset, samples: np.ndarray) -> np.ndarray:
        """(m,) bool, the samples that have a frame or a badge."""
        model = self._model
        mask = model.chosen[samples] | model.forget[samples]
        mask |= (samples == model.current) if model.current is not None else False
        mask |= np.isin(samples, dataset.validation)
        return np.asarray(mask | (samples >= len(dataset.train_y)))

    def _mark(self, painter: QPainter, box: QRect, sample: int) -> None:
        """Draw the frames of selected and current samples, and the badges F, T and V."""
        model, theme = self._model, self._theme
        if model.chosen[sample]:
            inset = 3 if sample == model.current else 1
            _frame(painter, box.adjusted(inset, inset, -1 - inset, -1 - inset), theme.accent, 3)
        if model.forget[sample]:
            self._badge(painter, box, "F", theme.danger)
        elif model.dataset is not None and model.dataset.is_test(sample):
            self._badge(painter, box, "T", theme.muted)
        elif model.dataset is not None and model.dataset.is_held_out(sample):
            self._badge(painter, box, "V", theme.muted)
        if sample == model.current:
            _frame(painter, box.adjusted(0, 0, -1, -1), theme.text, 2)
            _frame(painter, box.adjusted(2, 2, -3, -3), theme.base, 1)

    def _badge(self, painter: QPainter, box: QRect, letter: str, color: str) -> None:
        """Draw the badge in the corner of a cell, from the cache."""
        ratio = pixel_ratio(painter)
        if (letter, ratio) not in self._badges:
            self._badges[letter, ratio] = badge(letter, color, self._theme.base, ratio)
        image = self._badges[letter, ratio]
        side = round(image.deviceIndependentSize().width())
        painter.drawImage(QPoint(box.right() - side - 1, box.top() + 2), image)

    def _thumbnail(self, sample: int, dataset: Dataset, ratio: float) -> QImage:
        """The picture of a sample at its size in device pixels."""
        key = (sample, self._model.side, ratio)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        image = self._cache[key] = self._draw(sample, dataset, ratio)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return image

    def _draw(self, sample: int, dataset: Dataset, ratio: float) -> QImage:
        side = round(self._model.side * ratio)
        if dataset.is_image:
            image = fitted(picture(dataset.raw(sample)), side)
            image.setDevicePixelRatio(ratio)
            return image
        image = QImage(side, side, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor(self._theme.base))
        painter = QPainter(image)
        color = self._theme.class_color(dataset.label_of(sample))
        draw_sample(
            painter, QRectF(0, 0, side / ratio, side / ratio), drawable(dataset, sample), color
        )
        painter.end()
        return image


class Captions:
    """Draws short text in a narrow box: condensed if it would not fit, else elided."""

    def __init__(self) -> None:
        self._fonts: list[QFont] = []
        self._fits: dict[tuple[str, int], tuple[int, str]] = {}

    def draw(self, painter: QPainter, box: QRect, text: str) -> None:
        """Write the text in the middle of the box, in the painter's color."""
        if not self._fonts:
            self._fonts = [_caption_font(painter.font(), stretch) for stretch in STRETCHES]
            self._metrics = [QFontMetrics(font) for font in self._fonts]
        font, fitting = self._fit(text, box.width() - 3)
        painter.setFont(self._fonts[font])
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, fitting)

    def _fit(self, text: str, room: int) -> tuple[int, str]:
        """The index of the font in which the text fits, and as much of it as fits."""
        if (text, room) not in self._fits:
            if len(self._fits) >= FITTED:
                self._fits.clear()
            self._fits[text, room] = self._measured(text, room)
        return self._fits[text, room]

    def _measured(self, text: str, room: int) -> tuple[int, str]:
        widths = [metrics.horizontalAdvance(text) for metrics in self._metrics]
        fitting = next((i for i, width in enumerate(widths) if width <= room), len(widths) - 1)
        if widths[fitting] > room:
            text = self._metrics[-1].elidedText(text, Qt.TextElideMode.ElideRight, room)
        return fitting, text


def _caption_font(usual: QFont, stretch: int) -> QFont:
    font = QFont(usual)
    font.setPixelSize(CAPTION_FONT)
    font.setStretch(stretch)
    return font


def _fill(cells: np.ndarray, values: np.ndarray) -> None:
    """Copy values (m, h, w) to the first m of cells (rows, columns, h, w), row by row."""
    rows, columns = cells.shape[:2]
    full = len(values) // columns
    cells[:full] = values[: full * columns].reshape(full, columns, *values.shape[1:])
    if full < rows:
        cells[full, : len(values) - full * columns] = values[full * columns :]


def badge(letter: str, color: str, ground: str, ratio: float) -> QImage:
    """A triangle in the upper right corner with a letter, on a transparent background."""
    side = round((BADGE + 1) * ratio)
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
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
    return image


def _frame(painter: QPainter, box: QRect, color: str, width: int) -> None:
    painter.save()
    pen = QPen(QColor(color), width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    half = width // 2
    painter.drawRect(box.adjusted(half, half, -half, -half))
    painter.restore()
