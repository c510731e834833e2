"""The user's choices (selection, forget set, saved forget sets), with undo. No widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.forget_sets.sample_names import sample_label
from explorer.state.app_state import AppState
from explorer.state.forget_sets import Library
from explorer.state.selection import Selection

UNDO_STEPS = 200


@dataclass(frozen=True)
class Choice:
    """What undo restores: selection, forget set, its description, and the saved forget sets."""

    selection: Selection
    forget: tuple[int, ...]
    text: str
    sets: Library


class _Step(QUndoCommand):
    """One undo step; changes within one turn of the event loop are merged into one step."""

    def __init__(self, state: AppState, text: str, before: Choice, after: Choice) -> None:
        super().__init__(text)
        self._state, self._before, self.after = state, before, after

    def redo(self) -> None:
        """Apply the change."""
        _show(self._state, self.after)

    def undo(self) -> None:
        """Revert the change."""
        _show(self._state, self._before)


class ChoiceControl(QObject):
    """Changes the selection and the forget set in undoable steps."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(UNDO_STEPS)
        self._step: _Step | None = None  # of this turn of the event loop
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._end_turn)

    def set_current(self, index: int | None) -> None:
        """Make a sample the current one; test samples are numbered after the training samples."""
        state = self._state
        if index is None or self._has(index):
            title = (
                "Clear the current sample"
                if index is None
                else f"Go to {sample_label(index, state.dataset)}"
            )
            self.change(title, selection=replace(state.selection, current=index))

    def select(self, indices: list[int], mode: str) -> None:
        """Combine samples with the selection in a mode of `Selection.combine`."""
        valid = [index for index in indices if self._has(index)]
        self.change("Select samples", selection=self._state.selection.combine(valid, mode))

    def change(
        self,
        title: str,
        *,
        selection: Selection | None = None,
        forget: tuple[int, ...] | None = None,
        text: str | None = None,
        sets: Library | None = None,
    ) -> None:
        """Apply the given changes as an undo step, or as part of this turn's step.

        title: name of the undo step; forget: sorted training-set indices; text: their description
        in the form, '' for none; sets: the saved forget sets of every dataset.
        """
        state = self._state
        before = Choice(state.selection, state.forget, state.form.forget, state.forget_sets)
        after = Choice(
            before.selection if selection is None else selection,
            before.forget if forget is None else forget,
            before.text if text is None else text,
            before.sets if sets is None else sets,
        )
        if after == before and not state.form_error:
            return
        if self._step is not None:
            self._step.after = after
            _show(state, after)
            return
        self._step = _Step(state, title, before, after)
        self.undo.push(self._step)
        self._turn.start(0)

    def clear_history(self) -> None:
        """Clear the undo history: it refers to other data."""
        self._step = None
        self.undo.clear()

    def _has(self, index: int) -> bool:
        dataset = self._state.dataset
        return dataset is not None and 0 <= index < len(dataset)

    def _end_turn(self) -> None:
        self._step = None


def _show(state: AppState, choice: Choice) -> None:
    if (choice.forget, choice.text) != (state.forget, state.form.forget):
        state.form_error = ""  # the faulty forget set is replaced
    state.selection = choice.selection
    state.forget = choice.forget
    state.form = replace(state.form, forget=choice.text)
    state.forget_sets = choice.sets
