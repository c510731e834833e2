"""The sizes in a matrix of copies: they grow and shrink with the room there is."""

from __future__ import annotations

from dataclasses import dataclass

CELL, ROW = 46, 34  # logical pixels: width of a copy and height of a model, where room allows both
LOWEST, HIGHEST = 20, 84  # of a row
SMALLEST, LARGEST = 36, 112  # of a copy
SHAPE = CELL / ROW  # of a cell
PAD, CAPTION = 6, 17
MESSAGE, TALL = 112, 1.8  # a copy that is a message: its width, and its height in usual ones


@dataclass(frozen=True)
class MatrixLayout:
    """In logical pixels: `cell`, the height of a copy; `row`, that of a model; `column`: a copy's
    width."""

    cell: int = CELL
    row: int = ROW
    column: int = CELL

    @property
    def picture(self) -> int:
        """The side of a copy's picture."""
        return self.cell - PAD

    @property
    def breadth(self) -> int:
        """The width of a copy's picture."""
        return self.column - PAD

    @property
    def pictures(self) -> int:
        """The height of the caption and the pictures above the models."""
        return CAPTION + self.cell + 1

    @property
    def one_line(self) -> bool:
        """Whether a row has room for one line of text only."""
        return self.row < 30


def fitting(height: int, models: int, bands: int, column: int = 0) -> MatrixLayout:
    """The largest layout whose `models` rows and `bands` of pictures fit into `height`.

    If not even the smallest does, the rows scroll. column: the least width of a copy that is a
    message, 0 for a square picture.
    """
    shape = SHAPE * TALL if column else SHAPE
    row = (height - CAPTION - 1) / (max(1, models) + bands * shape)
    row = min(HIGHEST, max(LOWEST, int(row)))
    cell = min(LARGEST, max(SMALLEST, int(row * shape)))
    return MatrixLayout(cell, row, max(cell, column))
