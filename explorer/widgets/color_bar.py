"""A horizontal color scale with title and ticks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.widgets.plot_widget import no_collection

BAR, GAP, WIDEST = 10, 3, 260  # logical pixels: height, padding, width


class ColorBar(QWidget):
    """The title on the left, the colors on the right with ticks below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._text = "", "#000000"
        self._ticks: Sequence[tuple[float, str]] = ()
        self._colors: Sequence[str] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Color scale")

    def set_scale(
        self, title: str, colors: Sequence[str], ticks: Sequence[tuple[float, str]], text: str
    ) -> None:
        """Show colors from low to high; ticks: (position in [0, 1], label); text: label color."""
        self._title, self._colors, self._ticks, self._text = title, colors, ticks, text
        labels = ", ".join(label for _, label in ticks)
        self.setAccessibleDescription(f"{title}: {labels}")
        self.setToolTip(f"{title}, from {ticks[0][1]} to {ticks[-1][1]}")
        self.update()

    def sizeHint(self) -> QSize:
        """Room for bar and ticks."""
        return QSize(WIDEST, BAR + 2 * GAP + self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bar, ticks and title."""
        with no_collection():
            self._paint()

    def bar(self) -> QRectF:
        """Rectangle of the colors, in the widget's pixels."""
        metrics = self.fontMetrics()
        left = float(metrics.horizontalAdvance(self._title) + 4 * GAP)
        ends = [metrics.horizontalAdvance(label) / 2 for _, label in self._ticks] or [0.0]
        left += ends[0]
        width = min(WIDEST, self.width() - left - ends[-1] - GAP)
        return QRectF(left, GAP, max(1.0, width), BAR)

    def _paint(self) -> None:
        painter, bar = QPainter(self), self.bar()
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for position, color in zip(np.linspace(0, 1, len(self._colors)), self._colors, strict=True):
            gradient.setColorAt(float(position), QColor(color))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(self._text))
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(GAP, 0, bar.left(), BAR + 2 * GAP), middle, self._title)
        for position, label in self._ticks:
            x = bar.left() + position * bar.width()
            box = QRectF(x - 50, bar.bottom() + 1, 100, self.fontMetrics().height())
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, label)
        painter.end()
