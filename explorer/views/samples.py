"""The training set as thumbnails: where the forget set is chosen."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from engine import ranking
from engine.datasets.base import Dataset
from engine.measured import RESIDUAL
from engine.results import ModelResult, Residual
from explorer.plots.panel import SPACING, Panel, button, muted
from explorer.plots.thumbnails import ThumbnailDelegate, ThumbnailGrid, ThumbnailModel
from explorer.state import ADD, REMOVE, REPLACE, AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

ALL, FORGET, CHOSEN = "All samples", "Forget set only", "Selected only"
WRONG, LEFT = "Misclassified", "Residual verdict"
SHOW = {  # what is shown: what that depends on, and what it means
    ALL: ("dataset", "Every sample of the training set"),
    FORGET: ("forget", "The forget set of the next run"),
    CHOSEN: ("selection", "The samples that are selected"),
    WRONG: ("models", "Samples that the model to the right of 'Sort by' takes for another class"),
    LEFT: ("residual", "Forget samples that hold residual knowledge in any method, for certain"),
}
INDEX, CLASS, LOSS = "Index", "Class", "Loss"
CONFIDENCE, RATIO, VERDICT = "Confidence", "r", "Verdict"
SORT = {  # what is sorted by: what that depends on, and what it means
    INDEX: ("dataset", "As in the dataset"),
    CLASS: ("dataset", "Class by class"),
    LOSS: ("models", "Cross-entropy of the chosen model in nats, largest first"),
    CONFIDENCE: ("models", "Probability that the chosen model gives the true class, least first"),
    RATIO: ("residual", "Residual knowledge r, largest over methods and τ, first; then the rest"),
    VERDICT: ("residual", "Residual knowledge for certain, undecided, none; then the rest"),
}
MISSING = {
    WRONG: "No model has seen these samples yet. Press Run; then what it misclassifies is here.",
    LEFT: "Residual knowledge is not measured yet. Press Run; then the samples with it are here.",
}
NOTHING = {
    WRONG: "None of these samples is misclassified. Choose another model to the right of Sort by.",
    LEFT: "No method holds residual knowledge of these samples for certain. More draws may tell.",
}
DESCENDING = (LOSS, RATIO, VERDICT)
SHOWN_PREDICTIONS = 8  # models in a tooltip


class SamplesView(View):
    """Thumbnails of the training set with filters, selection and the forget badge."""

    name = "samples"
    title = "Samples"
    help = (
        "Click a sample to look at it, Ctrl-click or Shift-click to select more, drag to select "
        "an area. 'Forget selected' (or F) makes the selection the forget set, 'Add' adds to it. "
        "Sort by loss, confidence, r or verdict to see first what is remarkable."
    )
    keys = (
        ("Arrows, Page, Home, End", "Go to another sample; with Shift, select on the way"),
        ("Space", "Put the current sample into the selection, or take it out"),
        ("F", "Make the selection the forget set"),
        ("Shift+F", "Add the selection to the forget set"),
        ("Esc", "Select nothing"),
        ("Ctrl+click", "Put a sample into the selection, or take it out"),
        ("Shift+click", "Select all samples from the last one to this; with Ctrl, add them"),
        ("Ctrl+drag, Alt+drag", "Add an area to the selection, or take it out"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self._anchor: int | None = None
        self._built_for: Dataset | None = None
        self._verdicts: tuple[Residual | None, np.ndarray] = (None, np.empty(0))
        self._model = ThumbnailModel(self._describe, self)
        self.grid = ThumbnailGrid(self._model)
        self._delegate = ThumbnailDelegate(self._model, self)
        self.grid.setItemDelegate(self._delegate)
        self.grid.setAccessibleName("Training samples")
        self._panel = Panel(self.grid, self)
        self._build_header()
        self._connect()
        self.follow("dataset", "selection", "forget", "theme", "models", "residual")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        dataset = self.state.dataset
        if "theme" in changed:
            self._delegate.set_theme(theme_of(self.state.theme))
        self._list_models()
        self.go_to.setEnabled(dataset is not None)
        if dataset is None:
            self._built_for = None
            self._panel.show_empty("The dataset is being loaded. Its samples will appear here.")
            self.counts.setText("")
            return
        if dataset is not self._built_for:
            self._take(dataset)
            changed = changed | {"selection", "forget"}
        self._update_masks(dataset)
        self._refilter(changed)
        self._show_or_say_why()
        self._update_header()
        if "selection" in changed:
            self._reveal_current()
        self.grid.viewport().update()

    def view_state(self) -> dict[str, Any]:
        """The filters and the order."""
        return {
            "class": self.classes.currentIndex(),
            "show": self.show_only.currentIndex(),
            "sort": self.sort.currentIndex(),
            "model": self.model.currentData(),
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take filters and order back."""
        if isinstance(kept.get("model"), str):
            self._wanted = kept["model"]
            self._list_models()
        for combo, name in ((self.classes, "class"), (self.show_only, "show"), (self.sort, "sort")):
            value = kept.get(name)
            if isinstance(value, int) and 0 <= value < combo.count():
                combo.setCurrentIndex(value)

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.classes = _combo("Class shown", "Show the samples of one class only")
        self.show_only = _combo(
            "Which samples are shown",
            "Show all samples, the forget set, the selection, what a model misclassifies, or "
            "what still holds residual knowledge",
            SHOW,
        )
        self.show_only.setMinimumContentsLength(12)
        self.forget_button = button(
            "Forget selected", "Make the selected samples the forget set (F)", self._forget
        )
        self.add_button = button(
            "Add", "Add the selected samples to the forget set (Shift+F)", self._add
        )
        self.keep_button = button(
            "Remove", "Take the selected samples out of the forget set", self._keep
        )
        for part in (self.classes, self.show_only):
            self._panel.header.addWidget(part)
        self._panel.header.addStretch(1)
        self._panel.header.addWidget(self.forget_button)
        self._build_order()
        self.counts: QLabel = muted()
        self._panel.add_row(self.counts, self.add_button, self.keep_button)

    def _build_order(self) -> None:
        self.sort = _combo("Sort by", "In which order the samples are shown", SORT)
        self.model = _combo("Model sorted and filtered by", "Whose answers count")
        self.go_to = QLineEdit()
        self.go_to.setAccessibleName("Go to index")
        self.go_to.setPlaceholderText("Go to index")
        self.go_to.setMaximumWidth(self.fontMetrics().horizontalAdvance("Go to index 000"))
        self._wanted = "original"  # the model that is chosen once it exists
        order = QWidget()
        row = QHBoxLayout(order)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        for part in (QLabel("Sort by"), self.sort, self.model):
            row.addWidget(part)
        row.addStretch(1)
        self._panel.add_row(order, self.go_to)

    def _connect(self) -> None:
        for combo in (self.classes, self.show_only, self.sort):
            combo.currentIndexChanged.connect(self._filter_changed)
        self.model.activated.connect(self._model_changed)
        self.go_to.returnPressed.connect(self._go)
        self.grid.picked.connect(self._pick)
        self.grid.banded.connect(self._band)
        self.grid.moved.connect(self._walk)
        self.grid.pressed.connect(self._key)

    def _take(self, dataset: Dataset) -> None:
        self._built_for = dataset
        self._anchor = None
        self._delegate.forget_pictures()
        self._model.set_samples(dataset.train_x, dataset.train_y)
        counts = np.bincount(dataset.train_y, minlength=len(dataset.classes))
        with QSignalBlocker(self.classes):
            self.classes.clear()
            self.classes.addItem("All classes")
            for name, count in zip(dataset.classes, counts, strict=True):
                self.classes.addItem(f"{name} ({count:,})")
        self.go_to.setToolTip(f"Show the sample of this index, 0 to {len(dataset.train_y) - 1:,}")

    # -- drawing --------------------------------------------------------------------------
    def _update_masks(self, dataset: Dataset) -> None:
        n = len(dataset.train_y)
        self._model.chosen = _mask(self.state.selection.chosen, n)
        self._model.forget = _mask(self.state.forget, n)
        self._model.current = self.state.selection.current

    def _list_models(self) -> None:
        """Offer the models there are; the one that is wanted stays chosen while others come."""
        names = [*self.state.models]
        offered = [(name, self.state.models[name].label) for name in names]
        listed = [
            (self.model.itemData(i), self.model.itemText(i)) for i in range(self.model.count())
        ]
        with QSignalBlocker(self.model):
            if offered != listed:
                self.model.clear()
                for name, label in offered:
                    self.model.addItem(label, name)
            self.model.setCurrentIndex(max(0, self.model.findData(self._wanted)))
        self._enable_model()

    def _enable_model(self) -> None:
        """A model can be chosen where its answers are what is sorted or filtered by."""
        asked = "models" in self._depends()
        self.model.setEnabled(asked and self.model.count() > 0)

    def _depends(self) -> set[str]:
        """The properties that decide which samples are shown, and in which order."""
        return {SHOW[self.show_only.currentText()][0], SORT[self.sort.currentText()][0], "dataset"}

    def _refilter(self, changed: set[str]) -> None:
        if (self._depends() | {"filter"}) & changed:
            shown = self._shown()
            if not np.array_equal(shown, self._model.shown):
                self._model.set_shown(shown)

    def _shown(self) -> np.ndarray:
        keep = self._kept(self.show_only.currentText())
        if self.classes.currentIndex() > 0:
            keep &= self._model.labels == self.classes.currentIndex() - 1
        by = self.sort.currentText()
        shown = np.flatnonzero(keep)
        if by == INDEX:
            return shown
        return ranking.order(shown, self._values(by), descending=by in DESCENDING)

    def _kept(self, what: str) -> np.ndarray:
        """(n,) bool: which samples are shown, whatever their class."""
        labels = self._model.labels
        if what == FORGET:
            return self._model.forget.copy()
        if what == CHOSEN:
            return self._model.chosen.copy()
        if what == WRONG:
            logits = self._logits()
            return ranking.misclassified(logits, labels) if logits is not None else labels < 0
        if what == LEFT:
            return np.asarray(self._values(VERDICT) == RESIDUAL)
        return np.ones(len(labels), bool)

    def _values(self, by: str) -> np.ndarray:
        """(n,) what is sorted by; NaN where it is not known."""
        labels, logits, residual = self._model.labels, self._logits(), self.state.residual
        if by == CLASS:
            return labels
        if by == LOSS and logits is not None:
            return ranking.loss(logits, labels)
        if by == CONFIDENCE and logits is not None:
            return ranking.confidence(logits, labels)
        if by in (RATIO, VERDICT) and residual is not None:
            measured = ranking.worst_ratio if by == RATIO else self._worst_verdict
            return ranking.placed(measured(residual), residual.samples, len(labels))
        return np.full(len(labels), np.nan)

    def _logits(self) -> np.ndarray | None:
        """(n, K) the chosen model's logits, or None while there are none of this dataset."""
        model = self.state.models.get(self.model.currentData() or "")
        if model is None or len(model.train_logits) != len(self._model.labels):
            return None
        return model.train_logits

    def _worst_verdict(self, residual: Residual) -> np.ndarray:
        if self._verdicts[0] is not residual:  # takes up to a second for thousands of samples
            self._verdicts = (residual, ranking.worst_verdict(residual))
        return self._verdicts[1]

    def _show_or_say_why(self) -> None:
        """Show the grid, or why a filter by what was measured leaves nothing of it."""
        what = self.show_only.currentText()
        if len(self._model.shown) or what not in MISSING:
            self._panel.show_content()
            return
        known = self._logits() if what == WRONG else self.state.residual
        self._panel.show_empty(NOTHING[what] if known is not None else MISSING[what])

    def _update_header(self) -> None:
        chosen, forget = self._model.chosen, self._model.forget
        total, shown = len(self._model.labels), len(self._model.shown)
        samples = f"{total:,} samples" if shown == total else f"{shown:,} of {total:,} samples"
        self.counts.setText(
            f"{samples} · {int(forget.sum()):,} to forget · {int(chosen.sum()):,} selected"
        )
        self.forget_button.setEnabled(bool(chosen.any() and (chosen != forget).any()))
        self.add_button.setEnabled(bool((chosen & ~forget).any()))
        self.keep_button.setEnabled(bool((chosen & forget).any()))

    def _reveal_current(self) -> None:
        place = self._model.place_of(self._model.current)
        if place is not None:
            self.grid.show_place(place)

    def _describe(self, sample: int) -> str:
        """The tooltip of a sample, as rich text."""
        dataset = self._built_for
        if dataset is None:
            return ""
        label = int(dataset.train_y[sample])
        lines = [f"<b>Sample {sample}</b> · class {html.escape(dataset.classes[label])}"]
        if self._model.forget[sample]:
            lines.append("in the forget set of the next run (badge F)")
        lines += _values(dataset, sample) + self._ratio_words(sample)
        for model in list(self.state.models.values())[:SHOWN_PREDICTIONS]:
            lines.append(_prediction(model, sample, label, dataset.classes))
        return "<br>".join(lines)

    def _ratio_words(self, sample: int) -> list[str]:
        residual = self.state.residual
        if residual is None or sample not in residual.samples:
            return []
        worst = ranking.worst_ratio(residual)[residual.samples == sample][0]
        words = f"{worst:.3g}" if np.isfinite(worst) else "undefined"
        return [f"largest r over methods and τ: {words}"]

    # -- wishes ---------------------------------------------------------------------------
    def _filter_changed(self) -> None:
        self._enable_model()
        if self._built_for is not None:
            self._refilter({"filter"})
            self._show_or_say_why()
            self._update_header()
            self._reveal_current()

    def _model_changed(self) -> None:
        self._wanted = str(self.model.currentData())
        self._filter_changed()

    def _go(self) -> None:
        """Look at the sample whose index was typed; filters that hide it are taken off."""
        text, last = self.go_to.text().strip(), len(self._model.labels) - 1
        if not text.isdecimal() or int(text) > last:
            self.counts.setText(f"There is no sample '{text}': indices are 0 to {last:,}.")
            self.go_to.selectAll()
            return
        self.go_to.clear()
        sample = int(text)
        if self._model.place_of(sample) is None:
            self.classes.setCurrentIndex(0)
            self.show_only.setCurrentText(ALL)
        self._anchor = sample
        self.do.set_current(sample)
        self.do.select([sample], REPLACE)

    def _pick(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        sample = int(self._model.shown[place])
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor is not None:
            self._pick_range(place, modifiers)
            return
        self._anchor = sample
        self.do.set_current(sample)
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.do.select([sample], REMOVE if self._model.chosen[sample] else ADD)
        elif self.show_only.currentText() != CHOSEN:  # where it would empty the grid underneath
            self.do.select([sample], REPLACE)

    def _pick_range(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        start = self._model.place_of(self._anchor)
        low, high = sorted((place if start is None else start, place))
        add = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        self.do.set_current(int(self._model.shown[place]))
        self.do.select(self._model.shown[low : high + 1].tolist(), ADD if add else REPLACE)

    def _band(self, places: np.ndarray, modifiers: Qt.KeyboardModifier) -> None:
        mode = REPLACE
        if modifiers & Qt.KeyboardModifier.AltModifier:
            mode = REMOVE
        elif modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            mode = ADD
        self.do.select(self._model.shown[places].tolist(), mode)

    def _walk(self, step: int, extend: bool) -> None:
        if not len(self._model.shown):
            return
        place = self._model.place_of(self._model.current)
        target = 0 if place is None else min(max(place + step, 0), len(self._model.shown) - 1)
        sample = int(self._model.shown[target])
        self._anchor = sample
        self.do.set_current(sample)
        if extend:
            low, high = sorted((target if place is None else place, target))
            self.do.select(self._model.shown[low : high + 1].tolist(), ADD)

    def _key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        current = self._model.current
        if key == Qt.Key.Key_F and not modifiers:
            self._forget()
        elif key == Qt.Key.Key_F and modifiers == Qt.KeyboardModifier.ShiftModifier:
            self._add()
        elif key == Qt.Key.Key_Space and current is not None:
            self.do.select([current], REMOVE if self._model.chosen[current] else ADD)
        elif key == Qt.Key.Key_A and modifiers == Qt.KeyboardModifier.ControlModifier:
            self.do.select(self._model.shown.tolist(), REPLACE)
        elif key == Qt.Key.Key_Escape:
            self.do.select([], REPLACE)

    def _forget(self) -> None:
        self._choose_current()
        self.do.forget_selection()

    def _add(self) -> None:
        self._choose_current()
        self.do.add_to_forget()

    def _choose_current(self) -> None:
        """Where nothing is selected, the current sample is meant."""
        if not self._model.chosen.any() and self._model.current is not None:
            self.do.select([self._model.current], REPLACE)

    def _keep(self) -> None:
        self.do.remember_selection()


def _combo(name: str, tip: str, items: Mapping[str, tuple[str, str]] | None = None) -> QComboBox:
    """A narrow combo; items: text -> (what it depends on, its tooltip)."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(tip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(8)
    for text, (_, help_text) in (items or {}).items():
        made.addItem(text)
        made.setItemData(made.count() - 1, help_text, Qt.ItemDataRole.ToolTipRole)
    return made


def _mask(indices: Iterable[int], n: int) -> np.ndarray:
    mask = np.zeros(n, bool)
    rows = np.fromiter(indices, np.intp)
    mask[rows[(rows >= 0) & (rows < n)]] = True
    return mask


def _values(dataset: Dataset, sample: int) -> list[str]:
    if dataset.is_image:
        return []
    names = dataset.features or tuple(f"feature {i + 1}" for i in range(dataset.shape[0]))
    values = zip(names, dataset.train_x[sample], strict=True)
    return [f"{html.escape(name)} {value:.2f}" for name, value in values]


def _prediction(model: ModelResult, sample: int, label: int, classes: tuple[str, ...]) -> str:
    logits = model.train_logits[sample].astype(np.float64)
    odds = np.exp(logits - logits.max())
    said = int(logits.argmax())
    mark = "✓" if said == label else "✗"
    share = odds[said] / odds.sum()
    return f"{html.escape(model.label)}: {html.escape(classes[said])} {mark} ({share:.0%})"
