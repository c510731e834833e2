"""Mouse and keyboard input of the grid of samples, turned into wishes."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from explorer.state.selection import ADD, REMOVE, REPLACE
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import ThumbnailModel
from explorer.views.base import Wishes

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT, NO_KEYS = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
KEYPAD = Qt.KeyboardModifier.KeypadModifier


class GridInput(QObject):
    """Clicks, rubber bands and keys of one grid; `digit` gives a typed digit."""

    digit = Signal(str)

    def __init__(self, grid: ThumbnailGrid, model: ThumbnailModel, do: Wishes) -> None:
        super().__init__(grid)
        self._model, self._do = model, do
        self._anchor: int | None = None  # the sample where a range begins
        self.only_chosen = False  # whether the grid shows the selection
        grid.picked.connect(self._pick)
        grid.banded.connect(self._band)
        grid.moved.connect(self._walk)
        grid.pressed.connect(self._press)

    def forget_range(self) -> None:
        """Forget where a range begins, as the dataset changed."""
        self._anchor = None

    def take(self, samples: list[int]) -> None:
        """Make the first of these current and select all of them, in one step."""
        self._anchor = samples[0]
        self._do.choice.set_current(samples[0])
        self._do.choice.select(samples, REPLACE)

    def forget(self) -> None:
        """Make the selection, or else the current sample, the forget set."""
        self._choose_current()
        self._do.forget_set.replace_by_selection()

    def add(self) -> None:
        """Add the selection, or else the current sample, to the forget set."""
        self._choose_current()
        self._do.forget_set.add_selection()

    def remember(self) -> None:
        """Remove the selection, or else the current sample, from the forget set."""
        self._choose_current()
        self._do.forget_set.remove_selection()

    def select_shown(self) -> None:
        """Select everything in the grid."""
        self._do.choice.select(self._model.shown.tolist(), REPLACE)

    # -- the mouse ------------------------------------------------------------------------
    def _pick(self, place: int, keys: Qt.KeyboardModifier) -> None:
        sample = int(self._model.shown[place])
        if keys & SHIFT and self._anchor is not None:
            self._pick_range(place, keys)
        elif keys & CTRL:
            self._anchor = sample
            self._do.choice.set_current(sample)
            self._toggle(sample)
        elif self.only_chosen:  # another selection would empty the grid
            self._anchor = sample
            self._do.choice.set_current(sample)
        else:
            self.take([sample])

    def _pick_range(self, place: int, keys: Qt.KeyboardModifier) -> None:
        start = self._model.place_of(self._anchor)
        low, high = sorted((place if start is None else start, place))
        self._do.choice.set_current(int(self._model.shown[place]))
        mode = ADD if keys & CTRL else REPLACE
        self._do.choice.select(self._model.shown[low : high + 1].tolist(), mode)

    def _band(self, places: np.ndarray, keys: Qt.KeyboardModifier) -> None:
        mode = REPLACE
        if keys & ALT:
            mode = REMOVE
        elif keys & (CTRL | SHIFT):
            mode = ADD
        self._do.choice.select(self._model.shown[places].tolist(), mode)

    # -- the keys -------------------------------------------------------------------------
    def _walk(self, step: int, extend: bool) -> None:
        """Go to another sample; extend: add it and all samples on the way to the selection."""
        if not len(self._model.shown):
            return
        place = self._model.place_of(self._model.current)
        target = 0 if place is None else min(max(place + step, 0), len(self._model.shown) - 1)
        sample = int(self._model.shown[target])
        self._anchor = sample
        self._do.choice.set_current(sample)
        if extend:
            low, high = sorted((target if place is None else place, target))
            self._do.choice.select(self._model.shown[low : high + 1].tolist(), ADD)

    def _press(self, key: Qt.Key, keys: Qt.KeyboardModifier) -> None:
        keys &= ~KEYPAD
        current = self._model.current
        if Qt.Key.Key_0 <= key <= Qt.Key.Key_9 and keys == NO_KEYS:
            self.digit.emit(chr(key))
        elif key == Qt.Key.Key_F and keys == NO_KEYS:
            self.forget()
        elif key == Qt.Key.Key_F and keys == SHIFT:
            self.add()
        elif key == Qt.Key.Key_Space and current is not None:
            self._toggle(current)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current is not None:
            self.take([current])
        elif key == Qt.Key.Key_A and keys == CTRL:
            self.select_shown()
        elif key == Qt.Key.Key_Escape:
            self._do.choice.select([], REPLACE)

    def _toggle(self, sample: int) -> None:
        self._do.choice.select([sample], REMOVE if self._model.chosen[sample] else ADD)

    def _choose_current(self) -> None:
        """Select the current sample if nothing is selected."""
        if not self._model.chosen.any() and self._model.current is not None:
            self._do.choice.select([self._model.current], REPLACE)
