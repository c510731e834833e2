"""Confidence histograms of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.comparison.pair import BINS, Comparison, SidePredictions, histogram
from engine.figures.canvas import Sheet, add_caption, check_page, page, save, shown_label, style
from engine.figures.legends import add_legend
from engine.figures.log_axis import make_log
from engine.figures.page_options import BELOW
from engine.figures.pair import SIDES, Names

NARROW = 120.0  # mm of width below which the panels stand one above the other
HIGHEST = 62.0  # mm of a panel
DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 2.0))  # of the histograms of A and B


def confidence(
    forget: Comparison,
    beside: Comparison,
    names: Names,
    out: Path,
    *,
    of: str = "true",
    log: bool = False,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
) -> list[Path]:
    """Confidence histograms of both models on the forget set and on another split.

    of: 'true' for the probability of the true class, 'top' for that of the predicted one. Returns
    the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    with style(font_size):
        narrow = width_mm < NARROW
        figure = page(width_mm, min((0.45 if narrow else 0.33) * width_mm, HIGHEST))
        rows, columns = (2, 1) if narrow else (1, 2)
        panels = figure.subplots(rows, columns, sharey=True, sharex=True)
        edges = np.linspace(0, 1, BINS + 1)
        for axes, comparison in zip(panels, (forget, beside), strict=True):
            for side, label, look, dash in zip(
                SIDES, names.labels, names.styles(), DASHES, strict=True
            ):
                heights = histogram(_values(comparison.side(side), of))
                axes.stairs(
                    heights, edges, color=look.color, linestyle=(0, dash) if dash else "-",
                    linewidth=1.3, label=shown_label(label),
                )  # fmt: skip
            axes.set_title(
                f"{len(comparison.samples):,} {comparison.split} samples", fontsize=font_size
            )
            if log:
                make_log(axes.yaxis)
        words = "true" if of == "true" else "predicted"
        for axes in panels[-1:] if narrow else panels:
            axes.set_xlabel(f"probability of the {words} class")
        for axes in panels if narrow else panels[:1]:
            axes.set_ylabel("samples (%)")
        add_legend(figure, panels[0].get_legend_handles_labels()[0], font_size, place=BELOW)
        caption = (
            f"Probability that {names.label_a} (A) and {names.label_b} (B) give the {words} class "
            f"of {forget.split} and of {beside.split} samples."
        )
        add_caption(figure, caption, font_size)
        return save(figure, out, facts, _confidence_sheet((forget, beside), names, of))


def _values(predictions: SidePredictions, of: str) -> np.ndarray:
    return predictions.confidence if of == "true" else predictions.top


def _confidence_sheet(both: Sequence[Comparison], names: Names, of: str) -> Sheet:
    header = ["split", "model", "probability_of", "from", "to", "share_percent"]
    edges = np.linspace(0, 1, BINS + 1)
    rows: list[list[object]] = []
    for comparison in both:
        for model, side in zip((names.a, names.b), SIDES, strict=True):
            heights = histogram(_values(comparison.side(side), of))
            for low, high, height in zip(edges[:-1], edges[1:], heights, strict=True):
                rows.append([comparison.split, model, of, float(low), float(high), float(height)])
    return header, rows
