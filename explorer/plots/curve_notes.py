"""What a chart writes about its curves: names at their ends, and what lies beyond the axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from explorer.plots.annotations import BandName, EdgeMark, EndLabel
from explorer.plots.chart import Ground, Series
from explorer.plots.value_range import ValueRange
from explorer.theme import Theme

Scaled = Callable[[np.ndarray], np.ndarray]  # values as drawn: log10 on a log axis


def end_label(one: Series, scaled: Scaled, theme: Theme) -> EndLabel:
    """The name of a curve at its last defined point."""
    y = scaled(one.y)
    last = np.flatnonzero(np.isfinite(y))
    x, end = (float(one.x[last[-1]]), float(y[last[-1]])) if len(last) else (np.nan, np.nan)
    return EndLabel(one.name, one.label, theme.readable(one.style.color), x, end, one.shown)


def band_name(
    ground: Ground,
    series: Sequence[Series],
    scaled: Scaled,
    spots: Sequence[tuple[float, float]] = (),
) -> BandName | None:
    """The name of the band and the curves that it should not cover; None without a band.

    spots: centers of marks that it must not cover, as drawn.
    """
    if not ground.label or ground.x is None or ground.low is None or ground.high is None:
        return None
    curves = [np.column_stack([one.x, scaled(one.y)]) for one in series if one.shown]
    if ground.level is not None:
        level = scaled(np.full(2, ground.level))
        curves.append(np.column_stack([ground.x[[0, -1]], level]))
    texts = (ground.label, *ground.shorter)
    low, high = scaled(ground.low), scaled(ground.high)
    return BandName(texts, ground.x, low, high, tuple(curves), tuple(spots))


def edge_marks(
    series: Sequence[Series], scaled: Scaled, view: Sequence[Sequence[float]]
) -> Iterator[EdgeMark]:
    """One mark for each curve and end through which it leaves the view, ((x0, x1), (y0, y1))."""
    (left, right), (bottom, top) = view
    for one in series:
        y = scaled(one.y)
        inside = one.shown & np.isfinite(y) & (one.x >= left) & (one.x <= right)
        for up, out in ((True, inside & (y > top)), (False, inside & (y < bottom))):
            if out.any():
                worst = int(np.argmax(np.where(out, y if up else -y, -np.inf)))
                yield EdgeMark(float(one.x[worst]), up, one.style.color)


def beyond_words(shown: ValueRange, log: bool) -> tuple[str, ...]:
    """How far what is cut reaches, longest first; () if nothing is. log: of a range of log10."""
    ends = []
    for value, cut, sign in (
        (shown.highest, shown.highest > shown.high, "▲"),
        (shown.lowest, shown.lowest < shown.low, "▼"),
    ):
        ends += [f"{sign} to {10.0**value if log else value:.3g}"] * cut
    if not ends:
        return ()
    words = ", ".join(ends)
    return (f"{words} beyond the axis: double-click shows all", f"{words} beyond the axis", words)
