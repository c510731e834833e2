"""Requests the smallest tau of the models that samples are sorted or filtered by."""

from __future__ import annotations

from collections.abc import Sequence

from engine.analysis.filters import KINDS, SEARCH, Condition, subject
from engine.analysis.sample_table import SampleTable
from explorer.state.app_state import AppState
from explorer.views.base import Wishes
from explorer.views.samples.sort_keys import TAU

SEARCHED = "recognition"  # the query whose answer is the smallest tau of a model
NO_STUDY = "The smallest τ is searched in a finished study. Press Run first."


class TauSearch:
    """Requests one model after another, and reports the progress."""

    def __init__(self, state: AppState, do: Wishes) -> None:
        self._state, self._do = state, do
        self._missing: list[str] = []
        self._requesting = False

    def want(
        self,
        key: str,
        model: str,
        conditions: Sequence[Condition],
        evidence: SampleTable,
        seen: bool,
    ) -> None:
        """Request what an order and its filters need and lack, while the view is visible."""
        named = [one.model for one in conditions if KINDS[one.name].needs == SEARCH]
        wanted = [model, *named] if key == TAU else named
        self._missing = [name for name in wanted if evidence.recognition(name) is None]
        if self._missing and seen and self._state.study is not None:
            self._requesting = True
            self._do.look(SEARCHED, self._missing[0])
        elif self._requesting:
            self._requesting = False
            self._do.look_away(SEARCHED)

    def message(self) -> str:
        """The search and its progress, or why it cannot run; '' if nothing is missing."""
        state = self._state
        if not self._missing:
            return ""
        if state.study is None:
            return NO_STUDY
        if problem := state.problems.get(SEARCHED):
            return problem
        label = subject(self._missing[0], {name: m.label for name, m in state.models.items()})
        return f"Searching the smallest τ of {label}{self._progress()}…"

    def _progress(self) -> str:
        state = self._state
        if "smallest" in state.busy:
            return f" ({state.progress.fraction:.0%})" if state.progress is not None else ""
        return f" after: {state.busy}" if state.busy else ""
