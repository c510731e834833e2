"""A label that elides text that does not fit, unless it may wrap.

Hand-written because superqt's QElidingLabel exposes only the drawn text to assistive technology,
and importing it patches methods of Qt classes (QMouseEvent.pos, through qtpy) and takes a fifth
of the import time of Qt and pyqtgraph.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip

from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.term import TermLabel


class ElidedLabel(TermLabel):
    """A muted label; when elided, its tooltip and assistive technology have its full text.

    Terms of the glossary are underlined as far as they are drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("muted")

    def shown(self) -> str:
        """The text as it is drawn."""
        if self.wordWrap():
            return self.text()
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    @property
    def whole(self) -> bool:
        """Whether the whole text is drawn, not elided."""
        return self.shown() == self.text()

    def event(self, event: QEvent) -> bool:
        """Show the full text, above its explanation, in the tooltip of an elided label."""
        asked = event if isinstance(event, QHelpEvent) else None
        tip = asked is not None and asked.type() == QEvent.Type.ToolTip and not self.whole
        if asked is not None and tip and not self.term_at(asked.pos()):
            QToolTip.showText(asked.globalPos(), self.full_tip(), self)
            return True
        return super().event(event)

    def full_tip(self) -> str:
        """The full text, and the tooltip that the label has besides."""
        own = self.toolTip()
        text = literal(self.text())
        return own if own.startswith(text) else f"{text}\n{own}".strip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much of the text as fits."""
        if self.whole:
            super().paintEvent(event)
            return
        with no_collection():
            painter = QPainter(self)
            painter.setPen(self.palette().windowText().color())
            painter.drawText(self.contentsRect(), self.alignment(), self.shown())
            painter.end()
        self._underline()
