"""The check box for a logarithmic axis, whose state belongs to the measure that is shown."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from engine.analysis.measures import MEASURES

STORED = {"pooled": "pooled_log", "residual": "log"}  # measure -> its name in sessions


class ScaleBox(QCheckBox):
    """Ratios have a scale of their own each; other measures are linear. `scaled`: it changed."""

    scaled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Log scale", parent)
        self.setToolTip("Draw r on a logarithmic axis")
        self._logs = {i: one.log for i, one in enumerate(MEASURES) if one.ratio}
        self._tab = 0
        self.toggled.connect(self._set)
        self.show_tab(0)

    def log(self, tab: int) -> bool:
        """Whether the measure of this tab has a logarithmic axis."""
        return self._logs.get(tab, False)

    def options(self, tab: int) -> dict[str, bool]:
        """The scale as an option of a figure; nothing where there is no choice."""
        return {"log": self._logs[tab]} if tab in self._logs else {}

    def show_tab(self, tab: int) -> None:
        """Show the scale of this tab; disabled where there is no choice."""
        self._tab = tab
        self.setEnabled(tab in self._logs)
        with QSignalBlocker(self):
            self.setChecked(self.log(tab))

    def view_state(self) -> dict[str, bool]:
        """The scales as a session stores them."""
        return {STORED[MEASURES[tab].name]: log for tab, log in self._logs.items()}

    def restore(self, stored: dict[str, Any]) -> None:
        """Restore the scales; anything invalid or missing is as usual."""
        for tab in self._logs:
            log = stored.get(STORED[MEASURES[tab].name])
            self._logs[tab] = log if isinstance(log, bool) else MEASURES[tab].log
        self.show_tab(self._tab)

    def _set(self, log: bool) -> None:
        self._logs[self._tab] = log
        self.scaled.emit()
