"""A wall of thumbnails under a heading, with a button that selects all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.datasets.base import Dataset
from explorer.theme import Theme
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import CELL, ThumbnailModel
from explorer.widgets.panel import SPACING, button


class Wall(QWidget):
    """Samples to view, navigate and select.

    looked: a sample to become the current one; selected: samples (list) and the keyboard
    modifiers, which determine how they join the selection.
    """

    looked = Signal(int)
    selected = Signal(object, object)

    def __init__(self, name: str, action: str, describe: Callable[[int], str]) -> None:
        """name: accessible name; action: text of the button; describe: sample -> tooltip."""
        super().__init__()
        self._model = ThumbnailModel(describe, self)
        self.grid = ThumbnailGrid(self._model)
        self.grid.setAccessibleName(name)
        self.grid.setMinimumHeight(CELL + 4)
        self.heading = QLabel()
        self.select_button = button(action, f"{action}: they replace the selection", self._all)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.heading, 1)
        row.addWidget(self.select_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.grid, 1)
        self.grid.picked.connect(self._pick)
        self.grid.banded.connect(self._band)
        self.grid.moved.connect(self._walk)
        self.grid.pressed.connect(self._press)

    @property
    def shown(self) -> np.ndarray:
        """The samples on the wall, in order."""
        return self._model.shown

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self.grid.artist.set_theme(theme)
        self.grid.viewport().update()

    def set_dataset(self, dataset: Dataset) -> None:
        """Switch to another dataset, with no samples shown yet."""
        self.grid.artist.forget_pictures()
        self._model.set_dataset(dataset)

    def mark(self, current: int | None, chosen: np.ndarray, forget: np.ndarray) -> None:
        """Frame the current and the chosen samples, badge those to forget.

        chosen, forget: (n,) bool over all samples of the dataset.
        """
        self._model.current, self._model.chosen, self._model.forget = current, chosen, forget
        self.grid.viewport().update()

    def show_samples(self, samples: np.ndarray, heading: str) -> None:
        """Put these samples on the wall, in this order."""
        self.heading.setText(heading)
        self.select_button.setEnabled(len(samples) > 0)
        if not np.array_equal(samples, self._model.shown):
            self._model.set_shown(samples)

    def place_of(self, sample: int) -> int | None:
        """The place of a sample on the wall, None if it is not shown."""
        return self._model.place_of(sample)

    def _all(self) -> None:
        self.selected.emit(self.shown.tolist(), Qt.KeyboardModifier.NoModifier)

    def _pick(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        sample = int(self.shown[place])
        self.looked.emit(sample)
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.selected.emit([sample], modifiers)

    def _band(self, places: np.ndarray, modifiers: Qt.KeyboardModifier) -> None:
        self.selected.emit(self.shown[places].tolist(), modifiers)

    def _walk(self, step: int, extend: bool) -> None:
        if not len(self.shown):
            return
        place = self._model.place_of(self._model.current)
        target = 0 if place is None else min(max(place + step, 0), len(self.shown) - 1)
        self.looked.emit(int(self.shown[target]))
        self.grid.show_place(target)
        if extend:
            self.selected.emit([int(self.shown[target])], Qt.KeyboardModifier.ShiftModifier)

    def _press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        current = self._model.current
        if key == Qt.Key.Key_Space and current is not None and current in self.shown:
            self.selected.emit([current], Qt.KeyboardModifier.ControlModifier)
