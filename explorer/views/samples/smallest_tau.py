"""Keeps the smallest tau of the models in view that samples are sorted or filtered by."""

from __future__ import annotations

from collections.abc import Sequence

from engine.analysis.filters import KINDS, SEARCH, Condition, subject
from engine.analysis.sample_table import Evidence
from explorer.state.app_state import AppState
from explorer.views.base import Wishes
from explorer.views.samples.sort_keys import TAU

SEARCHED = "recognition"  # the question whose answer is the smallest tau of a model
NO_STUDY = "The smallest τ is searched in a finished study. Press Run first."


class TauSearch:
    """Asks about one model after another, and says how far that is."""

    def __init__(self, state: AppState, do: Wishes) -> None:
        self._state, self._do = state, do
        self._missing: list[str] = []
        self._asks = False

    def want(
        self, key: str, model: str, conditions: Sequence[Condition], known: Evidence, seen: bool
    ) -> None:
        """Ask for what an order and its filters need and is not known, while somebody looks."""
        named = [one.model for one in conditions if KINDS[one.name].needs == SEARCH]
        wanted = [model, *named] if key == TAU else named
        self._missing = [name for name in wanted if known.recognition(name) is None]
        if self._missing and seen and self._state.study is not None:
            self._asks = True
            self._do.look(SEARCHED, self._missing[0])
        elif self._asks:
            self._asks = False
            self._do.look_away(SEARCHED)

    def said(self) -> str:
        """What is searched and how far that is, or why it is not; '' where all is known."""
        state = self._state
        if not self._missing:
            return ""
        if state.study is None:
            return NO_STUDY
        if problem := state.problems.get(SEARCHED):
            return problem
        label = subject(self._missing[0], {name: m.label for name, m in state.models.items()})
        return f"The smallest τ of {label} is being searched{self._how_far()} ..."

    def _how_far(self) -> str:
        state = self._state
        if "smallest" in state.busy:
            return f" ({state.progress.fraction:.0%})" if state.progress is not None else ""
        return f" after: {state.busy}" if state.busy else ""
