"""How the points of an embedding's panel look: color by shade, shape by kind, the rest dimmed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.analysis.point_colors import Group, Shade
from engine.drawing.palette import rgb
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding
from explorer.points.points import BEHIND, MARKED, PLAIN
from explorer.points.stamps import CIRCLE, CROSS, DIAMOND, SQUARE, TRIANGLE
from explorer.theme import MARKS, Theme
from explorer.widgets.legend import LegendEntry

MOST_GROUPS = 20  # beyond, a legend of classes would fill the view
DIMMED = 0.82  # how far towards the ground what is not highlighted fades


@dataclass(frozen=True)
class Kind:
    """A kind of point: what it is called, how it is drawn, and by pyqtgraph's legend."""

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
    """What PointsItem draws: color numbers, shapes, weights, all (m,), and the colors meant."""

    color: np.ndarray
    shape: np.ndarray
    weight: np.ndarray
    colors: tuple[str, ...]


def marks(one: Shade, kind: np.ndarray, picked: np.ndarray | None, theme: Theme) -> Marks:
    """The marks of a panel; picked (m,) bool: what is highlighted, None where nothing is."""
    count = len(one.groups)
    quiet = np.array([group.quiet for group in one.groups])[one.number]
    dim = np.zeros(len(kind), bool) if picked is None else ~picked
    shape = np.where(kind == FORGET, _shapes(one)[one.number], _SHAPES[kind])
    weight = np.where(quiet | dim, BEHIND, _WEIGHTS[kind])
    shown = tuple(group_color(group, one, theme) for group in one.groups)
    faded = tuple(_mixed(color, theme.base, DIMMED) for color in shown)
    return Marks(one.number + count * dim, shape, weight, shown + faded)


def group_color(group: Group, one: Shade, theme: Theme) -> str:
    """The color of a group; a scale keeps its own, for its order is its meaning."""
    if group.quiet:
        return theme.border
    return group.color if one.scale is not None and not group.name else theme.legible(group.color)


def kind_entries(shown: Embedding, hidden: Collection[int], theme: Theme) -> list[LegendEntry]:
    """The legend's lines for the kinds of points, with how many there are of each."""
    return [
        LegendEntry(
            f"{kind.label} {int((shown.kind == number).sum()):,}", theme.base, kind.symbol,
            outline=theme.text, name=str(number), on=number not in hidden,
        )
        for number, kind in KINDS.items()
    ]  # fmt: skip


def entries(one: Shade, theme: Theme) -> list[LegendEntry]:
    """The legend's lines for the groups that have a name."""
    named = [group for group in one.groups if group.name]
    if len(named) > MOST_GROUPS:
        return []
    return [
        LegendEntry(group.name, group_color(group, one, theme), MARKS.get(group.symbol, "o"))
        for group in named
    ]


def _shapes(one: Shade) -> np.ndarray:
    """(groups,) the shape of forget samples: the group's second cue, or that of their kind."""
    return np.array([SYMBOLS.get(group.symbol, DIAMOND) for group in one.groups])


def _mixed(color: str, ground: str, share: float) -> str:
    parts = zip(rgb(color), rgb(ground), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)
