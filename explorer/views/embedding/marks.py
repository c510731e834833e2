"""The look of the points of an embedding: color by shade, shape by kind, dimming."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.analysis.point_colors import Group, PointColors
from engine.drawing.palette import rgb
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding
from explorer.points.points import BEHIND, MARKED, PLAIN
from explorer.points.stamps import CIRCLE, CROSS, DIAMOND, SQUARE, TRIANGLE
from explorer.theme import MARKS, Theme
from explorer.widgets.legend import LegendEntry

MOST_GROUPS = 20  # more would fill the view with the legend
DIMMED = 0.82  # how far points that are not highlighted fade to the background


@dataclass(frozen=True)
class Kind:
    """A kind of point: label, shape and weight in the raster, pyqtgraph symbol in the legend."""

    label: str
    shape: int
    weight: int
    symbol: str


KINDS = {
    RETAIN: Kind("retain", CIRCLE, PLAIN, "o"),
    TEST: Kind("test", SQUARE, PLAIN, "s"),
    FORGET: Kind("forget", DIAMOND, MARKED, "d"),
    PERTURBED: Kind("perturbed copy", TRIANGLE, MARKED, "t1"),
}
SYMBOLS = {"circle": CIRCLE, "cross": CROSS, "diamond": DIAMOND, "square": SQUARE}
_SHAPES = np.array([KINDS[kind].shape for kind in sorted(KINDS)])
_WEIGHTS = np.array([KINDS[kind].weight for kind in sorted(KINDS)])


@dataclass(frozen=True, eq=False)
class Marks:
    """Input of PointsItem: color numbers, shapes, weights, all (m,), and the palette."""

    color: np.ndarray
    shape: np.ndarray
    weight: np.ndarray
    colors: tuple[str, ...]


def marks(one: PointColors, kind: np.ndarray, picked: np.ndarray | None, theme: Theme) -> Marks:
    """The marks of a panel; picked (m,) bool: the highlighted points, None without a highlight."""
    count = len(one.groups)
    quiet = np.array([group.quiet for group in one.groups])[one.number]
    dim = np.zeros(len(kind), bool) if picked is None else ~picked
    shape = np.where(kind == FORGET, _shapes(one)[one.number], _SHAPES[kind])
    weight = np.where(quiet | dim, BEHIND, _WEIGHTS[kind])
    shown = tuple(group_color(group, one, theme) for group in one.groups)
    faded = tuple(_mixed(color, theme.base, DIMMED) for color in shown)
    return Marks(one.number + count * dim, shape, weight, shown + faded)


def group_color(group: Group, one: PointColors, theme: Theme) -> str:
    """The color of a group; colors of a scale stay as they are, to keep their order."""
    if group.quiet:
        return theme.border
    return group.color if one.scale is not None and not group.name else theme.legible(group.color)


def kind_entries(shown: Embedding, hidden: Collection[int], theme: Theme) -> list[LegendEntry]:
    """Legend entries of the kinds of points, with their counts."""
    return [
        LegendEntry(
            f"{kind.label} {int((shown.kind == number).sum()):,}", theme.base, kind.symbol,
            outline=theme.text, name=str(number), on=number not in hidden,
        )
        for number, kind in KINDS.items()
    ]  # fmt: skip


def entries(one: PointColors, theme: Theme) -> list[LegendEntry]:
    """Legend entries of the named groups."""
    named = [group for group in one.groups if group.name]
    if len(named) > MOST_GROUPS:
        return []
    return [
        LegendEntry(group.name, group_color(group, one, theme), MARKS.get(group.symbol, "o"))
        for group in named
    ]


def _shapes(one: PointColors) -> np.ndarray:
    """(groups,) shapes of forget samples: the group's symbol, or that of their kind."""
    return np.array([SYMBOLS.get(group.symbol, DIAMOND) for group in one.groups])


def _mixed(color: str, ground: str, share: float) -> str:
    parts = zip(rgb(color), rgb(ground), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)
