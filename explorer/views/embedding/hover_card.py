"""The card of the point under the mouse: its picture, name, class, answers and r."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.theme import Theme
from explorer.views.embedding.point_words import PointWords
from explorer.widgets.sample_picture import draw_sample

SIDE, MESSAGE = 96, 210  # logical pixels of a picture's side, of a message's width
WIDEST = 300  # logical pixels of the words
AWAY = 18  # logical pixels between the mouse and the card


class HoverCard(QFrame):
    """Lies over the map and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setObjectName("hover-card")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.picture = QLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        plain = Qt.TextFormat.PlainText
        self.title = QLabel(textFormat=plain)
        self.title.setObjectName("card-title")
        self.name = QLabel(textFormat=plain)
        self.name.setObjectName("muted")
        self.lines = QLabel(textFormat=plain)
        words = QVBoxLayout()
        words.setSpacing(2)
        for label in (self.title, self.name, self.lines):
            words.addWidget(label)
        words.addStretch(1)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 10, 8)
        row.setSpacing(10)
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words)
        self.hide()

    @property
    def text(self) -> str:
        """All words on the card."""
        return "\n".join((self.title.text(), self.name.text(), self.lines.text()))

    def show_point(self, words: PointWords, at: QPoint, theme: Theme) -> None:
        """Describe a point; at: the place of the mouse on the screen."""
        self.title.setText(self._fitting(words.title))
        self.name.setText(self._fitting(words.name))
        self.lines.setText("\n".join(map(self._fitting, words.lines)))
        wide = SIDE if isinstance(words.sample, np.ndarray) else MESSAGE
        self.picture.setFixedWidth(wide)
        self.picture.setPixmap(self._drawn(words, wide, theme))
        self._row.activate()
        self.adjustSize()
        self._move_beside(self._room.mapFromGlobal(at))
        self.show()
        self.raise_()

    def _fitting(self, text: str) -> str:
        """The text, with its middle left out if it is too long."""
        middle = Qt.TextElideMode.ElideMiddle
        return self.fontMetrics().elidedText(text, middle, WIDEST)

    def _drawn(self, words: PointWords, wide: int, theme: Theme) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(wide * ratio), round(SIDE * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(theme.base))
        painter = QPainter(pixmap)
        draw_sample(painter, QRectF(0, 0, wide, SIDE), words.sample, words.color)
        painter.end()
        return pixmap

    def _move_beside(self, at: QPoint) -> None:
        """Place the card beside the mouse, within the parent."""
        room = self._room.rect()
        x, y = at.x() + AWAY, at.y() + AWAY
        if x + self.width() > room.right():
            x = at.x() - AWAY - self.width()
        if y + self.height() > room.bottom():
            y = at.y() - AWAY - self.height()
        self.move(max(2, x), max(2, y))
