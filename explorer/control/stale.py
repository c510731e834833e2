"""Whether the shown study is the chosen one, settled by the engine's keys. No widgets."""

from __future__ import annotations

import functools
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from engine.errors import SpecError
from engine.spec import RunSpec, to_plain
from explorer.control.orders import orders_of
from explorer.control.shown_study import ShownStudy
from explorer.jobs import study_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.jobs.study_tasks import ChosenStudies
from explorer.state.app_state import AppState
from explorer.state.form_grid import MANY, size_of
from explorer.state.queued_run import Order
from explorer.state.stale import Stale
from explorer.state.study_form import StudyForm

Choice = tuple[RunSpec, StudyForm, tuple[int, ...], str]  # shown; chosen; data they are of


class StaleControl(QObject):
    """Keeps `AppState.stale` up to date.

    What a form without changes describes is known at once, and so is another forget set; all else
    is asked of the probe lane, which knows the keys.
    """

    def __init__(self, state: AppState, jobs: Jobs, shown: ShownStudy, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._shown = state, jobs, shown
        self._asked: Choice | None = None
        self._turn = QTimer(self, singleShot=True, interval=0)  # several changes come at once
        self._turn.timeout.connect(self._look)
        for changed in (
            state.form_changed, state.forget_changed, state.dataset_changed, state.models_changed,
            state.study_changed, state.form_error_changed,
        ):  # fmt: skip
            changed.connect(self._turn.start)
        state.studies_changed.connect(self._ask_again)

    def _ask_again(self) -> None:
        """The store has other studies now, perhaps the chosen one."""
        self._asked = None
        self._turn.start()

    def _look(self) -> None:
        choice = self._choice()
        if choice is None or self._is_shown(choice):
            self._asked = None
            self._state.stale = None
        elif choice != self._asked:
            self._asked = choice
            self._mark_forget(choice)
            self._ask(choice)

    def _choice(self) -> Choice | None:
        """What is shown and chosen; None if nothing is shown, or nothing can be run."""
        state, spec = self._state, self._shown.spec
        if spec is None or state.dataset is None or state.form_error or not state.forget:
            return None
        return spec, state.form, state.forget, state.dataset.spec.fingerprint

    def _is_shown(self, choice: Choice) -> bool:
        """Whether the form is the one that the shown study was made or opened with."""
        spec, form, forget, _ = choice
        own = self._shown.form
        return own is not None and forget == spec.forget and _unwatched(own) == _unwatched(form)

    def _mark_forget(self, choice: Choice) -> None:
        """Another forget set is another study, whatever the keys are."""
        from explorer.state import stale_words  # with the measures, which take long to import

        spec, form, forget, _ = choice
        dataset = self._state.dataset
        if forget != spec.forget and dataset is not None:
            shown = to_plain(spec)
            chosen = {**shown, "forget": list(forget), "seed": form.seed}
            catalog = self._state.catalog
            self._state.stale = stale_words.explained(shown, chosen, dataset, catalog)

    def _ask(self, choice: Choice) -> None:
        work = functools.partial(study_tasks.compare_choice, choice[0], self._orders())
        done = functools.partial(self._on_compared, choice)
        title = "Comparing the chosen study with the shown one"
        self._jobs.submit(Job(title, work, PROBE, "stale", done=done))

    def _orders(self) -> list[Order]:
        """The chosen studies; of a very large grid none, since it cannot be the shown one alone."""
        try:
            return orders_of(self._state) if size_of(self._state.form) <= MANY else []
        except SpecError:
            return []

    def _on_compared(self, choice: Choice, studies: ChosenStudies) -> None:
        if choice != self._asked:
            return
        if choice == self._choice():
            self._state.stale = self._explained(studies)
        else:  # other data have come before the answer, and may not even have these samples
            self._ask_again()

    def _explained(self, studies: ChosenStudies) -> Stale | None:
        from explorer.state import stale_words

        dataset, number = self._state.dataset, size_of(self._state.form)
        keys = [one.key for one in studies.chosen]
        if dataset is None or studies.shown_key in keys:
            return None
        if number > 1:
            return stale_words.several(studies.shown_spec, number, dataset)
        if not keys:  # no such study can be run: Run says why
            return None
        stored = keys[0] in studies.stored
        return stale_words.explained(
            studies.shown_spec, studies.chosen[0].spec, dataset, self._state.catalog, keys[0],
            stored=stored,
        )  # fmt: skip


def _unwatched(form: StudyForm) -> StudyForm:
    """The form without what changes no result."""
    return replace(form, watch=True, links="refuse")
