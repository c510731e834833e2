"""The one place where errors and news are shown: a bar at the top of the window, never a pop-up."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from explorer.controller import ERROR


class Notifier(QObject):
    """Passes sentences on to whoever shows them, and remembers the errors."""

    said = Signal(str, str)  # kind, sentence

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.errors: list[str] = []

    def say(self, kind: str, sentence: str) -> None:
        """Show a sentence. kind: controller.NEWS or controller.ERROR."""
        if kind == ERROR:
            self.errors.append(sentence)
        self.said.emit(kind, sentence)

    def fail(self, sentence: str) -> None:
        """Show an error."""
        self.say(ERROR, sentence)


class MessageBar(QFrame):
    """The sentence that was said last, until it is closed."""

    closed = Signal()
    shown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setAccessibleName("Message")
        self._text = QLabel(wordWrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        close = QPushButton("Close")
        close.clicked.connect(self.close_message)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(close)

    def show_message(self, kind: str, sentence: str) -> None:
        """Show a sentence in place of the one before."""
        self._text.setText(sentence)
        self._text.setToolTip(sentence)
        self.setProperty("kind", kind)
        self.style().unpolish(self)  # the style sheet reads the property anew
        self.style().polish(self)
        self.shown.emit()

    def close_message(self) -> None:
        """Take the sentence away."""
        self._text.clear()
        self.closed.emit()

    def text(self) -> str:
        """The sentence that is shown."""
        return self._text.text()
