"""A figure as it will be on paper, at its own size where there is room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

DPI = 144.0  # what previews are drawn at: sharp up to one and a half times their own size
SMALLEST = QSize(300, 240)  # logical pixels
MARGIN = 8
MM = 25.4  # in an inch


class Preview(QWidget):
    """Draws one picture in the middle, or a sentence; `scale` is how large it is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(SMALLEST)
        self.setAccessibleName("Preview")
        self._picture = QPixmap()
        self._sentence = ""

    @property
    def picture(self) -> QPixmap:
        """What is shown, empty while nothing is."""
        return self._picture

    @property
    def sentence(self) -> str:
        """What is said instead of a picture, or over an old one."""
        return self._sentence

    @property
    def scale(self) -> float:
        """Size on the screen over size on paper; at most 1, 0 without a picture."""
        if self._picture.isNull():
            return 0.0
        whole = self._picture.width() / DPI * self.logicalDpiX()
        return self._target().width() / whole

    def show_picture(self, data: bytes) -> None:
        """Show a PNG that was drawn at `DPI`."""
        picture = QPixmap()
        picture.loadFromData(data, "PNG")  # type: ignore[call-overload]
        self._picture, self._sentence = picture, ""
        self.setAccessibleDescription("The figure as it will be on paper")
        self.update()

    def say(self, sentence: str, *, keep: bool = False) -> None:
        """Say something instead of the picture; `keep`: below the one before, which stays."""
        self._sentence = sentence
        if not keep:
            self._picture = QPixmap()
        self.setAccessibleDescription(sentence)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._picture.isNull():
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            inner = self.rect().adjusted(MARGIN * 2, MARGIN, -MARGIN * 2, -MARGIN)
            painter.drawText(inner, int(flags), self._sentence)
        else:
            if self._sentence:
                painter.setOpacity(0.5)  # it is being drawn anew
            size = self._target()
            x, y = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
            painter.drawPixmap(x, y, size.width(), size.height(), self._picture)
        painter.end()

    def _target(self) -> QSize:
        """Size on the screen: that on paper, smaller where there is no room."""
        shown = self._picture.size() * (self.logicalDpiX() / DPI)
        room = self.size() - QSize(2 * MARGIN, 2 * MARGIN)
        if shown.width() <= room.width() and shown.height() <= room.height():
            return shown
        return shown.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
