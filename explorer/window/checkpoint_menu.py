"""The menu of models whose weights can be exported."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QWidget

from explorer.control.controller import Controller
from explorer.state.app_state import AppState
from explorer.widgets.plain_text import menu_text


class CheckpointMenu(QMenu):
    """Lists the models of the shown study each time it opens."""

    def __init__(self, state: AppState, do: Controller, parent: QWidget) -> None:
        super().__init__("Export checkpoint", parent)
        self._state, self._do = state, do
        self.aboutToShow.connect(self._list)

    def _list(self) -> None:
        self.clear()
        for name in self._state.models:
            action = self.addAction(f"{menu_text(self._state.label(name))} ...")
            action.setData(name)
            action.triggered.connect(self._export)
        if self.isEmpty():
            self.addAction("No model yet: press Run").setEnabled(False)

    def _export(self) -> None:
        self._do.exports.ask_checkpoint(self.sender().data())  # type: ignore[attr-defined]
