"""Logarithmic axes with few, round ticks, whose labels never touch."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, Locator, NullFormatter, NullLocator

from engine.drawing.log_ticks import log_ticks, tick_text

MOST = 6  # ticks


class RoundLogLocator(Locator):
    """Ticks of `log_ticks` within the view; linear: from 0 to this value, which gets a tick."""

    def __init__(self, linear: float = 0.0) -> None:
        self._linear = linear

    def __call__(self) -> Sequence[float]:
        """The ticks of the current view."""
        if self.axis is None:
            return []
        low, high = sorted(self.axis.get_view_interval())
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """The ticks from vmin to vmax."""
        if self._linear:
            return [0.0, *log_ticks(max(vmin, self._linear), vmax, MOST - 1)]
        return log_ticks(vmin, vmax, MOST)


def make_log(axis: Axis, linear: float = 0.0) -> None:
    """Make an axis logarithmic; linear: below this value it is linear, so that it can show 0."""
    axes = axis.axes
    scale = axes.set_xscale if axis is axes.xaxis else axes.set_yscale
    if linear:
        scale("symlog", linthresh=linear)
    else:
        scale("log", nonpositive="mask")
    axis.set_major_locator(RoundLogLocator(linear))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(float(value))))
