"""Ticks of a logarithmic axis: few, round, and labeled as plain numbers, on screen and on paper."""

from __future__ import annotations

import math

import numpy as np

NARROW = 0.8  # decades, below which ticks are evenly spaced, as on a linear axis
STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))  # within a decade, finest first
ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)  # steps of an evenly spaced axis


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within [low, high], at most `most` (2 or more) of them, ascending.

    >>> log_ticks(0.05, 40)
    [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
    >>> log_ticks(0.8, 1.9, 4)
    [1.0, 1.25, 1.5, 1.75]
    >>> log_ticks(1e-6, 1e6, 5)
    [1e-06, 0.001, 1.0, 1000.0, 1000000.0]
    """
    if not (0 < low < high < math.inf):
        return [low] if 0 < low < math.inf else []
    decades = math.log10(high / low)
    if decades < NARROW:
        return _even(low, high, most)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in STEPS:
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        inside = [_plain(tick) for tick in ticks if low * 0.9999 <= tick <= high * 1.0001]
        if len(inside) <= most:
            return inside
    every = math.ceil(len(inside) / most)
    return [tick for tick in inside if round(math.log10(tick)) % every == 0][:most]


def tick_text(value: float) -> str:
    """A tick's label: '0.05', '1', '1,000', '1e-06'.

    >>> [tick_text(value) for value in (0.05, 1.0, 1000.0, 1e-6, 0.0)]
    ['0.05', '1', '1,000', '1e-06', '0']
    """
    return f"{value:,.0f}" if abs(value) >= 1000 and value % 1 == 0 else f"{value:g}"


def _even(low: float, high: float, most: int) -> list[float]:
    """Multiples of a round step within [low, high]."""
    scale = 10.0 ** math.floor(math.log10((high - low) / max(1, most)))
    for step in (scale * part for part in (*ROUND, *(10 * part for part in ROUND))):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [_plain(step * number) for number in range(first, last + 1)]
    return []


def _plain(value: float) -> float:
    return float(np.format_float_scientific(value, 9))
