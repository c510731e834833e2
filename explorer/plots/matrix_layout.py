"""The sizes in a matrix of copies: they grow and shrink with the room there is."""

from __future__ import annotations

from dataclasses import dataclass

CELL, ROW = 46, 34  # logical pixels: width of a copy and height of a model, where room allows both
LOWEST, HIGHEST = 20, 84  # of a row
SMALLEST, LARGEST = 36, 112  # of a copy
SHAPE = CELL / ROW  # of a cell
PAD, CAPTION = 6, 17


@dataclass(frozen=True)
class MatrixLayout:
    """In logical pixels: `cell`, the width of a copy; `row`, the height of a model."""

    cell: int = CELL
    row: int = ROW

    @property
    def picture(self) -> int:
        """The side of a copy's picture."""
        return self.cell - PAD

    @property
    def pictures(self) -> int:
        """The height of the caption and the pictures above the models."""
        return CAPTION + self.cell + 1

    @property
    def one_line(self) -> bool:
        """Whether a row has room for one line of text only."""
        return self.row < 30


def fitting(height: int, models: int, bands: int) -> MatrixLayout:
    """The largest layout whose `models` rows and `bands` of pictures fit into `height`.

    If not even the smallest does, the rows scroll.
    """
    row = (height - CAPTION - 1) / (max(1, models) + bands * SHAPE)
    row = min(HIGHEST, max(LOWEST, int(row)))
    cell = min(LARGEST, max(SMALLEST, int(row * SHAPE)))
    return MatrixLayout(cell, row)
