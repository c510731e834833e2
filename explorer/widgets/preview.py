"""The preview of a figure, at its printed size if there is room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

DPI = 144.0  # of previews: sharp up to one and a half times their printed size
SMALLEST = QSize(300, 240)  # logical pixels
MARGIN = 8
MM = 25.4  # in an inch


class Preview(QWidget):
    """A picture in the center, or a sentence; `scale` is its size relative to paper."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(SMALLEST)
        self.setAccessibleName("Preview")
        self._picture = QPixmap()
        self._sentence = ""

    @property
    def picture(self) -> QPixmap:
        """The displayed picture, or an empty one."""
        return self._picture

    @property
    def sentence(self) -> str:
        """The sentence that replaces the picture, or accompanies an outdated one."""
        return self._sentence

    @property
    def scale(self) -> float:
        """Size on the screen divided by size on paper: at most 1, 0 without a picture."""
        if self._picture.isNull():
            return 0.0
        whole = self._picture.width() / DPI * self.logicalDpiX()
        return self._target().width() / whole

    def show_picture(self, data: bytes) -> None:
        """Show a PNG that was drawn at `DPI`."""
        picture = QPixmap()
        picture.loadFromData(data, "PNG")  # type: ignore[call-overload]
        self._picture, self._sentence = picture, ""
        self.setAccessibleDescription("The figure as printed")
        self.update()

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a picture nor a sentence."""
        return self._picture.isNull() and not self._sentence

    def say(self, sentence: str, *, keep: bool = False) -> None:
        """Show a sentence instead of the picture; `keep`: the old picture stays, dimmed."""
        self._sentence = sentence
        if not keep:
            self._picture = QPixmap()
        self.setAccessibleDescription(sentence)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture or the sentence."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._picture.isNull():
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            inner = self.rect().adjusted(MARGIN * 2, MARGIN, -MARGIN * 2, -MARGIN)
            painter.drawText(inner, int(flags), self._sentence)
        else:
            if self._sentence:
                painter.setOpacity(0.5)  # a new one is being drawn
            size = self._target()
            x, y = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
            painter.drawPixmap(x, y, size.width(), size.height(), self._picture)
        painter.end()

    def _target(self) -> QSize:
        """Size on the screen: the printed size, reduced to fit."""
        shown = self._picture.size() * (self.logicalDpiX() / DPI)
        room = self.size() - QSize(2 * MARGIN, 2 * MARGIN)
        if shown.width() <= room.width() and shown.height() <= room.height():
            return shown
        return shown.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
