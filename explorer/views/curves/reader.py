"""What the crosshair of a chart of Curves reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from engine.analysis.certified_curve import certified_lines
from engine.analysis.curve_set import CurveSet
from engine.analysis.measures import Measure
from engine.drawing.labels import model_label
from explorer.plots import readout
from explorer.plots.curve_chart import CurveChart
from explorer.plots.readout import Reading
from explorer.state.app_state import AppState
from explorer.theme import Theme, theme_of


def read_tau(
    chart: CurveChart,
    curves: CurveSet,
    measure: Measure | None,
    hidden: Collection[str],
    theme: Theme,
    x: float,
) -> None:
    """Read the curves that are not hidden at the norm nearest to x; nothing where x is NaN."""
    if measure is None or not np.isfinite(x) or not len(curves.taus):
        chart.stop_reading()
        return
    tau = float(curves.taus[curves.nearest(x)])
    chart.set_cross(tau)
    lines = curves.lines(measure, hidden)
    rows = readout.at_tau(lines, measure, tau, _color_in(theme), curves.title)
    rows += _null(curves, measure, tau, theme)
    chart.read(f"τ {tau:g}", rows, tau, chart.hover_y)


def _null(curves: CurveSet, measure: Measure, tau: float, theme: Theme) -> list[Reading]:
    """Where one more Re-train lies; nothing for measures without a prediction."""
    own, i = curves.prediction(measure), curves.nearest(tau)
    if own is None:
        return []
    words = f"{own.low[i]:.3g} to {own.high[i]:.3g}"
    grid = f"(at all τ: {own.grid_low[i]:.3g} to {own.grid_high[i]:.3g})"
    return [Reading("One more Re-train", theme.null_band.edge, words, grid)]


def read_radius(chart: CurveChart, state: AppState, hidden: Collection[str], x: float) -> None:
    """Read the certified shares at radius x; nothing where x is NaN or nothing is certified."""
    theme, residual = theme_of(state.theme), state.residual
    lines = [] if residual is None else certified_lines(residual, {})
    if not np.isfinite(x) or not lines:
        chart.stop_reading()
        return
    radius = max(x, 0.0)
    labels = {} if state.study is None else state.study.labels
    chart.set_cross(radius)
    rows = []
    for one in (line for line in lines if line.model not in hidden):
        y = float(one.trace.y[min(int(np.searchsorted(one.x, radius)), len(one.x) - 1)])
        color = theme.model_style(one.model).color
        rows.append(Reading(model_label(one.model, labels), color, f"{y:.1f} %", y=y))
    chart.read(f"radius {radius:.3g}", rows, radius, chart.hover_y)


def read_epoch(
    chart: CurveChart,
    losses: Mapping[str, Sequence[float]],
    label: Callable[[str], str],
    theme: Theme,
    x: float,
) -> None:
    """Read these losses at the epoch nearest to x, counted from 1; nothing where x is NaN."""
    longest = max(map(len, losses.values()), default=0)
    if not np.isfinite(x) or not longest:
        chart.stop_reading()
        return
    epoch = min(max(round(x), 1), longest)
    chart.set_cross(float(epoch))
    rows = readout.at_epoch(losses, epoch, _color_in(theme), label)
    chart.read(f"epoch {epoch}", rows, float(epoch), chart.hover_y)


def _color_in(theme: Theme) -> Callable[[str], str]:
    return lambda name: theme.model_style(name).color
