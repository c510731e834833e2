"""Buttons that replace the forget set by the selection, add to it, or remove from it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton

from explorer import theme
from explorer.widgets.panel import button

NAMES = ("Forget only these", "Add", "Remove")
TIPS = (  # while no learned sample is selected
    "Select samples to make them the forget set of the next run (F)",
    "Select samples to add them to the forget set of the next run (Shift+F)",
    "Select samples to take them out of the forget set of the next run",
)


class ForgetButtons(QObject):
    """Three buttons laid out by the view; each says how many samples it concerns.

    A button is enabled only if it would change the forget set.
    """

    def __init__(
        self,
        forget: Callable[[], None],
        add: Callable[[], None],
        remove: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.forget = button(NAMES[0], "", forget)
        self.add = button(NAMES[1], "", add)
        self.remove = button(NAMES[2], "", remove)
        self.count(0, 0, 0)

    @property
    def parts(self) -> tuple[QPushButton, QPushButton, QPushButton]:
        """The buttons from left to right."""
        return self.forget, self.add, self.remove

    def set_theme(self, look: theme.Theme) -> None:
        """Draw the icons in the colors of a theme."""
        for part, name in zip(self.parts, ("forget", "add", "remove"), strict=True):
            part.setIcon(theme.icon(name, look))

    def count(self, selected: int, members: int, forget: int) -> None:
        """Say how many samples each button concerns.

        selected: samples selected that were learned; members: those of them in the forget set;
        forget: size of the forget set.
        """
        fresh = selected - members
        numbers = (selected if members != forget or fresh else 0, fresh, members)
        for part, name, number in zip(self.parts, NAMES, numbers, strict=True):
            part.setText(f"{name} {number:,}" if number else name)
            part.setEnabled(number > 0)
        these = "the sample selected" if selected == 1 else f"the {selected:,} samples selected"
        tips = (
            (
                f"The forget set of the next run ({forget:,} samples) becomes {these} (F); "
                "Ctrl+Z takes it back",
                f"Add the {fresh:,} selected that are not in the forget set yet (Shift+F)",
                f"Take the {members:,} selected out of the forget set again",
            )
            if selected
            else TIPS
        )
        for part, tip in zip(self.parts, tips, strict=True):
            part.setToolTip(tip)
            part.setAccessibleDescription(tip)
