"""Per-class accuracy of two models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.comparison.class_order import left_out_words, shown_classes
from engine.comparison.pair import ClassGaps, Comparison, Groups, class_gaps
from engine.figures.canvas import (
    MARKERS,
    MUTED,
    POINT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import elided, wrap
from engine.figures.legends import add_legend, small
from engine.figures.page_options import BELOW
from engine.figures.pair import Names

ROW = 1.9  # height of a row, in sizes of the font
LINE = 1.35  # height of a line of a name, in sizes of the small font
SHARE = 0.26  # of the width, at most, for names of classes
FEW = 12  # rows, up to which long names are broken into lines


def classes(
    comparison: Comparison,
    groups: Groups,
    names: Names,
    out: Path,
    *,
    by_gap: bool = False,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 120,
    font_size: float = 8,
) -> list[Path]:
    """Accuracy of both models by class as dumbbells with 95 % intervals, and the gap as text.

    by_gap: the largest gap on top. Of many classes those with the largest gaps are drawn; the CSV
    has all. Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    gaps = class_gaps(comparison, groups)
    rows = shown_classes(gaps, by_gap=by_gap)
    rest = left_out_words(gaps, len(rows))
    with style(font_size):
        figure = page(width_mm, 1.0)
        size = small(font_size)
        fitted = elided if len(rows) > FEW else wrap  # many rows are one line high each
        names_ = [fitted(figure, groups.names[place], SHARE * width_mm, size) for place in rows]
        lines = max((one.count("\n") + 1 for one in names_), default=1)
        row = max(ROW * font_size, lines * LINE * size) * POINT
        figure.panel_mm = row * (len(rows) + 0.5)
        axes = figure.add_subplot()
        _draw_dumbbells(axes, gaps, rows, names, font_size)
        axes.set_yticks(range(len(rows)), names_)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(f"accuracy on {comparison.split} samples (%)\n{rest}".strip())
        axes.annotate(
            "A − B (points)", (1.02, 1), (0, 2), xycoords="axes fraction",
            textcoords="offset points", fontsize=size, color=MUTED, va="bottom",
        )  # fmt: skip
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size, place=BELOW)
        caption = (
            f"Accuracy of {names.label_a} (A) and {names.label_b} (B) by class on "
            f"{comparison.split} samples, with 95 % intervals, and their difference in percentage "
            "points."
        )
        add_caption(figure, f"{caption} {rest}." if rest else caption, font_size)
        return save(figure, out, facts, _classes_sheet(comparison.split, gaps, groups, names))


def _draw_dumbbells(
    axes: Axes, gaps: ClassGaps, order: np.ndarray, names: Names, font_size: float
) -> None:
    y = np.arange(len(order))
    axes.hlines(y, gaps.a[order], gaps.b[order], color=MUTED, linewidth=1.2, zorder=1)
    ends = ((gaps.a, gaps.a_low, gaps.a_high, -0.14), (gaps.b, gaps.b_low, gaps.b_high, 0.14))
    for (mean, low, high, off), label, look, side in zip(
        ends, names.labels, names.styles(), "AB", strict=True
    ):
        axes.hlines(y + off, low[order], high[order], color=look.color, linewidth=0.6)
        axes.plot(
            mean[order], y + off, MARKERS[look.symbol], color=look.color, markersize=4,
            label=shown_label(f"{side}: {label}"),
        )  # fmt: skip
    for row, place in enumerate(order):
        words = f"{gaps.gap[place]:+.1f} [{gaps.gap_low[place]:+.1f}, {gaps.gap_high[place]:+.1f}]"
        axes.annotate(
            words.replace("-", "−"), (1.02, row), xycoords=("axes fraction", "data"), va="center",
            fontsize=small(font_size),
        )  # fmt: skip


def _classes_sheet(split: str, gaps: ClassGaps, groups: Groups, names: Names) -> Sheet:
    header = [
        "split", "class", "samples", "a", "a_accuracy", "a_low", "a_high", "b", "b_accuracy",
        "b_low", "b_high", "gap_points", "gap_low", "gap_high",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for place, name in enumerate(groups.names):
        a = (float(one[place]) for one in (gaps.a, gaps.a_low, gaps.a_high))
        b = (float(one[place]) for one in (gaps.b, gaps.b_low, gaps.b_high))
        gap = (float(one[place]) for one in (gaps.gap, gaps.gap_low, gaps.gap_high))
        rows.append([split, name, int(gaps.samples[place]), names.a, *a, names.b, *b, *gap])
    return header, rows
