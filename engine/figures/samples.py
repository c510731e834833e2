"""A contact sheet: samples with their number, class, and what a model says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from engine.analysis.contact_sheet import Specimen
from engine.drawing.palette import class_color
from engine.errors import SpecError
from engine.figures.canvas import (
    MUTED,
    POINT,
    RIGHT_COLOR,
    TEXT,
    WRONG_COLOR,
    Sheet,
    check,
    draw_image,
    draw_sample,
    filled,
    page,
    save,
    style,
)

CAPTION = 3  # lines
LETTERS = 13.0  # of a caption's line
LETTER, LINE = 0.56, 1.3  # width and height of a letter, in sizes of the font
SMALL = 0.8  # a caption's letters, relative to the others
GAP = 1.2  # mm between columns


def samples(
    shown: Sequence[Specimen],
    classes: Sequence[str],
    model: str,
    out: Path,
    *,
    title: str = "",
    rule: str = "",
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
) -> list[Path]:
    """Pictures in rows, each with number and class, what `model` (a label) says, and its r.

    title: which samples these are; rule: of their verdicts, for the CSV, which has a row for
    each. Returns the files written; SpecError as `curves`, and where there is nothing to show.
    """
    check(out, width_mm, font_size)
    if not shown:
        raise SpecError(
            "No sample is left to show. Name some, or use a filter that lets some through."
        )
    small = max(SMALL * font_size, 4.0)
    cell = LETTERS * LETTER * small * POINT + GAP
    columns = max(1, min(len(shown), int(width_mm / cell)))
    cell = min(width_mm / columns, 2 * cell)
    caption = CAPTION * LINE * small * POINT + GAP
    words = filled(_headline(title, model, shown), width_mm / font_size * 5)
    top = (words.count("\n") + 1) * LINE * font_size * POINT + GAP
    rows = math.ceil(len(shown) / columns)
    height = top + rows * (cell - GAP + caption) + GAP
    with style(font_size):
        figure = page(width_mm, height / width_mm, fitted=False)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.text(GAP, height - GAP / 2, words, va="top", fontsize=font_size)
        for number, one in enumerate(shown):
            row, column = divmod(number, columns)
            x, y = column * cell + GAP / 2, height - top - row * (cell - GAP + caption)
            _draw_one(axes, x, y, cell - GAP, one, classes, small)
        axes.set(xlim=(0, width_mm), ylim=(0, height))  # once imshow has had its say
        return save(figure, out, facts, _sheet(shown, classes, model, rule))


def _headline(title: str, model: str, shown: Sequence[Specimen]) -> str:
    words = f"{title or f'{len(shown)} samples'}; below each: what {model} says, and how sure it is"
    return words + "; r: its largest over τ" * any(one.verdict for one in shown)


def _draw_one(
    axes: Axes,
    x: float,
    y: float,
    side: float,
    one: Specimen,
    classes: Sequence[str],
    small: float,
) -> None:
    """One picture with its upper left corner at (x, y) mm, and its caption."""
    _draw_picture(axes, x, y, side, one)
    line = LINE * small * POINT
    right = one.said == one.label
    verdict = "✓" if right else "✗"
    lines = (
        (f"{one.sample} {classes[one.label]}{_mark(one)}", TEXT),
        (f"{verdict} {_cut(classes[one.said])} {100 * one.confidence:.0f} %",
         RIGHT_COLOR if right else WRONG_COLOR),
        (_ratio(one), MUTED),
    )  # fmt: skip
    for number, (words, color) in enumerate(lines):
        axes.text(
            x, y - side - line * (number + 0.15), words if number else _cut(words, 14), va="top",
            fontsize=small, color=color,
        )  # fmt: skip


def _draw_picture(axes: Axes, x: float, y: float, side: float, one: Specimen) -> None:
    if one.pixels.ndim > 1:
        draw_image(axes, one.pixels, extent=(x, x + side, y - side, y), aspect="auto")
    else:
        box = axes.inset_axes((x, y - side, side, side), transform=axes.transData)
        draw_sample(box, one.pixels, class_color(one.label))


def _mark(one: Specimen) -> str:
    return "" if one.split == "retain" else f" ({one.split[0]})"


def _ratio(one: Specimen) -> str:
    if not one.verdict:
        return ""
    return f"r {one.r:.3g} at {one.tau:g}" if math.isfinite(one.r) else "r undefined"


def _cut(words: str, letters: int = 8) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"


def _sheet(shown: Sequence[Specimen], classes: Sequence[str], model: str, rule: str) -> Sheet:
    header = [
        "sample", "split", "class", "model", "prediction", "confidence", "correct", "largest_r",
        "at_tau", "verdict", "sample_name", "verdict_rule",
    ]  # fmt: skip
    return header, [
        [one.sample, one.split, classes[one.label], model, classes[one.said], one.confidence,
         int(one.said == one.label), one.r, one.tau, one.verdict, one.name,
         rule if one.verdict else ""]
        for one in shown
    ]  # fmt: skip
