"""Similarity of two models' layers to those of Original and Re-train."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from engine.comparison.pair import FORGET, RETAIN
from engine.drawing.labels import LAYER_NOTE
from engine.figures.canvas import (
    MUTED,
    TEXT,
    Sheet,
    check_page,
    page,
    save,
    shown_label,
    style,
    wrapped_text,
)
from engine.figures.pair import Names
from engine.results import Likeness, Similarity

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
        figure = page(width_mm, 0.5)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, split in zip(panels, (FORGET, RETAIN), strict=True):
            _draw_likenesses(axes, result, split, names)
            axes.set_title(f"{result.samples[split]:,} {split} samples", fontsize=font_size)
            axes.set_xlabel("layer, from input to output")
        panels[0].set_ylabel("CKA (1 = most similar)")
        words = wrapped_text(LAYER_NOTE, width_mm / font_size * 5)
        figure.suptitle(words, fontsize=font_size - 1, color=MUTED)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=3, frameon=False,
            fontsize=font_size - 1,
        )  # fmt: skip
        return save(figure, out, facts, _similarity_sheet(result))


def _draw_likenesses(axes: Axes, result: Similarity, split: str, names: Names) -> None:
    x = np.arange(len(result.layers))
    band = result.line(split, "retrain", "retrain")
    if band is not None:
        axes.fill_between(
            x, band.low, band.high, color=MUTED, alpha=0.3, lw=0, label="Re-trains with each other"
        )
    for model, label, look in zip((names.a, names.b), names.labels, names.styles(), strict=True):
        for to, words, marker, dash in REFERENCES:
            line = result.line(split, model, to)
            if line is not None:
                _draw_line(axes, x, line, f"{label} – {words}", look.color, marker, dash)
    direct = result.line(split, result.a, result.b)
    if direct is not None:
        _draw_line(axes, x, direct, "A – B", TEXT, "D", (1.5, 1.5))
    turned = sum(map(len, result.layers)) > 40
    axes.set_xticks(x, result.layers, rotation=90 if turned else 0)


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
