"""The training set as thumbnails: where the forget set is chosen."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from engine.datasets.base import Dataset
from engine.results import ModelResult
from explorer.plots.panel import Panel, button, muted
from explorer.plots.thumbnails import ThumbnailDelegate, ThumbnailGrid, ThumbnailModel
from explorer.state import ADD, REMOVE, REPLACE, AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

ALL, FORGET, CHOSEN = "All samples", "Forget set only", "Selected only"
SHOWN_PREDICTIONS = 8  # models in a tooltip


class SamplesView(View):
    """Thumbnails of the training set with filters, selection and the forget badge."""

    name = "samples"
    title = "Samples"
    help = (
        "Click a sample to look at it, Ctrl-click or Shift-click to select more, drag to select "
        "an area. 'Forget selected' (or F) makes the selection the forget set, 'Add' adds to it."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self._anchor: int | None = None
        self._built_for: Dataset | None = None
        self._model = ThumbnailModel(self._describe, self)
        self.grid = ThumbnailGrid(self._model)
        self._delegate = ThumbnailDelegate(self._model, self)
        self.grid.setItemDelegate(self._delegate)
        self.grid.setAccessibleName("Training samples")
        self._panel = Panel(self.grid, self)
        self._build_header()
        self._connect()
        self.follow("dataset", "selection", "forget", "theme", "models")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        dataset = self.state.dataset
        if "theme" in changed:
            self._delegate.set_theme(theme_of(self.state.theme))
        if dataset is None:
            self._built_for = None
            self._panel.show_empty("The dataset is being loaded. Its samples will appear here.")
            self.counts.setText("")
            return
        self._panel.show_content()
        if dataset is not self._built_for:
            self._take(dataset)
            changed = changed | {"selection", "forget"}
        self._update_masks(dataset)
        self._refilter(changed)
        self._update_header()
        if "selection" in changed:
            self._reveal_current()
        self.grid.viewport().update()

    def view_state(self) -> dict[str, Any]:
        """The filters."""
        return {"class": self.classes.currentIndex(), "show": self.show_only.currentIndex()}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take the filters back."""
        for combo, name in ((self.classes, "class"), (self.show_only, "show")):
            value = kept.get(name)
            if isinstance(value, int) and 0 <= value < combo.count():
                combo.setCurrentIndex(value)

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class shown")
        self.classes.setToolTip("Show the samples of one class only")
        self.show_only = QComboBox()
        self.show_only.addItems([ALL, FORGET, CHOSEN])
        self.show_only.setAccessibleName("Which samples are shown")
        self.show_only.setToolTip("Show all samples, the forget set, or the selection")
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
            part.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            part.setMinimumContentsLength(8)
            self._panel.header.addWidget(part)
        self._panel.header.addStretch(1)
        self._panel.header.addWidget(self.forget_button)
        self.counts: QLabel = muted()
        self._panel.add_row(self.counts, self.add_button, self.keep_button)

    def _connect(self) -> None:
        self.classes.currentIndexChanged.connect(self._filter_changed)
        self.show_only.currentIndexChanged.connect(self._filter_changed)
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

    # -- drawing --------------------------------------------------------------------------
    def _update_masks(self, dataset: Dataset) -> None:
        n = len(dataset.train_y)
        self._model.chosen = _mask(self.state.selection.chosen, n)
        self._model.forget = _mask(self.state.forget, n)
        self._model.current = self.state.selection.current

    def _refilter(self, changed: set[str]) -> None:
        depends = {ALL: "dataset", FORGET: "forget", CHOSEN: "selection"}
        if {depends[self.show_only.currentText()], "dataset", "filter"} & changed:
            shown = self._shown()
            if not np.array_equal(shown, self._model.shown):
                self._model.set_shown(shown)

    def _shown(self) -> np.ndarray:
        keep = np.ones(len(self._model.labels), bool)
        if self.show_only.currentText() == FORGET:
            keep &= self._model.forget
        elif self.show_only.currentText() == CHOSEN:
            keep &= self._model.chosen
        if self.classes.currentIndex() > 0:
            keep &= self._model.labels == self.classes.currentIndex() - 1
        return np.flatnonzero(keep)

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
        lines += _values(dataset, sample)
        for model in list(self.state.models.values())[:SHOWN_PREDICTIONS]:
            lines.append(_prediction(model, sample, label, dataset.classes))
        return "<br>".join(lines)

    # -- wishes ---------------------------------------------------------------------------
    def _filter_changed(self) -> None:
        if self._built_for is not None:
            self._refilter({"filter"})
            self._update_header()
            self._reveal_current()

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
