"""What a view of a study says beside it: that another one was chosen, or where one is to be had."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.results import StudySummary
from explorer.state.app_state import AppState
from explorer.state.queued_run import RUNNING
from explorer.views.base import View, Wishes
from explorer.window.dock_title import DockTitle

RUNS = "The study is running. Its first results appear here as soon as they are known."


class StudyHints(QObject):
    """Marks the title of a view that shows another study than the chosen one; in a view that shows
    none, says what is being opened, or offers stored studies of the open dataset. Deleted with the
    view.
    """

    def __init__(self, state: AppState, do: Wishes, view: View, title: DockTitle) -> None:
        super().__init__(view)
        self._state, self._do, self._hint, self._title = state, do, view.panel.hint, title
        state.stale_changed.connect(self._mark)
        for changed in (state.opening_changed, state.runs_changed, state.residual_changed):
            changed.connect(self._wait)
        self._hint.offer_button.clicked.connect(self._show_newest)
        for changed in (
            state.studies_changed, state.dataset_changed, state.models_changed,
            state.residual_changed,
        ):  # fmt: skip
            changed.connect(self._offer)
        self._offer()
        self._mark()
        self._wait()

    def _wait(self) -> None:
        self._hint.wait_for(self._state.opening or (RUNS if self._comes() else ""))
        self._offer()

    def _comes(self) -> bool:
        """Whether a study of the open dataset is being computed, and none is shown yet."""
        state = self._state
        if state.dataset is None or state.residual is not None:
            return False
        fingerprint = state.dataset.spec.fingerprint
        return any(
            run.state == RUNNING and run.order.fingerprint == fingerprint for run in state.runs
        )

    def _mark(self) -> None:
        stale = self._state.stale
        self._title.set_stale(stale.sentence if stale is not None else "")

    def _fitting(self) -> list[StudySummary]:
        """The stored studies of the open dataset, newest first, while no study is shown."""
        state = self._state
        if state.dataset is None or state.opening or state.models or state.residual is not None:
            return []
        if self._comes():
            return []
        fingerprint = state.dataset.spec.fingerprint
        return [one for one in state.studies if one.fingerprint == fingerprint]

    def _offer(self) -> None:
        studies, dataset = self._fitting(), self._state.dataset
        if not studies or dataset is None:
            self._hint.make_offer("", "")
            return
        count = "a study" if len(studies) == 1 else f"{len(studies):,} studies"
        action = "Show it" if len(studies) == 1 else "Show the newest"
        self._hint.make_offer(f"The store has {count} of {dataset.label}.", action)

    def _show_newest(self) -> None:
        studies = self._fitting()
        if studies:
            self._do.opening.open_study(studies[0].key)
