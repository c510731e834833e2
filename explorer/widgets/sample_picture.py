"""Pictures of samples: images pixel by pixel, feature vectors as small bars, messages as words."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from engine.datasets.base import Dataset
from explorer.widgets.message_picture import Words, draw_message, plain_words

Drawable = np.ndarray | Words  # an image (C, H, W), features (d,), or the words of a message


def drawable(dataset: Dataset, sample: int) -> Drawable:
    """What is drawn of a sample: its message if it has one, else its pixels or features."""
    return plain_words(dataset.texts[sample]) if dataset.texts else dataset.raw(sample)


def picture(sample: np.ndarray) -> QImage:
    """The QImage of one image (C, H, W), uint8 or float in [0, 1]; C = 1 is gray, C >= 3 RGB."""
    if sample.dtype != np.uint8:
        sample = np.rint(np.clip(sample, 0, 1) * 255).astype(np.uint8)
    gray = sample.shape[0] < 3
    pixels = np.ascontiguousarray(sample[0] if gray else sample[:3].transpose(1, 2, 0))
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if gray else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels[0].nbytes, kind).copy()


def pixel_ratio(painter: QPainter) -> float:
    """Device pixels per logical pixel, without `painter.device()`, which PySide may delete."""
    ratio: float = painter.deviceTransform().m11() / painter.worldTransform().m11()
    return ratio


def draw_sample(painter: QPainter, box: QRectF, sample: Drawable, color: str) -> None:
    """Draw an image into a square box, features as bars in `color`, or a message as words.

    Pixels are enlarged without smoothing, and averaged if the box has fewer of them. A bar of the
    full height of the box is 1.
    """
    if not isinstance(sample, np.ndarray):
        draw_message(painter, box, sample)
        return
    if sample.ndim == 3:
        image = picture(sample)
        smooth = image.width() > box.width() * pixel_ratio(painter)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        fitted = image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        left = box.left() + (box.width() - fitted.width()) / 2
        top = box.top() + (box.height() - fitted.height()) / 2
        painter.drawImage(QRectF(left, top, fitted.width(), fitted.height()), image)
        return
    slot = box.width() / max(1, len(sample))
    painter.fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1), QColor(color))
    for i, value in enumerate(np.clip(np.nan_to_num(sample), 0, 1)):
        height = float(value) * box.height()
        bar = QRectF(box.left() + i * slot, box.bottom() - height, max(1.0, slot - 1), height)
        painter.fillRect(bar, QColor(color))


def html_picture(sample: Drawable, side: int, color: str, ground: str) -> str:
    """An <img> of the sample, `side` pixels square, for a tooltip."""
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(QColor(ground))
    painter = QPainter(image)
    draw_sample(painter, QRectF(0, 0, side, side), sample, color)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    text = base64.b64encode(data.data()).decode("ascii")
    return f'<img src="data:image/png;base64,{text}" width="{side}" height="{side}">'


def html_beside(picture: str, lines: Sequence[str]) -> str:
    """Lines of markup to the right of a picture, as a table for rich text."""
    cell = "<br>".join(lines)
    return f"<table><tr><td>{picture}</td><td style='padding-left: 8px'>{cell}</td></tr></table>"
