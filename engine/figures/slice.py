"""Decision regions of every model on one plane through a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from engine.drawing.labels import model_label, perturbation_label
from engine.drawing.palette import class_color, rgb
from engine.figures.canvas import (
    MOST_CLASSES,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.legends import add_legend
from engine.figures.page_options import BELOW
from engine.results import Slice

NARROWEST, SHARE = 2.6, 0.16  # width of a panel: mm per point of font size, and of the page
TINT = 0.72  # share of the class color, light enough for lines to stay legible
HATCH = "////"
DASHED = (0, (4, 3))


def slice_regions(
    regions: Slice,
    classes: Sequence[str],
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
    names: Mapping[int, str] | None = None,
) -> list[Path]:
    """One panel per model: predicted classes on the plane, with the true class hatched.

    The percentage above each panel is the share of the tau ball with the true class. names:
    display names of the samples. The CSV has every point. Returns the files written; SpecError as
    `curves`.
    """
    check_page(out, width_mm, font_size)
    columns = _columns(len(regions.predictions), width_mm, font_size)
    rows = -(-len(regions.predictions) // columns)
    present = sorted(
        {int(k) for predicted in regions.predictions.values() for k in np.unique(predicted)}
    )
    with style(font_size):
        named = names or {}
        figure = page(width_mm, width_mm / columns)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(regions.predictions) :]:
            axes.set_visible(False)
        _draw_panels(panels, regions, labels, present, font_size)
        for axes in panels.flat[max(0, len(regions.predictions) - columns) :]:
            axes.set_xlabel("→ (L2)")
        for axes in panels[:, 0]:
            axes.set_ylabel("↑ (L2)")
        add_legend(figure, _handles(regions, classes, present, named), font_size, place=BELOW)
        add_caption(figure, _caption(regions, classes, labels, named), font_size)
        return save(figure, out, facts, _sheet(regions, classes, labels, named))


def _columns(panels: int, width_mm: float, font_size: float) -> int:
    """Number of panels per row: as many as stay legible, in rows of equal length."""
    most = max(1, int(width_mm / max(NARROWEST * font_size, SHARE * width_mm)))
    rows = -(-panels // most)
    return math.ceil(panels / rows)


def _draw_panels(
    panels: np.ndarray,
    regions: Slice,
    labels: Mapping[str, str],
    present: Sequence[int],
    font_size: float,
) -> None:
    colors = ListedColormap([_tinted(class_color(k)) for k in present])
    shares = regions.recognized()
    for number, (axes, name) in enumerate(zip(panels.flat, regions.predictions, strict=False)):
        _draw_regions(axes, regions, regions.predictions[name], present, colors)
        _draw_marks(axes, regions)
        title = f"{model_label(name, labels)}\n{shares[name]:.0f} %"
        axes.set_title(shown_label(title), fontsize=font_size)
        below = number + panels.shape[1] >= len(regions.predictions)
        axes.tick_params(labelbottom=below, length=2)


def _draw_regions(
    axes: Axes,
    regions: Slice,
    predicted: np.ndarray,
    present: Sequence[int],
    colors: ListedColormap,
) -> None:
    """Draw the grid points without interpolation, with the true class hatched."""
    half = (regions.steps[1] - regions.steps[0]) / 2
    reach = float(regions.steps[-1] + half)
    axes.imshow(
        np.searchsorted(present, predicted), cmap=colors, vmin=-0.5, vmax=len(present) - 0.5,
        extent=(-reach, reach, -reach, reach), origin="lower", interpolation="nearest",
    )  # fmt: skip
    right = predicted == regions.label
    if right.any():
        _hatch(axes, regions.steps, right)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def _hatch(axes: Axes, steps: np.ndarray, right: np.ndarray) -> None:
    hatched = axes.contourf(
        steps, steps, right.astype(float), levels=[0.5, 1.5], colors="none", hatches=[HATCH]
    )
    hatched.set(edgecolor="#00000059", linewidth=0)
    if not right.all():
        axes.contour(steps, steps, right.astype(float), levels=[0.5], colors=TEXT, linewidths=0.5)


def _draw_marks(axes: Axes, regions: Slice) -> None:
    ball = np.concatenate([regions.ball, regions.ball[:1]])  # an empty line if there is no ball
    for color, width in (("white", 2.4), (TEXT, 1.0)):
        axes.plot(ball[:, 0], ball[:, 1], color=color, lw=width, ls=DASHED if width < 2 else "-")
    axes.plot(0, 0, marker="+", color=TEXT, markersize=6, markeredgewidth=1.2)
    if regions.other >= 0:
        axes.plot(regions.distance, 0, marker="D", color=TEXT, markersize=4, mec="white", mew=0.5)


def _called(sample: int, names: Mapping[int, str]) -> str:
    return f"sample {sample} ({names[sample]})" if sample in names else f"sample {sample}"


def _caption(
    regions: Slice, classes: Sequence[str], labels: Mapping[str, str], names: Mapping[int, str]
) -> str:
    own, other = _called(regions.sample, names), _called(regions.other, names)
    right = {
        "attack": f"an FGSM step against {model_label(regions.against, labels)}",
        "sample": f"{other}, {regions.distance:.3g} away",
        "chosen": f"{other}, {regions.distance:.3g} away",
    }.get(regions.directions, "random")
    return (
        f"{own[0].upper()}{own[1:]}, class {classes[regions.label]}: → {right}, ↑ random "
        "(L2 distances, pixel range [0, 1]). "
        f"{perturbation_label(regions.perturbation)} at τ = {regions.tau:g}; "
        f"percentages: share of {'the τ ball on ' * bool(len(regions.ball))}this plane with the "
        "true class."
    )


def _handles(
    regions: Slice, classes: Sequence[str], present: Sequence[int], names: Mapping[int, str]
) -> list[Patch | Line2D]:
    areas = [
        Patch(facecolor=_tinted(class_color(k)), label=shown_label(classes[k]))
        for k in present[:MOST_CLASSES]
    ]
    if len(present) > MOST_CLASSES:
        more = len(present) - MOST_CLASSES
        areas.append(Patch(facecolor="none", label=f"and {more} more classes"))
    right = Patch(facecolor="white", edgecolor=TEXT, hatch=HATCH * 2, linewidth=0.5)
    right.set_label(shown_label(f"true class {classes[regions.label]}"))
    ball = Line2D([], [], color=TEXT, lw=1, ls=DASHED, label="τ ball")
    center = Line2D([], [], color=TEXT, marker="+", ls="", label=_called(regions.sample, names))
    marks: list[Patch | Line2D] = [*areas, right, *([ball] if len(regions.ball) else []), center]
    if regions.other >= 0:
        label = _called(regions.other, names)
        marks.append(Line2D([], [], color=TEXT, marker="D", ms=4, ls="", label=label))
    return marks


def _tinted(color: str) -> str:
    return "#" + "".join(f"{round(TINT * part + (1 - TINT) * 255):02x}" for part in rgb(color))


def _sheet(
    regions: Slice, classes: Sequence[str], labels: Mapping[str, str], names: Mapping[int, str]
) -> Sheet:
    header = [
        "sample", "model", "name", "along", "up", "prediction", "correct", "confidence", "in_ball",
        "sample_name",
    ]  # fmt: skip
    inside = regions.inside()
    rows: list[list[object]] = []
    for name, predicted in regions.predictions.items():
        label, sure = model_label(name, labels), regions.confidence[name]
        for (i, j), k in np.ndenumerate(predicted):
            rows.append(
                [regions.sample, name, label, float(regions.steps[j]), float(regions.steps[i]),
                 classes[int(k)], int(k == regions.label), float(sure[i, j]), int(inside[i, j]),
                 names.get(regions.sample, "")]
            )  # fmt: skip
    return header, rows
