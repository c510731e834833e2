"""The board as a report, for text and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.model_table import ModelCell, ModelRow, ModelTable, Quantity
from engine.drawing.labels import NO_VERDICTS_NOTE
from engine.metrics import COMPARED
from engine.tables.table import Cell, Column, Report, Table, TableRow


def report_of(board: ModelTable, title: str, source: str = "") -> Report:
    """The board as a report with one table; title: of the study; source: of published figures.

    Numbers in parentheses are gaps to Re-train.
    """
    columns = tuple(
        Column(one.name, _label(one, board), one.unit, one.digits, one.most)
        for one in board.quantities
    )
    lines = tuple(_line(row, board.quantities) for row in board.rows)
    table = Table("metrics", "Measures of every model", "model", columns, lines)
    origin = f"rk-engine table {board.key}"
    return Report(
        board.key, title, False, board.seeds, source, tuple(notes(board)), (table,), origin=origin
    )


def notes(board: ModelTable) -> list[str]:
    """Sentences on how the numbers were obtained."""
    sentences = [f"r at tau = {board.tau:g} from {board.draws} draws per sample."]
    n = max((row.n for row in board.rows), default=1)
    if n > 1:
        sentences.append(f"±: standard deviation over {n} seeds (of the population, divisor n).")
    if any(row.entry(name).gaps for row in board.rows for name in COMPARED):
        sentences.append("In parentheses: gap to Re-train, in the unit of the column.")
    return [*sentences, *reading_notes(board)]


def reading_notes(board: ModelTable) -> list[str]:
    """Caveats for reading the numbers, as sentences."""
    return [NO_VERDICTS_NOTE] * board.withheld


def _label(quantity: Quantity, board: ModelTable) -> str:
    return f"{quantity.label} at tau {board.tau:g}" if quantity.at_tau else quantity.label


def _line(row: ModelRow, quantities: Sequence[Quantity]) -> TableRow:
    cells = {one.name: _cell(row.entry(one.name), one) for one in quantities}
    return TableRow(f"{row.model}@{row.number}", row.name, cells)


def _cell(entry: ModelCell, quantity: Quantity) -> Cell:
    gap = entry.gap if quantity.name in COMPARED and math.isfinite(entry.gap) else None
    return Cell(entry.values, entry.published, gap, entry.censored)
