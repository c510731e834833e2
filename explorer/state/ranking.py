"""The forget samples from the largest r down, at the norm that is shown: where the lens stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.ranking import judged, stepped, worst_first
from engine.results import Residual
from explorer.state.app_state import AppState


@dataclass(frozen=True, eq=False)
class Ranking:
    """order (n_f,): forget samples, the largest r of `model` at `tau` first; current: the sample
    under the lens, which may be none of them.
    """

    model: str
    tau: float
    order: np.ndarray
    current: int | None

    @property
    def place(self) -> int:
        """Where the current sample stands, 1 for the worst; 0 where it is not in the forget set."""
        found = np.flatnonzero(self.order == self.current)
        return int(found[0]) + 1 if len(found) else 0

    def step(self, places: int) -> int | None:
        """The sample so many places further down, None past either end."""
        return stepped(self.order, self.current, places)


def ranked_by(state: AppState) -> str:
    """The model whose r orders the samples: the chosen one, else the first method; '' without r."""
    residual = state.residual
    if residual is None:
        return ""
    return state.ranked_by if state.ranked_by in residual.curves else judged(residual)[0]


def column_of(residual: Residual, tau: float) -> int:
    """Which of the grid's norms is nearest to `tau`."""
    return int(np.argmin(np.abs(residual.taus - tau)))


def shown_tau(state: AppState) -> float:
    """The norm that is asked for, else the one that is shown, else the middle of the grid."""
    tau, shown, residual = state.probe[1], state.neighborhood, state.residual
    if tau >= 0:
        return tau
    if shown is not None:
        return shown.tau
    return float(residual.taus[len(residual.taus) // 2]) if residual is not None else 0.0


def ranking(state: AppState) -> Ranking | None:
    """The order of the forget samples as the state asks for it, None while nothing is measured."""
    residual, model = state.residual, ranked_by(state)
    if residual is None or not len(residual.samples):
        return None
    column = column_of(residual, shown_tau(state))
    order = worst_first(residual, model, column)
    return Ranking(model, float(residual.taus[column]), order, state.selection.current)
