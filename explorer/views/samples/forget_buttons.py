"""Buttons that replace the forget set by the selection, add to it, or remove from it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.arrays import Mask
from explorer.views.samples.mouse_and_keys import GridInput
from explorer.widgets.panel import button


class ForgetButtons(QObject):
    """Three buttons laid out by the view; each is enabled only if it would change anything."""

    def __init__(self, grid_input: GridInput, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.forget = button(
            "Forget selected", "Make the selected samples the forget set (F)", grid_input.forget
        )
        self.add = button(
            "Add", "Add the selected samples to the forget set (Shift+F)", grid_input.add
        )
        self.remove = button(
            "Remove", "Remove the selected samples from the forget set", grid_input.remember
        )

    def enable(self, chosen: Mask, forget: Mask) -> None:
        """Follow the selection and the forget set, both (n + m,)."""
        self.forget.setEnabled(bool(chosen.any() and (chosen != forget).any()))
        self.add.setEnabled(bool((chosen & ~forget).any()))
        self.remove.setEnabled(bool((chosen & forget).any()))

    def disable(self) -> None:
        """Disable all buttons: there are no samples."""
        for one in (self.forget, self.add, self.remove):
            one.setEnabled(False)
