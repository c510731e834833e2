"""Residual knowledge and related measures against tau, and training loss against epochs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from engine.analysis.curve_set import POOLED, PREVALENCE, RESIDUAL, CurveSet
from engine.analysis.curves import MEAN, PUBLISHED, SHOWN, Line, run_dash
from engine.analysis.measures import MEASURES, Measure
from engine.drawing.labels import NO_VERDICTS_NOTE, model_label, null_note, tau_label
from engine.drawing.palette import model_style
from engine.figures.canvas import (
    MARKERS,
    TEXT,
    add_caption,
    check_page,
    check_size,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import Page, fit
from engine.figures.legends import add_legend
from engine.figures.log_axis import make_log
from engine.figures.null_band import LABEL, RANGE, draw_null_band, draw_prediction
from engine.results import ModelResult

PAPER_DASH = (1.0, 2.0)
HIGHEST = 78.0  # mm of a panel
MOST_ABOVE = 1.3  # times the highest curve, to which intervals stretch the axis
STEP = 0.9  # points between the intervals of two models


def curves(
    curve_set: CurveSet,
    out: Path,
    *,
    measure: Measure = MEASURES[0],
    hidden: Collection[str] = (),
    log: bool | None = None,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> list[Path]:
    """One measure against tau with intervals, for all runs of the set; returns the files written.

    hidden: models ('gd') and runs ('@key') to omit; log: a logarithmic axis, None as is usual for
    the measure; facts: metadata for the file, such as version, key, seed; width_mm: 89 is one
    journal column. SpecError for an unknown format or an invalid size.
    """
    check_page(out, width_mm, font_size)
    drawn = curve_set.lines(measure, hidden)
    with style(font_size):
        figure = _page(curve_set, drawn, measure, log, width_mm, font_size)
        return save(figure, out, facts, curve_set.sheet(measure, drawn))


def drawn_curves(
    curve_set: CurveSet,
    *,
    measure: Measure = MEASURES[0],
    log: bool | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> Page:
    """The figure that `curves` saves, laid out, for a notebook; SpecError as there."""
    check_size(width_mm, font_size)
    with style(font_size):
        figure = _page(curve_set, curve_set.lines(measure), measure, log, width_mm, font_size)
        fit(figure)
        return figure


def _page(
    curve_set: CurveSet,
    drawn: Sequence[Line],
    measure: Measure,
    log: bool | None,
    width_mm: float,
    font_size: float,
) -> Page:
    """The page with these lines, within a `style`."""
    figure = page(width_mm, min(0.62 * width_mm, HIGHEST))
    axes = figure.add_subplot()
    _draw_null_band(axes, curve_set, measure)
    banded = [line for line in drawn if _has_interval(line)]
    for line in drawn:
        _draw_line(axes, line)
    for number, line in enumerate(banded):
        _draw_interval(axes, line, number - (len(banded) - 1) / 2)
    axes.set_xlabel(tau_label(curve_set.runs[0].residual.perturbation))
    axes.set_ylabel(measure.axis)
    if measure.log if log is None else log and measure.ratio:
        make_log(axes.yaxis)
    add_legend(figure, _handles(axes, curve_set, drawn), font_size)
    add_caption(figure, _caption(curve_set, measure), font_size)
    return figure


def losses(
    models: Sequence[ModelResult],
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> list[Path]:
    """Mean training loss of these models per epoch; returns and raises as `curves`."""
    check_page(out, width_mm, font_size)
    with style(font_size):
        figure = page(width_mm, min(0.62 * width_mm, HIGHEST))
        axes = figure.add_subplot()
        rows: list[list[object]] = []
        for model in models:
            color, symbol, dash = model_style(model.name)
            name = model_label(model.name, labels)
            epochs = np.arange(1, len(model.loss) + 1)
            axes.plot(
                epochs, model.loss, color=color, linestyle=(0, dash) if dash else "-",
                marker=MARKERS[symbol] if len(epochs) == 1 else "", markersize=3, linewidth=1.2,
                label=shown_label(name),
            )  # fmt: skip
            rows += [[model.name, name, i, loss] for i, loss in enumerate(model.loss, 1)]
        axes.set(xlabel="epoch", ylabel="training loss (cross-entropy, nats)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size)
        add_caption(figure, "Mean training loss of every model after each epoch.", font_size)
        return save(figure, out, facts, (["model", "name", "epoch", "loss"], rows))


def _draw_line(axes: Axes, line: Line) -> None:
    color, symbol, dash = model_style(line.model)
    front = line.kind == SHOWN or (line.kind == MEAN and line.run == 0)
    trace, paper = line.trace, line.kind == PUBLISHED
    dash = PAPER_DASH if paper else dash if front else run_dash(line.run)
    axes.plot(
        line.x, trace.y, color=color, linestyle=(0, dash) if dash else "-",
        marker=MARKERS[symbol] if front or paper else "", markersize=3,
        markerfacecolor="white" if paper else color, linewidth=1.2 if front else 0.7,
        zorder=3 if front else 2, label=shown_label(line.label) if front else None,
    )  # fmt: skip


def _has_interval(line: Line) -> bool:
    return line.kind in (SHOWN, MEAN) and line.trace.low is not None


def _draw_interval(axes: Axes, line: Line, place: float) -> None:
    """Thin vertical lines, `place` steps beside the points so that those of models stay apart."""
    low, high, figure = line.trace.low, line.trace.high, axes.get_figure()
    if low is None or high is None or figure is None:
        return
    aside = ScaledTranslation(place * STEP / 72, 0, figure.dpi_scale_trans)
    axes.vlines(
        line.x, low, high, color=model_style(line.model).color, linewidth=0.7, zorder=2.5,
        transform=axes.transData + aside,
    )  # fmt: skip
    most = MOST_ABOVE * float(np.nanmax(np.append(axes.dataLim.y1, 0)))
    ends = np.concatenate([low, np.minimum(high, most)])
    points = np.column_stack([np.tile(line.x, 2), ends])
    axes.update_datalim(points[np.isfinite(points).all(1)])
    axes.autoscale_view()


def _draw_null_band(axes: Axes, curve_set: CurveSet, measure: Measure) -> None:
    if measure.ratio:
        axes.axhline(1, color=TEXT, linewidth=0.6, zorder=1.5)
    own = curve_set.prediction(measure)
    if own is not None:
        draw_prediction(axes, curve_set.taus, own.grid_low, own.grid_high)
    band = curve_set.band(measure)
    if band is not None:
        label = RANGE if measure.name == POOLED else LABEL
        draw_null_band(axes, curve_set.taus, *band, label)


def _handles(axes: Axes, curve_set: CurveSet, drawn: Sequence[Line]) -> list[Artist | Container]:
    """Entries of the legend: models by color, and other runs by dash."""
    handles: list[Artist | Container] = list(axes.get_legend_handles_labels()[0])
    for number in curve_set.alone:
        if any(line.run == number for line in drawn):
            pattern = (0, run_dash(number))
            label = shown_label(curve_set.title(number))
            handles.append(Line2D([], [], color=TEXT, linestyle=pattern, lw=0.7, label=label))
    if any(line.kind == PUBLISHED for line in drawn):
        handles.append(_paper_handle())
    return handles


def _paper_handle() -> Line2D:
    return Line2D(
        [], [], color=TEXT, linestyle=(0, PAPER_DASH), lw=0.7, marker="o", markersize=3,
        markerfacecolor="white", label="published",
    )  # fmt: skip


def _caption(curve_set: CurveSet, measure: Measure) -> str:
    """What is drawn, from how many samples and draws, and its caveats."""
    residual = curve_set.runs[0].residual
    parts = [
        f"{measure.title} against {tau_label(residual.perturbation)}.",
        f"{len(residual.samples)} forget samples, {residual.said_draws} draws; vertical lines are "
        "95 % intervals.",
    ]
    note = curve_set.undefined() if measure.name in (RESIDUAL, PREVALENCE) else ""
    parts += [f"r {note}."] * bool(note)
    parts += [f"{words}." for words in [curve_set.over_seeds()] if words]
    if measure.name == PREVALENCE and residual.withheld:
        parts.append(NO_VERDICTS_NOTE)
    if measure.name == RESIDUAL and curve_set.band(measure) is not None:
        parts += ["The null band is the range of r between Re-trains.", null_note(residual.taus)]
    parts += [f"{words}." for words in [curve_set.claim(measure)] if words]
    if curve_set.paper is not None and curve_set.has_paper(measure):
        parts.append(f"{curve_set.paper.table_of(measure.published)}.")
    return " ".join(filter(None, parts))
