"""An input for the path of a file or folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from engine.storage.paths import typed_path


class PathField(QWidget):
    """A line to type a path, with a Browse button."""

    changed = Signal()

    def __init__(self, name: str, tip: str, value: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = typed_path(value).parent if value else Path.home()
        self.line = QLineEdit(value)
        self.line.setAccessibleName(name)
        self.line.setToolTip(tip)
        self.line.textChanged.connect(self.changed)
        self.browse = QPushButton("Browse ...")
        self.browse.setAutoDefault(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)
        self.setFocusProxy(self.line)

    @property
    def text(self) -> str:
        """The path as text, without surrounding white space."""
        return self.line.text().strip()

    @property
    def path(self) -> Path:
        """The path; a relative one is resolved beside the initial path."""
        return self._base / typed_path(self.text)
