"""Cells of a matrix of copies: a verdict with its confidence, or a perturbation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from engine.drawing.difference_image import around_gray
from explorer.theme import Theme
from explorer.widgets.sample_picture import draw_sample

RIGHT, WRONG, ARROW = "✓", "✗", "→ "
MARK, SMALL, BAR = 14, 10, 3  # logical pixels: font sizes of mark and text, height of the bar
TWO_LINES = 30  # logical pixels: the least height of a cell that names the predicted class
SIGNS = ("accent", "danger")  # theme colors of increases and decreases


@dataclass(frozen=True)
class Verdict:
    """A model's verdict on one copy: correctness, predicted class, Pr[true class] in [0, 1]."""

    right: bool
    predicted: str
    confidence: float


def sized(font: QFont, pixels: int, *, bold: bool = False) -> QFont:
    """The font at another size."""
    resized = QFont(font)
    resized.setPixelSize(pixels)
    resized.setBold(bold)
    return resized


def draw_share(painter: QPainter, box: QRect, share: float, theme: Theme, font: QFont) -> None:
    """Draw the share of several models that recognize a copy."""
    color = QColor(theme.good if share > 0.5 else theme.danger)
    tint = QColor(color)
    tint.setAlphaF(0.08 + 0.14 * abs(2 * share - 1))
    painter.fillRect(box.adjusted(1, 1, -1, -1), tint)
    painter.setFont(sized(font, SMALL))
    painter.setPen(QColor(theme.text))
    middle = int(Qt.AlignmentFlag.AlignCenter)
    painter.drawText(box.adjusted(1, 0, -1, -BAR), middle, f"{share:.0%}")
    _draw_bar(painter, box, share, color)


def draw_verdict(
    painter: QPainter, box: QRect, verdict: Verdict, theme: Theme, font: QFont
) -> None:
    """Draw a check or a cross, the true class's probability, and a wrongly predicted class."""
    color = QColor(theme.good if verdict.right else theme.danger)
    tint = QColor(color)
    tint.setAlphaF(0.10 + 0.12 * (verdict.confidence if verdict.right else 0.5))
    painter.fillRect(box.adjusted(1, 1, -1, -1), tint)
    two_lines = not verdict.right and box.height() >= TWO_LINES
    line = box.adjusted(1, 0, -1, -BAR - SMALL - 1 if two_lines else -BAR)
    _draw_mark(painter, line, verdict, color, theme, font)
    if two_lines:
        words = QRect(box.left() + 2, box.bottom() - BAR - SMALL - 4, box.width() - 4, SMALL + 3)
        painter.setFont(sized(font, SMALL))
        painter.setPen(QColor(theme.text))
        text = painter.fontMetrics().elidedText(
            f"{ARROW}{verdict.predicted}", Qt.TextElideMode.ElideRight, words.width()
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, text)
    _draw_bar(painter, box, verdict.confidence, color)


def _draw_mark(
    painter: QPainter, line: QRect, verdict: Verdict, color: QColor, theme: Theme, font: QFont
) -> None:
    """Draw the mark and, if there is room beside it, the number."""
    large, small = sized(font, MARK, bold=True), sized(font, SMALL)
    mark, number = RIGHT if verdict.right else WRONG, f"{100 * verdict.confidence:.0f}%"
    wide = QFontMetrics(large).horizontalAdvance(mark)
    room = QFontMetrics(small).horizontalAdvance("100%") + 1
    beside = wide + room <= line.width()
    left = line.left() + (line.width() - wide - (room if beside else 0)) // 2
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.setFont(large)
    painter.setPen(color)
    painter.drawText(QRect(left, line.top(), wide + 1, line.height()), int(middle), mark)
    if beside:
        painter.setFont(small)
        painter.setPen(QColor(theme.text))
        place = QRect(left + wide, line.top(), room, line.height())
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), number)


def _draw_bar(painter: QPainter, box: QRect, share: float, color: QColor) -> None:
    track = QRectF(box.left() + 3, box.bottom() - BAR - 1, box.width() - 6, BAR)
    ground = QColor(color)
    ground.setAlphaF(0.22)
    painter.fillRect(track, ground)
    track.setWidth(track.width() * min(1.0, max(0.0, share)))
    painter.fillRect(track, color)


def draw_moved(
    painter: QPainter, box: QRectF, copy: np.ndarray, sample: np.ndarray, theme: Theme
) -> None:
    """Mark by how much a copy (d,) raised each bar, in the color of text, or lowered it, in red."""
    if copy.ndim != 1 or len(copy) > box.width():
        return
    slot = box.width() / max(1, len(copy))
    for i, (new, old) in enumerate(np.clip(np.stack([copy, sample], 1), 0, 1).tolist()):
        color = QColor(theme.text if new > old else theme.danger)
        top, high = box.bottom() - max(new, old) * box.height(), abs(new - old) * box.height()
        painter.fillRect(QRectF(box.left() + i * slot, top, max(1.0, slot - 1), high), color)


def draw_change(painter: QPainter, box: QRectF, change: np.ndarray, theme: Theme) -> None:
    """Draw a perturbation in [-1, 1]: an image around middle gray, features as signed bars."""
    if change.ndim == 3:
        draw_sample(painter, box, around_gray(change), theme.text)
        return
    middle, slot = box.center().y(), box.width() / max(1, len(change))
    painter.fillRect(QRectF(box.left(), middle, box.width(), 1), QColor(theme.muted))
    for i, value in enumerate(np.clip(np.nan_to_num(change), -1, 1)):
        height = abs(float(value)) * box.height() / 2
        top = middle - height if value > 0 else middle
        color = getattr(theme, SIGNS[0] if value > 0 else SIGNS[1])
        bar = QRectF(box.left() + i * slot, top, max(1.0, slot - 1), height)
        painter.fillRect(bar, QColor(color))
