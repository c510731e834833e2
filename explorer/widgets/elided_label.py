"""A label whose words end in an ellipsis where they do not fit, unless they may wrap.

By hand, because superqt's QElidingLabel tells assistive technology no more than is drawn, and
importing it replaces methods of Qt's own classes (QMouseEvent.pos, by way of qtpy) and takes a
fifth of the time that Qt and pyqtgraph take.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

from explorer.widgets.plot_widget import no_collection


class OneLine(QLabel):
    """A quiet label; cut short it still has, and tells assistive technology, all of its words."""

    def __init__(self) -> None:
        super().__init__(textFormat=Qt.TextFormat.PlainText)
        self.setObjectName("muted")

    def shown(self) -> str:
        """The words as they are drawn."""
        if self.wordWrap():
            return self.text()
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as many of the words as fit."""
        if self.shown() == self.text():
            super().paintEvent(event)
            return
        with no_collection():
            painter = QPainter(self)
            painter.setPen(self.palette().windowText().color())
            painter.drawText(self.contentsRect(), self.alignment(), self.shown())
            painter.end()
