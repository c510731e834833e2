"""The perturbed copies of one sample, in the style of the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

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
    check_page,
    draw_sample,
    number,
    page,
    save,
    style,
    wrapped_text,
)
from engine.residual.sample_ratio import Ratio, ratios_around
from engine.results import Neighborhood

SHOWN_COPIES = 12
BEFORE, AFTER = 2.6, 3.3  # columns for names before the copies, and for counts and r after them
COUNTED = 11.5  # width of r with its interval, in sizes of the small font
VERDICT = 3.1  # height of a prediction with its two lines, in sizes of the font
SMALL = 0.8  # that font, relative to the other
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
    evenly spaced in size; the CSV has all. Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    order, sizes = by_size(neighbors.copies, original)
    drawn = order[evenly(len(order), min(copies, _room(width_mm, font_size)))]
    names = list(neighbors.predictions)
    strips = 2 if changes and original is not None else 1
    with style(font_size):
        columns, above = len(drawn) + BEFORE + AFTER, 1.1 * strips
        rows = len(names) * max(0.85, VERDICT * font_size * POINT / (width_mm / columns))
        title = wrapped_text(
            _title(neighbors, classes, len(drawn), name), width_mm / font_size * 4.9
        )
        heading = 1.35 * (title.count("\n") + 1) * font_size * POINT / (width_mm / columns)
        lines = rows + above + heading + 0.1
        figure = page(width_mm, lines / columns, fitted=False)
        table = figure.add_axes((0, 0.01, 1, rows / lines))
        top = figure.add_axes((0, 0.02 + rows / lines, 1, above / lines))
        for axes in (top, table):
            axes.set_xlim(-BEFORE, len(drawn) + AFTER)
            axes.axis("off")
        top.set_ylim(0, strips)
        _draw_copies(
            top, strips - 1, neighbors.copies[drawn], original, class_color(neighbors.label)
        )
        if strips == 2 and original is not None:
            _draw_changes(top, neighbors.copies[drawn], original)
        _draw_verdicts(table, neighbors, drawn, names, labels, classes, font_size)
        figure.suptitle(title, fontsize=font_size, x=0.01, ha="left", y=0.99, va="top")
        return save(figure, out, facts, _neighborhood_sheet(neighbors, classes, order, sizes))


def _room(width_mm: float, font_size: float) -> int:
    """Number of copies that fit beside the counts and r, set in the small font."""
    unit = COUNTED * SMALL * font_size * POINT / AFTER
    return max(1, int(width_mm / unit - BEFORE - AFTER))


def _title(neighbors: Neighborhood, classes: Sequence[str], n_drawn: int, name: str) -> str:
    subject = f"Sample {neighbors.sample}{f' ({name})' if name else ''}"
    return (
        f"{subject}, class {classes[neighbors.label]}: "
        f"{perturbation_label(neighbors.perturbation)} at τ = {neighbors.tau:g}; "
        f"{n_drawn} of {len(neighbors.copies)} copies, larger perturbations to the right"
    )


def _draw_copies(
    axes: Axes, y: float, copies: np.ndarray, original: np.ndarray | None, color: str
) -> None:
    if original is not None:
        axes.text(-2.5, y + 0.5, "original", va="center")
        _draw_picture(axes, -1.1, y, original, color)
    for i, copy in enumerate(copies):
        _draw_picture(axes, i, y, copy, color)


def _draw_changes(axes: Axes, copies: np.ndarray, original: np.ndarray) -> None:
    """Draw the perturbations: images around gray, features as bars up and down."""
    changes, factor = amplified(copies, original)
    words = f"perturbation\n× {factor:.3g}" if factor else "unperturbed"
    axes.text(-2.5, 0.5, words, va="center", linespacing=1.1)
    for i, change in enumerate(changes):
        if change.ndim == 1:
            box = _box(axes, i, 0)
            box.bar(np.arange(len(change)), change, color=np.where(change > 0, GREW, SHRANK))
            box.set_ylim(-1, 1)
        else:
            _draw_picture(axes, i, 0, around_gray(change), TEXT)


def _box(axes: Axes, x: float, y: float) -> Axes:
    """Square axes for one picture."""
    box = axes.inset_axes((x + 0.06, y + 0.04, 0.88, 0.92), transform=axes.transData)
    box.set(xticks=[], yticks=[])
    return box


def _draw_picture(axes: Axes, x: float, y: float, sample: np.ndarray, color: str) -> None:
    draw_sample(_box(axes, x, y), sample, color)


def _draw_verdicts(
    axes: Axes,
    neighbors: Neighborhood,
    drawn: np.ndarray,
    names: Sequence[str],
    labels: Mapping[str, str],
    classes: Sequence[str],
    font_size: float,
) -> None:
    axes.set_ylim(len(names), 0)
    ratios = ratios_around(neighbors)
    for row, name in enumerate(names):
        axes.axhline(row, color=MUTED, linewidth=0.3)
        axes.text(-2.5, row + 0.5, model_label(name, labels), va="center")
        count = f"{neighbors.counts[name]} of {len(neighbors.copies)}"
        axes.text(len(drawn) + 0.2, row + (0.3 if name in ratios else 0.5), count, va="center")
        if name in ratios:
            words = _ratio_words(ratios[name])
            axes.text(
                len(drawn) + 0.2, row + 0.72, words, va="center", color=MUTED,
                fontsize=font_size * SMALL,
            )  # fmt: skip
        for column, copy in enumerate(drawn):
            predicted = int(neighbors.predictions[name][copy])
            right = predicted == neighbors.label
            small = f"{100 * neighbors.confidence[name][copy]:.0f} %"
            words = small if right else f"{classes[predicted][:11]}\n{small}"
            color = RIGHT_COLOR if right else WRONG_COLOR
            axes.text(
                column + 0.5, row + 0.3, "✓" if right else "✗", color=color, ha="center",
                va="center", fontsize=font_size + 1,
            )  # fmt: skip
            axes.text(
                column + 0.5, row + 0.74, words, ha="center", va="center",
                fontsize=font_size * 0.62, color=TEXT, linespacing=0.95,
            )  # fmt: skip


def _neighborhood_sheet(
    neighbors: Neighborhood, classes: Sequence[str], order: np.ndarray, sizes: np.ndarray
) -> Sheet:
    header = [
        "copy", "distance_l2", "model", "prediction", "correct", "confidence", "recognized",
        "copies", "r", "low", "high",
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
                 neighbors.counts[name], len(order), *numbers]
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
