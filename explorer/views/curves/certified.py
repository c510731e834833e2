"""The chart of certified shares in Curves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from engine.analysis.certified_curve import NONE, certified_lines
from explorer.plots.curve_chart import CurveChart
from explorer.state.app_state import AppState
from explorer.theme import theme_of
from explorer.views.curves.curve_set import series_of


def draw_certified(
    chart: CurveChart,
    state: AppState,
    label: Callable[[str], str],
    hidden: Collection[str],
) -> None:
    """Draw the models' curves, or say why there are none; label: display name of a model."""
    theme, residual = theme_of(state.theme), state.residual
    lines = [] if residual is None else certified_lines(residual, {})
    series = [series_of(one, theme, shown=one.model not in hidden) for one in lines]
    chart.draw([replace(one, label=label(one.name)) for one in series], None)
    chart.say(f"{NONE}." if residual is not None and not lines else "")
