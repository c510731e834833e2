"""The joint embedding of features: one panel per model, comparable point by point."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D

from engine.analysis.highlights import Emphasis
from engine.analysis.point_colors import (
    CLASS,
    COLOR_SCHEMES,
    LEVELS,
    Group,
    PanelData,
    PointColors,
    colors_of_points,
)
from engine.arrays import Mask
from engine.drawing.geometry import bounds
from engine.drawing.labels import model_label
from engine.errors import SpecError
from engine.figures.canvas import (
    MARKERS,
    MOST_CLASSES,
    MUTED,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import Page
from engine.figures.legends import add_legend
from engine.figures.page_options import BELOW
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding

KINDS = {  # kind -> label, marker, area in points squared, edge width
    RETAIN: ("retain", "o", 6, 0.15),
    TEST: ("test", "s", 6, 0.15),
    PERTURBED: ("perturbed copy", "^", 9, 0.4),
    FORGET: ("forget", "D", 16, 0.5),
}
QUIET = "#d9dce1"
NARROWEST = 38.0  # mm of a panel's width
WIDE = 120.0  # mm of width from which a color bar stands at the right
HIGHEST = 1.15  # of a panel, relative to its width
MANY, FINEST = 2500.0, 0.25  # points from which they are drawn smaller, and by how much at most
USUAL = 80.0  # mm of a panel's width, below which points are drawn smaller
FILLED = {**MARKERS, "cross": "X"}  # so that every marker has an edge


def embedding(
    scene: PanelData,
    labels: Mapping[str, str],
    out: Path,
    *,
    models: Sequence[str] = (),
    color: str = CLASS,
    trails: bool | Collection[int] = True,
    emphasis: Emphasis | None = None,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 180,
    font_size: float = 8,
    names: Mapping[int, str] | None = None,
) -> list[Path]:
    """The joint UMAP of features: colors by the scheme `color`, marker shapes by kind.

    scene: the content, for any of its models; models: one panel each, () = all of them; color: a
    scheme of `engine.analysis.point_colors`; trails: whether lines connect samples to their copies,
    or the samples that have them; emphasis: the points that are not dimmed; names: display names of
    the samples, for the CSV.
    Returns the files written; SpecError as `curves`, and for an unknown color scheme or model.
    """
    check_page(out, width_mm, font_size)
    models = tuple(models) or scene.shown.models
    if missing := set(models) - set(scene.shown.models):
        raise SpecError(f"'{missing.pop()}' is not in the embedding. Embed it first.")
    with style(font_size):
        columns = min(len(models), max(1, int(width_mm / NARROWEST)))
        rows = -(-len(models) // columns)
        figure = page(width_mm, HIGHEST * width_mm / columns)
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        left, bottom, right, top = _view(scene.shown, models)
        shades = {model: colors_of_points(color, replace(scene, model=model)) for model in models}
        for axes, (model, one) in zip(panels, shades.items(), strict=False):
            bright = None if emphasis is None else emphasis.points[model]
            _panel(axes, scene.shown, model, one, trails, width_mm / columns, bright)
            axes.set_title(shown_label(model_label(model, labels)), fontsize=font_size)
            axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        for number, axes in enumerate(panels):
            axes.set_visible(number < len(models))
            axes.set_ylabel("UMAP 2" if number % columns == 0 else "")
            axes.set_xlabel("UMAP 1" if number + columns >= len(models) else "")
        _explain(figure, panels, scene.shown, shades[models[0]], font_size)
        caption = _caption(scene, models, labels, color)
        if emphasis is not None:
            caption += f" Not dimmed: {emphasis.words[:1].lower()}{emphasis.words[1:]}."
        add_caption(figure, caption, font_size)
        return save(figure, out, facts, _sheet(scene, models, names or {}))


def _view(points: Embedding, models: Sequence[str]) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of all points, not much higher than wide."""
    left, bottom, right, top = bounds(np.concatenate([points.xy[one] for one in models]))
    wider = max(0.0, (top - bottom) / HIGHEST - (right - left)) / 2
    return left - wider, bottom, right + wider, top


def _caption(scene: PanelData, models: Sequence[str], labels: Mapping[str, str], color: str) -> str:
    names = ", ".join(model_label(one, labels) for one in models)
    counts = ", ".join(
        f"{np.count_nonzero(scene.shown.kind == kind):,} {label}"
        for kind, (label, *_) in KINDS.items()
        if (scene.shown.kind == kind).any()
    )
    return (
        f"Joint UMAP embedding of the features of {names}; the panels share one map. Colors: "
        f"{COLOR_SCHEMES[color]}. Points: {counts}."
    )


def _panel(
    axes: Axes, points: Embedding, model: str, one: PointColors, trails: bool | Collection[int],
    wide: float, bright: Mask | None,
) -> None:  # fmt: skip
    xy = points.xy[model]
    scale = float(np.clip(np.sqrt(MANY / len(xy)) * (wide / USUAL) ** 2, FINEST, 1.0))
    _draw_trails(axes, points, xy, trails)
    colors = np.array([QUIET if group.quiet else group.color for group in one.groups])
    edges = np.array([QUIET if group.quiet else TEXT for group in one.groups])
    seen = np.ones(len(xy), bool) if bright is None else bright
    dim = xy[~seen]
    axes.scatter(dim[:, 0], dim[:, 1], c=QUIET, s=6 * scale, linewidths=0, rasterized=True)
    for kind, (_, marker, size, rim) in KINDS.items():
        rows = (points.kind == kind) & seen
        for number in np.unique(one.number[rows]) if any(g.symbol for g in one.groups) else [-1]:
            own = rows & (one.number == number) if number >= 0 else rows
            symbol = one.groups[number].symbol if number >= 0 and kind == FORGET else ""
            axes.scatter(
                xy[own, 0], xy[own, 1], c=colors[one.number[own]],
                marker=FILLED[symbol] if symbol else marker, s=size * scale, linewidths=rim * scale,
                edgecolors=edges[one.number[own]], rasterized=True,
            )  # fmt: skip
    axes.set(xticks=[], yticks=[])


def _draw_trails(
    axes: Axes, points: Embedding, xy: np.ndarray, trails: bool | Collection[int]
) -> None:
    """Lines from samples to their copies: of all of them, or of these samples."""
    if isinstance(trails, bool):
        rows = points.trails() if trails else []
    else:
        wanted = set(trails)
        rows = [one for one in points.trails() if int(points.sample[one[0]]) in wanted]
    lines = [xy[one] for one in rows]
    axes.add_collection(
        LineCollection(lines, colors=MUTED, linewidths=0.3, alpha=0.5, rasterized=True)
    )


def _explain(
    figure: Page, panels: Sequence[Axes], points: Embedding, one: PointColors, font_size: float
) -> None:
    """A legend of kinds and groups, and a color bar if the colors form a scale."""
    add_legend(figure, [*_kinds(points), *_groups(one)], font_size, place=BELOW)
    if one.scale is not None:
        ramp = ListedColormap([group.color for group in one.groups[:LEVELS]])
        below = figure.width_mm < WIDE
        bar = figure.colorbar(
            ScalarMappable(cmap=ramp), ax=[axes for axes in panels if axes.get_visible()],
            location="bottom" if below else "right", shrink=0.8, aspect=40 if below else 25,
        )  # fmt: skip
        bar.set_ticks([at for at, _ in one.scale.ticks], labels=[t for _, t in one.scale.ticks])
        bar.set_label(one.scale.title)


def _kinds(points: Embedding) -> list[Line2D]:
    return [
        _mark(label, marker, "white", TEXT)
        for kind, (label, marker, _, _) in KINDS.items()
        if (points.kind == kind).any()
    ]


def _groups(one: PointColors) -> list[Line2D]:
    named = [group for group in one.groups if group.name]
    if len(named) > MOST_CLASSES:
        return [_mark(f"{len(named)} classes, one color each", "o", MUTED, MUTED)]
    return [_group(group) for group in named]


def _group(group: Group) -> Line2D:
    color = QUIET if group.quiet else group.color
    return _mark(shown_label(group.name), FILLED.get(group.symbol, "o"), color, color)


def _mark(label: str, marker: str, fill: str, edge: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=4, markerfacecolor=fill,
        markeredgecolor=edge, markeredgewidth=0.6, label=label,
    )  # fmt: skip


def _sheet(scene: PanelData, models: Sequence[str], names: Mapping[int, str]) -> Sheet:
    """One row per point and model: its position, and the model's prediction and loss."""
    points, classes = scene.shown, scene.classes
    header = [
        "sample", "kind", "class", "tau", "model", "umap_1", "umap_2", "predicted", "loss",
        "sample_name",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for model in models:
        columns = zip(
            points.sample, points.kind, points.label, points.tau, points.xy[model],
            points.predicted[model], points.loss[model], strict=True,
        )  # fmt: skip
        for sample, kind, label, tau, (x, y), predicted, loss in columns:
            facts = [int(sample), KINDS[int(kind)][0], classes[int(label)], float(tau), model]
            point = [float(x), float(y), classes[int(predicted)], float(loss)]
            rows.append([*facts, *point, names.get(int(sample), "")])
    return header, rows
