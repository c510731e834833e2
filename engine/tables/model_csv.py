"""The board as CSV rows: every number of every model in full precision."""

from __future__ import annotations

import math

from engine.analysis.model_table import ModelCell, ModelTable, Quantity
from engine.drawing.labels import NO_VERDICTS_NOTE


def sheet(board: ModelTable) -> tuple[list[str], list[list[object]]]:
    """(header, rows) for CSV: mean, deviation and gap to Re-train for each quantity.

    With intervals and published figures where they exist, and why a prevalence is withheld.
    """
    header = ["model", "name", "run", "seeds", "tau"]
    for one in board.quantities:
        header += [one.name, *(f"{one.name}_{part}" for part in _parts(board, one))]
    rows: list[list[object]] = []
    for row in board.rows:
        cells: list[object] = [row.model, row.label, row.run, row.n, board.tau]
        for one in board.quantities:
            entry = row.entry(one.name)
            values = _values(entry)
            cells += [entry.mean, *(values[part] for part in _parts(board, one))]
        rows.append(cells + [NO_VERDICTS_NOTE] * board.withheld)
    return header + ["note"] * board.withheld, rows


def _parts(board: ModelTable, quantity: Quantity) -> list[str]:
    """The statistics of a quantity, besides its mean, that any row has."""
    values = [_values(row.entry(quantity.name)) for row in board.rows]
    names = ("censored", "deviation", "gap", "low", "high", "published", "published_deviation")
    return [name for name in names if any(math.isfinite(one[name]) for one in values)]


def _values(entry: ModelCell) -> dict[str, float]:
    figure = entry.published
    published_mean = math.nan if figure is None or figure.mean is None else figure.mean
    published_std = math.nan if figure is None or figure.std is None else figure.std
    return {
        "censored": float(sum(entry.censored)) if entry.censored else math.nan,
        "deviation": entry.deviation,
        "gap": entry.gap,
        "low": entry.low,
        "high": entry.high,
        "published": published_mean,
        "published_deviation": published_std,
    }
