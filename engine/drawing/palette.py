"""Colors and symbols shared by the screen and figures: colorblind-safe, never color alone.

The eight colors are Okabe and Ito's ("Color Universal Design", 2008). No Qt, no matplotlib: a
color is '#rrggbb', a dash is a pattern in line widths, a symbol is one of SYMBOLS.
"""

from __future__ import annotations

import colorsys
import zlib
from typing import NamedTuple

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GRAY, DARK_GRAY = "#7a7a7a", "#4a4e54"
WINE, OLIVE, INDIGO, BROWN = "#882255", "#6b7a00", "#5e4fa2", "#8c510a"  # of further methods
TEAL, ROSE, FOREST, MUSTARD = "#117a8b", "#d6336c", "#3b6e22", "#a6761d"
OKABE_ITO = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, GRAY)

SYMBOLS = ("circle", "square", "diamond", "triangle", "cross")
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 2), (4, 1.5, 1, 1.5), (1.5, 1.5), (7, 2))
GOLDEN = 0.61803398875  # golden ratio steps keep any number of hues distinct


class ModelStyle(NamedTuple):
    """The style of one model in all plots; an empty dash is a solid line."""

    color: str
    symbol: str
    dash: tuple[float, ...]


class BandStyle(NamedTuple):
    """How a range of reference values is drawn: a tinted area with lines along its edges.

    fill, edge: '#rrggbb' of the area and of its edges and hatching.
    """

    fill: str
    edge: str


NULL_BAND = BandStyle("#d9e5f2", "#8aa6c6")  # on white: no model has its color, nor gray
NULL_BAND_DARK = BandStyle("#22364b", "#5f83ab")  # on the dark theme's background
INTERVAL_ALPHA = 0.10  # of intervals that are filled; they lie below the null band


_FIXED = {
    "original": ModelStyle(DARK_GRAY, "circle", ()),
    "retrain": ModelStyle(BLUE, "square", DASHES[3]),
    "rurk": ModelStyle(VERMILION, "diamond", ()),
    "gd": ModelStyle(GREEN, "triangle", DASHES[1]),
    "ga": ModelStyle(PURPLE, "cross", DASHES[2]),
    "neggrad-plus": ModelStyle(ORANGE, "circle", DASHES[4]),
    "scrub": ModelStyle(SKY, "square", DASHES[1]),
    "salun": ModelStyle(WINE, "triangle", DASHES[2]),
    "ssd": ModelStyle(OLIVE, "diamond", DASHES[1]),
    "random-labels": ModelStyle(INDIGO, "circle", DASHES[2]),
    "bad-teacher": ModelStyle(BROWN, "cross", DASHES[1]),
    "fisher": ModelStyle(TEAL, "square", DASHES[2]),
    "ngd": ModelStyle(ROSE, "triangle", DASHES[4]),
    "ntk": ModelStyle(FOREST, "diamond", DASHES[2]),
    "l1-sparse": ModelStyle(MUSTARD, "square", DASHES[4]),
    "cr": ModelStyle(SKY, "circle", DASHES[4]),
    "cf-k": ModelStyle(ORANGE, "triangle", DASHES[1]),
    "eu-k": ModelStyle(GREEN, "square", DASHES[2]),
}
_SPARE = (ORANGE, SKY, BLUE, GREEN, PURPLE, VERMILION)


def model_style(name: str) -> ModelStyle:
    """The style of a model by name; all Re-trains share one, unknown methods get a spare one."""
    fixed = _FIXED.get("retrain" if name.startswith("retrain") else name)
    if fixed:
        return fixed
    number = zlib.crc32(name.encode())  # the same in every process, unlike hash()
    return ModelStyle(
        _SPARE[number % len(_SPARE)],
        SYMBOLS[number // len(_SPARE) % len(SYMBOLS)],
        DASHES[1 + number % (len(DASHES) - 1)],
    )


def class_color(index: int) -> str:
    """The color of class number `index`: Okabe and Ito's first, then evenly spread hues."""
    return OKABE_ITO[index] if index < len(OKABE_ITO) else _spread(index - len(OKABE_ITO))


def class_colors(count: int) -> tuple[str, ...]:
    """`count` colors, one per class."""
    return tuple(class_color(index) for index in range(count))


def rgb(color: str) -> tuple[int, int, int]:
    """(red, green, blue), 0 to 255, of '#rrggbb'."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _spread(i: int) -> str:
    lightness = (0.36, 0.62, 0.48)[i % 3]
    parts = colorsys.hls_to_rgb((0.05 + i * GOLDEN) % 1, lightness, 0.6)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)
