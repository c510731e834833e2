"""What a crosshair reads: the values of all curves at one place, and names as rich text."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.curves import PUBLISHED, Line
from engine.analysis.measures import Measure

ColorOf = Callable[[str], str]
RunName = Callable[[int], str]
FEW = 3  # other runs listed per model
NEAR = 1e-9  # difference of taus that count as equal


@dataclass(frozen=True)
class Reading:
    """One line of a readout. words: the value; more: what is less important; y: its height."""

    label: str
    color: str
    words: str
    more: str = ""
    y: float = float("nan")

    @property
    def text(self) -> str:
        """The line as text."""
        return " ".join(part for part in (self.label, self.words, self.more) if part)


def swatch(color: str, label: str) -> str:
    """A label after a square of its color, as rich text."""
    return f'<span style="color:{color}">■</span> {html.escape(label)}'


def at_tau(
    lines: Sequence[Line],
    measure: Measure,
    tau: float,
    color: ColorOf,
    run_name: RunName,
) -> list[Reading]:
    """The values at one tau, the largest first: each model's own, then those of the other runs."""
    readings = []
    for own in [one for one in lines if _is_open(one)]:
        others = [one for one in lines if one.model == own.model and not _is_open(one)]
        at = _places(own, tau)
        words = measure.words(own.trace, at[0]) if at else "undefined"
        y = float(own.trace.y[at[0]]) if at else float("nan")
        more = _others(others, measure, tau, run_name)
        readings.append(Reading(own.label, color(own.model), words, more, y))
    return sorted(readings, key=_height, reverse=True)


def at_epoch(
    losses: Mapping[str, Sequence[float]], epoch: int, color: ColorOf, label: Callable[[str], str]
) -> list[Reading]:
    """The training losses at one epoch, counted from 1, of the models that reached it."""
    readings = [
        Reading(label(name), color(name), f"{values[epoch - 1]:.3g}", y=float(values[epoch - 1]))
        for name, values in losses.items()
        if len(values) >= epoch
    ]
    return sorted(readings, key=_height, reverse=True)


def _height(reading: Reading) -> float:
    return reading.y if np.isfinite(reading.y) else -np.inf


def _others(others: Sequence[Line], measure: Measure, tau: float, run_name: RunName) -> str:
    """The values of the same model in other runs, in parentheses."""
    texts = [
        f"{_source(one, run_name)}: {measure.text(one.trace, at[0])}"
        for one in others
        if (at := _places(one, tau))
    ]
    more = " …" if len(texts) > FEW else ""
    return f"({'; '.join(texts[:FEW])}{more})" if texts else ""


def _is_open(line: Line) -> bool:
    return line.run == 0 and line.kind != PUBLISHED


def _source(line: Line, run_name: RunName) -> str:
    return "published" if line.kind == PUBLISHED else run_name(line.run)


def _places(line: Line, tau: float) -> list[int]:
    """The indices of this tau in the line's grid, at most one."""
    places: list[int] = np.flatnonzero(np.abs(line.x - tau) < NEAR).tolist()
    return places
