"""Residual knowledge and accuracies of one method, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from engine.analysis.epoch_series import Epochs
from engine.drawing.labels import model_label, null_note, tau_label, undefined_note
from engine.drawing.palette import OKABE_ITO, model_style
from engine.figures.canvas import (
    MARKERS,
    MUTED,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.legends import add_legend
from engine.figures.log_axis import make_log
from engine.figures.null_band import draw_null_band
from engine.figures.page_options import BELOW
from engine.metrics import ACCURACIES, METRICS

FAINTEST, STRONGEST = 0.12, 0.55  # opacity of the oldest and the newest of the earlier epochs
NARROW = 130.0  # mm of width below which the panels stand one above the other
HIGHEST = 62.0  # mm of a panel
LINES = ("-", "--", ":")


def epochs(
    series: Epochs,
    labels: Mapping[str, str],
    out: Path,
    *,
    epoch: int = -1,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
    log: bool = False,
) -> list[Path]:
    """r_tau at one epoch over faint curves of the earlier ones, and accuracies against epochs.

    epoch: the epoch to highlight, or the nearest observed one; -1 = the last; log: r on a
    logarithmic axis. The CSV has all epochs. Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    at = len(series.views) - 1 if epoch < 0 else int(np.abs(series.epochs - epoch).argmin())
    narrow = width_mm < NARROW
    with style(font_size):
        figure = page(width_mm, min((0.5 if narrow else 0.33) * width_mm, HIGHEST))
        left, right = (
            figure.subplots(2, 1) if narrow else figure.subplots(1, 2, width_ratios=(3, 2))
        )
        _draw_curves(left, series, labels, at)
        left.set_xlabel(tau_label(series.perturbation))
        if log:
            make_log(left.yaxis)
        _draw_accuracies(right, series, at)
        handles = [one for axes in (left, right) for one in axes.get_legend_handles_labels()[0]]
        add_legend(figure, handles, font_size, place=BELOW)
        add_caption(figure, _caption(series, labels, at), font_size)
        return save(figure, out, facts, _sheet(series))


def _draw_curves(axes: Axes, series: Epochs, labels: Mapping[str, str], at: int) -> None:
    color, symbol, dash = model_style(series.model)
    axes.axhline(1, color=TEXT, linewidth=0.6, zorder=1.5)
    if np.isfinite(series.null_low).any():
        draw_null_band(axes, series.taus, series.null_low, series.null_high)
    for i in range(at):
        alpha = FAINTEST + (STRONGEST - FAINTEST) * (i + 1) / at
        axes.plot(series.taus, series.curve(i), color=color, alpha=alpha, linewidth=0.6)
    start = series.curve_of(series.references["original"])
    axes.plot(
        series.taus, start, color=model_style("original").color, linewidth=1, label="Original"
    )
    axes.plot(
        series.taus, series.curve(at), color=color, linestyle=(0, dash) if dash else "-",
        marker=MARKERS[symbol], markersize=3, linewidth=1.2,
        label=shown_label(f"{model_label(series.model, labels)}, epoch {series.views[at].epoch}"),
    )  # fmt: skip
    axes.set_ylabel("residual knowledge r")


def _draw_accuracies(axes: Axes, series: Epochs, at: int) -> None:
    named = {metric.name: metric.label for metric in METRICS}
    for number, name in enumerate(ACCURACIES):
        values = [view.accuracy[name] for view in series.views]
        color, line = OKABE_ITO[number], LINES[number]
        axes.plot(
            series.epochs, values, line, color=color, linewidth=1.2, label=named[name].lower()
        )
    axes.axvline(series.views[at].epoch, color=MUTED, linewidth=0.6, linestyle="--")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy (%)")


def _caption(series: Epochs, labels: Mapping[str, str], at: int) -> str:
    name, epoch = model_label(series.model, labels), series.views[at].epoch
    note = undefined_note(series.undefined().tolist(), len(series.samples))
    parts = [
        f"Residual knowledge of {name} after epoch {epoch}, with earlier epochs as faint lines, "
        "and its accuracies after every epoch.",
        f"{len(series.samples)} forget samples, {series.draws} copies each.",
        f"r {note}." if note else "",
    ]
    if np.isfinite(series.null_low).any():
        parts.append(null_note(series.taus))
    return " ".join(filter(None, parts))


def _sheet(series: Epochs) -> Sheet:
    header = ["model", "epoch", "tau", "r", "undefined", *ACCURACIES]
    rows: list[list[object]] = []
    undefined = series.undefined()
    for at, view in enumerate(series.views):
        shares = [view.accuracy[name] for name in ACCURACIES]
        for t, (tau, r) in enumerate(zip(series.taus, series.curve(at), strict=True)):
            rows.append(
                [series.model, view.epoch, float(tau), float(r), int(undefined[t]), *shares]
            )
    return header, rows
