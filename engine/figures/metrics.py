"""The table of all models and measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.analysis.model_table import RESIDUAL, ModelCell, ModelRow, ModelTable, Quantity
from engine.figures.canvas import (
    MUTED,
    POINT,
    TEXT,
    Sheet,
    add_caption,
    blank_page,
    check_page,
    save,
    style,
)
from engine.figures.layout import Page, text_width, wrap
from engine.figures.page_options import page_options
from engine.metrics import COMPARED

LINE = 1.3  # height of a line, in sizes of its font
PUBLISHED = ", published"
TITLE = 5.6  # width to which titles of columns are broken, in sizes of the font
PADDING = 0.5  # above and below a row together, in sizes of the font
LITTLE = 0.8  # of the font size, to which a table is set smaller rather than in parts
SMALL = 0.8  # size of the second line of a cell, relative to the first
SMALLEST, LEAST = 6.0, 5.0  # points, of the first and of the second line
NAMES = 0.34  # of the width, at most, for names of models
BETWEEN, EDGE = 2.0, 0.5  # mm between columns, and at the edges of the page
MOST_APART = 6.0  # mm more between columns where there is room
CAPTION = (
    "Measures of every model. Below a value: the difference to Re-train; below r: its 95 % "
    "interval."
)
LONGEST = 230.0  # mm of height from which a table of several parts is set smaller
Text = tuple[str, str]  # the two lines of a cell


@dataclass(frozen=True)
class Part:
    """Some columns of the table: their numbers, and their right edges in mm; 0 is the names'.

    tops: where the rows begin, and the last one ends, in mm from the top of the part.
    """

    columns: Sequence[int]
    edges: Sequence[float]
    tops: Sequence[float]


@dataclass(frozen=True)
class Setting:
    """How the table is set: its font size in points, its cells, and its parts."""

    size: float
    lines: Sequence[Sequence[Text]]
    parts: Sequence[Part]

    @property
    def small(self) -> float:
        """The font size of the second lines."""
        return max(LEAST, SMALL * self.size)

    @property
    def height(self) -> float:
        """The height of all parts, in mm."""
        return sum(part.tops[-1] + self.gap for part in self.parts)

    @property
    def gap(self) -> float:
        """The height between two parts, in mm."""
        return 0.8 * LINE * self.size * POINT


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
    """The board as a table, in several parts if its columns do not fit side by side.

    sheet: all numbers of the board, for the CSV; note: a sentence for the caption. Returns the
    files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    rows = [line for row in board.rows for line in _lines(row, board.quantities)]
    lines = [[("", ""), *(_title(one, board) for one in board.quantities)], *rows]
    with style(font_size):
        ruler = blank_page(width_mm, page_options().height_mm or LONGEST)
        setting = _setting(ruler, lines, font_size)
        figure = blank_page(width_mm, setting.height)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, width_mm), ylim=(figure.height_mm, 0))
        top = setting.gap / 2
        for part in setting.parts:
            _draw_part(axes, setting, part, top)
            top += part.tops[-1] + setting.gap
        add_caption(figure, f"{CAPTION} {note}", font_size)
        return save(figure, out, facts, sheet)


def _setting(page: Page, lines: Sequence[Sequence[Text]], font_size: float) -> Setting:
    """The largest setting that fits on a sheet of paper, not smaller than can be read."""
    size = font_size
    while size >= max(SMALLEST, LITTLE * font_size):  # one table, if that is a little smaller
        setting = _set(page, lines, size)
        if len(setting.parts) == 1:
            return setting
        size -= 0.5
    size = font_size
    setting = _set(page, lines, size)
    while size - 0.5 >= SMALLEST and len(setting.parts) > 1 and setting.height > LONGEST:
        size -= 0.5
        setting = _set(page, lines, size)
    return setting


def _set(page: Page, lines: Sequence[Sequence[Text]], size: float) -> Setting:
    """The table in a font size, with names and titles of columns broken into lines."""
    small = max(LEAST, SMALL * size)
    names = [wrap(page, line[0][0], NAMES * page.width_mm, size) for line in lines]
    cells = [[(name, line[0][1]), *line[1:]] for name, line in zip(names, lines, strict=True)]
    bodies = [_width(page, column, size, small) for column in zip(*cells[1:], strict=True)]
    words = [
        max(text_width(page, w, size, "bold") for w in text.split(" ")) for text, _ in lines[0]
    ]
    limits = [max(one, word, TITLE * size * POINT) for one, word in zip(bodies, words, strict=True)]
    cells[0] = [
        (wrap(page, text, limit, size, "bold"), under)
        for (text, under), limit in zip(cells[0], limits, strict=True)
    ]
    widths = [
        max(body, text_width(page, text, size, "bold"), text_width(page, under, small)) + BETWEEN
        for body, (text, under) in zip(bodies, cells[0], strict=True)
    ]
    parts = [
        Part(columns, edges, _tops(cells, columns, size, small))
        for columns, edges in _parts(widths, page.width_mm)
    ]
    return Setting(size, cells, parts)


def _width(page: Page, column: Sequence[Text], size: float, small: float) -> float:
    return max(
        max(text_width(page, text, size), text_width(page, under, small)) for text, under in column
    )


def _tops(
    lines: Sequence[Sequence[Text]], columns: Sequence[int], size: float, small: float
) -> list[float]:
    """Where the rows of a part begin, and the last one ends, in mm."""
    tops = [0.0]
    for line in lines:
        above = max(line[column][0].count("\n") + 1 for column in columns)
        below = any(line[column][1] for column in columns)
        tops.append(tops[-1] + (LINE * (above * size + below * small) + PADDING * size) * POINT)
    return tops


def _parts(widths: Sequence[float], page: float) -> list[tuple[Sequence[int], Sequence[float]]]:
    """The columns in as few parts as fit the page, of about equal width; each has the names."""
    names, room = widths[0] + EDGE, page - widths[0] - 2 * EDGE
    fewest = len(_filled(widths, room))
    limits = [room * share for share in np.linspace(0.3, 1, 71)]
    for limit in limits:
        columns = _filled(widths, limit)
        if len(columns) == fewest and all(sum(widths[i] for i in one) <= room for one in columns):
            break
    spread = max(0.0, room - max(sum(widths[i] for i in one) for one in columns))
    each = min(spread / max(map(len, columns)), MOST_APART)
    sums = [sum(widths[i] for i in one) for one in columns]
    total = max(own + each * len(one) for own, one in zip(sums, columns, strict=True))
    apart = [(total - own) / len(one) for own, one in zip(sums, columns, strict=True)]
    return [  # all of one width, as their rules show where they end
        ((0, *one), (names, *(names + np.cumsum([widths[i] + more for i in one])).tolist()))
        for one, more in zip(columns, apart, strict=True)
    ]


def _filled(widths: Sequence[float], room: float) -> list[list[int]]:
    """The columns in parts of at most this width, at least one in each."""
    parts: list[list[int]] = []
    left = 0.0
    for column in range(1, len(widths)):
        if not parts or widths[column] > left:
            parts.append([])
            left = room
        parts[-1].append(column)
        left -= widths[column]
    return parts


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


def _draw_part(axes: Axes, setting: Setting, part: Part, top: float) -> None:
    """Draw some columns of all rows, the first row in bold, between three lines."""
    line_height = LINE * setting.size * POINT
    for i, line in enumerate(setting.lines):
        quiet = line[0][0].replace("\n", " ").endswith(PUBLISHED)
        y = top + part.tops[i] + PADDING * setting.size * POINT / 2
        for column, edge in zip(part.columns, part.edges, strict=True):
            text, under = line[column]
            at, side = (EDGE, "left") if column == 0 else (edge, "right")
            axes.text(
                at, y, text, ha=side, va="top", color=MUTED if quiet else TEXT,
                fontweight="normal" if i else "bold", fontsize=setting.size,
            )  # fmt: skip
            axes.text(
                at, y + line_height * (text.count("\n") + 1), under, ha=side, va="top",
                color=MUTED, fontsize=setting.small,
            )  # fmt: skip
    for place, width in ((0, 0.8), (1, 0.5), (-1, 0.8)):
        y = top + part.tops[place]
        axes.plot([EDGE, part.edges[-1]], [y, y], color=TEXT, linewidth=width)
