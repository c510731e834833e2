"""The source of samples to forget: a class, chance, the selection, indices, a file, a saved set."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from engine.errors import SpecError
from engine.forget_sets.forget_set import ForgetSet, check_forget, forget_set
from engine.forget_sets.indices import parse_indices
from engine.storage.paths import typed_path
from explorer.control.controller import Controller

CLASS, RANDOM, GROUP, SELECTION = "Class", "Random", "Group", "Selection"
INDICES, FILE, NAMES, SAVED = "Indices", "File", "File of names", "Saved set"
TIPS = {
    CLASS: "The samples of a class, or a share or number of them, drawn by the study's seed",
    RANDOM: "Samples drawn from the whole training set by the study's seed",
    GROUP: "All samples of a group, such as those of one patient: patient=17; or of so many "
    "groups, drawn by the study's seed: patient:5, patient:10%",
    SELECTION: "The selection of the views: click, drag, or lasso in the embedding",
    INDICES: "Indices that you type: 3, 17, 40-50",
    FILE: "A list of indices: text, a CSV with a column 'index', JSON, .npy, .npz or .pt",
    NAMES: "A list of sample names, one per line, such as train/cat/03.png; or a column of a CSV",
    SAVED: "The saved set that is selected in the list below",
}
LISTS = {FILE: "indices", NAMES: "files"}  # source -> prefix of its specification
TYPED = {**LISTS, GROUP: "group"}
SHARE, NUMBER = "%", "samples"


class ForgetSource(QWidget):
    """A choice of samples; emits `changed` after every change."""

    changed = Signal()

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._do = controller
        self.saved = ""  # name of the set chosen with SAVED
        self.kind = QComboBox()
        self.kind.setAccessibleName("Source of samples to forget")
        for kind, tip in TIPS.items():
            self.kind.addItem(kind)
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class to forget")
        self.amount = QSpinBox()
        self.amount.setAccessibleName("Amount")
        self.unit = QComboBox()
        self.unit.setAccessibleName("Unit of the amount")
        self.unit.addItems([SHARE, NUMBER])
        self.text = QLineEdit()
        self.browse = QPushButton("&Browse ...")
        self.browse.setAutoDefault(False)
        self.browse.setToolTip("Choose the file")
        self.note = QLabel()
        self._lay_out()
        self._connect()
        self.follow()

    # -- what is chosen -------------------------------------------------------------------
    def spec(self) -> str:
        """The forget set as text, such as 'class:8:50%'; '' if only indices describe it."""
        amount = f"{self.amount.value()}{'%' if self.unit.currentText() == SHARE else ''}"
        if self._kind() == CLASS:
            whole = "" if amount == "100%" else f":{amount}"
            return f"class:{self.classes.currentIndex()}{whole}"
        if self._kind() in TYPED:
            return f"{TYPED[self._kind()]}:{self.text.text().strip()}"
        return f"random:{amount}" if self._kind() == RANDOM else ""

    def chosen(self) -> ForgetSet:
        """The chosen samples; SpecError if there are none, or if they cannot be forgotten."""
        dataset, state = self._do.state.dataset, self._do.state
        if dataset is None:
            raise SpecError("The dataset is still being loaded. Please wait.")
        if self._kind() in LISTS and not self.text.text().strip():
            raise SpecError("Choose a file that lists samples.")
        if self._kind() == GROUP and not self.text.text().strip():
            raise SpecError(f"Type a group: {self._example()}.")
        if spec := self.spec():
            return forget_set(spec, dataset, state.form.seed)
        return ForgetSet(check_forget(self._listed(), dataset.train_y, dataset.validation))

    def words(self) -> str:
        """The description of the samples in the undo menu."""
        if self._kind() == SAVED:
            return f"the forget set '{self.saved}'"
        return self.spec() or ("the selection" if self._kind() == SELECTION else "indices")

    def _kind(self) -> str:
        return self.kind.currentText()

    def _listed(self) -> tuple[int, ...]:
        """Training samples that are selected, typed or saved; SpecError if there are none."""
        state, dataset = self._do.state, self._do.state.dataset
        if self._kind() == SAVED:
            indices = self._do.forget_set.saved().get(self.saved, ())
            if not indices:
                raise SpecError("Select one of the saved sets below.")
            return indices
        if self._kind() == SELECTION:
            chosen = state.selection.chosen
            indices = tuple(i for i in chosen if dataset is not None and dataset.is_learned(i))
            if not indices:
                raise SpecError("No training sample is selected. Click, drag or lasso some.")
            return indices
        if not self.text.text().strip():
            raise SpecError("Type indices of training samples: 3, 17, 40-50.")
        return parse_indices(self.text.text(), len(dataset.train_y) if dataset else 0)

    # -- building -------------------------------------------------------------------------
    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        label = QLabel("&Take")
        label.setBuddy(self.kind)
        row.addWidget(label)
        for part in (self.kind, self.classes, self.amount, self.unit):
            row.addWidget(part)
        row.addWidget(self.text, 1)
        row.addWidget(self.browse)
        row.addWidget(self.note, 1)

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._show)
        self.classes.currentIndexChanged.connect(self.changed)
        self.unit.currentIndexChanged.connect(self._limit)
        self.amount.valueChanged.connect(self.changed)
        self.text.textChanged.connect(self.changed)
        self.browse.clicked.connect(self._browse)
        self._do.state.dataset_changed.connect(self.follow)
        self._do.state.selection_changed.connect(self._show)

    def follow(self) -> None:
        """List the classes of the open dataset."""
        dataset = self._do.state.dataset
        with QSignalBlocker(self.classes):
            self.classes.clear()
            self.classes.addItems(list(dataset.classes) if dataset else [])
        self._limit()
        self._show()

    def choose_saved(self, name: str) -> None:
        """Choose this saved set."""
        self.saved = name
        with QSignalBlocker(self.kind):
            self.kind.setCurrentText(SAVED)
        self._show()

    # -- from the state to the screen -----------------------------------------------------
    def _limit(self) -> None:
        """Limit shares to 100 %, numbers to the size of the training set."""
        dataset = self._do.state.dataset
        share = self.unit.currentText() == SHARE
        with QSignalBlocker(self.amount):
            self.amount.setRange(1, 100 if share or dataset is None else len(dataset.train_y))
            self.amount.setValue(50 if share else 100)
        self.amount.setToolTip(f"1 to {self.amount.maximum():,} {self.unit.currentText()}")
        self.changed.emit()

    def _show(self) -> None:
        kind = self._kind()
        self.kind.setToolTip(TIPS[kind])
        self.classes.setVisible(kind == CLASS)
        for part in (self.amount, self.unit):
            part.setVisible(kind in (CLASS, RANDOM))
        self.text.setVisible(kind in (INDICES, *TYPED))
        names = {FILE: "File of indices", NAMES: "File of names", GROUP: "Group to forget"}
        self.text.setAccessibleName(names.get(kind, "Indices to forget"))
        examples = {INDICES: "3, 17, 40-50", GROUP: self._example()}
        self.text.setPlaceholderText(examples.get(kind, "path of a file"))
        self.browse.setVisible(kind in LISTS)
        self.note.setText(self._note())
        self.note.setVisible(kind not in (INDICES, *TYPED))
        self.changed.emit()

    def _example(self) -> str:
        """A group of the open dataset."""
        dataset = self._do.state.dataset
        groups = dataset.groups if dataset else {}
        column = next(iter(groups), "")
        return f"{column}={groups[column][0]}" if column else "patient=17"

    def _note(self) -> str:
        if self._kind() == SELECTION:
            return f"{len(self._do.state.selection.chosen):,} samples selected"
        if self._kind() == SAVED:
            return f"'{self.saved}'" if self.saved else "select one below"
        return ""

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose a list of samples to forget", str(typed_path(self.text.text()).parent)
        )
        if name:
            self.text.setText(name)
