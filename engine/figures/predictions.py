"""Confusion matrices of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from engine.comparison.class_order import MOST, readable_groups
from engine.comparison.pair import Comparison, Groups, Matrix, matrix
from engine.drawing.palette import BLUE, ORANGE, rgb
from engine.figures.canvas import (
    POINT,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import Page, elided, fit, text_width
from engine.figures.legends import add_legend, small
from engine.figures.page_options import BELOW
from engine.figures.pair import SIDES, Names

LARGEST = 13.0  # mm of a cell
LEAST = 5.0  # points; smaller numbers are left out
ROOM = 4.4  # mm of the page's width that a class needs
SHARE = 0.24  # of the width, at most, for names of classes


def predictions(
    comparison: Comparison,
    groups: Groups,
    names: Names,
    out: Path,
    *,
    difference: bool = False,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 120,
    font_size: float = 8,
) -> list[Path]:
    """Confusion matrix: A left and B right in each cell, or A - B.

    The stronger a color, the larger the share of the class; the grayer, the lower the confidence.
    Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    whole = [matrix(comparison, groups, side) for side in SIDES]
    shown = readable_groups(comparison, groups, min(MOST, int(width_mm / ROOM)))
    both = [matrix(comparison, shown, side) for side in SIDES]
    rows = np.flatnonzero(both[0].counts.sum(1))
    with style(font_size):
        columns = len(shown.names)
        figure = page(width_mm, LARGEST * len(rows))
        axes = figure.add_subplot()
        for place, true in enumerate(rows):
            for predicted in range(columns):
                corner = (predicted - 0.5, place - 0.5)
                _draw_cell(axes, both, (int(true), predicted), corner, names, difference)
        _name_cells(figure, axes, shown, rows, comparison.split, font_size)
        add_legend(figure, _handles(names, difference), font_size, place=BELOW)
        add_caption(figure, _caption(comparison, names, groups, shown), font_size)
        fit(figure)
        size = _number_size(figure, axes, columns, font_size)
        for place, true in enumerate(rows if size else ()):
            for predicted in range(columns):
                corner = (predicted - 0.5, place - 0.5)
                _say_cell(axes, both, (int(true), predicted), corner, size, difference)
        return save(figure, out, facts, _predictions_sheet(comparison.split, whole, groups, names))


def _number_size(figure: Page, axes: Axes, columns: int, font_size: float) -> float:
    """The font size of numbers that fit into the cells, 0 if they would be too small to read."""
    cell = axes.get_window_extent().width / figure.dpi * 25.4 / columns
    widest = text_width(figure, "100", font_size) / font_size  # mm per point
    size = min(0.85 * font_size, 0.44 * cell / widest)
    return size if size >= LEAST else 0.0


def _draw_cell(
    axes: Axes, both: Sequence[Matrix], cell: tuple[int, int], corner: tuple[float, float],
    names: Names, difference: bool,
) -> None:  # fmt: skip
    x, y = corner
    if difference:
        gap = float(both[0].share[cell] - both[1].share[cell])
        axes.add_patch(Rectangle(corner, 1, 1, color=_toward(ORANGE if gap > 0 else BLUE, gap)))
    else:
        for one, look, left in zip(both, names.styles(), (x, x + 0.5), strict=True):
            if one.counts[cell]:
                vivid = _vivid(look.color, float(one.confidence[cell]))
                color = _toward(vivid, float(one.share[cell]))
                axes.add_patch(Rectangle((left, y), 0.5, 1, color=color, linewidth=0))
    edge = TEXT if cell[0] == cell[1] else "#d3d8de"
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=edge, linewidth=0.4))


def _say_cell(
    axes: Axes, both: Sequence[Matrix], cell: tuple[int, int], corner: tuple[float, float],
    size: float, difference: bool,
) -> None:  # fmt: skip
    x, y = corner
    if difference:
        gap = float(both[0].share[cell] - both[1].share[cell])
        if abs(gap) >= 0.05:
            words = f"{gap:+.1f}".replace("-", "−")
            color = "white" if abs(gap) > 50 else TEXT
            axes.text(x + 0.5, y + 0.5, words, ha="center", va="center", fontsize=size, color=color)
        return
    for one, middle in zip(both, (x + 0.25, x + 0.75), strict=True):
        if one.counts[cell]:
            color = "white" if one.share[cell] > 50 else TEXT
            axes.text(
                middle, y + 0.5, f"{one.share[cell]:.0f}", ha="center", va="center",
                fontsize=size, color=color,
            )  # fmt: skip


def _name_cells(
    figure: Page, axes: Axes, groups: Groups, rows: np.ndarray, split: str, font_size: float
) -> None:
    columns, size = len(groups.names), small(font_size)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
    room = 0.7 * figure.width_mm / columns
    turned = max(text_width(figure, name, size) for name in groups.names) > room
    names = [elided(figure, name, SHARE * figure.width_mm, size) for name in groups.names]
    fitting = min(size, room / POINT)  # a label is about as high as its font
    axes.set_xticks(range(columns), names, rotation=90 if turned else 0)
    axes.set_yticks(range(len(rows)), [names[true] for true in rows])
    axes.tick_params(length=0, labelsize=max(fitting, LEAST))
    axes.set(xlabel="predicted class", ylabel=f"true class ({split})")


def _handles(names: Names, difference: bool) -> list[Patch]:
    first, second = names.labels
    words = (
        ((ORANGE, f"A {first} more often (points)"), (BLUE, f"B {second} more often"))
        if difference
        else tuple(
            (look.color, f"{side}: {label} ({where}, % of the class)")
            for side, label, look, where in zip(
                "AB", names.labels, names.styles(), ("left", "right"), strict=True
            )
        )
    )
    return [Patch(color=color, label=shown_label(label)) for color, label in words]


def _caption(comparison: Comparison, names: Names, groups: Groups, shown: Groups) -> str:
    words = (
        f"Predictions of {names.label_a} (A) and {names.label_b} (B) on {comparison.split} samples "
        "in percent of each true class; the stronger a color, the larger the share; the grayer, "
        "the lower the confidence."
    )
    if shown is groups:
        return words
    return f"{words} Of {len(groups.names):,} classes, those in which the models differ most."


def _toward(color: str, percent: float) -> tuple[float, ...]:
    """The color mixed with white, by the square root of a share in percent."""
    share = min(1.0, np.sqrt(abs(percent) / 100))
    return tuple(1 - share * (1 - part / 255) for part in rgb(color))


def _vivid(color: str, confidence: float) -> str:
    """The color, grayer for lower confidence."""
    gray = float(np.mean(rgb(color)))
    parts = (round(gray + (part - gray) * confidence) for part in rgb(color))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _predictions_sheet(split: str, both: Sequence[Matrix], groups: Groups, names: Names) -> Sheet:
    header = ["split", "model", "true", "predicted", "count", "share_percent", "mean_confidence"]
    rows: list[list[object]] = []
    for model, one in zip((names.a, names.b), both, strict=True):
        for true, predicted in np.ndindex(*one.counts.shape):
            cell = (true, predicted)
            numbers = (int(one.counts[cell]), float(one.share[cell]), float(one.confidence[cell]))
            rows.append([split, model, groups.names[true], groups.names[predicted], *numbers])
    return header, rows
