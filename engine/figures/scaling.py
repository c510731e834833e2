"""Scaling of the cost of a measurement with its size, compared with linear growth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.drawing.palette import OKABE_ITO
from engine.figures.canvas import MARKERS, MUTED, Sheet, check_page, page, save, style
from engine.figures.legends import add_legend
from engine.figures.page_options import BELOW


@dataclass(frozen=True)
class Cost:
    """Seconds of the named operation at each size."""

    name: str
    sizes: Sequence[float]
    seconds: Sequence[float]


def scaling(
    costs: Sequence[Cost], out: Path, *, width_mm: float = 89, font_size: float = 8
) -> list[Path]:
    """Seconds against size, both relative to the smallest; the dashed line is linear growth.

    Returns the files written; SpecError for an unknown format or invalid size.
    """
    check_page(out, width_mm, font_size)
    with style(font_size):
        figure = page(width_mm, 0.6 * width_mm)
        axes = figure.subplots()
        most = max(cost.sizes[-1] / cost.sizes[0] for cost in costs)
        axes.plot([1, most], [1, most], "--", color=MUTED, linewidth=0.8, label="linear")
        for number, cost in enumerate(costs):
            axes.plot(
                *_relative(cost), marker=list(MARKERS.values())[number % len(MARKERS)],
                color=OKABE_ITO[number % len(OKABE_ITO)], linewidth=1.2, markersize=4,
                label=cost.name,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="size / smallest", ylabel="time / smallest")
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size, place=BELOW)
        return save(figure, out, None, _sheet(costs))


def _relative(cost: Cost) -> tuple[list[float], list[float]]:
    sizes = [size / cost.sizes[0] for size in cost.sizes]
    return sizes, [second / cost.seconds[0] for second in cost.seconds]


def _sheet(costs: Sequence[Cost]) -> Sheet:
    rows = [
        [cost.name, size, second]
        for cost in costs
        for size, second in zip(cost.sizes, cost.seconds, strict=True)
    ]
    return ["what", "size", "seconds"], rows
