"""A set of curves as series, background and legend entries of a chart over tau."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from engine.analysis.curve_set import RESIDUAL, CurveSet
from engine.analysis.curves import MEAN, PUBLISHED, SHOWN, Line, run_dash
from engine.analysis.measures import Measure, Trace
from explorer.plots.chart import Ground, Series
from explorer.plots.curve_chart import CurveChart
from explorer.theme import Theme
from explorer.widgets.legend import LegendEntry

THIN = 1.3  # width of the curves of other runs
PAPER_DASH = (1.0, 2.5)


def draw_curves(
    chart: CurveChart,
    curves: CurveSet,
    measure: Measure,
    hidden: Collection[str],
    theme: Theme,
    *,
    log: bool,
) -> None:
    """Draw the curves of a measure; the names of hidden models and runs ('@key') stay listed."""
    visible = {line.name for line in curves.lines(measure, hidden)}
    drawn = [series_of(line, theme, shown=line.name in visible) for line in curves.lines(measure)]
    entries = entries_of(curves, measure, hidden, theme)
    chart.draw(drawn, ground_of(curves, measure), log=log, entries=entries)


def ground_of(curves: CurveSet, measure: Measure) -> Ground | None:
    """The background of the curves: 1 and the null band for ratios, nothing for other measures."""
    if not measure.ratio or not curves.runs:
        return None
    band = curves.band(measure)
    if band is None:
        return Ground(level=1.0)
    n = len(curves.seeds)
    seeds = f" of {n} seeds" if n > 1 else ""
    if measure.name == RESIDUAL:
        name = f"null band{seeds}"
        return Ground(f"{name}: one Re-train against another", curves.taus, *band, 1.0, (name,))
    own = curves.prediction(measure)
    outer = None if own is None else (own.grid_low, own.grid_high)
    name = "null band: range of Re-trains" + (", one more within dashes" if outer else "")
    shorter = (f"null band{seeds}",)
    return Ground(name, curves.taus, *band, 1.0, shorter, outer=outer)


def entries_of(
    curves: CurveSet, measure: Measure, hidden: Collection[str], theme: Theme
) -> list[LegendEntry]:
    """One legend entry for each other run, and one for published values."""
    keys = {number: f"@{curves.runs[number].key}" for number in curves.alone}
    entries = [
        LegendEntry(
            curves.title(number), theme.text, dash=run_dash(number), name=key, on=key not in hidden
        )
        for number, key in keys.items()
    ]
    if curves.has_paper(measure):
        name = f"@{PUBLISHED}"
        on = name not in hidden
        entries.append(LegendEntry("published", theme.text, "o", PAPER_DASH, name=name, on=on))
    return entries


def series_of(line: Line, theme: Theme, *, shown: bool = True) -> Series:
    """A curve as a series: the open study's at full width, others thinner, published ones dotted.

    The same method has the same color in all of them.
    """
    style = theme.model_style(line.model)
    trace, front = line.trace, line.kind == SHOWN or (line.kind == MEAN and line.run == 0)
    if line.kind == PUBLISHED:
        style = style._replace(dash=PAPER_DASH)
    elif not front:
        style = style._replace(dash=run_dash(line.run))
    banded = line.kind in (SHOWN, MEAN)
    return Series(
        line.name,
        line.label,
        style,
        line.x,
        trace.y,
        trace.low if banded else None,
        trace.high if banded else None,
        shown,
        width=2.0 if front else THIN,
        marks=front or line.kind == PUBLISHED,
        hollow=line.kind == PUBLISHED,
        listed=front,
        front=front,
        whiskers=True,
    )


def losses_of(
    losses: Mapping[str, Sequence[float]],
    label: Callable[[str], str],
    hidden: Collection[str],
    theme: Theme,
) -> list[Series]:
    """The training loss of each model against its epochs, counted from 1.

    label: display name of a model; hidden: models shown in the legend only.
    """
    series = []
    for name, values in losses.items():
        epochs, trace = np.arange(1, len(values) + 1), Trace(np.asarray(values, np.float64))
        line = Line(name, label(name), SHOWN, 0, epochs, trace)
        series.append(series_of(line, theme, shown=name not in hidden))
    return series
