"""Residual knowledge and related measures against tau, and training loss against epochs."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from engine.analysis.curve_set import RESIDUAL, CurveSet
from engine.analysis.curves import MEAN, PUBLISHED, SHOWN, Line, run_dash
from engine.analysis.measures import MEASURES, Measure
from engine.drawing.labels import NO_VERDICTS_NOTE, model_label, null_note, tau_label
from engine.drawing.palette import model_style
from engine.figures.canvas import (
    MARKERS,
    MUTED,
    TEXT,
    check_page,
    page,
    save,
    shown_label,
    style,
    wrapped_text,
)
from engine.results import ModelResult

PAPER_DASH = (1.0, 2.0)


def curves(
    curve_set: CurveSet,
    out: Path,
    *,
    measure: Measure = MEASURES[0],
    hidden: Collection[str] = (),
    log: bool = False,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> list[Path]:
    """One measure against tau with intervals, for all runs of the set; returns the files written.

    hidden: models ('gd') and runs ('@key') to omit; log: r on a logarithmic axis; facts: metadata
    for the file, such as version, key, seed; width_mm: 89 is one journal column. SpecError for an
    unknown format or an invalid size.
    """
    check_page(out, width_mm, font_size)
    drawn = curve_set.lines(measure, hidden)
    with style(font_size):
        figure = page(width_mm, 0.78)
        axes = figure.add_subplot()
        _draw_null_band(axes, curve_set, measure)
        for line in drawn:
            _draw_line(axes, line)
        residual = curve_set.runs[0].residual
        axes.set_xlabel(wrapped_text(tau_label(residual.perturbation), width_mm / font_size * 4.4))
        axes.set_ylabel(measure.axis)
        if log:
            _make_log(axes)
        caption = _caption(curve_set, measure, max(8, int(width_mm / font_size * 5)))
        axes.set_title(caption, fontsize=font_size - 1, color=MUTED, loc="left")
        _add_legend(axes, curve_set, drawn, font_size)
        return save(figure, out, facts, curve_set.sheet(measure, drawn))


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
        figure = page(width_mm, 0.78)
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
        axes.legend(frameon=False, handlelength=3, fontsize=font_size - 1)
        return save(figure, out, facts, (["model", "name", "epoch", "loss"], rows))


def _draw_line(axes: Axes, line: Line) -> None:
    color, symbol, dash = model_style(line.model)
    front = line.kind == SHOWN or (line.kind == MEAN and line.run == 0)
    trace, paper = line.trace, line.kind == PUBLISHED
    if line.kind in (SHOWN, MEAN) and trace.low is not None and trace.high is not None:
        axes.fill_between(line.x, trace.low, trace.high, color=color, alpha=0.15, lw=0)
    dash = PAPER_DASH if paper else dash if front else run_dash(line.run)
    axes.plot(
        line.x, trace.y, color=color, linestyle=(0, dash) if dash else "-",
        marker=MARKERS[symbol] if front or paper else "", markersize=3,
        markerfacecolor="white" if paper else color, linewidth=1.2 if front else 0.7,
        zorder=3 if front else 2, label=shown_label(line.label) if front else None,
    )  # fmt: skip


def _draw_null_band(axes: Axes, curve_set: CurveSet, measure: Measure) -> None:
    if measure.name == RESIDUAL:
        axes.axhline(1, color=TEXT, linewidth=0.6)
    band = curve_set.band(measure)
    if band is not None:
        axes.fill_between(curve_set.taus, *band, color=MUTED, alpha=0.3, lw=0, label="null band")


def _make_log(axes: Axes) -> None:
    axes.set_yscale("log")
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter("{x:g}")


def _add_legend(axes: Axes, curve_set: CurveSet, drawn: Sequence[Line], font_size: float) -> None:
    """A legend with models by color and other runs by dash."""
    handles, _ = axes.get_legend_handles_labels()
    for number in curve_set.alone:
        if any(line.run == number for line in drawn):
            pattern = (0, run_dash(number))
            label = shown_label(curve_set.title(number))
            handles.append(Line2D([], [], color=TEXT, linestyle=pattern, lw=0.7, label=label))
    if any(line.kind == PUBLISHED for line in drawn):
        handles.append(_paper_handle())
    axes.legend(handles=handles, frameon=False, handlelength=3, fontsize=font_size - 1)


def _paper_handle() -> Line2D:
    return Line2D(
        [], [], color=TEXT, linestyle=(0, PAPER_DASH), lw=0.7, marker="o", markersize=3,
        markerfacecolor="white", label="published",
    )  # fmt: skip


def _caption(curve_set: CurveSet, measure: Measure, width: int) -> str:
    """Sample and draw counts, and caveats, in lines of `width` letters."""
    residual = curve_set.runs[0].residual
    parts = [f"{len(residual.samples)} forget samples, {residual.said_draws} draws"]
    note = curve_set.undefined() if measure.name in (RESIDUAL, "prevalence") else ""
    parts += [f"r {note}"] * bool(note) + [curve_set.over_seeds()]
    if measure.name == "prevalence" and residual.withheld:
        parts.append(NO_VERDICTS_NOTE)
    if curve_set.band(measure) is not None:
        parts.append(null_note(residual.taus))
    if curve_set.paper is not None and curve_set.has_paper(measure):
        parts.append(curve_set.paper.table_of(measure.published))
    return "\n".join(textwrap.fill(part, width) for part in parts if part)
