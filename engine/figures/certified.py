"""The share of the forget set that is certified, against the radius of shifts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from engine.analysis.certified_curve import AXES, CAVEAT, HELP, NONE, TITLE, certified_lines
from engine.drawing.palette import model_style
from engine.errors import SpecError
from engine.figures.canvas import add_caption, check_page, page, save, shown_label, style
from engine.figures.curves import HIGHEST
from engine.figures.legends import add_legend
from engine.results import Residual


def certified(
    residual: Residual,
    labels: Mapping[str, str],
    out: Path,
    *,
    hidden: Collection[str] = (),
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> list[Path]:
    """The curve of every model; returns the files written.

    hidden: models to omit; facts, width_mm: as for `engine.figures.curves.curves`, which has the
    same errors. SpecError, too, if nothing is certified.
    """
    check_page(out, width_mm, font_size)
    lines = [one for one in certified_lines(residual, labels) if one.model not in hidden]
    if not lines:
        raise SpecError(f"{NONE}.")
    with style(font_size):
        figure = page(width_mm, min(0.62 * width_mm, HIGHEST))
        axes = figure.add_subplot()
        rows: list[list[object]] = []
        for line in lines:
            color, _, dash = model_style(line.model)
            axes.plot(
                line.x, line.trace.y, color=color, linestyle=(0, dash) if dash else "-",
                linewidth=1.2, label=shown_label(line.label),
            )  # fmt: skip
            pairs = zip(line.x.tolist(), line.trace.y.tolist(), strict=True)
            rows += [[line.model, line.label, x, y] for x, y in pairs]
        axes.set(xlabel=AXES[0], ylabel=AXES[1])
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size)
        add_caption(figure, f"{TITLE}. {HELP}. {CAVEAT}", font_size)
        return save(figure, out, facts, (["model", "name", "radius", "certified_percent"], rows))
