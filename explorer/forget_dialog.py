"""Saved forget sets: their names and counts, and what can be done with them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.controller import Controller
from explorer.forget_sets import LONGEST_NAME
from explorer.forms import worded
from explorer.state import ADD, INTERSECT, REMOVE, REPLACE

MODES = {
    "&Load": (REPLACE, "Make it the forget set of the next run"),
    "&Add": (ADD, "Forget its samples as well"),
    "&Intersect": (INTERSECT, "Forget only the samples that are in both"),
    "S&ubtract": (REMOVE, "Take its samples out of the forget set"),
}
HEADS = ("Name", "Samples", "Also in the forget set")


class ForgetSetsDialog(QDialog):
    """Saves the current forget set under a name, and combines it with saved ones. Stays open."""

    def __init__(self, controller: Controller, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Forget sets")
        self.resize(480, 360)
        self._do = controller
        self.name = QLineEdit()
        self.save_button = QPushButton("&Save")
        self.list = QTreeWidget()
        self.buttons = {mode: _button(text, tip) for text, (mode, tip) in MODES.items()}
        self.delete_button = _button("&Delete", "Delete the saved set; Undo brings it back")
        self._current = QLabel()
        self._empty = worded("No forget set of this dataset is saved yet.", "empty")
        self._set_up()
        self._lay_out()
        self._connect()
        self._show()

    # -- building -------------------------------------------------------------------------
    def _set_up(self) -> None:
        self.name.setPlaceholderText("Name for the current forget set")
        self.name.setAccessibleName("Name of the forget set")
        self.name.setMaxLength(LONGEST_NAME)
        self.save_button.setAutoDefault(False)
        self.list.setHeaderLabels(list(HEADS))
        self.list.setAccessibleName("Saved forget sets")
        self.list.setRootIsDecorated(False)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.save_button)
        for button in (*self.buttons.values(), self.delete_button):
            bottom.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self._current)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._empty, 1)
        layout.addLayout(bottom)

    def _connect(self) -> None:
        state = self._do.state
        for changed in (state.forget_changed, state.forget_sets_changed, state.dataset_changed):
            changed.connect(self._show)
        self.name.textChanged.connect(self._show_buttons)
        self.name.returnPressed.connect(self._save)
        self.save_button.clicked.connect(self._save)
        self.list.currentItemChanged.connect(self._show_buttons)
        self.list.itemDoubleClicked.connect(self.buttons[REPLACE].click)
        for button in self.buttons.values():
            button.clicked.connect(self._combine)
        self.delete_button.clicked.connect(self._delete)

    # -- from the state to the screen -----------------------------------------------------
    def _show(self) -> None:
        chosen, forget, sets = self._chosen(), set(self._do.state.forget), self._do.forget_sets()
        self._current.setText(f"The forget set of the next run: {len(forget):,} samples")
        self.list.clear()
        for name, indices in sets.items():
            counts = f"{len(indices):,}", f"{len(forget.intersection(indices)):,}"
            item = QTreeWidgetItem(self.list, [name, *counts])
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            if name == chosen or self.list.currentItem() is None:
                self.list.setCurrentItem(item)
        self.list.setVisible(bool(sets))
        self._empty.setVisible(not sets)
        self._show_buttons()

    def _show_buttons(self) -> None:
        name = self.name.text().strip()
        self.save_button.setEnabled(bool(name))
        self.save_button.setText("&Replace" if name in self._do.forget_sets() else "&Save")
        for button in (*self.buttons.values(), self.delete_button):
            button.setEnabled(bool(self._chosen()))

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return item.text(0) if item is not None else ""

    # -- from the hands to the controller -------------------------------------------------
    def _save(self) -> None:
        if self.save_button.isEnabled():
            self._do.save_forget_set(self.name.text())
            self.name.clear()

    def _combine(self) -> None:
        mode = next(mode for mode, button in self.buttons.items() if button is self.sender())
        self._do.combine_forget_set(self._chosen(), mode)

    def _delete(self) -> None:
        self._do.delete_forget_set(self._chosen())


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)  # Enter in the line of the name saves
    return button
