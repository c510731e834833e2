"""The bar on the map for what was lassoed: forget it, export it, or let it go."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from explorer.views.base import ForgetSetWishes
from explorer.widgets.forget_buttons import ForgetButtons

TABLE, PICTURES, INDICES = "table", "pictures", "indices"
EXPORTS = {
    TABLE: "Table of the selected (CSV)…",
    PICTURES: "Contact sheet of their pictures…",
    INDICES: "Copy their indices",
}
TIPS = {
    TABLE: "Index, name, class, position in the map and r of every model, one row a sample",
    PICTURES: "Their pictures with class, prediction and r, as PNG, SVG or PDF",
    INDICES: "Copy the indices, separated by commas",
}


class SelectionBar(QFrame):
    """Shown while several samples are selected.

    `exported` gives one of EXPORTS; `cleared`: nothing should be selected.
    """

    exported = Signal(str)
    cleared = Signal()

    def __init__(self, forget_set: ForgetSetWishes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map-tools")
        self.buttons = ForgetButtons(
            forget_set.replace_by_selection, forget_set.add_selection,
            forget_set.remove_selection, self,
        )  # fmt: skip
        self.text = QLabel()
        self.export = QToolButton()
        self.export.setText("Export")
        self.export.setToolTip("Save what is selected: a table, or its pictures")
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        fill(self.menu)
        self.export.setMenu(self.menu)
        self.clear = QToolButton()
        self.clear.setText("✕")
        self.clear.setAutoRaise(True)
        self.clear.setAccessibleName("Clear the selection")
        self.clear.setToolTip("Clear the selection (Esc)")
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 3, 3)
        row.setSpacing(6)
        for part in (self.text, *self.buttons.parts, self.export, self.clear):
            row.addWidget(part)
        self.menu.triggered.connect(self._picked)
        self.clear.clicked.connect(self.cleared)
        self.hide()

    def count(self, selected: int, learned: int, members: int, forget: int) -> None:
        """Say how many are selected, learned, and in the forget set; forget: its size."""
        never = selected - learned
        words = f"{selected:,} selected"
        self.text.setText(f"{words}, {never:,} never learned" if never else words)
        self.text.setToolTip(
            "Test samples were never learned: they are left out of the forget set." if never else ""
        )
        self.buttons.count(learned, members, forget)
        for part in (self.buttons.add, self.buttons.remove):
            part.setVisible(part.isEnabled())
        self.setVisible(selected > 1)
        self.adjustSize()

    def fit(self, room: int) -> None:
        """Leave out what does not fit into `room` logical pixels of width."""
        for hidden in ((), (self.text,), (self.text, self.export)):
            for part in (self.text, self.export):
                part.setVisible(part not in hidden)
            self._row.activate()
            self.adjustSize()
            if self.width() <= room:
                return

    def _picked(self, action: QAction) -> None:
        self.exported.emit(str(action.data()))


def fill(menu: QMenu) -> None:
    """Add what a selection can be exported as."""
    for name, text in EXPORTS.items():
        action = menu.addAction(text)
        action.setData(name)
        action.setToolTip(TIPS[name])
