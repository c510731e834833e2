"""The row of external weights: models of the next study that are loaded instead of trained."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from explorer.control.controller import Controller
from explorer.control.files import ORIGINAL, RETRAIN
from explorer.state.app_state import AppState
from explorer.widgets.forms import styled_label
from explorer.widgets.plain_text import literal, menu_text


class WeightsRow(QWidget):
    """One chip for each weights file in the form; clicking it removes the weights."""

    def __init__(self, state: AppState, do: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._do = state, do
        self._shown: dict[str, str] = {}
        self.chips: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 2, 0, 0)
        self._row.addWidget(styled_label("Loaded, not trained:", "muted", wrap=False))
        self._row.addStretch(1)
        state.form_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        weights = dict(self._state.form.weights)
        self.setVisible(bool(weights))
        if weights == self._shown:
            return
        self._shown = weights
        for chip in self.chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.chips = [self._chip(name, path) for name, path in weights.items()]
        for place, chip in enumerate(self.chips, start=1):
            self._row.insertWidget(place, chip)

    def _chip(self, name: str, path: str) -> QPushButton:
        ours = name == ORIGINAL or name.startswith(f"{RETRAIN}-")
        label = self._state.label(name) if ours else name
        chip = QPushButton(menu_text(f"{label}: {Path(path).name} ✕"))
        chip.setObjectName("chip")
        chip.setProperty("model", name)
        chip.setToolTip(f"{literal(path)}\nClick to remove these weights from the next study")
        chip.setAccessibleName(f"Remove the weights of {label}")
        chip.clicked.connect(self._drop)
        return chip

    def _drop(self) -> None:
        name = self.sender().property("model")
        self._do.files.drop_weights(str(name))
