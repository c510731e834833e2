"""Grids of tau: their text form, and the rules that every grid obeys."""

from __future__ import annotations

import itertools
import math

from engine.errors import SpecError

MAX_TAUS = 1000


def parse_taus(text: str) -> tuple[float, ...]:
    """A grid of tau from 'low:high:count' or 'a,b,c'; SpecError unless ascending and >= 0."""
    wrong = SpecError(
        f"'{text}' is not a grid of tau. Write low:high:count (0:0.4:11) or a list (0,0.01,0.03)."
    )
    try:
        if ":" in text:
            low, high, count = text.split(":")
            n = int(count)
            if not 1 <= n <= MAX_TAUS:
                raise SpecError(
                    f"A grid of tau has 1 to {MAX_TAUS} values, but '{text}' asks for {n}."
                )
            start, stop = float(low), float(high)
            taus = [start + (stop - start) * i / max(1, n - 1) for i in range(n)]
        else:
            taus = [float(part) for part in text.split(",")]
    except ValueError:
        raise wrong from None
    return check_taus(tuple(round(tau, 10) for tau in taus))


def check_taus(taus: tuple[float, ...]) -> tuple[float, ...]:
    """The grid itself; SpecError unless it is 1 to `MAX_TAUS` finite, ascending values >= 0."""
    if not 1 <= len(taus) <= MAX_TAUS:
        raise SpecError(f"A grid of tau has 1 to {MAX_TAUS} values, but this one has {len(taus)}.")
    for tau in taus:
        if not math.isfinite(tau) or tau < 0:
            raise SpecError(f"tau must be a finite number of at least 0, but is {tau:g}.")
    if any(b <= a for a, b in itertools.pairwise(taus)):
        raise SpecError("The values of tau must ascend, each larger than the one before.")
    return taus
