"""Color schemes for the points of an embedding, in the window and in figures. Plain numpy.

Every scheme assigns each point to a group; a continuous scale is a sequence of many groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.drawing.labels import perturbation_label
from engine.drawing.palette import BLUE, GRAY, SKY, VERMILION, class_colors, rgb
from engine.errors import unknown
from engine.residual.verdict import (
    NONE,
    RESIDUAL,
    UNDECIDED,
    verdict_rule,
    verdicts,
    verdicts_given,
)
from engine.results import Embedding, Residual

CLASS, PREDICTION, VERDICT, RATIO, LOSS = "class", "prediction", "verdict", "r", "loss"
RADIUS = "radius"
COLOR_SCHEMES = {  # color scheme -> explanation
    CLASS: "The true class",
    PREDICTION: "The class that the panel's model predicts",
    VERDICT: f"Forget samples, over all τ. {verdict_rule()}",
    RATIO: "Forget samples: r at the shown τ, 1 if they are recognized as often as by Re-train",
    RADIUS: "Forget samples: certified radius, within which no shift makes the smoothed model less "
    "sure than Re-train; L2 length in pixel range [0, 1], only with Gaussian noise",
    LOSS: "Cross-entropy of the panel's model for the true class, in nats",
}
LEVELS = 64  # colors of a scale
BLUE_TO_RED = (BLUE, "#7fb2d6", "#c6c9ce", "#e8a06a", VERMILION)
LIGHT_TO_DARK = ("#e9d54d", "#5ec962", "#21918c", "#3b528b", "#440154")
LOW_RATIO, HIGH_RATIO = -2.0, 2.0  # powers of 2
LOW_LOSS, HIGH_LOSS = -3.0, 1.0  # powers of 10


@dataclass(frozen=True)
class Scale:
    """A color scale: title with unit, and ticks as (position in [0, 1], label)."""

    title: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Group:
    """Points of one color. name: '' = not in the legend; symbol: '' = that of the point's kind."""

    name: str
    color: str
    symbol: str = ""
    quiet: bool = False  # drawn behind everything, barely visible


@dataclass(frozen=True, eq=False)
class PointColors:
    """The colors of one panel: `number` (m,) is the index of each point's group in `groups`."""

    number: np.ndarray
    groups: tuple[Group, ...]
    scale: Scale | None = None


@dataclass(frozen=True, eq=False)
class PanelData:
    """Content of a panel: one model of an embedding, with residual knowledge at one tau.

    column: index into `residual.taus`; dark: whether the background is dark.
    """

    shown: Embedding
    model: str
    classes: Sequence[str]
    residual: Residual | None = None
    column: int = 0
    dark: bool = False

    @property
    def measured(self) -> bool:
        """Whether residual knowledge of the model was measured; Re-trains have none."""
        return self.residual is not None and self.model in self.residual.curves


def colors_of_points(scheme: str, scene: PanelData) -> PointColors:
    """The colors of a panel; SpecError for an unknown color scheme."""
    if scheme not in _MAKE:
        raise unknown("color", scheme, _MAKE)
    return _MAKE[scheme](scene)


def ratio_colors(ratios: np.ndarray) -> np.ndarray:
    """(n, 3) uint8 colors of r (n,) on the scale of the embedding; gray where it is undefined."""
    palette = np.array([rgb(group.color) for group in _levels(BLUE_TO_RED)], np.uint8)
    with np.errstate(divide="ignore", invalid="ignore"):
        colors = palette[_level(np.log2(ratios), LOW_RATIO, HIGH_RATIO)]
    colors[~np.isfinite(ratios)] = rgb(GRAY)
    return np.asarray(colors)


def _class(scene: PanelData) -> PointColors:
    return PointColors(scene.shown.label, _classes(scene))


def _prediction(scene: PanelData) -> PointColors:
    return PointColors(scene.shown.predicted[scene.model], _classes(scene))


def _classes(scene: PanelData) -> tuple[Group, ...]:
    colors = class_colors(len(scene.classes))
    return tuple(Group(name, color) for name, color in zip(scene.classes, colors, strict=True))


def _verdict(scene: PanelData) -> PointColors:
    groups = (
        Group(_discovered(scene.residual), VERMILION, "diamond"),
        Group("undecided", SKY, "cross"),
        Group("none", BLUE, "square"),
        _APART,
    )
    number = np.full(len(scene.shown.sample), 3)
    if scene.residual is not None and not verdicts_given(scene.residual):
        return PointColors(number, (*groups[:3], _WITHHELD))
    if scene.residual is not None and scene.measured:
        codes = verdicts(scene.residual, scene.model)
        of_points, measured = _of_samples(codes.astype(np.float64), scene)
        for place, value in enumerate((RESIDUAL, UNDECIDED, NONE)):
            number[measured & (of_points == value)] = place
    return PointColors(number, groups)


def _discovered(residual: Residual | None) -> str:
    return "residual" if residual is None else f"residual (q ≤ {residual.fdr:g})"


def _radius(scene: PanelData) -> PointColors:
    """Radii from 0 to the largest of all models, so that panels can be compared."""
    residual = scene.residual
    radii = {} if residual is None else residual.certified_radius
    largest = max((float(one.max(initial=0)) for one in radii.values()), default=0.0) or 1.0
    stops = LIGHT_TO_DARK[::-1] if scene.dark else LIGHT_TO_DARK
    groups = (*_levels(stops), Group("nothing certified", GRAY, "cross"), _APART)
    number = np.full(len(scene.shown.sample), LEVELS + 1)
    if scene.model in radii:
        of_points, measured = _of_samples(radii[scene.model], scene)
        level = np.where(of_points > 0, _level(of_points, 0.0, largest), LEVELS)
        number[measured] = level[measured]
    ticks = [(0.0, "0"), (largest / 2, f"{largest / 2:.2g}"), (largest, f"{largest:.2g}")]
    return PointColors(number, groups, _scale("Certified radius, L2 length", ticks))


def _ratio(scene: PanelData) -> PointColors:
    steps = [(LOW_RATIO, "≤ ¼"), (-1.0, "½"), (0.0, "1"), (1.0, "2"), (HIGH_RATIO, "≥ 4")]
    groups = (*_levels(BLUE_TO_RED), Group("r undefined", GRAY, "cross"), _APART)
    number = np.full(len(scene.shown.sample), LEVELS + 1)
    if scene.residual is not None and scene.measured:
        ratios, measured = _of_samples(scene.residual.ratio(scene.model)[:, scene.column], scene)
        with np.errstate(divide="ignore"):
            level = _level(np.log2(ratios), LOW_RATIO, HIGH_RATIO)
        number[measured] = np.where(np.isfinite(ratios), level, LEVELS)[measured]
    return PointColors(number, groups, _scale(_ratio_title(scene), steps))


def _ratio_title(scene: PanelData) -> str:
    if scene.residual is None:
        return "r, a ratio"
    kind, tau = perturbation_label(scene.residual.perturbation), scene.residual.taus[scene.column]
    return f"r at τ {tau:g} ({kind}), a ratio"


def _loss(scene: PanelData) -> PointColors:
    steps = [(-3.0, "≤ 0.001"), (-2.0, "0.01"), (-1.0, "0.1"), (0.0, "1"), (1.0, "≥ 10")]
    losses = np.maximum(scene.shown.loss[scene.model].astype(np.float64), 10**LOW_LOSS)
    level = _level(np.log10(np.nan_to_num(losses, nan=np.inf)), LOW_LOSS, HIGH_LOSS)
    stops = LIGHT_TO_DARK[::-1] if scene.dark else LIGHT_TO_DARK
    return PointColors(level, _levels(stops), _scale("Loss, nats", steps))


_MAKE: dict[str, Callable[[PanelData], PointColors]] = {
    CLASS: _class, PREDICTION: _prediction, VERDICT: _verdict, RATIO: _ratio, RADIUS: _radius,
    LOSS: _loss,
}  # fmt: skip
_APART = Group("not measured", GRAY, quiet=True)
_WITHHELD = Group("no verdicts", GRAY, quiet=True)


def _of_samples(values: np.ndarray, scene: PanelData) -> tuple[np.ndarray, np.ndarray]:
    """(values (m,), measured (m,) bool): spread values per forget sample over the points.

    Copies take the value of the sample they were made from.
    """
    assert scene.residual is not None
    samples = scene.residual.samples
    order = np.argsort(samples)
    place = np.searchsorted(samples, scene.shown.sample, sorter=order).clip(0, len(samples) - 1)
    rows = order[place]
    return values[rows], samples[rows] == scene.shown.sample


def _level(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(m,) levels 0 to LEVELS - 1 of values clipped to [low, high]; NaN becomes 0."""
    share = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    return np.asarray(np.rint(share * (LEVELS - 1)), np.intp)


def _scale(title: str, steps: Sequence[tuple[float, str]]) -> Scale:
    low, high = steps[0][0], steps[-1][0]
    return Scale(title, tuple(((at - low) / (high - low), words) for at, words in steps))


@cache
def _levels(stops: tuple[str, ...]) -> tuple[Group, ...]:
    """`LEVELS` colors interpolated from the first stop to the last."""
    at = np.linspace(0, len(stops) - 1, LEVELS)
    parts = np.array([rgb(stop) for stop in stops], np.float64)
    mixed = [np.interp(at, np.arange(len(stops)), parts[:, i]) for i in range(3)]
    colors = np.rint(np.stack(mixed, 1)).astype(int)
    return tuple(Group("", "#" + "".join(f"{part:02x}" for part in color)) for color in colors)
