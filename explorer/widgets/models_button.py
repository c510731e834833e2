"""A button with a menu to choose the drawn models."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton, QWidget

from explorer.widgets.check_menu import CheckMenu
from explorer.widgets.plain_text import menu_text


class ModelsButton(QToolButton):
    """Chooses the drawn models; `toggled_model` names the one checked or unchecked."""

    toggled_model = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("Models")
        self.setAccessibleName("Models shown")
        self.setToolTip("Choose which models are drawn, or click a name in the legend")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.models = CheckMenu(self)
        self.setMenu(self.models)
        self.models.triggered.connect(self._check)

    def set_models(self, models: Sequence[tuple[str, str]], hidden: Collection[str]) -> None:
        """List (model, label), checked unless hidden; an open menu keeps its entries."""
        if not models:
            self.models.close()  # an emptied menu would vanish and leave its button pressed
        models = [(name, menu_text(label)) for name, label in models]
        if models != [(action.data(), action.text()) for action in self.models.actions()]:
            self.models.clear()
            for name, label in models:
                action = self.models.addAction(label)
                action.setData(name)
                action.setCheckable(True)
        for action in self.models.actions():
            action.setChecked(action.data() not in hidden)
        self.setEnabled(bool(models))

    def _check(self, action: QAction) -> None:
        self.toggled_model.emit(str(action.data()))
