"""The context menu of a sample: frequent actions on it and on the selection."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from engine.datasets.base import Dataset
from explorer.state.selection import REPLACE
from explorer.thumbnails.model import ThumbnailModel
from explorer.views.base import Wishes
from explorer.views.samples.mouse_and_keys import GridInput
from explorer.widgets.plain_text import menu_text

FORGET, ADD, REMEMBER, CLASS, SHOWN, INVERT, COPY = range(7)
NOT_LEARNED = "Test samples were never learned and cannot be forgotten"
NOR_HELD_OUT = "Test and validation samples were never learned and cannot be forgotten"


class SampleMenu(QMenu):
    """A menu refilled at every right click."""

    def __init__(
        self, grid_input: GridInput, model: ThumbnailModel, do: Wishes, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._input, self._model, self._do = grid_input, model, do
        self.setToolTipsVisible(True)
        self.triggered.connect(self._picked)

    def open_at(self, place: int | None, at: QPoint) -> None:
        """Show the menu of the sample at a place of the grid; it becomes current and selected.

        A selection that contains the sample stays.
        """
        dataset = self._model.dataset
        if dataset is None:
            return
        if place is not None:
            sample = int(self._model.shown[place])
            if self._model.chosen[sample]:
                self._do.choice.set_current(sample)
            else:
                self._input.take([sample])
        self._fill(dataset)
        self.popup(at)

    def _fill(self, dataset: Dataset) -> None:
        self.clear()
        n = int(self._model.chosen.sum())
        learned = self._model.chosen[dataset.pool]
        kept = self._model.forget[dataset.pool]
        several = f"the {n:,} selected samples" if n > 1 else "this sample"
        self._entry(f"Forget {several}", FORGET, bool(learned.any()), "F")
        self._entry("Add to the forget set", ADD, bool((learned & ~kept).any()), "Shift+F")
        self._entry("Remove from the forget set", REMEMBER, bool((learned & kept).any()))
        if n and not learned.any():
            self._entry(NOR_HELD_OUT if len(dataset.validation) else NOT_LEARNED, None, False)
        self.addSeparator()
        if self._model.current is not None:
            name = dataset.classes[dataset.label_of(self._model.current)]
            self._entry(menu_text(f"Select class '{name}' among the samples shown"), CLASS)
        self._entry(f"Select all {len(self._model.shown):,} shown", SHOWN, keys="Ctrl+A")
        self._entry("Invert the selection among the samples shown", INVERT)
        self.addSeparator()
        self._entry("Copy the indices of the selection", COPY, n > 0)

    def _entry(self, text: str, data: int | None, enabled: bool = True, keys: str = "") -> None:
        action = self.addAction(f"{text}\t{keys}" if keys else text)
        action.setData(data)
        action.setEnabled(enabled)

    def _picked(self, action: QAction) -> None:
        done = {
            FORGET: self._input.forget, ADD: self._input.add, REMEMBER: self._input.remember,
            CLASS: self._select_class, SHOWN: self._input.select_shown, INVERT: self._invert,
            COPY: self._copy,
        }.get(action.data())  # fmt: skip
        if done is not None:
            done()

    def _select_class(self) -> None:
        dataset, current = self._model.dataset, self._model.current
        if dataset is not None and current is not None:
            shown = self._model.shown
            same = dataset.labels[shown] == dataset.label_of(current)
            self._do.choice.select(shown[same].tolist(), REPLACE)

    def _invert(self) -> None:
        shown = self._model.shown
        self._do.choice.select(shown[~self._model.chosen[shown]].tolist(), REPLACE)

    def _copy(self) -> None:
        chosen = np.flatnonzero(self._model.chosen)
        QGuiApplication.clipboard().setText(", ".join(map(str, chosen.tolist())))
