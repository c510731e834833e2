"""A sentence at the foot of a plot."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QLabel, QWidget

PAD = 12  # logical pixels beside the words
APART = 6  # from the edges of the plot


class PlotMessage(QLabel):
    """As wide as its words, up to the width of the plot; hidden while it says nothing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, textFormat=Qt.TextFormat.PlainText)
        self.setObjectName("plot-message")
        self.setWordWrap(True)
        self.hide()

    def say(self, words: str, frame: QRect) -> None:
        """Write a sentence into a frame of the parent; '' takes it away."""
        self.setText(words)
        self.setVisible(bool(words))
        self.place(frame)

    def place(self, frame: QRect) -> None:
        """Keep to the foot of a frame of the parent."""
        if not self.text():
            return
        inside = frame.adjusted(APART, APART, -APART, -APART)
        room = QRect(0, 0, max(inside.width() - 2 * PAD, 40), 1000)
        words = self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self.text())
        self.setFixedSize(words.width() + 2 * PAD, words.height() + PAD)
        self.move(inside.left(), inside.bottom() - self.height())
