"""Draws a split matrix: cells with two halves or a difference, and the names of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QWidget

from engine.comparison.pair import A, B, Matrix
from engine.drawing.palette import rgb
from explorer.plots.split_layout import PAD, SplitLayout
from explorer.theme import Theme

NUMBERED = QSize(38, 18)  # logical pixels, from which a cell shows its numbers
SMALL = 10
FAINTEST = 0.12  # of the way to the color: a single sample is visible


@dataclass(frozen=True, eq=False)
class Split:
    """Matrices of A and B with the names of their groups, and of the two models.

    rows: the true groups shown, in this order; colors: of A and B; poles: colors of a positive and
    a negative difference; difference: A - B instead of both.
    """

    a: Matrix
    b: Matrix
    names: Sequence[str]
    rows: Sequence[int]
    models: tuple[str, str]
    colors: tuple[str, str]
    poles: tuple[str, str]
    difference: bool

    def matrix(self, side: str) -> Matrix:
        """A's or B's."""
        return self.a if side == A else self.b

    def gap(self, true: int, predicted: int) -> float:
        """Share of A minus share of B in points."""
        return float(self.a.share[true, predicted] - self.b.share[true, predicted])


def mixed(color: str, ground: str, share: float) -> QColor:
    """A mixture of ground and color; share: that of the color, 0 to 1."""
    parts = zip(rgb(color), rgb(ground), strict=True)
    return QColor(*(round(a * share + b * (1 - share)) for a, b in parts))


def strength(percent: float) -> float:
    """The strength, 0 to 1, of a share in percent: its square root, so that 1 % is visible."""
    if not percent > 0:
        return 0.0
    return FAINTEST + (1 - FAINTEST) * math.sqrt(min(percent, 100.0) / 100)


class SplitPainter:
    """Draws a `Split` with an active painter; widget: provides font and metrics."""

    def __init__(
        self, painter: QPainter, shown: Split, layout: SplitLayout, theme: Theme, widget: QWidget
    ) -> None:
        self._painter, self._shown, self._layout, self._theme = painter, shown, layout, theme
        self._font, self._metrics = widget.font(), widget.fontMetrics()

    def paint(self, current: tuple[int, int] | None) -> None:
        """Draw the visible part; current: row and column of the cell with the focus."""
        self._paint_cells(current)
        self._paint_names()

    def _paint_cells(self, current: tuple[int, int] | None) -> None:
        painter, shown = self._painter, self._shown
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        view = QRect(QPoint(), self._layout.view)
        for row, true in enumerate(shown.rows):
            for predicted in range(len(shown.names)):
                box = self._layout.place_of(row, predicted)
                if box.intersects(view):
                    self._paint_cell(true, predicted, box)
        if current is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self._theme.accent), 2))
            painter.drawRect(self._layout.place_of(*current).adjusted(1, 1, -1, -1))

    def _paint_cell(self, true: int, predicted: int, box: QRect) -> None:
        painter, shown = self._painter, self._shown
        inner = QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5)
        if shown.difference:
            self._paint_difference(true, predicted, inner)
        else:
            middle = inner.center().x()
            halves = (QRectF(inner), QRectF(inner))
            halves[0].setRight(middle)
            halves[1].setLeft(middle)
            for side, half, color in zip((A, B), halves, shown.colors, strict=True):
                ground = self._shade(shown.matrix(side), true, predicted, color)
                painter.fillRect(half, ground)
                if shown.matrix(side).counts[true, predicted] and _roomy(inner):
                    self._small(ground)
                    words = _percent(float(shown.matrix(side).share[true, predicted]))
                    painter.drawText(half, Qt.AlignmentFlag.AlignCenter, words)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        on_diagonal = true == predicted
        painter.setPen(QColor(self._theme.muted if on_diagonal else self._theme.grid))
        painter.drawRect(inner)

    def _shade(self, matrix: Matrix, true: int, predicted: int, color: str) -> QColor:
        """The color of a half: stronger with its share, grayer with less confidence."""
        if not matrix.counts[true, predicted]:
            return QColor(self._theme.base)
        gray = "#{0:02x}{0:02x}{0:02x}".format(round(float(np.mean(rgb(color)))))
        vivid = mixed(color, gray, float(matrix.confidence[true, predicted])).name()
        return mixed(vivid, self._theme.base, strength(float(matrix.share[true, predicted])))

    def _paint_difference(self, true: int, predicted: int, box: QRectF) -> None:
        painter, shown = self._painter, self._shown
        gap = shown.gap(true, predicted)
        pole = shown.poles[0] if gap > 0 else shown.poles[1]
        ground = mixed(pole, self._theme.base, strength(abs(gap)))
        painter.fillRect(box, ground)
        if math.isfinite(gap) and abs(gap) >= 0.05 and _roomy(box):
            self._small(ground)
            words = f"{gap:+.1f}" if abs(gap) < 9.95 else f"{gap:+.0f}"
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words.replace("-", "−"))

    def _small(self, ground: QColor) -> None:
        """Select a small font in a color legible on this background."""
        font = QFont(self._font)
        font.setPixelSize(SMALL)
        self._painter.setFont(font)
        light = ground.lightnessF() > 0.55
        self._painter.setPen(QColor("#101418") if light else QColor("#ffffff"))

    def _paint_names(self) -> None:
        painter, shown, layout = self._painter, self._shown, self._layout
        left, top, view = layout.left, layout.top, layout.view
        painter.fillRect(QRect(0, 0, left, view.height()), QColor(self._theme.base))
        painter.fillRect(QRect(0, 0, view.width(), top), QColor(self._theme.base))
        painter.setFont(self._font)
        self._paint_titles()
        painter.setPen(QColor(self._theme.text))
        words = [self._cut(name) for name in shown.names]
        for row, true in enumerate(shown.rows):
            self._paint_row_name(words[true], layout.place_of(row, 0))
        for column, word in enumerate(words):
            self._paint_column_name(word, layout.place_of(0, column))

    def _cut(self, name: str) -> str:
        right = Qt.TextElideMode.ElideRight
        return self._metrics.elidedText(name, right, self._layout.names)

    def _paint_row_name(self, words: str, box: QRect) -> None:
        if box.center().y() < self._layout.top:
            return
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        room = QRect(0, box.top(), self._layout.left - PAD, box.height())
        self._painter.drawText(room, right, words)

    def _paint_column_name(self, words: str, box: QRect) -> None:
        layout, painter, height = self._layout, self._painter, self._layout.line
        if box.center().x() < layout.left:
            return
        if layout.upright:
            line = QRect(box.left(), layout.top - height - 2, box.width(), height)
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, words)
            return
        painter.save()
        painter.translate(box.center().x(), layout.top - 4)
        painter.rotate(-90)
        line = QRect(0, -box.width() // 2, layout.names + PAD, box.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()

    def _paint_titles(self) -> None:
        layout, painter, height = self._layout, self._painter, self._layout.line
        wide, high = layout.view.width(), layout.view.height()
        painter.setPen(QColor(self._theme.muted))
        across = QRect(layout.left, 0, wide - layout.left, height)
        painter.drawText(across, Qt.AlignmentFlag.AlignLeft, "predicted class →")
        painter.save()
        painter.translate(0, high)
        painter.rotate(-90)
        up = QRect(0, 0, high - layout.top, height)
        painter.drawText(up, Qt.AlignmentFlag.AlignRight, "← true class")
        painter.restore()


def _roomy(box: QRectF) -> bool:
    """Whether numbers fit into a cell; half a pixel on each side belongs to its frame."""
    return box.width() + 1 >= NUMBERED.width() and box.height() + 1 >= NUMBERED.height()


def _percent(share: float) -> str:
    return f"{share:.0f}" if share >= 9.95 else f"{share:.1f}"
