"""Two measures of every model against each other, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.analysis.model_table import ModelTable
from engine.analysis.pareto import NEAR
from engine.analysis.tradeoff import Point, Scatter, axis, sheet
from engine.drawing.label_placement import label_positions
from engine.drawing.palette import model_style
from engine.figures.canvas import (
    MARKERS,
    MUTED,
    RIGHT_COLOR,
    TEXT,
    check_page,
    page,
    save,
    shown_label,
    style,
)

MARGIN = 0.14  # around the data for labels, as a fraction of their extent


def tradeoff(
    plot: Scatter,
    board: ModelTable,
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 120,
    font_size: float = 8,
) -> list[Path]:
    """Models as points with error bars; the Pareto front dashed, ideal values dotted.

    Bars are the 95 % interval of r, and one standard deviation over seeds for other measures.
    Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    with style(font_size):
        figure = page(width_mm, 0.72)
        axes = figure.add_subplot()
        for point in plot.points:
            _draw_point(axes, point)
        _set_limits(axes, plot)
        for corners in plot.stairs:
            axes.plot(corners[:, 0], corners[:, 1], color=TEXT, linestyle=(0, (4, 2)), lw=0.8)
        for goal, line in zip(plot.goals, (axes.axvline, axes.axhline), strict=True):
            if goal.better == NEAR and np.isfinite(goal.target):
                line(goal.target, color=RIGHT_COLOR, linestyle=(0, (1, 2)), lw=0.8)
        axes.set_xlabel(axis(plot.x, board, plot.goals[0]))
        axes.set_ylabel(axis(plot.y, board, plot.goals[1]))
        title = "dashed: Pareto front (no method is better in both); dotted: ideal"
        if any(any(one.bounds) for one in plot.points):
            title += "\n≥, >: lower bound, as values are censored"
        axes.set_title(title, fontsize=font_size - 1, color=MUTED, loc="left")
        figure.draw_without_rendering()  # fixes the positions of the points
        _label(axes, plot)
        return save(figure, out, facts, sheet(plot))


def _draw_point(axes: Axes, point: Point) -> None:
    color, symbol, _ = model_style(point.row.model)
    for (low, high), bars, at in (
        (point.x_interval, axes.hlines, point.y),
        (point.y_interval, axes.vlines, point.x),
    ):
        if np.isfinite([low, high]).all():
            bars(at, low, high, color=color, lw=0.8, zorder=2)
    axes.plot(
        point.x, point.y, marker=MARKERS[symbol], markersize=6, color=color, linestyle="",
        markerfacecolor="white" if point.row.number else color, zorder=3,
    )  # fmt: skip


def _set_limits(axes: Axes, plot: Scatter) -> None:
    for ends, values in (
        (axes.set_xlim, [(one.x, *one.x_interval) for one in plot.points]),
        (axes.set_ylim, [(one.y, *one.y_interval) for one in plot.points]),
    ):
        finite = np.array(values)[np.isfinite(values)]
        if len(finite):
            pad = MARGIN * (np.ptp(finite) or abs(finite[0]) or 1.0)
            ends(finite.min() - pad, finite.max() + pad)


def _label(axes: Axes, plot: Scatter) -> None:
    """Label the points with model names, where there is room."""
    texts = [axes.text(0, 0, shown_label(one.name(plot.x, plot.y))) for one in plot.points]
    boxes = [text.get_window_extent() for text in texts]
    points = axes.transData.transform([(one.x, one.y) for one in plot.points])
    page_ = axes.get_window_extent()
    sizes = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2)
    positions = label_positions(points, sizes, (page_.x0, page_.y0, page_.width, page_.height))
    for text, at in zip(texts, positions, strict=True):
        if np.isfinite(at).all():
            text.set(position=axes.transData.inverted().transform(at), va="bottom")
        else:
            text.remove()
