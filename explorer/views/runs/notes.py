"""The page on which somebody writes the name, tags and notes of a study."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from engine.storage.annotations import LONGEST_NAME, Annotation, annotation
from explorer.widgets.panel import muted_label

PAUSE_MS = 600  # after the last key, until notes are written
NOT_STORED = "A name, tags and notes can be written once the study is stored."


class NotesPage(QWidget):
    """Fields for name and tags above the notes; `written`: the key and what was written.

    Notes are written after a pause, and when the field is left.
    """

    written = Signal(str, object)  # key, Annotation

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self._stored = Annotation()
        self.name = QLineEdit(maxLength=LONGEST_NAME)
        self.name.setAccessibleName("Name of the study")
        self.name.setPlaceholderText("shown in menus and legends")
        self.tags = QLineEdit()
        self.tags.setAccessibleName("Tags of the study")
        self.tags.setPlaceholderText("words, separated by spaces")
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName("Notes on the study")
        self.notes.setPlaceholderText("Notes")
        self.notes.setTabChangesFocus(True)
        self.hint = muted_label(NOT_STORED)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Name", self.name)
        form.addRow("Tags", self.tags)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addLayout(form)
        layout.addWidget(self.notes, 1)
        layout.addWidget(self.hint)
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.write)
        self.notes.textChanged.connect(self._pause.start)
        for field in (self.name, self.tags):
            field.editingFinished.connect(self.write)
        self.notes.installEventFilter(self)

    def show_study(self, key: str, name: str, tags: Sequence[str], notes: str) -> None:
        """Show what was written about a study; what is being typed into the same one stays."""
        stored = Annotation(name, tuple(tags), notes)
        if (key, stored) == (self._key, self._stored):
            return
        if key != self._key:
            self.write()
        elif self._typed() != self._stored:  # an answer to what was typed before
            self._stored = stored
            return
        self._key, self._stored = key, stored
        self.name.setText(name)
        self.tags.setText(" ".join(tags))
        if self.notes.toPlainText() != notes:
            self.notes.setPlainText(notes)
        self._pause.stop()
        for part in (self.name, self.tags, self.notes):
            part.setEnabled(bool(key))
        self.hint.setVisible(not key)

    def write(self) -> None:
        """Write what was typed, if it changed."""
        self._pause.stop()
        typed = self._typed()
        if self._key and typed != self._stored:
            self._stored = typed
            self.written.emit(self._key, typed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Write the notes when their field is left."""
        if event.type() == QEvent.Type.FocusOut:
            self.write()
        return super().eventFilter(watched, event)

    def _typed(self) -> Annotation:
        return annotation(self.name.text(), [self.tags.text()], self.notes.toPlainText())
