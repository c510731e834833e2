"""The question before existing files are replaced, in the dialog that would write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget

from engine.storage.paths import exists

MOST_NAMES = 3  # that a question lists


def question(files: Sequence[Path]) -> str:
    """Whether these existing files may be replaced."""
    names = [f"'{path.name}'" for path in files[:MOST_NAMES]]
    if len(files) > MOST_NAMES:
        names.append(f"{len(files) - MOST_NAMES:,} more files")
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    it, verb = ("it", "exists") if len(files) == 1 else ("them", "exist")
    return f"{listed} already {verb}. Replace {it}?"


class ReplaceQuestion:
    """Asks in a dialog: its label shows the question, and its button says Replace."""

    def __init__(self, button: QPushButton, label: QLabel) -> None:
        self._button, self._label = button, label
        self._asked: list[Path] = []
        self._verb = ""

    def agreed(self, files: Sequence[Path]) -> bool:
        """Whether none of the files exists, or the user pressed the button again when asked."""
        present = [path for path in files if exists(path)]
        if not present or present == self._asked:
            return True
        self.withdraw()
        self._asked, self._verb = present, self._button.text()
        self._label.setText(question(present))
        self._label.show()
        self._button.setText("Replace")
        return False

    def withdraw(self) -> None:
        """Take the question back, because something else would be written now."""
        if self._asked:
            self._asked = []
            self._button.setText(self._verb)
            self._label.hide()


def may_replace(path: Path, parent: QWidget) -> bool:
    """Ask before a file that was named in a file dialog is replaced."""
    if not exists(path):
        return True
    replace, keep = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.Cancel
    answer = QMessageBox.question(
        parent, "Replace the file?", question([path]), replace | keep, keep
    )
    return answer == replace
