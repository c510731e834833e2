"""The bar of workspaces: one of them is shown, or none after docks were moved."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QToolButton, QWidget

from explorer.window.workspaces import WORKSPACES


class WorkspaceBar(QWidget):
    """A button for each workspace; `chosen` names the one that was clicked."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("workspaces")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Workspaces")
        self.buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(0)
        for number, workspace in enumerate(WORKSPACES, start=1):
            button = QToolButton()
            button.setCheckable(True)
            button.setAutoRaise(True)
            button.setText(workspace.title)
            button.setObjectName("workspace")
            button.setToolTip(f"{workspace.tip} (Ctrl+{number})")
            button.setAccessibleName(f"Workspace {workspace.title}")
            self.buttons[workspace.name] = button
            self._group.addButton(button)
            row.addWidget(button)
        self._group.buttonClicked.connect(self._choose)

    def show_current(self, name: str) -> None:
        """Mark the workspace that is shown; '' for none."""
        self._group.setExclusive(False)
        for other, button in self.buttons.items():
            button.setChecked(other == name)
        self._group.setExclusive(True)

    def _choose(self, clicked: QAbstractButton) -> None:
        for name, button in self.buttons.items():
            if button is clicked:
                self.chosen.emit(name)
