"""The column of the shown tau among those that were measured."""

from __future__ import annotations

from explorer.state.app_state import AppState
from explorer.state.ranking import column_of, shown_tau


class ShownColumn:
    """column: the number of the shown tau in the study's grid."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self.column = 0

    def with_change(self, changed: set[str]) -> set[str]:
        """The changes, with 'tau' if another tau is shown."""
        residual = self._state.residual
        column = column_of(residual, shown_tau(self._state)) if residual is not None else 0
        if column != self.column:
            self.column = column
            return changed | {"tau"}
        return changed
