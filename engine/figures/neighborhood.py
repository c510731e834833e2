"""The perturbed copies of one sample, in the style of the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.drawing.copy_words import changed_words
from engine.drawing.difference_image import amplified, around_gray
from engine.drawing.labels import model_label, perturbation_label
from engine.drawing.palette import class_color
from engine.figures.canvas import (
    MUTED,
    POINT,
    RIGHT_COLOR,
    TEXT,
    WRONG_COLOR,
    Sheet,
    add_caption,
    blank_page,
    check_page,
    draw_sample,
    number,
    save,
    style,
)
from engine.figures.layout import Page, elided, no_room, text_width, wrap
from engine.figures.page_options import page_options
from engine.residual.sample_ratio import Ratio, ratios_around
from engine.results import Neighborhood

SHOWN_COPIES = 12
SMALLEST, LARGEST = 2.7, 15.0  # width of a copy: sizes of the font at least, mm at most
NAMES = 0.24  # of the width, at most, for names of models
GAP = 1.6  # mm between columns of words and copies
LINE = 1.25  # height of a line, in sizes of its font
SMALL, TINY = 0.8, 0.65  # fonts of r and of predictions, relative to the others
LEAST = 5.0  # points
EDGE = 0.6  # mm
GREW, SHRANK = "#0072b2", "#d55e00"


def neighborhood(
    neighbors: Neighborhood,
    classes: Sequence[str],
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
    copies: int = SHOWN_COPIES,
    original: np.ndarray | None = None,
    changes: bool = False,
    name: str = "",
) -> list[Path]:
    """Copies in columns by perturbation size, models in rows: the paper's Figure 1.

    original: the sample (C, H, W) or (d,) in [0, 1], drawn before its copies; without it, sizes
    are distances from the mean of the copies, which approximates it. A check or a cross shows
    whether a model recognizes the copy; below it is the probability of the true class. At the end
    are the counts over all copies, and r with its 95 % interval. changes: add a row with the
    perturbations, amplified. name: display name of the sample. At most `copies` copies are drawn,
    evenly spaced in size; the CSV has all. Copies that are messages are numbered, and the caption
    says which words they changed. Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    order, sizes = by_size(neighbors.copies, original)
    strips = 2 if changes and original is not None and not neighbors.edits else 1
    with style(font_size):
        heads = ["sample", *["perturbation"] * (strips - 1)]
        grid = _grid(neighbors, labels, width_mm, font_size, min(copies, len(order)), heads)
        drawn = order[evenly(len(order), grid.copies)]
        top = strips * grid.cell
        rows = [_row_height(grid, name, font_size) for name in grid.names]
        figure = blank_page(width_mm, top + sum(rows) + 2 * EDGE)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, width_mm), ylim=(figure.height_mm, 0))
        if neighbors.edits:
            _number_copies(axes, grid)
        else:
            color = class_color(neighbors.label)
            _draw_copies(axes, grid, neighbors.copies[drawn], original, color)
        if strips == 2 and original is not None:
            _draw_changes(axes, grid, neighbors.copies[drawn], original)
        _draw_verdicts(figure, axes, neighbors, drawn, grid, rows, EDGE + top, classes, font_size)
        add_caption(figure, _caption(neighbors, classes, drawn, name), font_size)
        return save(figure, out, facts, _neighborhood_sheet(neighbors, classes, order, sizes))


@dataclass(frozen=True)
class _Grid:
    """Columns in mm: names of models (in lines), copies, counts.

    left: where the copies begin; cell: width of a copy; after: where the counts begin.
    """

    names: Sequence[str]
    left: float
    cell: float
    copies: int
    after: float


def _grid(
    neighbors: Neighborhood,
    labels: Mapping[str, str],
    width_mm: float,
    size: float,
    most: int,
    heads: Sequence[str],
) -> _Grid:
    """The columns that fit the page; SpecError if there is no room for a copy."""
    ruler = blank_page(width_mm, page_options().height_mm or width_mm)
    small, tiny = max(LEAST, SMALL * size), max(LEAST, TINY * size)
    names = [model_label(name, labels) for name in neighbors.predictions]
    names = [wrap(ruler, name, NAMES * width_mm, size) for name in names]
    least = max(SMALLEST * size * POINT, text_width(ruler, "100 %", tiny) + 0.6)
    words = max(text_width(ruler, name, size) for name in (*names, *heads))
    title = text_width(ruler, "sample", size) + 1
    ratios = [_ratio_words(one) for one in ratios_around(neighbors).values()]
    counts = [text_width(ruler, f"{len(neighbors.copies)} of {len(neighbors.copies)}", size)]
    counts += [text_width(ruler, one, small) for one in ratios]
    room = width_mm - 2 * EDGE - 2 * GAP - max(counts)
    count = max(0, min(most, int((room - max(words, title + least)) / least)))
    if not count:
        raise no_room(size)
    cell = min((room - words) / count, (room - title) / (count + 1), LARGEST)
    before = EDGE + max(words, title + cell) + GAP
    return _Grid(names, before, cell, count, before + count * cell + GAP)


def _row_height(grid: _Grid, name: str, size: float) -> float:
    """The height in mm of the row of a model: a mark with two lines below, or its name."""
    tiny = max(LEAST, TINY * size)
    marks = (LINE * (size + 1) + 2 * 1.1 * tiny + 2.5) * POINT
    return max(marks, (name.count("\n") + 1) * LINE * size * POINT + 1)


def _caption(neighbors: Neighborhood, classes: Sequence[str], drawn: np.ndarray, name: str) -> str:
    subject = f"Sample {neighbors.sample}{f' ({name})' if name else ''}"
    return (
        f"{subject}, class {classes[neighbors.label]}: "
        f"{perturbation_label(neighbors.perturbation)} at τ = {neighbors.tau:g}; "
        f"{len(drawn)} of {len(neighbors.copies)} copies, larger perturbations to the right. A "
        "check: the model recognizes the copy; below it the probability of the true class. At the "
        f"right: copies recognized, and r with its 95 % interval.{_edits(neighbors, drawn)}"
    )


def _edits(neighbors: Neighborhood, drawn: np.ndarray) -> str:
    """The message, and the words that each drawn copy changed; '' if there are no messages."""
    if not neighbors.edits:
        return ""
    copies = [
        f"{place}: {changed_words(neighbors.edits[copy]) or 'unchanged'}"
        for place, copy in enumerate(drawn.tolist(), 1)
    ]
    return f" Message: “{' '.join(neighbors.edits[0].words)}”. {'; '.join(copies)}."


def _number_copies(axes: Axes, grid: _Grid) -> None:
    """Number the copies, which are messages, as the caption does."""
    for i in range(grid.copies):
        x = grid.left + (i + 0.5) * grid.cell
        axes.text(x, EDGE + grid.cell / 2, str(i + 1), ha="center", va="center")


def _draw_copies(
    axes: Axes, grid: _Grid, copies: np.ndarray, original: np.ndarray | None, color: str
) -> None:
    if original is not None:
        axes.text(EDGE, EDGE + grid.cell / 2, "sample", va="center")
        side = grid.left - GAP - grid.cell
        _draw_picture(axes, max(side, EDGE), EDGE, grid.cell, original, color)
    for i, copy in enumerate(copies):
        _draw_picture(axes, grid.left + i * grid.cell, EDGE, grid.cell, copy, color)


def _draw_changes(axes: Axes, grid: _Grid, copies: np.ndarray, original: np.ndarray) -> None:
    """Draw the perturbations: images around gray, features as bars up and down."""
    changes, factor = amplified(copies, original)
    words = f"perturbation\n× {factor:.3g}" if factor else "unperturbed"
    y = EDGE + grid.cell
    axes.text(EDGE, y + grid.cell / 2, words, va="center")
    for i, change in enumerate(changes):
        x = grid.left + i * grid.cell
        if change.ndim == 1:
            box = _box(axes, x, y, grid.cell)
            box.bar(np.arange(len(change)), change, color=np.where(change > 0, GREW, SHRANK))
            box.set_ylim(-1, 1)
        else:
            _draw_picture(axes, x, y, grid.cell, around_gray(change), TEXT)


def _box(axes: Axes, x: float, y: float, side: float) -> Axes:
    """Square axes for one picture, its upper left corner at (x, y) mm."""
    pad, width, height = 0.04 * side, axes.get_xlim()[1], axes.get_ylim()[0]
    inner = side - 2 * pad
    place = ((x + pad) / width, 1 - (y + pad + inner) / height, inner / width, inner / height)
    box = axes.inset_axes(place)
    box.set(xticks=[], yticks=[])
    return box


def _draw_picture(
    axes: Axes, x: float, y: float, side: float, sample: np.ndarray, color: str
) -> None:
    draw_sample(_box(axes, x, y, side), sample, color)


def _draw_verdicts(
    figure: Page,
    axes: Axes,
    neighbors: Neighborhood,
    drawn: np.ndarray,
    grid: _Grid,
    rows: Sequence[float],
    top: float,
    classes: Sequence[str],
    size: float,
) -> None:
    ratios, tiny = ratios_around(neighbors), max(LEAST, TINY * size)
    for name, label, height in zip(neighbors.predictions, grid.names, rows, strict=True):
        axes.plot([EDGE, figure.width_mm - EDGE], [top, top], color=MUTED, linewidth=0.3)
        middle = top + height / 2
        axes.text(EDGE, middle, label, va="center")
        count = f"{neighbors.counts[name]} of {len(neighbors.copies)}"
        aside = 0.5 * LINE * size * POINT if name in ratios else 0.0
        axes.text(grid.after, middle - aside, count, va="center")
        if name in ratios:
            axes.text(
                grid.after, middle + aside, _ratio_words(ratios[name]), va="center", color=MUTED,
                fontsize=max(LEAST, SMALL * size),
            )  # fmt: skip
        for column, copy in enumerate(drawn):
            predicted = int(neighbors.predictions[name][copy])
            right = predicted == neighbors.label
            share = f"{100 * neighbors.confidence[name][copy]:.0f} %"
            wrong = elided(figure, classes[predicted], grid.cell - 0.3, tiny)
            x = grid.left + (column + 0.5) * grid.cell
            axes.text(
                x, top + 0.8, "✓" if right else "✗", color=RIGHT_COLOR if right else WRONG_COLOR,
                ha="center", va="top", fontsize=size + 1,
            )  # fmt: skip
            axes.text(
                x, top + 0.8 + LINE * (size + 1) * POINT, share if right else f"{wrong}\n{share}",
                ha="center", va="top", fontsize=tiny, color=TEXT, linespacing=1.0,
            )  # fmt: skip
        top += height


def _neighborhood_sheet(
    neighbors: Neighborhood, classes: Sequence[str], order: np.ndarray, sizes: np.ndarray
) -> Sheet:
    header = [
        "copy", "distance_l2", "model", "prediction", "correct", "confidence", "recognized",
        "copies", "r", "low", "high", *(["text"] if neighbors.edits else []),
    ]  # fmt: skip
    rows: list[list[object]] = []
    ratios = ratios_around(neighbors)
    for name, predictions in neighbors.predictions.items():
        one = ratios.get(name)
        numbers = [float(n) for n in (one.r, one.low, one.high)] if one else ["", "", ""]
        for copy in order:
            k = int(predictions[copy])
            share = float(neighbors.confidence[name][copy])
            right = int(k == neighbors.label)
            rows.append(
                [int(copy), float(sizes[copy]), name, classes[k], right, share,
                 neighbors.counts[name], len(order), *numbers,
                 *([neighbors.edits[copy].text] if neighbors.edits else [])]
            )  # fmt: skip
    return header, rows


def _ratio_words(one: Ratio) -> str:
    if not one.against:
        return "r undefined"
    return f"r {number(float(one.r), '.2f')} [{one.low:.2f}, {one.high:.2f}]"


def by_size(copies: np.ndarray, original: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(order, L2 distances), each (c,): of the copies (c, ...) to the sample or to their mean."""
    center = copies.mean(0) if original is None else original
    distances = np.linalg.norm((copies - center).reshape(len(copies), -1), axis=1)
    return np.argsort(distances, kind="stable"), distances


def evenly(count: int, most: int) -> np.ndarray:
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, max(1, most)).round().astype(int))
