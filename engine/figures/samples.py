"""A contact sheet: samples with number, class, and a model's prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from engine.analysis.contact_sheet import SampleCard
from engine.drawing.palette import class_color
from engine.errors import SpecError
from engine.figures.canvas import (
    MUTED,
    POINT,
    RIGHT_COLOR,
    TEXT,
    WRONG_COLOR,
    Sheet,
    check_page,
    draw_image,
    draw_sample,
    page,
    save,
    style,
    wrapped_text,
)

CAPTION = 3  # lines
LETTERS = 13.0  # per caption line
LETTER, LINE = 0.56, 1.3  # width and height of a letter, in sizes of the font
SMALL = 0.8  # font size of captions, relative to the rest
GAP = 1.2  # mm between columns


def samples(
    cards: Sequence[SampleCard],
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
    """Pictures in rows, each with number, class, the prediction of `model` (a label), and r.

    title: which samples these are; rule: of their verdicts, for the CSV, which has one row per
    sample. Returns the files written; SpecError as `curves`, and if there is nothing to show.
    """
    check_page(out, width_mm, font_size)
    if not cards:
        raise SpecError("There are no samples to show. Name some, or use a less strict filter.")
    small = max(SMALL * font_size, 4.0)
    cell = LETTERS * LETTER * small * POINT + GAP
    columns = max(1, min(len(cards), int(width_mm / cell)))
    cell = min(width_mm / columns, 2 * cell)
    caption = CAPTION * LINE * small * POINT + GAP
    words = wrapped_text(_headline(title, model, cards), width_mm / font_size * 5)
    top = (words.count("\n") + 1) * LINE * font_size * POINT + GAP
    rows = math.ceil(len(cards) / columns)
    height = top + rows * (cell - GAP + caption) + GAP
    with style(font_size):
        figure = page(width_mm, height / width_mm, fitted=False)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.text(GAP, height - GAP / 2, words, va="top", fontsize=font_size)
        for number, one in enumerate(cards):
            row, column = divmod(number, columns)
            x, y = column * cell + GAP / 2, height - top - row * (cell - GAP + caption)
            _draw_one(axes, x, y, cell - GAP, one, classes, small)
        axes.set(xlim=(0, width_mm), ylim=(0, height))  # after imshow, which changes the limits
        return save(figure, out, facts, _sheet(cards, classes, model, rule))


def _headline(title: str, model: str, cards: Sequence[SampleCard]) -> str:
    heading = title or f"{len(cards)} samples"
    words = f"{heading}; below each: prediction of {model} with its probability"
    return words + "; r: largest over τ" * any(one.verdict for one in cards)


def _draw_one(
    axes: Axes,
    x: float,
    y: float,
    side: float,
    one: SampleCard,
    classes: Sequence[str],
    small: float,
) -> None:
    """Draw one picture with its upper left corner at (x, y) mm, and its caption."""
    _draw_picture(axes, x, y, side, one)
    line = LINE * small * POINT
    right = one.predicted == one.label
    verdict = "✓" if right else "✗"
    lines = (
        (f"{one.sample} {classes[one.label]}{_mark(one)}", TEXT),
        (f"{verdict} {_cut(classes[one.predicted])} {100 * one.confidence:.0f} %",
         RIGHT_COLOR if right else WRONG_COLOR),
        (_ratio(one), MUTED),
    )  # fmt: skip
    for number, (words, color) in enumerate(lines):
        axes.text(
            x, y - side - line * (number + 0.15), words if number else _cut(words, 14), va="top",
            fontsize=small, color=color,
        )  # fmt: skip


def _draw_picture(axes: Axes, x: float, y: float, side: float, one: SampleCard) -> None:
    if one.pixels.ndim > 1:
        draw_image(axes, one.pixels, extent=(x, x + side, y - side, y), aspect="auto")
    else:
        box = axes.inset_axes((x, y - side, side, side), transform=axes.transData)
        draw_sample(box, one.pixels, class_color(one.label))


def _mark(one: SampleCard) -> str:
    return "" if one.split == "retain" else f" ({one.split[0]})"


def _ratio(one: SampleCard) -> str:
    if not one.verdict:
        return ""
    return f"r {one.r:.3g} at {one.tau:g}" if math.isfinite(one.r) else "r undefined"


def _cut(words: str, letters: int = 8) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"


def _sheet(cards: Sequence[SampleCard], classes: Sequence[str], model: str, rule: str) -> Sheet:
    header = [
        "sample", "split", "class", "model", "prediction", "confidence", "correct", "largest_r",
        "at_tau", "verdict", "sample_name", "verdict_rule",
    ]  # fmt: skip
    return header, [
        [one.sample, one.split, classes[one.label], model, classes[one.predicted], one.confidence,
         int(one.predicted == one.label), one.r, one.tau, one.verdict, one.name,
         rule if one.verdict else ""]
        for one in cards
    ]  # fmt: skip
