"""The item model of a grid of thumbnails: samples in rows of as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from engine.datasets.base import Dataset
from engine.drawing.geometry import Grid
from engine.forget_sets.sample_names import sample_title

CELL = 48  # logical pixels of a cell, without its caption
CAPTION = 13  # logical pixels of a caption
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ThumbnailModel(QAbstractTableModel):
    """Samples by index; the painter draws them.

    shown: (m,) the samples in the grid, in order; chosen, forget: (n,) bool over all samples,
    training samples first; caption: sample -> short text below its picture, None for no captions.
    """

    def __init__(self, describe: Callable[[int], str], parent: QWidget) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.shown = np.empty(0, np.intp)
        self.chosen = np.empty(0, bool)
        self.forget = np.empty(0, bool)
        self.current: int | None = None
        self.caption: Callable[[int], str] | None = None
        self.grid = Grid(0, CELL, CELL, CELL)
        self.columns = 1  # those of the grid, which would divide at every call
        self._describe = describe

    def set_dataset(self, dataset: Dataset) -> None:
        """Switch to another dataset, with no samples shown yet."""
        self.dataset = dataset
        self.chosen = self.forget = np.zeros(len(dataset), bool)
        self.set_shown(np.empty(0, np.intp))

    def set_shown(self, shown: np.ndarray, caption: Callable[[int], str] | None = None) -> None:
        """Show these samples only, in this order, each with its `caption`."""
        height = CELL if caption is None else CELL + CAPTION
        self.beginResetModel()
        self.shown, self.caption = shown, caption
        self.grid = Grid(len(shown), self.grid.width, CELL, height)
        self.columns = self.grid.columns
        self.endResetModel()

    def set_width(self, width: int) -> None:
        """Lay out the grid for a page `width` pixels wide."""
        grid = Grid(len(self.shown), width, CELL, self.grid.height)
        if grid.columns != self.grid.columns:
            self.beginResetModel()
            self.grid, self.columns = grid, grid.columns
            self.endResetModel()

    def sample_at(self, index: Index) -> int | None:
        """The sample in a cell, or None in the empty rest of the last row."""
        place = index.row() * self.columns + index.column() if index.isValid() else -1
        return int(self.shown[place]) if 0 <= place < len(self.shown) else None

    def place_of(self, sample: int | None) -> int | None:
        """The place of a sample in the grid, or None if it is not shown."""
        places = np.flatnonzero(self.shown == (-1 if sample is None else sample))
        return int(places[0]) if len(places) else None

    def index_of(self, place: int) -> QModelIndex:
        """The cell of a place."""
        row, column = divmod(place, self.grid.columns)
        return self.index(row, column)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Rows of thumbnails."""
        return 0 if parent.isValid() else self.grid.rows

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Thumbnails side by side."""
        return 0 if parent.isValid() else self.grid.columns

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Tooltip and accessible text; the painter draws the pictures."""
        sample = self.sample_at(index)
        if sample is None:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._describe(sample)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._accessible_text(sample)
        return None

    def _accessible_text(self, sample: int) -> str:
        test = self.dataset is not None and self.dataset.is_test(sample)
        held = self.dataset is not None and self.dataset.is_held_out(sample)
        marks = (
            (test, "test sample"),
            (held, "validation sample"),
            (self.forget[sample], "to forget"),
            (self.chosen[sample], "selected"),
            (self.caption is not None, self.caption(sample) if self.caption else ""),
        )
        return ", ".join(
            [
                sample_title(sample, self.dataset),
                *(text for applies, text in marks if applies and text),
            ]
        )


def mask_of(indices: Iterable[int], n: int) -> np.ndarray:
    """(n,) bool, True at these indices; those out of range are ignored."""
    mask = np.zeros(n, bool)
    rows = np.fromiter(indices, np.intp)
    mask[rows[(rows >= 0) & (rows < n)]] = True
    return mask
