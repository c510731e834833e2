"""A board as a table whose words are as long as its width allows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from engine.analysis.finding import Finding
from engine.analysis.model_table import ModelTable
from explorer.plots import model_cells
from explorer.theme import LIGHT, Theme
from explorer.widgets.table import CellTable


class ModelGrid(CellTable):
    """One row for each model; headers and findings are shortened until the columns fit.

    length: of the words shown, one of model_cells.LONG, SHORT and BRIEF.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__([], parent)
        self.length = model_cells.LONG
        self._board: ModelTable | None = None
        self._theme = LIGHT
        self._findings: tuple[Finding, ...] = ()
        self._yardstick = ""

    def show_board(
        self, board: ModelTable, theme: Theme, findings: Sequence[Finding], yardstick: str
    ) -> None:
        """Show the numbers of a board; findings and yardstick as in `model_cells.rows`."""
        self._board, self._theme = board, theme
        self._findings, self._yardstick = tuple(findings), yardstick
        self.set_colors(theme.text, theme.muted, theme.accent)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use longer or shorter words where the width has changed."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        """Show the longest words that fit, else the shortest."""
        board = self._board
        if board is None:
            return
        for self.length in (model_cells.LONG, model_cells.SHORT, model_cells.BRIEF):
            self.cells.set_rows(
                model_cells.rows(board, self._theme, self._findings, self._yardstick, self.length),
                model_cells.columns(board, self.length),
            )
            if self._width_needed() <= self.viewport().width():
                return

    def _width_needed(self) -> int:
        """Of all columns in px; the header's own length is not yet up to date."""
        header = self.horizontalHeader()
        return sum(
            max(header.sectionSizeHint(at), self.sizeHintForColumn(at), header.minimumSectionSize())
            for at in range(header.count())
        )
