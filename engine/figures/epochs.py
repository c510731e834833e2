"""Residual knowledge and accuracies of one method, epoch by epoch."""

from __future__ import annotations

import textwrap
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
    check_page,
    page,
    save,
    shown_label,
    style,
    wrapped_text,
)
from engine.metrics import ACCURACIES, METRICS

FAINTEST, STRONGEST = 0.12, 0.55  # opacity of the oldest and the newest of the earlier epochs
WIDE = 16  # mm per point, above which all legend entries fit on one line
LOWEST = 7.5  # mm of height per point: leaves room for axes between caption, labels and legend
LINE = 0.42  # mm per line of small print, per point
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
) -> list[Path]:
    """r_tau at one epoch over faint curves of the earlier ones, and accuracies against epochs.

    epoch: the epoch to highlight, or the nearest observed one; -1 = the last. The CSV has all
    epochs. Returns the files written; SpecError for an unknown format or invalid size.
    """
    check_page(out, width_mm, font_size)
    at = len(series.views) - 1 if epoch < 0 else int(np.abs(series.epochs - epoch).argmin())
    words = _caption(series, max(8, int(width_mm * 0.6 / font_size * 5)))
    more = max(0, words.count("\n") - 1) * LINE * font_size  # mm added by a long caption
    height = max(0.45 * width_mm, LOWEST * font_size) + more
    with style(font_size):
        figure = page(width_mm, height / width_mm)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_curves(left, series, labels, at, font_size)
        left.set_xlabel(
            wrapped_text(tau_label(series.perturbation), width_mm * 0.6 / font_size * 4.4)
        )
        left.set_title(words, fontsize=font_size - 1, color=MUTED, loc="left")
        _draw_accuracies(right, series, at)
        entries = 6 if width_mm / font_size > WIDE else 3
        figure.legend(
            loc="outside lower center", ncols=entries, frameon=False, handlelength=3,
            fontsize=font_size - 1,
        )  # fmt: skip
        return save(figure, out, facts, _sheet(series))


def _draw_curves(
    axes: Axes, series: Epochs, labels: Mapping[str, str], at: int, font_size: float
) -> None:
    color, symbol, dash = model_style(series.model)
    axes.axhline(1, color=TEXT, linewidth=0.6)
    if np.isfinite(series.null_low).any():
        axes.fill_between(
            series.taus, series.null_low, series.null_high, color=MUTED, alpha=0.3, lw=0,
            label="null band",
        )  # fmt: skip
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


def _caption(series: Epochs, width: int) -> str:
    note = undefined_note(series.undefined().tolist(), len(series.samples))
    parts = [f"{len(series.samples)} forget samples, {series.draws} copies each"]
    parts += [f"r {note}"] * bool(note)
    if np.isfinite(series.null_low).any():
        parts.append(null_note(series.taus))
    return "\n".join(textwrap.fill(part, width) for part in parts if part)


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
