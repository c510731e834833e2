"""The look of the points of an embedding: color by shade, shape by kind, dimming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.point_colors import Group, PointColors
from engine.drawing.palette import class_colors, rgb
from engine.results import FORGET, PERTURBED, RETAIN, TEST
from explorer.points.points import BEHIND, MARKED, PLAIN
from explorer.points.stamps import CIRCLE, CROSS, DIAMOND, SQUARE, TRIANGLE
from explorer.theme import Theme

DIMMED = 0.82  # how far points that are not highlighted fade to the background
CONTEXT = 0.45  # how far points without a value fade, which keep the color of their class


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


def marks(
    one: PointColors,
    kind: np.ndarray,
    label: np.ndarray,
    picked: np.ndarray | None,
    theme: Theme,
) -> Marks:
    """The marks of a panel.

    kind, label (m,): of each point; picked (m,) bool: the highlighted points, None without a
    highlight. Points without a value in the colors stay in a pale color of their class.
    """
    shown = tuple(group_color(group, one, theme) for group in one.groups)
    classes = class_colors(int(label.max()) + 1 if len(label) else 0)
    pale = tuple(mixed(theme.legible(color), theme.base, CONTEXT) for color in classes)
    quiet = np.array([group.quiet for group in one.groups])[one.number]
    number = np.where(quiet, len(shown) + label, one.number)
    faded = tuple(mixed(color, theme.base, DIMMED) for color in (*shown, *pale))
    dim = np.zeros(len(kind), bool) if picked is None else ~picked
    shape = np.where(kind == FORGET, _shapes(one)[one.number], _SHAPES[kind])
    weight = np.where(quiet | dim, BEHIND, _WEIGHTS[kind])
    return Marks(number + len(faded) * dim, shape, weight, (*shown, *pale, *faded))


def group_color(group: Group, one: PointColors, theme: Theme) -> str:
    """The color of a group; colors of a scale stay as they are, to keep their order."""
    if group.quiet:
        return theme.border
    return group.color if one.scale is not None and not group.name else theme.legible(group.color)


def _shapes(one: PointColors) -> np.ndarray:
    """(groups,) shapes of forget samples: the group's symbol, or that of their kind."""
    return np.array([SYMBOLS.get(group.symbol, DIAMOND) for group in one.groups])


def mixed(color: str, ground: str, share: float) -> str:
    """The color '#rrggbb' moved towards a ground by a share."""
    parts = zip(rgb(color), rgb(ground), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)
