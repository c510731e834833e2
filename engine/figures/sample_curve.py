"""One sample's r over tau, against the distribution of r over the forget set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.analysis.sample_curve import Spread, own_curves, spread
from engine.drawing.labels import model_label, tau_label
from engine.drawing.palette import model_style
from engine.errors import SpecError
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
from engine.residual.sample_ratio import Ratio
from engine.results import Residual

HIGHEST = 78.0  # mm of a panel


def sample_curve(
    residual: Residual,
    sample: int,
    model: str,
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
    log: bool = True,
    name: str = "",
) -> list[Path]:
    """r_tau of one forget sample in every model, for `model` with 95 % interval and distribution.

    Bands: the middle 50 % and 90 % of the forget samples in `model`, with their median. name:
    display name of the sample. log: r on a logarithmic axis, linear below the smallest positive r
    so that 0 can be shown. Returns the files written; SpecError as `curves`, for a sample outside
    the forget set, and for a model without r.
    """
    check_page(out, width_mm, font_size)
    if model not in residual.curves:
        raise SpecError(
            f"There is no r for '{model}'. Models with r: {', '.join(residual.curves)}."
        )
    ratios, around = own_curves(residual, sample), spread(residual, model)
    if not ratios:
        raise SpecError(
            f"Sample {sample} is not in the forget set, so its r over tau was not measured."
        )
    with style(font_size):
        figure = page(width_mm, min(0.66 * width_mm, HIGHEST))
        axes = figure.add_subplot()
        _draw_spread(axes, residual.taus, around, model_label(model, labels))
        for model_name, one in ratios.items():
            _draw_curve(
                axes,
                residual.taus,
                model_name,
                one,
                model_label(model_name, labels),
                model_name == model,
            )
        if log:
            make_log(axes.yaxis, _smallest(ratios))
        axes.set_ylim(0, 1.1 * _largest(ratios, around))
        axes.set_xlabel(tau_label(residual.perturbation))
        axes.set_ylabel("residual knowledge r")
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size)
        subject = f"forget sample {sample} ({name})" if name else f"forget sample {sample}"
        caption = (
            f"Residual knowledge of {subject} in every model, {residual.said_draws} draws, and its "
            f"distribution over the forget set in {model_label(model, labels)} (median, middle "
            f"50 % and 90 %).{_undefined_words(residual, ratios)}"
        )
        add_caption(figure, caption, font_size)
        return save(
            figure, out, facts, _sheet(residual, sample, name, model, labels, ratios, around)
        )


def _draw_spread(axes: Axes, taus: np.ndarray, around: Spread, label: str) -> None:
    axes.axhline(1, color=TEXT, linewidth=0.6)
    for (low, high), alpha, words in (
        (around.most, 0.12, f"forget set in {label}: middle 90 %"),
        (around.half, 0.22, "middle 50 %"),
    ):
        axes.fill_between(taus, low, high, color=MUTED, alpha=alpha, lw=0, label=words)
    axes.plot(taus, around.median, color=MUTED, linestyle=":", label="median")


def _draw_curve(
    axes: Axes, taus: np.ndarray, name: str, one: Ratio, label: str, highlighted: bool
) -> None:
    color, symbol, dash = model_style(name)
    axes.plot(
        taus, one.r, color=color, linestyle=(0, dash) if dash else "-", marker=MARKERS[symbol],
        markersize=3, linewidth=1.2, label=shown_label(label),
    )  # fmt: skip
    if highlighted:
        axes.fill_between(taus, one.low, one.high, color=color, alpha=0.2, lw=0)


def _undefined_words(residual: Residual, ratios: Mapping[str, Ratio]) -> str:
    missing = np.isnan([one.r for one in ratios.values()]).all(0)
    taus = ", ".join(f"{tau:g}" for tau in residual.taus[missing])
    return f" r is undefined at τ {taus}: no Re-train recognizes a copy." if taus else ""


def _values(ratios: Mapping[str, Ratio]) -> np.ndarray:
    values = np.concatenate([one.r for one in ratios.values()])
    return np.asarray(values[np.isfinite(values) & (values > 0)])


def _smallest(ratios: Mapping[str, Ratio]) -> float:
    return float(_values(ratios).min(initial=0.5))


def _largest(ratios: Mapping[str, Ratio], around: Spread) -> float:
    spread_out = float(np.nan_to_num(around.most[1]).max(initial=2.0))
    return max(spread_out, float(_values(ratios).max(initial=2.0)))


def _sheet(
    residual: Residual,
    sample: int,
    sample_name: str,
    model: str,
    labels: Mapping[str, str],
    ratios: Mapping[str, Ratio],
    around: Spread,
) -> Sheet:
    header = ["sample", "model", "name", "tau", "recognized", "copies", "r", "low", "high",
              "retrains", "median", "p25", "p75", "p5", "p95", "undefined_samples",
              "sample_name"]  # fmt: skip
    row = int(np.flatnonzero(residual.samples == sample)[0])
    rows: list[list[object]] = []
    for name, one in ratios.items():
        for i, tau in enumerate(residual.taus):
            spreads: list[object] = [""] * 6
            if name == model:
                parts = (around.median, *around.half, *around.most)
                spreads = [*(float(part[i]) for part in parts), int(around.undefined[i])]
            rows.append(
                [sample, name, model_label(name, labels), float(tau),
                 int(residual.counts[name][row, i]), int(residual.per_cell[row, i]),
                 float(one.r[i]), float(one.low[i]), float(one.high[i]), int(one.against[i]),
                 *spreads, sample_name]
            )  # fmt: skip
    return header, rows
