"""The actions Undo and Redo: whether there is a step, and what it is called."""

from __future__ import annotations

from PySide6.QtCore import QObject, SignalInstance
from PySide6.QtGui import QAction, QUndoStack

from explorer.widgets.plain_text import in_menu


class UndoActions(QObject):
    """Keeps both actions as the stack of steps has it."""

    def __init__(self, stack: QUndoStack, undo: QAction, redo: QAction, parent: QObject) -> None:
        super().__init__(parent)
        self._stack, self._undo, self._redo = stack, undo, redo
        for changed in self._signals():
            changed.connect(self._show)
        self._show()

    def let_go(self) -> None:
        """Follow the stack no longer: its signals come once more when it is destroyed."""
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
    """'Undo: Go to sample 12', as a menu writes it."""
    return f"{deed}: {in_menu(what)}" if what else deed
