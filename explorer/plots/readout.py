"""What a crosshair says of curves: one sentence in rich text, colored squares before the names."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.analysis.curves import PUBLISHED, Line
from engine.analysis.measures import Measure

ColorOf = Callable[[str], str]
RunName = Callable[[int], str]
FEW = 3  # other runs whose value is told of each model
NEAR = 1e-9  # between taus that count as the same


def swatch(color: str, label: str) -> str:
    """A name after a square of its color."""
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
        parts.append(
            f"{swatch(color(own.model), own.label)} {words}{_told(others, measure, tau, run_name)}"
        )
    return " · ".join([f"<b>τ {tau:g}</b>", *parts])


def at_epoch(
    losses: Mapping[str, Sequence[float]], epoch: int, color: ColorOf, label: Callable[[str], str]
) -> str:
    """The training losses at one epoch, counted from 1, of the models that got so far."""
    parts = [
        f"{swatch(color(name), label(name))} {values[epoch - 1]:.3g}"
        for name, values in losses.items()
        if len(values) >= epoch
    ]
    return f"<b>epoch {epoch}</b> · " + " · ".join(parts)


def _told(others: Sequence[Line], measure: Measure, tau: float, run_name: RunName) -> str:
    """The bare numbers of the same model in other runs, in parentheses."""
    told = [
        f"{html.escape(_source(one, run_name))}: {measure.text(one.trace, at[0])}"
        for one in others
        if (at := _places(one, tau))
    ]
    more = " …" if len(told) > FEW else ""
    return f" ({'; '.join(told[:FEW])}{more})" if told else ""


def _is_open(line: Line) -> bool:
    return line.run == 0 and line.kind != PUBLISHED


def _source(line: Line, run_name: RunName) -> str:
    return "published" if line.kind == PUBLISHED else run_name(line.run)


def _words(line: Line, measure: Measure, tau: float) -> str:
    at = _places(line, tau)
    return measure.words(line.trace, at[0]) if at else "undefined"


def _places(line: Line, tau: float) -> list[int]:
    """Where in its grid the line has this tau, if it has."""
    found: list[int] = np.flatnonzero(np.abs(line.x - tau) < NEAR).tolist()
    return found
