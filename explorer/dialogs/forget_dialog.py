"""The dialog that combines, saves and loads forget sets."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QGroupBox,
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

from engine.errors import SpecError
from engine.forget_sets.forget_set import check_forget
from explorer.control.controller import Controller
from explorer.dialogs.forget_source import ForgetSource
from explorer.state.forget_sets import LONGEST_NAME, combine
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE
from explorer.widgets.fit import resize_on_screen
from explorer.widgets.forms import styled_label
from explorer.widgets.plain_text import literal

MODES = {
    REPLACE: ("&Replace", "Forget these samples only"),
    ADD: ("&Add", "Forget these samples as well"),
    REMOVE: ("S&ubtract", "Remove these samples from the forget set"),
    INTERSECT: ("&Intersect", "Forget only the samples that both sets contain"),
}
HEADS = ("Name", "Samples", "Also in the forget set")


class ForgetSetsDialog(QDialog):
    """The forget set of the next run; every change is one undo step. Not modal."""

    def __init__(self, controller: Controller, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Forget sets")
        resize_on_screen(self, 560, 440)
        self._do = controller
        self.source = ForgetSource(controller)
        self.buttons = {mode: _button(text, tip) for mode, (text, tip) in MODES.items()}
        self.note = styled_label("", "muted")
        self.name = QLineEdit()
        self.save_button = _button("&Save", "Save the forget set of the next run under this name")
        self.list = QTreeWidget()
        self.delete_button = _button("&Delete", "Delete the saved set; Undo brings it back")
        self.export_button = _button(
            "&Export ...", "List the indices, classes and names of the forget set in a CSV file"
        )
        self._current = QLabel()
        self._empty = styled_label("No forget set of this dataset is saved yet.", "empty")
        self._set_up()
        self._lay_out()
        self._connect()
        self._show()

    # -- building -------------------------------------------------------------------------
    def _set_up(self) -> None:
        self.name.setPlaceholderText("Name for the current forget set")
        self.name.setAccessibleName("Name of the forget set")
        self.name.setMaxLength(LONGEST_NAME)
        self.list.setHeaderLabels(list(HEADS))
        self.list.setAccessibleName("Saved forget sets")
        self.list.setToolTip("Select a set to use its samples; double-click to load it")
        self.list.setRootIsDecorated(False)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addLayout(_row(self._current, self.export_button))
        change = QGroupBox("Change it; the buttons show the resulting number of samples")
        inside = QVBoxLayout(change)
        inside.addWidget(self.source)
        inside.addLayout(_row(*self.buttons.values(), stretch=False))
        inside.addWidget(self.note)
        layout.addWidget(change)
        saved = QGroupBox("Saved sets of this dataset")
        inside = QVBoxLayout(saved)
        inside.addLayout(_row(self.name, self.save_button, self.delete_button))
        inside.addWidget(self.list, 1)
        inside.addWidget(self._empty, 1)
        layout.addWidget(saved, 1)
        self.source.setFocus()

    def _connect(self) -> None:
        state = self._do.state
        for changed in (state.forget_changed, state.forget_sets_changed, state.dataset_changed):
            changed.connect(self._show)
        self.source.changed.connect(self._show_sizes)
        self.name.textChanged.connect(self._show_buttons)
        self.name.returnPressed.connect(self._save)
        self.save_button.clicked.connect(self._save)
        self.export_button.clicked.connect(self._do.exports.ask_forget_set)
        self.list.itemClicked.connect(self._mark)
        self.list.currentItemChanged.connect(self._mark)
        self.list.itemDoubleClicked.connect(self._load)
        for button in self.buttons.values():
            button.clicked.connect(self._combine)
        self.delete_button.clicked.connect(self._delete)

    # -- from the state to the screen -----------------------------------------------------
    def _show(self) -> None:
        state = self._do.state
        self._current.setText(f"The forget set of the next run: {len(state.forget):,} samples")
        self.export_button.setEnabled(bool(state.forget))
        self._show_saved()
        self._show_buttons()
        self._show_sizes()

    def _show_saved(self) -> None:
        forget, sets = set(self._do.state.forget), self._do.forget_set.saved()
        self.list.blockSignals(True)
        self.list.clear()
        for name, indices in sets.items():
            counts = f"{len(indices):,}", f"{len(forget.intersection(indices)):,}"
            item = QTreeWidgetItem(self.list, [name, *counts])
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            if name == self.source.saved:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self.list.setVisible(bool(sets))
        self._empty.setVisible(not sets)

    def _show_buttons(self) -> None:
        name = self.name.text().strip()
        self.save_button.setEnabled(bool(name and self._do.state.forget))
        self.save_button.setText("&Overwrite" if name in self._do.forget_set.saved() else "&Save")
        self.delete_button.setEnabled(bool(self._marked()))

    def _show_sizes(self) -> None:
        """Show the size that each combination would have, or why it is not possible."""
        try:
            chosen = self.source.chosen()
            indices, both = chosen.indices, set(chosen.indices) & set(self._do.state.forget)
            note = f"{chosen.words}, {len(both):,} of them already in the forget set."
        except SpecError as error:
            indices, note = (), str(error)
        self.note.setText(note)
        for mode, button in self.buttons.items():
            self._show_size(mode, button, indices)

    def _show_size(self, mode: str, button: QPushButton, indices: tuple[int, ...]) -> None:
        text, tip = MODES[mode]
        result = combine(self._do.state.forget, indices, mode)
        problem = self._problem(result) if indices else self.note.text()
        button.setText(f"{text} → {len(result):,}" if indices else text)
        button.setEnabled(not problem)
        button.setToolTip(literal(problem or tip))

    def _problem(self, result: tuple[int, ...]) -> str:
        dataset = self._do.state.dataset
        if dataset is None:
            return "The dataset is still being loaded. Please wait."
        try:
            check_forget(result, dataset.train_y, dataset.validation)
        except SpecError as error:
            return str(error)
        return ""

    def _marked(self) -> str:
        item = self.list.currentItem()
        return item.text(0) if item is not None else ""

    # -- from the widgets to the controller -----------------------------------------------
    def _mark(self) -> None:
        if self._marked():
            self.source.choose_saved(self._marked())
        self._show_buttons()

    def _save(self) -> None:
        if self.save_button.isEnabled():
            self._do.forget_set.save(self.name.text())
            self.name.clear()

    def _combine(self) -> None:
        mode = next(mode for mode, button in self.buttons.items() if button is self.sender())
        try:
            indices = self.source.chosen().indices
        except SpecError as error:  # a file that has become unreadable
            self.note.setText(str(error))
            return
        if mode == REPLACE and self.source.spec():
            self._do.forget_set.set_text(self.source.spec())
        else:
            self._do.forget_set.combine(indices, mode, self.source.words())

    def _load(self) -> None:
        self._do.forget_set.combine_saved(self._marked(), REPLACE)

    def _delete(self) -> None:
        self._do.forget_set.delete(self._marked())
        self.source.choose_saved("")


def _row(first: QWidget, *others: QWidget, stretch: bool = True) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(first, 1 if stretch else 0)
    for widget in others:
        row.addWidget(widget)
    return row


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)  # Enter in the name field saves
    return button
