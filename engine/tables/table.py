"""Tables over several seeds, with the paper's figures beside ours, as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import PROGRAM
from engine.metrics import CENSORED
from engine.paper.presets import Figure
from engine.residual.over_seeds import spread
from engine.storage.spreadsheet import escape_formula
from engine.tables.text import aligned

NONE = "-"
CENSORING = (
    "≥, >: some or all values are censored and enter the mean as the limit plus one, so the mean "
    "is a lower bound without a deviation."
)
PRINTED = (
    "Where the printed average gap does not follow from the printed accuracies, the one that does "
    "is shown beside ours, with the printed one in parentheses."
)


@dataclass(frozen=True)
class Column:
    """A measure: name, label, unit, number of decimals, and the largest uncensored value."""

    name: str
    label: str
    unit: str = ""
    digits: int = 2
    most: float | None = None

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label} {self.unit}".strip()

    def ours(self, cell: Cell | None) -> str:
        """The measured value as text: mean±deviation, with the gap to Re-train in parentheses."""
        if cell is None:
            return NONE
        bound = bool(cell.past(self))
        value = self._spread(cell.mean, None if bound else cell.std, bound)
        gap = "" if cell.to_retrain is None else f" ({cell.to_retrain:+.{self.digits}f})"
        return f"{value}{gap}"

    def theirs(self, cell: Cell | None) -> str:
        """The published figure as text."""
        figure = cell.published if cell else None
        if figure is None:
            return NONE
        if figure.mean is None:
            return figure.text
        value = self._spread(figure.mean, figure.std)
        return value if figure.printed is None else f"{value} (printed {figure.printed:.2f})"

    def gap(self, cell: Cell | None) -> str:
        """Ours minus the published figure, as text."""
        gap = cell.gap if cell else None
        beyond = cell is not None and cell.past(self)
        return NONE if gap is None or beyond else f"{gap:+.{self.digits}f}"

    def _spread(self, mean: float | None, std: float | None, bound: bool = False) -> str:
        """mean±std; '>30' if all values are censored, '≥' if only some are."""
        if mean is None:
            return NONE
        if self.most is not None and mean > self.most:
            return f">{self.most:g}"
        value = f"{'≥' if bound else ''}{mean:.{self.digits}f}"
        return value if std is None else f"{value}±{std:.{self.digits}f}"


@dataclass(frozen=True)
class Cell:
    """One measure of one row: a value per seed, and the published figure if there is one.

    to_retrain: its gap to Re-train, shown in parentheses; None to show none. censored: for each
    value, whether it is a lower bound, being censored or a mean of censored values; () if none is.
    """

    values: tuple[float, ...] = ()
    published: Figure | None = None
    to_retrain: float | None = None
    censored: tuple[bool, ...] = ()

    @property
    def known(self) -> tuple[float, ...]:
        """The finite values."""
        return tuple(value for value in self.values if math.isfinite(value))

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return _known(spread(self.values).mean)

    @property
    def std(self) -> float | None:
        """Standard deviation over the seeds."""
        return _known(spread(self.values).deviation)

    def past(self, column: Column) -> int:
        """Number of values that are lower bounds; if any, there is no deviation or gap."""
        over = [column.most is not None and value > column.most for value in self.values]
        flags = self.censored or (False,) * len(over)
        return sum(one or other for one, other in zip(over, flags, strict=True))

    @property
    def gap(self) -> float | None:
        """Ours minus the published figure."""
        published_mean = self.published.mean if self.published else None
        return (
            self.mean - published_mean
            if self.mean is not None and published_mean is not None
            else None
        )


@dataclass(frozen=True)
class TableRow:
    """One method, or one value of an ablation. refused: why there are no figures, else ''."""

    name: str
    label: str
    cells: Mapping[str, Cell]
    refused: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells; `stub` is the header of the row labels."""

    name: str
    title: str
    stub: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    @property
    def compares(self) -> bool:
        """Whether any cell has a published figure."""
        return any(cell.published for row in self.rows for cell in row.cells.values())

    @property
    def footnotes(self) -> dict[str, int]:
        """Reason for missing figures -> number of its footnote, from 1."""
        reasons = dict.fromkeys(row.refused for row in self.rows if row.refused)
        return {why: number for number, why in enumerate(reasons, 1)}

    @property
    def marks(self) -> dict[str, int]:
        """Row -> number of its footnote."""
        numbers = self.footnotes
        return {row.name: numbers[row.refused] for row in self.rows if row.refused}


@dataclass(frozen=True)
class Report:
    """Output of `reproduce`: tables, and notes on how they were obtained.

    origin: the command that makes it; '' means `reproduce` with the report's name.
    """

    name: str
    title: str
    quick: bool
    seeds: tuple[int, ...]
    source: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""

    @property
    def command(self) -> str:
        """The command that makes this report."""
        quick = " --quick" if self.quick else ""
        return self.origin or f"rk-engine reproduce {self.name}{quick}"

    @property
    def headline(self) -> str:
        """Title, marked if it is the quick variant."""
        return f"{self.title} [QUICK: fewer epochs and draws than the preset]" * self.quick or (
            self.title
        )

    @property
    def seed_list(self) -> str:
        """The seeds, separated by commas."""
        return ", ".join(map(str, self.seeds))

    @property
    def all_notes(self) -> list[str]:
        """Its notes, and those that the content of its cells requires."""
        notes = list(self.notes)
        cells = [pair for table in self.tables for pair in _all_cells(table)]
        if any(cell.past(column) for cell, column in cells):
            notes.append(CENSORING)
        if any(table.compares for table in self.tables):
            notes.append(f"paper: {self.source}. gap: ours minus paper.")
        if any(cell.published and cell.published.printed is not None for cell, _ in cells):
            notes.append(PRINTED)
        return notes


def row_of(
    name: str, label: str, values: Mapping[str, Sequence[float]], **options: Any
) -> TableRow:
    """A row from measure -> values, one per seed; `published`: measure -> Figure; `refused`.

    'NAME_censored' in `values` is the number of lower bounds in the mean of each value of NAME.
    """
    published: Mapping[str, Figure] = options.get("published", {})
    names = [*values, *(one for one in published if one not in values)]
    cells = {
        measure: Cell(
            tuple(values.get(measure, ())),
            published.get(measure),
            censored=tuple(count != 0 for count in values.get(f"{measure}{CENSORED}", ())),
        )
        for measure in names
        if not measure.endswith(CENSORED)
    }
    return TableRow(name, label, cells, options.get("refused", ""))


# -- text -----------------------------------------------------------------------------------------


def text(report: Report) -> str:
    """The whole report for a terminal: three lines per row if there is something to compare."""
    parts = [f"{report.name}: {report.headline}\nseeds {report.seed_list}"]
    parts += [f"{table.title}\n{_text_table(table)}" for table in report.tables]
    parts.append("\n".join(f"- {note}" for note in report.all_notes))
    return "\n\n".join(part for part in parts if part)


def _text_table(table: Table) -> str:
    compares = table.compares
    head = [table.stub, *([""] if compares else []), *(one.title for one in table.columns)]
    rows = [head]
    marks = table.marks
    for row in table.rows:
        label = row.label + (f" [{marks[row.name]}]" if row.name in marks else "")
        ours = [one.ours(row.cells.get(one.name)) for one in table.columns]
        if not compares:
            rows.append([label, *ours])
            continue
        rows.append([label, "ours", *ours])
        if any(cell.published for cell in row.cells.values()):
            published = [one.theirs(row.cells.get(one.name)) for one in table.columns]
            gaps = [one.gap(row.cells.get(one.name)) for one in table.columns]
            rows += [["", "paper", *published], ["", "gap", *gaps]]
    lines = [aligned(rows, left=(0, 1) if compares else (0,))]
    return "\n".join(lines + [f"[{footnote}] {why}" for why, footnote in table.footnotes.items()])


def _all_cells(table: Table) -> list[tuple[Cell, Column]]:
    """Every cell with its column; a bare column for measures the table does not show."""
    named = {one.name: one for one in table.columns}
    return [
        (cell, named.get(name, Column(name, name)))
        for row in table.rows
        for name, cell in row.cells.items()
    ]


# -- CSV ------------------------------------------------------------------------------------------


def as_csv(report: Report, table: Table) -> str:
    """One line per row: mean, std, published figures, gap and number censored of each measure."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    parts = ["mean", "std", *(PUBLISHED if table.compares else ())]
    parts_of_column = [
        (one, [*parts, *["censored"] * (one.most is not None)]) for one in table.columns
    ]
    names = [f"{one.name}_{part}" for one, own in parts_of_column for part in own]
    writer.writerow(["preset", "quick", "row", "label", *names, "refused", "version"])
    for row in table.rows:
        cells = [
            (_numbers(row.cells.get(one.name, Cell()), one), own) for one, own in parts_of_column
        ]
        values = [_plain(numbers[part]) for numbers, own in cells for part in own]
        quick = "yes" if report.quick else "no"
        words = [escape_formula(one) for one in (report.name, row.name, row.label, row.refused)]
        writer.writerow([words[0], quick, *words[1:3], *values, words[3], PROGRAM])
    return out.getvalue()


PUBLISHED = ("published", "published_std", "published_printed", "gap")


def _numbers(cell: Cell, column: Column) -> dict[str, float | str | None]:
    figure, past = cell.published or Figure(None), cell.past(column)
    return {
        "mean": cell.mean,
        "std": None if past else cell.std,
        "censored": past if cell.values else None,
        "published": figure.text or figure.mean,
        "published_std": figure.std,
        "published_printed": figure.printed,
        "gap": None if past else cell.gap,
    }


def _plain(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}"


# -- JSON -----------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON data: values per seed, null where there is none."""
    return {
        "preset": report.name,
        "title": report.headline,
        "quick": report.quick,
        "seeds": list(report.seeds),
        "source": report.source,
        "notes": report.all_notes,
        **report.facts,
        "tables": [_json_table(table) for table in report.tables],
    }


def _json_table(table: Table) -> dict[str, Any]:
    named = {column.name: column for _, column in _all_cells(table)}
    return {
        "name": table.name,
        "title": table.title,
        "columns": [{"name": c.name, "label": c.label, "unit": c.unit} for c in table.columns],
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "refused": row.refused or None,
                "cells": {name: _json_cell(cell, named[name]) for name, cell in row.cells.items()},
            }
            for row in table.rows
        ],
    }


def _json_cell(cell: Cell, column: Column) -> dict[str, Any]:
    values = [value if math.isfinite(value) else None for value in cell.values]
    return {"values": values, **_numbers(cell, column)}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
