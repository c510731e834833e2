"""The entries of the map's legend: kinds, groups of colors and rings, with their counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from engine.analysis.point_colors import LEVELS, PointColors
from engine.results import PERTURBED, Embedding
from explorer.theme import MARKS, Theme
from explorer.views.embedding.legend import RING, RINGS, Entry, ScaleBar
from explorer.views.embedding.marks import KINDS, group_color

KIND, GROUP = "kind:", "group:"  # prefixes of the names of entries
CLICK = "Click to dim all other points, Ctrl+click to hide these"
OF_SELECTION = "So many of the points are selected"


def entries(
    shown: Embedding,
    one: PointColors,
    selected: np.ndarray,
    strong: Collection[str],
    hidden: Collection[str],
    theme: Theme,
) -> list[Entry]:
    """The entries of a panel; selected (m,) bool: the points of selected samples.

    strong, hidden: names of highlighted and of hidden entries.
    """
    own = shown.kind != PERTURBED
    result = []
    for number in sorted(KINDS, key=lambda kind: KINDS[kind].label):
        mask = shown.kind == number
        if number != PERTURBED and mask.any():
            kind = KINDS[number]
            entry = Entry(kind.label, theme.base, kind.symbol, f"{KIND}{kind.label}")
            result.append((entry, mask))
    for number, group in enumerate(one.groups):
        mask = (one.number == number) & own
        if group.name and not group.quiet and mask.any():
            symbol = MARKS.get(group.symbol, "o")
            color = group_color(group, one, theme)
            result.append((Entry(group.name, color, symbol, f"{GROUP}{group.name}"), mask))
    return [_counted(*entry, selected, strong, hidden) for entry in result]


def rings(selected: int, chosen: int, current: bool, theme: Theme) -> list[Entry]:
    """What the rings mean, as far as there are any.

    selected: points of selected samples; chosen: the selected samples, drawn or not.
    """
    result = []
    if current:
        tip = "A double ring or a dark frame marks the current sample: the other views show it"
        result.append(Entry("current", theme.text, RINGS, tip=tip))
    if selected:
        tip = "A blue ring or frame marks the selected samples: a lasso or Ctrl+click selects"
        words = (
            f"{selected:,} selected"
            if selected == chosen
            else f"{selected:,} of {chosen:,} selected"
        )
        result.append(Entry(words, theme.accent, RING, tip=tip))
    return result


def scale_bar(one: PointColors) -> ScaleBar | None:
    """The color scale of a panel, None without one."""
    if one.scale is None:
        return None
    colors = tuple(group.color for group in one.groups[:LEVELS])
    return ScaleBar(one.scale.title, colors, one.scale.ticks)


def members(
    names: Collection[str], shown: Embedding, one: PointColors
) -> tuple[np.ndarray, np.ndarray]:
    """((m,), (m,) bool): the points whose kind, and those whose group, is among the names.

    All True where no kind, or no group of this panel, is named.
    """
    kinds = [number for number, kind in KINDS.items() if f"{KIND}{kind.label}" in names]
    groups = [i for i, group in enumerate(one.groups) if f"{GROUP}{group.name}" in names]
    everything = np.ones(len(shown.kind), bool)
    of_kind = np.isin(shown.kind, kinds) if kinds else everything
    return of_kind, np.isin(one.number, groups) if groups else everything


def hidden_points(names: Collection[str], shown: Embedding, one: PointColors) -> np.ndarray:
    """(m,) bool: the points of hidden kinds or groups, and all perturbed copies.

    Copies are drawn with their trails.
    """
    kinds = [number for number, kind in KINDS.items() if f"{KIND}{kind.label}" in names]
    groups = [i for i, group in enumerate(one.groups) if f"{GROUP}{group.name}" in names]
    gone = np.isin(shown.kind, [PERTURBED, *kinds]) | np.isin(one.number, groups)
    return np.asarray(gone)


def _counted(
    entry: Entry,
    mask: np.ndarray,
    selected: np.ndarray,
    strong: Collection[str],
    hidden: Collection[str],
) -> Entry:
    some = bool(selected.any())
    return replace(
        entry,
        count=int(mask.sum()),
        selected=int((mask & selected).sum()) if some else -1,
        strong=entry.name in strong,
        on=entry.name not in hidden,
        tip=f"{OF_SELECTION}. {CLICK}" if some else CLICK,
    )
