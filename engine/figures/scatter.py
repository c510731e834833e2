"""Two measures of every model against each other, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from engine.analysis.model_table import ModelTable
from engine.analysis.pareto import NEAR
from engine.analysis.tradeoff import Point, Scatter, axis, sheet
from engine.drawing.label_placement import label_positions
from engine.drawing.palette import model_style
from engine.figures.canvas import (
    MARKERS,
    RIGHT_COLOR,
    TEXT,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import Page, fit
from engine.figures.legends import add_legend, small
from engine.figures.page_options import BELOW

HIGHEST = 78.0  # mm of a panel
FRONT = "Pareto front"
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
        figure = page(width_mm, min(0.62 * width_mm, HIGHEST))
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
        add_legend(figure, _lines(plot), font_size, place=BELOW)
        add_caption(figure, _caption(plot, board), font_size)
        fit(figure)
        if not _label(axes, plot, small(font_size)):
            _name_in_legend(figure, plot, font_size)
        return save(figure, out, facts, sheet(plot))


def _lines(plot: Scatter) -> list[Line2D]:
    front = Line2D([], [], color=TEXT, linestyle=(0, (4, 2)), lw=0.8, label=FRONT)
    ideal = Line2D([], [], color=RIGHT_COLOR, linestyle=(0, (1, 2)), lw=0.8, label="ideal value")
    ideals = any(goal.better == NEAR and np.isfinite(goal.target) for goal in plot.goals)
    return [*[front] * bool(plot.stairs), *[ideal] * ideals]


def _name_in_legend(figure: Page, plot: Scatter, font_size: float) -> None:
    """Name the points in the legend, as there is no room beside them."""
    for legend in list(figure.legends):
        legend.remove()
    figure.set_layout_engine("constrained")
    add_legend(figure, [*(_handle(one, plot) for one in plot.points), *_lines(plot)], font_size)


def _handle(point: Point, plot: Scatter) -> Line2D:
    color, symbol, _ = model_style(point.row.model)
    fill = "white" if point.row.number else color
    return Line2D(
        [], [], color=color, marker=MARKERS[symbol], markersize=5, linestyle="",
        markerfacecolor=fill, label=shown_label(point.name(plot.x, plot.y)),
    )  # fmt: skip


def _caption(plot: Scatter, board: ModelTable) -> str:
    words = f"{plot.y.label} against {plot.x.label} of every model"
    words += f" at τ {board.tau:g}." if plot.x.at_tau or plot.y.at_tau else "."
    words += " No method is better in both than those on the Pareto front."
    words += " Bars: 95 % interval of r, one standard deviation over seeds of other measures."
    if any(any(one.bounds) for one in plot.points):
        words += " ≥, >: lower bound, as values are censored."
    if plot.left_out:
        words += f" Without a value: {', '.join(plot.left_out)}."
    return words


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


def _label(axes: Axes, plot: Scatter, size: float) -> bool:
    """Label the points with model names; draws none and returns False if one has no room."""
    texts = [
        axes.text(0, 0, shown_label(one.name(plot.x, plot.y)), fontsize=size) for one in plot.points
    ]
    boxes = [text.get_window_extent() for text in texts]
    points = axes.transData.transform([(one.x, one.y) for one in plot.points])
    page_ = axes.get_window_extent()
    sizes = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2)
    places = label_positions(points, sizes, (page_.x0, page_.y0, page_.width, page_.height))
    if not np.isfinite(places).all():
        for text in texts:
            text.remove()
        return False
    for text, at in zip(texts, places, strict=True):
        text.set(position=axes.transData.inverted().transform(at), va="bottom")
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5})
    return True
