"""Per-class accuracy of two models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.comparison.pair import ClassGaps, Comparison, Groups, class_gaps
from engine.figures.canvas import MARKERS, MUTED, Sheet, check_page, page, save, shown_label, style
from engine.figures.pair import Names

MM_PER_POINT = 0.3528
ROW = 1.9  # height of a row, in sizes of the font


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

    by_gap: the largest gap on top. Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    gaps = class_gaps(comparison, groups)
    rows = np.flatnonzero(gaps.samples)
    if by_gap:
        rows = rows[np.argsort(-np.abs(gaps.gap[rows]), kind="stable")]
    with style(font_size):
        height = ROW * font_size * MM_PER_POINT * (len(rows) + 5)
        figure = page(width_mm, height / width_mm)
        axes = figure.add_subplot()
        _draw_dumbbells(axes, gaps, rows, names)
        axes.set_yticks(range(len(rows)), [groups.names[place] for place in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(f"accuracy on {comparison.split} samples (%)")
        axes.set_title("A − B (points)", fontsize=font_size - 1, color=MUTED, loc="right")
        figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=font_size - 1)
        return save(figure, out, facts, _classes_sheet(comparison.split, gaps, groups, names))


def _draw_dumbbells(axes: Axes, gaps: ClassGaps, order: np.ndarray, names: Names) -> None:
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
