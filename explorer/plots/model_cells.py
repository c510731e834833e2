"""A board as cells of a table: value and deviation, and in small print the gap to Re-train."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.analysis.finding import Finding, plain
from engine.analysis.model_table import RESIDUAL, RETRAIN, ModelCell, ModelRow, ModelTable, Quantity
from engine.metrics import COMPARED
from engine.paper.presets import Figure
from explorer.theme import Theme
from explorer.widgets.table import Cell, Column

BEST = {"up": "best: high", "down": "best: low", RETRAIN: "best: as Re-train", "one": "best: 1"}
LONG, SHORT, BRIEF = range(3)  # lengths of the words: all; shorter headers; shorter findings too
GOALS = {
    "up": "higher is better",
    "down": "lower is better",
    RETRAIN: "best near Re-train's",
    "one": "best near 1",
}
MISSING = "–"
FINDING = Column(
    "Finding",
    "What the measured copies show, in words: verdicts on the forget samples over all τ, and the "
    "curve of r beside the null band; a click selects the samples that are counted",
)


def columns(board: ModelTable, length: int = LONG) -> list[Column]:
    """The headers: measure and unit, and below them, if they are long, which values are better."""
    model = Column("Model", "Original, Re-train (mean over all) and the unlearning methods")
    finding = replace(FINDING, title="Finding\nrecognized") if length == BRIEF else FINDING
    headers = [model, finding]
    for one in board.quantities:
        unit = f" {one.unit}" if one.unit else ""
        at = f", at τ {board.tau:g}" if one.at_tau else ""
        tip = f"{one.help}{f', in {one.unit}' if one.unit else ''}{at}; {GOALS[one.better]}"
        title = f"{one.label}{unit}\n{BEST[one.better]}"
        if length != LONG and one.unit:
            title = f"{one.label}\n{one.unit}"
        headers.append(Column(title, tip))
    return headers


def rows(
    board: ModelTable,
    theme: Theme,
    findings: Sequence[Finding] = (),
    yardstick: str = "",
    length: int = LONG,
) -> list[list[Cell]]:
    """One row per model, followed by a row of its published values, if any.

    findings: on the models; yardstick: how many samples a Re-train is charged with, '' if unknown;
    length: BRIEF for the numbers of the findings alone.
    """
    cells = []
    found = {(one.model, one.run): one for one in findings}
    for row in board.rows:
        color = theme.model_style(row.model).color
        name = Cell(row.label, row.run, row.name, color)
        words = _finding(found.get((row.model, row.run)) if row.n == 1 else None, length)
        if row.model == RETRAIN and not row.run and row.n == 1:
            words = _yardstick(yardstick, length)
        cells.append([name, words, *(_cell(row.entry(one.name), one) for one in board.quantities)])
        if any(entry.published for entry in row.entries.values()):
            cells.append([*_published(row, board)])
    return cells


def _yardstick(words: str, length: int) -> Cell:
    """How many samples a Re-train is charged with, and by whom."""
    judges = "each judged by the others" * bool(words)
    if length < BRIEF:
        return Cell(words, judges, words=True)
    return Cell(words.removeprefix("copies of "), words=True, tip=f"{words}, {judges}".strip(", "))


def _finding(found: Finding | None, length: int) -> Cell:
    """A finding in two lines; a link to the samples it counts, else to its first tau."""
    if found is None:
        return Cell("", words=True)
    first, _, second = plain(found.short).partition("; ")
    if length == BRIEF:
        first, where, at = plain(found.brief).partition(" from ")
        second = f"from {at}" if where else ""
    link = found.links[0] if found.links else None
    value = math.nan if found.residual is None else float(found.residual)
    return Cell(first, second, value, tip=found.text, link=link, words=True)


def _cell(entry: ModelCell, quantity: Quantity) -> Cell:
    text = quantity.of(entry)
    if math.isfinite(entry.deviation):
        text = f"{text} ± {quantity.text(entry.deviation)}"
    return Cell(text, _small(entry, quantity), entry.mean)


def _small(entry: ModelCell, quantity: Quantity) -> str:
    """The interval of r, or the gap of an accuracy to Re-train."""
    if quantity.name == RESIDUAL and math.isfinite(entry.low):
        return f"{entry.low:.2f} to {entry.high:.2f}"
    if quantity.name in COMPARED and math.isfinite(entry.gap):
        return f"{entry.gap:+.{quantity.digits}f}".replace("-", "−")
    return ""


def _published(row: ModelRow, board: ModelTable) -> Iterator[Cell]:
    yield Cell(f"{row.label}, published", row.run, f"{row.name}, published", quiet=True)
    yield Cell("", quiet=True, words=True)
    for one in board.quantities:
        figure = row.entry(one.name).published
        mean = math.nan if figure is None or figure.mean is None else figure.mean
        yield Cell(_figure(figure, one), _printed(figure), mean, quiet=True)


def _figure(figure: Figure | None, quantity: Quantity) -> str:
    if figure is None:
        return MISSING
    if figure.mean is None:
        return figure.text
    spread = "" if figure.std is None else f" ± {quantity.text(figure.std)}"
    return f"{quantity.text(figure.mean)}{spread}"


def _printed(figure: Figure | None) -> str:
    """The value printed in the paper if ours was recomputed from its accuracies."""
    return "" if figure is None or figure.printed is None else f"printed {figure.printed:g}"
