"""Saves or copies what is selected on the map."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from explorer.state.app_state import AppState
from explorer.views.base import Wishes
from explorer.views.embedding.selection_bar import INDICES, TABLE
from explorer.views.embedding.side import Side


class SelectionExport(QObject):
    """Exports the selected samples; main: the side whose model is shown."""

    def __init__(self, state: AppState, do: Wishes, main: Side, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._do, self._main = state, do, main

    def save(self, what: str) -> None:
        """Save or copy the selection, in the order of its indices; what: one of EXPORTS."""
        samples = sorted(self._state.selection.chosen)
        if what == INDICES:
            QGuiApplication.clipboard().setText(", ".join(map(str, samples)))
        elif what == TABLE:
            self._do.exports.ask_points(samples)
        else:
            title = f"{len(samples):,} samples selected on the map"
            options = {"samples": samples, "title": title, "model": self._main.drawn}
            self._do.exports.ask_figure("samples", options)
