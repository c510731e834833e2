"""Similarity of two models' layers to those of Original and Re-train."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.comparison.pair import FORGET, RETAIN
from engine.drawing.labels import LAYER_NOTE
from engine.figures.canvas import (
    POINT,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.layout import Page, text_width
from engine.figures.legends import add_legend, small
from engine.figures.null_band import draw_null_band
from engine.figures.page_options import BELOW
from engine.figures.pair import Names
from engine.results import Likeness, Similarity

NARROW = 130.0  # mm of width below which the panels stand one above the other
HIGHEST = 62.0  # mm of a panel
LINE = 1.3  # height of a line, in sizes of the font
REFERENCES = (("original", "Original", "o", ()), ("retrain", "Re-train", "s", (4.0, 2.0)))


def similarity(
    result: Similarity,
    names: Names,
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
) -> list[Path]:
    """CKA of every layer with Original and Re-train, forget samples left and retain samples right.

    Returns the files written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    with style(font_size):
        narrow = width_mm < NARROW
        figure = page(width_mm, min((0.5 if narrow else 0.33) * width_mm, HIGHEST))
        rows, columns = (2, 1) if narrow else (1, 2)
        panels = figure.subplots(rows, columns, sharey=True, sharex=True)
        for axes, split in zip(panels, (FORGET, RETAIN), strict=True):
            _draw_likenesses(axes, result, split, names)
            axes.set_title(f"{result.samples[split]:,} {split} samples", fontsize=font_size)
            axes.margins(x=0.12)
        _name_layers(figure, panels, result.layers, font_size)
        for axes in panels if narrow else panels[:1]:
            axes.set_ylabel("CKA (1 = most similar)")
        add_legend(figure, panels[0].get_legend_handles_labels()[0], font_size, place=BELOW)
        caption = (
            f"Similarity of the layers of {names.label_a} (A) and {names.label_b} (B) to those of "
            f"Original and Re-train on forget and retain samples. {LAYER_NOTE}"
        )
        add_caption(figure, caption, font_size)
        return save(figure, out, facts, _similarity_sheet(result))


def _name_layers(
    figure: Page, panels: Sequence[Axes], layers: Sequence[str], font_size: float
) -> None:
    """Label the layers, turned if they are long, and only as many as fit."""
    across = figure.width_mm / (1 if figure.width_mm < NARROW else 2) * 0.75 / max(1, len(layers))
    widest = max(text_width(figure, one, small(font_size)) for one in layers)
    turned = widest > 0.9 * across
    every = max(1, math.ceil(LINE * small(font_size) * POINT / across)) if turned else 1
    for axes in panels:
        axes.set_xticks(
            np.arange(len(layers))[::every], layers[::every], rotation=90 if turned else 0
        )
    for axes in panels[-1:] if figure.width_mm < NARROW else panels:
        axes.set_xlabel("layer, from input to output")


def _draw_likenesses(axes: Axes, result: Similarity, split: str, names: Names) -> None:
    x = np.arange(len(result.layers))
    band = result.line(split, "retrain", "retrain")
    if band is not None:
        draw_null_band(axes, x, band.low, band.high, "Re-trains with each other")
    for model, label, look in zip((names.a, names.b), names.labels, names.styles(), strict=True):
        for to, words, marker, dash in REFERENCES:
            line = result.line(split, model, to)
            if line is not None:
                _draw_line(axes, x, line, f"{label} – {words}", look.color, marker, dash)
    direct = result.line(split, result.a, result.b)
    if direct is not None:
        _draw_line(axes, x, direct, "A – B", TEXT, "D", (1.5, 1.5))


def _draw_line(
    axes: Axes, x: np.ndarray, line: Likeness, label: str, color: str, marker: str,
    dash: tuple[float, ...],
) -> None:  # fmt: skip
    axes.fill_between(x, line.low, line.high, color=color, alpha=0.15, lw=0)
    axes.plot(
        x, line.mean, color=color, linestyle=(0, dash) if dash else "-", marker=marker,
        markersize=3, linewidth=1.2, label=shown_label(label),
    )  # fmt: skip


def _similarity_sheet(result: Similarity) -> Sheet:
    header = ["split", "samples", "model", "to", "layer", "cka", "retrain_min", "retrain_max"]
    rows: list[list[object]] = []
    for line in result.lines:
        for place, layer in enumerate(result.layers):
            numbers = (float(one[place]) for one in (line.mean, line.low, line.high))
            samples = result.samples[line.split]
            rows.append([line.split, samples, line.model, line.to, layer, *numbers])
    return header, rows
