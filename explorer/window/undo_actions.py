"""The Undo and Redo actions, enabled and labeled by the undo stack."""

from __future__ import annotations

from PySide6.QtCore import QObject, SignalInstance
from PySide6.QtGui import QAction, QUndoStack

from explorer.widgets.plain_text import menu_text


class UndoActions(QObject):
    """Keeps both actions in sync with the undo stack."""

    def __init__(self, stack: QUndoStack, undo: QAction, redo: QAction, parent: QObject) -> None:
        super().__init__(parent)
        self._stack, self._undo, self._redo = stack, undo, redo
        for changed in self._signals():
            changed.connect(self._show)
        self._show()

    def let_go(self) -> None:
        """Disconnect from the stack, which emits its signals once more on destruction."""
        for changed in self._signals():
            changed.disconnect(self._show)

    def _signals(self) -> tuple[SignalInstance, ...]:
        stack = self._stack
        return (
            stack.canUndoChanged, stack.canRedoChanged,
            stack.undoTextChanged, stack.redoTextChanged,
        )  # fmt: skip

    def _show(self) -> None:
        self._undo.setEnabled(self._stack.canUndo())
        self._redo.setEnabled(self._stack.canRedo())
        self._undo.setText(_with_words("Undo", self._stack.undoText()))
        self._redo.setText(_with_words("Redo", self._stack.redoText()))


def _with_words(deed: str, what: str) -> str:
    """The menu text, such as 'Undo: Go to sample 12'."""
    return f"{deed}: {menu_text(what)}" if what else deed
