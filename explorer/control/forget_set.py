"""The forget set of the next run: from a description, the selection or saved sets."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.errors import SpecError
from engine.forget_sets.forget_set import ForgetSet, check_forget, forget_set
from explorer.control.choice import ChoiceControl
from explorer.state import forget_sets
from explorer.state.app_state import AppState
from explorer.state.forget_sets import Sets
from explorer.state.notice import ERROR, NEWS
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE

COMBINED = {REPLACE: "Load", ADD: "Add", INTERSECT: "Intersect with", REMOVE: "Subtract"}
NO_FORGET = "The forget set is empty. Select samples, or enter a forget set in the toolbar."
NOT_TRAINED = "Test samples were never trained on, so only training samples can be forgotten."
NOR_HELD_OUT = (
    "Test and validation samples were never trained on, so only the other training samples can be "
    "forgotten."
)


class ForgetSetControl(QObject):
    """Changes `AppState.forget` and `AppState.forget_sets`; every change is one undo step."""

    noticed = Signal(str, str)  # NEWS or ERROR, sentence

    def __init__(self, state: AppState, choice: ChoiceControl, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._choice = state, choice

    # -- from a description ---------------------------------------------------------------
    def set_text(self, text: str) -> ForgetSet | None:
        """Make the samples described by `text` the forget set; on an error, set `form_error`.

        Reports how many samples a list repeats. Returns None if there is no valid forget set.
        """
        dataset, form = self._state.dataset, self._state.form
        text = text.strip()
        if dataset is None or not text:
            self._state.form = replace(form, forget=text)
            return None
        try:
            chosen = forget_set(text, dataset, form.seed)
        except SpecError as error:
            self._state.form = replace(form, forget=text)
            self._state.form_error = str(error)
            return None
        self._choice.change("Forget " + text, forget=chosen.indices, text=text)
        if chosen.repeated:
            self.noticed.emit(NEWS, f"Forget set: {chosen.words}.")
        return chosen

    # -- from the selection ---------------------------------------------------------------
    def replace_by_selection(self) -> None:
        """Make the selected samples the forget set of the next run."""
        self._set(tuple(sorted(self._state.selection.chosen)), "Forget the selection")

    def add_selection(self) -> None:
        """Add the selected samples to the forget set of the next run."""
        both = set(self._state.forget) | self._state.selection.chosen
        self._set(tuple(sorted(both)), "Add the selection to the forget set")

    def remove_selection(self) -> None:
        """Remove the selected samples from the forget set of the next run."""
        rest = set(self._state.forget) - self._state.selection.chosen
        self._set(tuple(sorted(rest)), "Remove the selection from the forget set")

    def combine(self, indices: tuple[int, ...], mode: str, what: str) -> None:
        """Combine samples with the forget set.

        mode: as for `Selection.combine`; what: name of these samples in the undo step.
        """
        chosen = forget_sets.combine(self._state.forget, indices, mode)
        self._check_and_set(chosen, f"{COMBINED[mode]} {what}")

    # -- saved under names ----------------------------------------------------------------
    def saved(self) -> Sets:
        """The saved forget sets of the open dataset."""
        return self._state.forget_sets.get(self._fingerprint(), {})

    def save(self, name: str) -> None:
        """Save the current forget set under a name, replacing any set of that name."""
        problem = self._state.form_error or ("" if self._state.forget else NO_FORGET)
        if problem:
            self.noticed.emit(ERROR, problem)
            return
        try:
            name = forget_sets.checked_name(name)
        except SpecError as error:
            self.noticed.emit(ERROR, str(error))
            return
        state = self._state
        sets = forget_sets.with_set(state.forget_sets, self._fingerprint(), name, state.forget)
        self._choice.change(f"Save the forget set '{name}'", sets=sets)

    def combine_saved(self, name: str, mode: str) -> None:
        """Combine a saved forget set with the current one, in a mode of `Selection.combine`."""
        indices = self.saved().get(name)
        if indices is not None:
            self.combine(indices, mode, f"the forget set '{name}'")

    def delete(self, name: str) -> None:
        """Delete the saved forget set of this name; the current forget set stays."""
        sets = forget_sets.without_set(self._state.forget_sets, self._fingerprint(), name)
        self._choice.change(f"Delete the forget set '{name}'", sets=sets)

    def _fingerprint(self) -> str:
        """Fingerprint of the open dataset, or ''."""
        return self._state.dataset.spec.fingerprint if self._state.dataset else ""

    def _set(self, chosen: tuple[int, ...], title: str) -> None:
        """Make those samples the forget set that are trained on; report the others."""
        dataset = self._state.dataset
        if dataset is not None and not self._state.selection.chosen:
            self.noticed.emit(NEWS, "No samples are selected. Click some first.")
            return
        learned = tuple(i for i in chosen if dataset is not None and dataset.is_learned(i))
        if len(learned) < len(chosen):
            has_validation = dataset is not None and len(dataset.validation)
            self.noticed.emit(NEWS, NOR_HELD_OUT if has_validation else NOT_TRAINED)
        if learned or not chosen:
            self._check_and_set(learned, title)

    def _check_and_set(self, chosen: tuple[int, ...], title: str) -> None:
        dataset = self._state.dataset
        if dataset is None:
            return
        try:
            chosen = check_forget(chosen, dataset.train_y, dataset.validation)
        except SpecError as error:
            self.noticed.emit(ERROR, str(error))
            return
        self._choice.change(title, forget=chosen, text="")
