"""The toolbar that reads as a sentence: On Digits with Small CNN forget class:8:0.5 using RURK."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.drawing.labels import plugin_label
from engine.spec import GIVEN
from explorer.control.controller import Controller
from explorer.state.app_state import AppState
from explorer.state.catalog import CatalogItem
from explorer.state.durations import STEPS, clock, describe
from explorer.state.forget_sets import Sets, name_of
from explorer.state.queued_run import WAITING
from explorer.state.selection import REPLACE
from explorer.widgets.check_menu import CheckMenu
from explorer.widgets.forms import styled_label
from explorer.widgets.plain_text import literal, menu_text
from explorer.window.forget_words import in_words
from explorer.window.settings_button import SettingsButton
from explorer.window.stale_row import StaleRow
from explorer.window.weights_row import WeightsRow

# suggestions that are actions, not texts; SAVED is followed by the name of a forget set
FILE, SELECTION, SAVED, SETS = "file:", "selection:", "saved:", "sets:"

OTHER = "other:"  # the model that is an action: another network, by its name

FIXED = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
LONGEST = 22  # characters of the names of methods


class StudyBar(QWidget):
    """The study bar: shows the form and changes it through the controller."""

    folder_wanted = Signal(str)  # dataset that lies in a folder
    network_wanted = Signal()  # one that the list does not have
    index_file_wanted = Signal()
    forget_sets_wanted = Signal()
    method_settings_wanted = Signal()
    settings_wanted = Signal()

    def __init__(self, state: AppState, do: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("study-bar")
        self._state, self._do = state, do
        self.dataset = _combo("Dataset", "The data the models are trained on", 80)
        self.model = _combo("Model", "The network to train", 70)
        self.forget = _combo("Forget set", _FORGET_TIP, 130)
        self.methods = QToolButton()
        self.run_button = QPushButton("Run")
        self.cancel_button = QPushButton("Cancel")
        self._count = styled_label("", "muted", wrap=False)
        self._bar = QProgressBar(textVisible=False)
        self._left = styled_label("", "muted", wrap=False)
        self._grid = styled_label("", "muted", wrap=False)
        self._error = styled_label("", "danger", wrap=False)
        self._set_up()
        self._lay_out()
        self._connect()
        self._show_catalog()
        self._show_form()
        self._show_progress()
        self._show_grid()

    # -- building -------------------------------------------------------------------------
    def _set_up(self) -> None:
        self.forget.setEditable(True)
        self.forget.setSizeAdjustPolicy(FIXED)  # not as wide as the words of its suggestions
        self.forget.setMinimumContentsLength(18)
        self.forget.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.forget.setCompleter(None)  # type: ignore[arg-type]  # Qt accepts None: no completion
        self._menu = CheckMenu(self)
        self.methods.setMenu(self._menu)
        self.methods.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.methods.setAccessibleName("Methods")
        self.methods.setToolTip("The unlearning methods to compare")
        self.run_button.setObjectName("primary")
        self.run_button.setDefault(True)
        self.cancel_button.hide()  # as long as nothing runs
        self.cancel_button.setToolTip("Stop the running job; finished work is kept (Esc)")
        self._bar.setRange(0, STEPS)
        self._bar.setMinimumWidth(60)
        self._bar.setMaximumWidth(160)
        self._left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._grid.hide()
        self._error.hide()

    def _lay_out(self) -> None:
        self.settings = SettingsButton(self._state, self._do)
        self.settings.clicked.connect(self.settings_wanted)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in (
            QLabel("On"), self.dataset, QLabel("with"), self.model, QLabel("forget"), self.forget,
            self._count, QLabel("using"), self.methods, self.settings, self.run_button,
            self.cancel_button,
        ):  # fmt: skip
            row.addWidget(part)
        row.addWidget(self._bar, 1)
        row.addWidget(self._left, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self._grid)
        column.addWidget(WeightsRow(self._state, self._do))
        self.stale = StaleRow(self._state, self._do)
        column.addWidget(self.stale)
        column.addWidget(self._error)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        self.dataset.activated.connect(self._pick_dataset)
        self.model.activated.connect(self._pick_model)
        self.forget.activated.connect(self._pick_forget)
        line = self.forget.lineEdit()
        assert line is not None
        line.editingFinished.connect(self._write_forget)
        self._menu.triggered.connect(self._pick_method)
        self.run_button.clicked.connect(self._run)
        self.cancel_button.clicked.connect(self._do.cancel)
        state = self._state
        state.catalog_changed.connect(self._show_catalog)
        for changed in (state.form_changed, state.forget_changed, state.dataset_changed):
            changed.connect(self._show_form)
        state.form_error_changed.connect(self._show_form)
        state.selection_changed.connect(self._show_suggestions)
        state.forget_sets_changed.connect(self._show_suggestions)
        state.busy_changed.connect(self._show_progress)
        state.progress_changed.connect(self._show_progress)
        state.runs_changed.connect(self._show_progress)
        state.grid_size_changed.connect(self._show_grid)

    # -- from the state to the screen -----------------------------------------------------
    def _show_catalog(self) -> None:
        catalog = self._state.catalog
        _fill(self.dataset, catalog.datasets)
        _fill(self.model, tuple(item for item in catalog.models if item.alone))
        self.model.addItem("another network ...", OTHER)
        self._menu.clear()
        for item in catalog.methods:
            action = QAction(menu_text(item.label), self._menu, checkable=True)
            action.setData(item.name)
            action.setToolTip(literal(item.help))
            self._menu.addAction(action)
        self._menu.setToolTipsVisible(True)
        self._menu.addSeparator()
        self._menu.addAction("Settings of methods ...", self.method_settings_wanted.emit)
        self._show_form()

    def _show_form(self) -> None:
        state, form = self._state, self._state.form
        label = state.dataset.label if state.dataset else form.dataset
        _choose(self.dataset, form.dataset, label)
        recommended = state.dataset.recommended.model if state.dataset else ""
        self._choose_model(form.model or recommended)
        names = [state.catalog.method(name).label for name in form.methods]
        self.methods.setText(menu_text(_brief(names)) or "no methods")
        self.methods.setToolTip(literal(f"The unlearning methods to compare: {', '.join(names)}"))
        for action in self._menu.actions():
            if action.isCheckable():
                action.setChecked(action.data() in form.methods)
        self._show_suggestions()
        self._error.setText(state.form_error)
        self._error.setVisible(bool(state.form_error))
        self._count.setText(self._counted())
        self._show_progress()

    def _choose_model(self, name: str) -> None:
        """Show this model; one that the list does not have as its last line but one."""
        if name and name != GIVEN and self.model.findData(name) < 0:
            self.model.insertItem(self.model.count() - 1, plugin_label("model", name), name)
        _choose(self.model, name, "answers" if name == GIVEN else name)

    def _counted(self) -> str:
        dataset, forget = self._state.dataset, self._state.forget
        if dataset is None:
            return "loading ..."
        if self._state.form_error or not self._state.form.forget:
            return ""  # chosen samples are counted in the field itself
        return f"{len(forget):,} sample" if len(forget) == 1 else f"{len(forget):,} samples"

    def _show_suggestions(self) -> None:
        state, line = self._state, self.forget.lineEdit()
        if line is None or (line.isModified() and line.hasFocus()):
            return  # the user is typing
        self.forget.clear()
        sets = self._do.forget_set.saved()
        for text, data in _suggestions(state, sets):
            self.forget.addItem(text, data)
        chosen = f"{len(state.forget)} chosen samples" if state.forget else ""
        chosen = name_of(sets, state.forget) or chosen
        self.forget.setCurrentIndex(-1)
        line.setText(state.form.forget or chosen)
        line.setModified(False)
        line.setCursorPosition(0)

    def _show_progress(self) -> None:
        state = self._state
        self.cancel_button.setEnabled(bool(state.busy))
        self.cancel_button.setVisible(bool(state.busy))
        ready = state.dataset is not None and not state.form_error
        self.run_button.setEnabled(ready)
        self.run_button.setToolTip(literal(self._next_step()))
        self._bar.setVisible(bool(state.busy))
        progress = state.progress
        self._bar.setValue(round(STEPS * progress.fraction) if progress else 0)
        self._bar.setToolTip(literal(describe(state.busy, progress)))
        self._left.setText("")
        if state.busy and progress is not None and progress.left is not None:
            percent = f"{round(100 * progress.fraction)} %"
            waiting = sum(run.state == WAITING for run in state.runs)
            more = f", {waiting:,} waiting" if waiting else ""
            self._left.setText(f"{percent}, {clock(progress.left)} left{more}")

    def _next_step(self) -> str:
        if self._state.form_error:
            return self._state.form_error
        if any(run.live for run in self._state.runs):
            return "Queue this study behind the running and waiting ones (Ctrl+R)"
        return "Train, unlearn and measure residual knowledge (Ctrl+R)"

    def _show_grid(self) -> None:
        """Show how many studies Run would start."""
        size, stored = self._state.grid_size
        self.run_button.setText("Run" if size == 1 else f"Run {size:,}")
        note = f", {stored:,} of them already stored" if stored else ""
        self._grid.setText(f"This will run {size:,} studies{note}.")
        self._grid.setVisible(size > 1)

    # -- from the user to the controller --------------------------------------------------
    def _pick_dataset(self, index: int) -> None:
        name = self.dataset.itemData(index)
        item = next(
            (candidate for candidate in self._state.catalog.datasets if candidate.name == name),
            None,
        )
        if item is not None and item.needs_folder:
            self._show_form()
            self.folder_wanted.emit(name)
        elif name != self._state.form.dataset or self._state.dataset is None:
            self._do.opening.open_dataset(name)

    def _pick_model(self, index: int) -> None:
        name = self.model.itemData(index)
        if name == OTHER:
            self._show_form()
            self.network_wanted.emit()
        else:
            self._do.opening.change_form(model=name)

    def _pick_method(self, action: QAction) -> None:
        if not action.isCheckable():
            return
        chosen = [action.data() for action in self._menu.actions() if action.isChecked()]
        retained = [name for name in self._state.form.methods if name in chosen]
        added = [name for name in chosen if name not in retained]
        self._do.opening.change_form(methods=(*retained, *added))

    def _pick_forget(self, index: int) -> None:
        data = self.forget.itemData(index)
        line = self.forget.lineEdit()
        if line is not None:
            line.setModified(False)
        if data == SELECTION:
            self._do.forget_set.replace_by_selection()
        elif data == FILE:
            self.index_file_wanted.emit()
        elif data == SETS:
            self.forget_sets_wanted.emit()
        elif data and data.startswith(SAVED):
            self._do.forget_set.combine_saved(data.removeprefix(SAVED), REPLACE)
        elif data:
            self._do.forget_set.set_text(data)
        self._show_suggestions()

    def _write_forget(self) -> None:
        line = self.forget.lineEdit()
        if line is None or not line.isModified():
            return
        text = line.text().strip()
        line.setModified(False)
        self._do.forget_set.set_text(text or self._advised())
        self._show_form()

    def _advised(self) -> str:
        dataset = self._state.dataset
        return dataset.recommended.forget if dataset else ""

    def _run(self) -> None:
        self._write_forget()
        self._do.run()


_FORGET_TIP = (
    "The samples to forget: class:8 (a class), class:8:0.5 (half of it), random:100, random:10%, "
    "indices:FILE, indices:3,17,40-52, files:FILE (sample names), or the samples selected in a view"
)


def _brief(names: list[str]) -> str:
    """The names, or as many of them as the bar has room for: 'RURK, GD and 4 more'."""
    shown = list(names)
    while len(", ".join(shown)) > LONGEST and len(shown) > 1:
        shown.pop()
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def _combo(name: str, tip: str, width: int) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setMinimumWidth(width)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return combo


def _fill(combo: QComboBox, items: tuple[CatalogItem, ...]) -> None:
    combo.clear()
    for item in items:
        combo.addItem(item.label, item.name)
        combo.setItemData(combo.count() - 1, item.help, Qt.ItemDataRole.ToolTipRole)


def _choose(combo: QComboBox, name: str, other: str) -> None:
    """Show the item of that name; `other` where there is none, as for samples from Python."""
    combo.setPlaceholderText(other)
    combo.setCurrentIndex(combo.findData(name))


def _suggestions(state: AppState, sets: Sets) -> list[tuple[str, str]]:
    """(text, data) of each suggestion for the forget set."""
    chosen = len(state.selection.chosen)
    suggestions = [(f"the {chosen} selected samples", SELECTION)] if chosen else []
    if state.dataset is not None:
        recommended = state.dataset.recommended.forget
        last = len(state.dataset.classes) - 1
        texts = [recommended, f"class:{last}:0.5", f"class:{last}", "random:10%"]
        if len(state.dataset.train_y) > 200:
            texts.append("random:100")
        names = state.dataset.classes
        suggestions += [(in_words(text, names), text) for text in dict.fromkeys(texts)]
    suggestions += [
        (f"{name} ({len(indices):,} samples)", SAVED + name) for name, indices in sets.items()
    ]
    return [*suggestions, ("indices from a file ...", FILE), ("save, load or combine ...", SETS)]
