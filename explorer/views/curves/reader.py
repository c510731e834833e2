"""What the crosshair of a chart of Curves reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from engine.analysis.curve_set import CurveSet
from engine.analysis.measures import Measure
from explorer.plots import readout
from explorer.plots.curve_chart import CurveChart
from explorer.theme import Theme


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
    chart.read(f"τ {tau:g}", rows, tau, chart.hover_y)


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
