"""Confusion matrices of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from engine.comparison.pair import Comparison, Groups, Matrix, matrix
from engine.drawing.palette import BLUE, ORANGE, rgb
from engine.figures.canvas import TEXT, Sheet, check_page, page, save, shown_label, style
from engine.figures.pair import SIDES, Names

NUMBERED = 14  # largest number of groups for which cells show their numbers


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
    both = [matrix(comparison, groups, side) for side in SIDES]
    rows = np.flatnonzero(both[0].counts.sum(1))
    with style(font_size):
        columns = len(groups.names)
        figure = page(width_mm, max(0.25, len(rows) / columns) * 0.88 + 0.16)
        axes = figure.add_subplot()
        for place, true in enumerate(rows):
            for predicted in range(columns):
                corner = (predicted - 0.5, place - 0.5)
                _draw_cell(axes, both, (int(true), predicted), corner, names, difference)
                _say_cell(axes, both, (int(true), predicted), corner, font_size, difference)
        _name_cells(axes, groups, rows, comparison.split)
        _matrix_legend(figure, names, difference, font_size)
        return save(figure, out, facts, _predictions_sheet(comparison.split, both, groups, names))


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
    font_size: float, difference: bool,
) -> None:  # fmt: skip
    x, y = corner
    if len(both[0].counts) > NUMBERED:
        return
    size = min(0.62 * font_size, 60 / len(both[0].counts))
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


def _name_cells(axes: Axes, groups: Groups, rows: np.ndarray, split: str) -> None:
    columns = len(groups.names)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
    turned = max(map(len, groups.names)) > 3
    axes.set_xticks(range(columns), groups.names, rotation=90 if turned else 0)
    axes.set_yticks(range(len(rows)), [groups.names[true] for true in rows])
    axes.tick_params(length=0)
    axes.set(xlabel="predicted class", ylabel=f"true class ({split})")


def _matrix_legend(figure: Figure, names: Names, difference: bool, font_size: float) -> None:
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
    handles = [Patch(color=color, label=shown_label(label)) for color, label in words]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=font_size - 1
    )


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
