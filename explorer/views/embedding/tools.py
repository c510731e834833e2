"""Buttons that float on the map: the lasso, and zooming."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from explorer import theme

ICON = 18  # logical pixels


class Tools(QFrame):
    """`zoomed` gives steps inward, 0 for everything; `lasso` is a button that stays pressed."""

    zoomed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map-tools")
        self.lasso = _tool(
            "Lasso",
            "Draw around points to select them (also Shift-drag). Ctrl adds, Alt removes, both "
            "intersect. Dimmed points are left out.",
        )
        self.lasso.setCheckable(True)
        self.closer = _tool("Zoom in", "Zoom in (+, or the wheel): pictures take the place of dots")
        self.farther = _tool("Zoom out", "Zoom out (-, or the wheel)")
        self.everything = _tool("Show all points", "Show all points (0, or double click)")
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for part in self.parts:
            row.addWidget(part)
        self.closer.clicked.connect(self._zoom_in)
        self.farther.clicked.connect(self._zoom_out)
        self.everything.clicked.connect(self._show_all)

    @property
    def parts(self) -> tuple[QToolButton, ...]:
        """The buttons from left to right."""
        return self.lasso, self.closer, self.farther, self.everything

    def set_theme(self, look: theme.Theme) -> None:
        """Draw the icons in the colors of a theme."""
        for part, name in zip(self.parts, ("lasso", "zoom-in", "zoom-out", "fit"), strict=True):
            checked = name == "lasso" and part.isChecked()
            part.setIcon(theme.icon(name, look, color=look.on_accent if checked else ""))

    def _zoom_in(self) -> None:
        self.zoomed.emit(1)

    def _zoom_out(self) -> None:
        self.zoomed.emit(-1)

    def _show_all(self) -> None:
        self.zoomed.emit(0)


def _tool(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setIconSize(QSize(ICON, ICON))
    return button
