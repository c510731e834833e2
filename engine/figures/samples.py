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
    add_caption,
    blank_page,
    check_page,
    draw_image,
    draw_sample,
    save,
    style,
)
from engine.figures.layout import Page, elided, text_width, wrap

CAPTION = 3  # lines
LEAST = 5.0  # points
LETTERS, MOST_LETTERS = 13.0, 20.0  # per caption line: at least, and for long names of classes
LETTER, LINE = 0.56, 1.3  # width and height of a letter, in sizes of the font
LONGEST = 230.0  # mm of height; what does not fit is only in the CSV
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
    small = max(SMALL * font_size, LEAST)
    longest = max(len(classes[one.predicted]) for one in cards) + len("✓  100 %")
    letters = min(max(LETTERS, longest), MOST_LETTERS)
    cell = letters * LETTER * small * POINT + GAP
    columns = max(1, min(len(cards), int(width_mm / cell)))
    cell = min(width_mm / columns, 2 * cell)
    caption = CAPTION * LINE * small * POINT + GAP
    rows = min(math.ceil(len(cards) / columns), int(LONGEST / (cell - GAP + caption)))
    drawn = cards[: rows * columns]
    height = rows * (cell - GAP + caption) + GAP
    with style(font_size):
        figure = blank_page(width_mm, height)
        height = figure.height_mm
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        for number, one in enumerate(drawn):
            row, column = divmod(number, columns)
            x, y = column * cell + GAP / 2, height - GAP / 2 - row * (cell - GAP + caption)
            _draw_one(figure, axes, x, y, cell - GAP, one, classes, small)
        axes.set(xlim=(0, width_mm), ylim=(0, height))  # after imshow, which changes the limits
        add_caption(figure, _headline(title, model, drawn, len(cards)), font_size)
        return save(figure, out, facts, _sheet(cards, classes, model, rule))


def _headline(title: str, model: str, cards: Sequence[SampleCard], count: int) -> str:
    heading = title or f"{count} samples"
    heading += f" (the first {len(cards)})" * (len(cards) < count)
    words = f"{heading}; below each: prediction of {model} with its probability"
    return words + "; r: largest over τ" * any(one.verdict for one in cards) + "."


def _draw_one(
    figure: Page,
    axes: Axes,
    x: float,
    y: float,
    side: float,
    one: SampleCard,
    classes: Sequence[str],
    small: float,
) -> None:
    """Draw one picture with its upper left corner at (x, y) mm, and its caption."""
    line = LINE * small * POINT
    if one.text:
        words = _shortened(wrap(figure, one.text, side, small), int(side / line))
        axes.text(x, y, words, va="top", fontsize=small, color=TEXT, linespacing=1.0)
    else:
        _draw_picture(axes, x, y, side, one)
    right = one.predicted == one.label
    mark, share = "✓" if right else "✗", f"{100 * one.confidence:.0f} %"
    room = side - text_width(figure, f"{mark}  {share}", small)
    lines = (
        (f"{one.sample}{_mark(one)} {classes[one.label]}", TEXT),
        (f"{mark} {elided(figure, classes[one.predicted], room, small)} {share}",
         RIGHT_COLOR if right else WRONG_COLOR),
        (_ratio(one), MUTED),
    )  # fmt: skip
    for number, (words, color) in enumerate(lines):
        axes.text(
            x, y - side - line * (number + 0.15), elided(figure, words, side, small), va="top",
            fontsize=small, color=color,
        )  # fmt: skip


def _draw_picture(axes: Axes, x: float, y: float, side: float, one: SampleCard) -> None:
    if one.pixels.ndim > 1:
        draw_image(axes, one.pixels, extent=(x, x + side, y - side, y), aspect="auto")
    else:
        box = axes.inset_axes((x, y - side, side, side), transform=axes.transData)
        draw_sample(box, one.pixels, class_color(one.label))


def _shortened(text: str, lines: int) -> str:
    """The first lines of a text, with dots if there are more."""
    every = text.split("\n")
    if len(every) <= lines:
        return text
    return "\n".join([*every[: max(0, lines - 1)], "…"])


def _mark(one: SampleCard) -> str:
    return "" if one.split == "retain" else f" ({one.split[0]})"


def _ratio(one: SampleCard) -> str:
    if not one.verdict:
        return ""
    return f"r {one.r:.3g} at {one.tau:g}" if math.isfinite(one.r) else "r undefined"


def _text_column(cards: Sequence[SampleCard], cells: list[str]) -> list[str]:
    """The cells of a column of messages, which only sheets of messages have."""
    return cells if any(one.text for one in cards) else []


def _sheet(cards: Sequence[SampleCard], classes: Sequence[str], model: str, rule: str) -> Sheet:
    header = [
        "sample", "split", "class", "model", "prediction", "confidence", "correct", "largest_r",
        "at_tau", "verdict", "sample_name", "verdict_rule", *_text_column(cards, ["text"]),
    ]  # fmt: skip
    return header, [
        [one.sample, one.split, classes[one.label], model, classes[one.predicted], one.confidence,
         int(one.predicted == one.label), one.r, one.tau, one.verdict, one.name,
         rule if one.verdict else "", *_text_column(cards, [one.text])]
        for one in cards
    ]  # fmt: skip
