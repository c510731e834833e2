"""Asking for a file or folder: each question has its own title and begins where the last ended."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.dialogs.replacement import may_replace
from explorer.state.folders import Folders


class FilePrompts:
    """The questions of one window."""

    def __init__(self, folders: Folders, window: QWidget) -> None:
        self._folders, self._window = folders, window

    def folder(self, title: str, purpose: str, start: str = "") -> Path | None:
        """An existing folder, or None. start: where to begin; '' = where the last one was."""
        begin = start or str(self._folders.last(purpose))
        name = QFileDialog.getExistingDirectory(self._window, title, begin)
        if not name:
            return None
        self._folders.remember(purpose, Path(name))
        return Path(name)

    def file(self, title: str, purpose: str, kinds: str = "") -> Path | None:
        """An existing file, or None."""
        begin = str(self._folders.last(purpose))
        name, _ = QFileDialog.getOpenFileName(self._window, title, begin, kinds)
        return self._noted(name, purpose)

    def new_file(self, title: str, purpose: str, name: str, kinds: str) -> Path | None:
        """A file to write, or None; asks before one is replaced. Without a suffix in its name it
        gets that of the chosen kind, else of `name`."""
        begin = self._folders.last(purpose) / name
        chosen, kind = QFileDialog.getSaveFileName(
            self._window, title, str(begin), kinds,
            options=QFileDialog.Option.DontConfirmOverwrite,  # asked below, with its suffix
        )  # fmt: skip
        path = self._noted(chosen, purpose)
        if path is None:
            return None
        path = path if path.suffix else path.with_name(path.name + (_suffix(kind) or begin.suffix))
        return path if may_replace(path, self._window) else None

    def suggestion(self, purpose: str, name: str) -> Path:
        """A place for a file of this name, where the last one was."""
        return self._folders.last(purpose) / name

    def note(self, path: Path, purpose: str) -> None:
        """Remember the folder of a file that was chosen in another way."""
        self._folders.remember(purpose, path.parent)

    def _noted(self, name: str, purpose: str) -> Path | None:
        if not name:
            return None
        self.note(Path(name), purpose)
        return Path(name)


def _suffix(kind: str) -> str:
    """The first suffix of 'PyTorch weights (*.pt *.pth)', '' if it names none."""
    found = re.search(r"\*(\.\w+)", kind)
    return found[1] if found else ""
