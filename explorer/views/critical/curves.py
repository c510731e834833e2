"""The distributions as series, the band of the Re-trains, and the marks of the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from engine.analysis.critical_tau import distribution_of, retrain_band, tau_of
from engine.results import Recognition, retrain_names
from explorer.plots.chart import Ground, Series
from explorer.plots.readout import Reading
from explorer.theme import Theme
from explorer.views.critical.captions import reading

BAND = "Re-trains"

Label = Callable[[str], str]


def models(searches: Mapping[str, Recognition]) -> list[str]:
    """The models drawn as curves: all but the Re-trains, of which the band consists if it can."""
    banded = retrain_band(searches) is not None
    return [name for name in searches if not (banded and name.startswith("retrain-"))]


def series_of(
    searches: Mapping[str, Recognition], label: Label, hidden: set[str], theme: Theme
) -> list[Series]:
    """One step curve for each model."""
    series = []
    for name in models(searches):
        one = distribution_of(searches[name])
        style = theme.model_style(name)._replace(symbol="")
        series.append(
            Series(name, label(name), style, *one.steps(), shown=name not in hidden, marks=False)
        )
    return series


def ground_of(searches: Mapping[str, Recognition]) -> Ground | None:
    """The band that the Re-trains span."""
    band = retrain_band(searches)
    return (
        Ground(f"{BAND}: lowest to highest", *band, shorter=(BAND,)) if band is not None else None
    )


def readings(
    searches: Mapping[str, Recognition], tau: float, label: Label, hidden: set[str], theme: Theme
) -> list[Reading]:
    """What every drawn curve counts at one tau, the most first; then the band."""
    rows = []
    for name in models(searches):
        if name not in hidden:
            one = distribution_of(searches[name])
            words, more = reading(one, tau)
            color = theme.model_style(name).color
            rows.append(Reading(label(name), color, words, more, one.percent(tau)))
    rows.sort(key=_height, reverse=True)
    retrains = [distribution_of(searches[name]) for name in retrain_names(searches)]
    if len(retrains) > 1:
        counts = [one.count(tau) for one in retrains]
        words = f"{min(counts):,} to {max(counts):,} of {retrains[0].total:,}"
        middle = float(np.mean([one.percent(tau) for one in retrains]))
        rows.append(Reading(BAND, theme.model_style("retrain").color, words, y=middle))
    return rows


def current_marks(
    searches: Mapping[str, Recognition], sample: int | None, hidden: set[str]
) -> dict[str, tuple[float, float]]:
    """Model -> place of the sample on its curve; at the limit where it is not recognized again."""
    places = {}
    for name in models(searches):
        tau = tau_of(searches[name], sample) if sample is not None else None
        if tau is not None and name not in hidden:
            one = distribution_of(searches[name])
            at = min(tau, one.limit)
            places[name] = (at, one.percent(at))
    return places


def _height(reading: Reading) -> float:
    return reading.y
