"""The item model of a grid of thumbnails: samples in rows of as many columns as fit, or in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from engine.datasets.base import Dataset
from engine.drawing.geometry import Grid
from engine.forget_sets.sample_names import sample_title, shortened_name

SIDE = 38  # logical pixels of a picture, unless another size is set
INSET = 5  # logical pixels between a cell's edge and its picture
CELL = SIDE + 2 * INSET  # logical pixels of such a cell, without its caption
NAMED = 72  # logical pixels of a picture from which there is room for names below it
CAPTION = 13  # logical pixels of a caption
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ThumbnailModel(QAbstractTableModel):
    """Samples by index; the painter draws them.

    shown: (m,) the samples in the grid, in order; chosen, forget: (n,) bool over all samples,
    training samples first; caption: sample -> short text below its picture, None for no captions;
    accents: (n,) uint32 RGB of the bar below each picture, None for the colors of the classes;
    side: logical pixels of a picture; strip: whether all lie in one row.
    """

    def __init__(self, describe: Callable[[int], str], parent: QWidget, side: int = SIDE) -> None:
        super().__init__(parent)
        self.side, self.strip, self.names = side, False, False
        self.accents: np.ndarray | None = None
        self.dataset: Dataset | None = None
        self.shown = np.empty(0, np.intp)
        self.chosen = np.empty(0, bool)
        self.forget = np.empty(0, bool)
        self.current: int | None = None
        self.caption: Callable[[int], str] | None = None
        self._width = self.cell
        self.grid = Grid(0, self.cell, self.cell, self.cell)
        self.columns = 1  # those of the grid, which would divide at every call
        self._describe = describe

    def set_dataset(self, dataset: Dataset) -> None:
        """Switch to another dataset, with no samples shown yet."""
        self.dataset = dataset
        self.chosen = self.forget = np.zeros(len(dataset), bool)
        self.set_shown(np.empty(0, np.intp))

    def set_shown(self, shown: np.ndarray, caption: Callable[[int], str] | None = None) -> None:
        """Show these samples only, in this order, each with its `caption`."""
        self.beginResetModel()
        self.shown, self.caption = shown, caption
        self.grid = self._layout()
        self.columns = self.grid.columns
        self.endResetModel()

    def set_width(self, width: int) -> None:
        """Lay out the grid for a page `width` pixels wide."""
        self._width = width
        if self._layout().columns != self.grid.columns:
            self._lay_out()

    def set_side(self, side: int) -> None:
        """Show pictures of `side` logical pixels, an even number."""
        if side != self.side:
            self.side = side
            self._lay_out()

    def set_strip(self, strip: bool) -> None:
        """Put all samples into one row, or into as many as they need."""
        if strip != self.strip:
            self.strip = strip
            self._lay_out()

    def set_names(self, names: bool) -> None:
        """Write the samples' names below pictures that are large enough."""
        if names != self.names:
            self.names = names
            self._lay_out()

    @property
    def cell(self) -> int:
        """Logical pixels of a cell, without its caption."""
        return self.side + 2 * INSET

    @property
    def named(self) -> bool:
        """Whether names are written below the pictures."""
        return self.names and self.side >= NAMED

    @property
    def lines(self) -> int:
        """Lines of text below each picture."""
        return int(self.caption is not None) + int(self.named)

    def name(self, sample: int) -> str:
        """The end of a sample's name: without folders, or 'train 17' for one without a file."""
        if self.dataset is None:
            return ""
        name = self.dataset.name_of(sample)
        end = name.rpartition("/")[2] if self.dataset.files else " ".join(name.split()[-2:])
        return shortened_name(end)

    def _layout(self) -> Grid:
        count = len(self.shown)
        width = max(self.cell, count * self.cell) if self.strip else self._width
        return Grid(count, width, self.cell, self.cell + self.lines * CAPTION)

    def _lay_out(self) -> None:
        self.beginResetModel()
        self.grid = self._layout()
        self.columns = self.grid.columns
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
