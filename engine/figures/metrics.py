"""The table of all models and measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.analysis.model_table import RESIDUAL, ModelCell, ModelRow, ModelTable, Quantity
from engine.figures.canvas import (
    MUTED,
    POINT,
    TEXT,
    Sheet,
    check_page,
    page,
    save,
    style,
    wrapped_text,
)
from engine.metrics import COMPARED

LETTER = 0.6  # width of a letter, in sizes of the font
LINE = 1.35  # height of a line, in sizes of the font
PUBLISHED = ", published"
SMALL = 0.8  # size of the second line of a cell, relative to the first
Text = tuple[str, str]  # the two lines of a cell


def metrics_table(
    board: ModelTable,
    sheet: Sheet,
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    note: str = "",
    width_mm: float = 183,
    font_size: float = 8,
) -> list[Path]:
    """The board as a table, with as many columns as fit the page; returns the files written.

    sheet: all numbers of the board, for the CSV; note: a sentence below the table. SpecError as
    `curves`.
    """
    check_page(out, width_mm, font_size)
    rows = [line for row in board.rows for line in _lines(row, board.quantities)]
    lines = [[("", ""), *(_title(one, board) for one in board.quantities)], *rows]
    widths = _fitting(lines, width_mm / (font_size * POINT))
    words = wrapped_text(note, width_mm / (font_size * POINT * LETTER)) if note else ""
    with style(font_size):
        table = (2 * len(lines) + 1) * LINE * font_size * POINT
        below = LINE * font_size * POINT * len(words.splitlines())
        figure = page(width_mm, (table + below) / width_mm, fitted=False)
        axes = figure.add_axes((0, below / (table + below), 1, table / (table + below)))
        axes.axis("off")
        figure.text(0.005, 0.005, words, color=MUTED, fontsize=font_size * 0.9, va="bottom")
        _draw_table(axes, [line[: len(widths)] for line in lines], widths, font_size)
        return save(figure, out, facts, sheet)


def _title(quantity: Quantity, board: ModelTable) -> Text:
    at = f" at τ {board.tau:g}" if quantity.at_tau else ""
    return f"{quantity.label}{at}", f"({quantity.unit})" if quantity.unit else ""


def _lines(row: ModelRow, quantities: Sequence[Quantity]) -> list[list[Text]]:
    """The line of the model, and below it that of its published figures."""
    lines = [[(row.label, row.run), *(_text(row.entry(one.name), one) for one in quantities)]]
    if any(entry.published for entry in row.entries.values()):
        published = [(_published(row.entry(one.name), one), "") for one in quantities]
        lines.append([(f"{row.label}{PUBLISHED}", row.run), *published])
    return lines


def _text(entry: ModelCell, quantity: Quantity) -> Text:
    """The value with its deviation; below it the interval of r, or the gap to Re-train."""
    text = quantity.of(entry)
    if math.isfinite(entry.deviation):
        text += f"±{quantity.text(entry.deviation)}"
    if quantity.name == RESIDUAL and math.isfinite(entry.low):
        return text, f"[{entry.low:.2f}, {entry.high:.2f}]"
    if quantity.name in COMPARED and math.isfinite(entry.gap):
        return text, f"({entry.gap:+.{quantity.digits}f})"
    return text, ""


def _published(entry: ModelCell, quantity: Quantity) -> str:
    figure = entry.published
    if figure is None:
        return "–"
    if figure.mean is None:
        return figure.text
    spread = "" if figure.std is None else f"±{quantity.text(figure.std)}"
    return f"{quantity.text(figure.mean)}{spread}"


def _fitting(lines: Sequence[Sequence[Text]], most: float) -> list[float]:
    """Widths of the columns that fit into `most` font sizes, at least two of them."""
    widths: list[float] = []
    for column in zip(*lines, strict=True):
        letters = max(max(len(text), SMALL * len(small)) for text, small in column)
        width = LETTER * letters + 1
        if len(widths) > 1 and sum(widths) + width > most:
            break
        widths.append(width)
    return widths


def _draw_table(
    axes: Axes, lines: Sequence[Sequence[Text]], widths: Sequence[float], font_size: float
) -> None:
    """Draw lines of cells, the first in bold; widths: of the columns, relative to their sum."""
    edges = np.cumsum(widths) / sum(widths) - 0.005
    axes.set(xlim=(0, 1), ylim=(len(lines), 0))
    for i, line in enumerate(lines):
        quiet = line[0][0].endswith(PUBLISHED)
        for column, (text, small) in enumerate(line):
            at, side = (0.005, "left") if column == 0 else (edges[column], "right")
            weight = "bold" if i == 0 else "normal"
            axes.text(
                at, i + (0.3 if small else 0.5), text, ha=side, va="center",
                color=MUTED if quiet else TEXT, fontweight=weight,
            )  # fmt: skip
            axes.text(
                at, i + 0.72, small, ha=side, va="center", color=MUTED,
                fontsize=SMALL * font_size,
            )  # fmt: skip
    for y, width in ((0.05, 0.8), (1, 0.5), (len(lines) - 0.05, 0.8)):
        axes.axhline(y, color=TEXT, linewidth=width)
