"""A small mark whose tooltip says what there is no room for; a click shows it too."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QToolButton, QToolTip, QWidget

from explorer.widgets.plain_text import literal

SIZE = 20  # logical pixels


class InfoMark(QToolButton):
    """Explains a view in plain text: by hovering, or by a click or Space."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("info")
        self.setText("i")
        self.setFixedSize(SIZE, SIZE)
        self.setAccessibleName("About what is shown")
        self.clicked.connect(self._show)
        self._words = ""
        self.hide()

    def set_text(self, words: str) -> None:
        """Set the explanation; the mark is hidden while there is none."""
        self._words = words
        self.setToolTip(literal(words))
        self.setAccessibleDescription(words)
        self.setVisible(bool(words))

    def text_shown(self) -> str:
        """The explanation."""
        return self._words

    def _show(self) -> None:
        corner = self.mapToGlobal(QPoint(0, self.height()))
        QToolTip.showText(corner, literal(self._words), self)
