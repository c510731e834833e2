"""Numbers as people write them: 2/255, and grids of norms such as '0 to 0.4 in 11'."""

from __future__ import annotations

import re

from engine.errors import SpecError
from engine.spec import parse_taus

LEVELS = 255  # of a pixel: norms are often written in 255ths
LONG = 6  # letters; a shorter decimal number is shown as it is
NUMBER = r"[+-]?[\d.]+(?:e[+-]?\d+)?(?:\s*/\s*[\d.]+)?"
RANGE = re.compile(rf"\s*({NUMBER})\s*(?:to|:|\.\.)\s*({NUMBER})\s*(?:in|:)\s*(\d+)\s*", re.I)
LEAST = 3  # values of a range; fewer are listed


def number_of(text: str) -> float:
    """The number in a text, a fraction or a decimal; ValueError if there is none.

    >>> number_of("2/255") == 2 / 255, number_of(" 1e-05 ")
    (True, 1e-05)
    """
    above, slash, below = text.partition("/")
    if not slash:
        return float(above)
    if float(below) == 0:
        raise ValueError(f"'{text}' divides by zero")
    return float(above) / float(below)


def text_of(number: float) -> str:
    """A number as text: as 255ths if it is exactly so many, and a decimal would be long.

    >>> text_of(2 / 255), text_of(0.4), text_of(1e-05)
    ('2/255', '0.4', '1e-05')
    """
    decimal = f"{number:.10g}"
    levels = round(number * LEVELS) if 0 < number <= 1 else 0
    exact = levels > 0 and levels / LEVELS == number
    return f"{levels}/{LEVELS}" if exact and len(decimal) > LONG else decimal


def grid_text(spec: str) -> str:
    """A grid of tau as people write it; a text that is no grid stays as it is.

    spec: low:high:count or a list, as `parse_taus` reads it.

    >>> grid_text("0:0.4:11"), grid_text("0,0.01,0.03"), grid_text("0:0.03137254902:5")
    ('0 to 0.4 in 11', '0, 0.01, 0.03', '0 to 8/255 in 5')
    """
    try:
        taus = parse_taus(spec)
    except SpecError:
        return spec
    low, high = _norm_text(taus[0]), _norm_text(taus[-1])
    if len(taus) >= LEAST and _same(taus, grid_spec(f"{low} to {high} in {len(taus)}")):
        return f"{low} to {high} in {len(taus)}"
    return ", ".join(map(_norm_text, taus))


def grid_spec(text: str) -> str:
    """The grid of tau in a text as `parse_taus` reads it; SpecError if it is none.

    >>> grid_spec("0 to 0.4 in 11"), grid_spec("0, 2/255"), grid_spec("0:0.4:11")
    ('0:0.4:11', '0,0.007843137255', '0:0.4:11')
    """
    range_ = RANGE.fullmatch(text)
    try:
        if range_:
            low, high = (f"{number_of(part):.10g}" for part in range_.groups()[:2])
            spec = f"{low}:{high}:{range_[3]}"
        else:
            spec = ",".join(f"{number_of(part):.10g}" for part in text.split(","))
    except ValueError:
        raise SpecError(
            f"'{text}' is not a grid of norms. Write 0 to 0.4 in 11, or a list: 0, 0.01, 8/255."
        ) from None
    parse_taus(spec)
    return spec


def _norm_text(tau: float) -> str:
    """A norm of a grid, which is rounded to ten digits."""
    levels = round(tau * LEVELS)
    exact = round(levels / LEVELS, 10) == tau
    return text_of(levels / LEVELS if exact and levels else tau)


def _same(taus: tuple[float, ...], spec: str) -> bool:
    return parse_taus(spec) == taus
