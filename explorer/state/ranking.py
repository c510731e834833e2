"""Forget samples ranked by r, largest first, at the shown norm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.ranking import leading_method, neighbor_in, worst_first
from engine.results import Residual
from explorer.state.app_state import AppState


@dataclass(frozen=True, eq=False)
class Ranking:
    """order (n_f,): forget samples by r of `model` at `tau`, largest first; current: the current
    sample, which need not be one of them.
    """

    model: str
    tau: float
    order: np.ndarray
    current: int | None

    @property
    def place(self) -> int:
        """Rank of the current sample, 1 for the worst; 0 if it is not in the forget set."""
        positions = np.flatnonzero(self.order == self.current)
        return int(positions[0]) + 1 if len(positions) else 0

    def step(self, places: int) -> int | None:
        """The sample `places` further down the ranking, None past either end."""
        return neighbor_in(self.order, self.current, places)


def ranked_by(state: AppState) -> str:
    """The model whose r ranks the samples; '' without r.

    The chosen one, else the method with the most residual knowledge.
    """
    residual = state.residual
    if residual is None:
        return ""
    return state.ranked_by if state.ranked_by in residual.curves else leading_method(residual)


def column_of(residual: Residual, tau: float) -> int:
    """Index of the grid's norm nearest to `tau`."""
    return int(np.argmin(np.abs(residual.taus - tau)))


def shown_tau(state: AppState) -> float:
    """The requested norm, else the shown one, else the middle of the grid."""
    tau, shown, residual = state.probe[1], state.neighborhood, state.residual
    if tau >= 0:
        return tau
    if shown is not None:
        return shown.tau
    return float(residual.taus[len(residual.taus) // 2]) if residual is not None else 0.0


def ranking(state: AppState) -> Ranking | None:
    """The ranking of the forget samples for this state, None while nothing is measured."""
    residual, model = state.residual, ranked_by(state)
    if residual is None or not len(residual.samples):
        return None
    column = column_of(residual, shown_tau(state))
    order = worst_first(residual, model, column)
    return Ranking(model, float(residual.taus[column]), order, state.selection.current)
