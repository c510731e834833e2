"""The readout of a crosshair: values of curves as rich text, names with colored squares."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.analysis.curves import PUBLISHED, Line
from engine.analysis.measures import Measure

ColorOf = Callable[[str], str]
RunName = Callable[[int], str]
FEW = 3  # other runs listed per model
NEAR = 1e-9  # difference of taus that count as equal


def swatch(color: str, label: str) -> str:
    """A label after a square of its color, as rich text."""
    return f'<span style="color:{color}">■</span> {html.escape(label)}'


def at_tau(
    lines: Sequence[Line],
    measure: Measure,
    tau: float,
    color: ColorOf,
    run_name: RunName,
) -> str:
    """The values of the curves at one tau: each model's own, then those of the other runs."""
    parts = []
    for own in [one for one in lines if _is_open(one)]:
        others = [one for one in lines if one.model == own.model and not _is_open(one)]
        words = _words(own, measure, tau)
        more = _others(others, measure, tau, run_name)
        parts.append(f"{swatch(color(own.model), own.label)} {words}{more}")
    return " · ".join([f"<b>τ {tau:g}</b>", *parts])


def at_epoch(
    losses: Mapping[str, Sequence[float]], epoch: int, color: ColorOf, label: Callable[[str], str]
) -> str:
    """The training losses at one epoch, counted from 1, of the models that reached it."""
    parts = [
        f"{swatch(color(name), label(name))} {values[epoch - 1]:.3g}"
        for name, values in losses.items()
        if len(values) >= epoch
    ]
    return f"<b>epoch {epoch}</b> · " + " · ".join(parts)


def _others(others: Sequence[Line], measure: Measure, tau: float, run_name: RunName) -> str:
    """The values of the same model in other runs, in parentheses."""
    texts = [
        f"{html.escape(_source(one, run_name))}: {measure.text(one.trace, at[0])}"
        for one in others
        if (at := _places(one, tau))
    ]
    more = " …" if len(texts) > FEW else ""
    return f" ({'; '.join(texts[:FEW])}{more})" if texts else ""


def _is_open(line: Line) -> bool:
    return line.run == 0 and line.kind != PUBLISHED


def _source(line: Line, run_name: RunName) -> str:
    return "published" if line.kind == PUBLISHED else run_name(line.run)


def _words(line: Line, measure: Measure, tau: float) -> str:
    at = _places(line, tau)
    return measure.words(line.trace, at[0]) if at else "undefined"


def _places(line: Line, tau: float) -> list[int]:
    """The indices of this tau in the line's grid, at most one."""
    places: list[int] = np.flatnonzero(np.abs(line.x - tau) < NEAR).tolist()
    return places
