"""Publication figures from stored arrays; the only file that imports matplotlib.

Every figure is a file in the format of its suffix (png, svg, pdf) with its numbers beside it as
CSV under the same stem. Text stays text (SVG) or TrueType (PDF), clouds of points are pixels,
and the same numbers give the same bytes: no time stamps, no random ids.
"""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from engine.errors import SpecError
from engine.labels import model_label, perturbation_label, tau_label, undefined_note
from engine.metrics import METRICS
from engine.palette import class_color, model_style
from engine.results import FORGET, PERTURBED, RETAIN, Embedding, Neighborhood, Residual, Study
from engine.sheets import csv_text, metric_rows, metrics_sheet, middle_tau

FORMATS = (".png", ".svg", ".pdf")
SHORT_SIDE, LONG_SIDE = 10.0, 1000.0  # mm; beyond, a figure is a slip of the pen
DPI = 300
MM = 1 / 25.4  # inches
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
KINDS = ((RETAIN, "retain", "o"), (PERTURBED, "perturbed copy", "^"), (FORGET, "forget", "D"))
SHOWN_COPIES = 12
MOST_CLASSES = 20  # in a legend
TEXT, MUTED, RIGHT_COLOR, WRONG_COLOR = "#1c2026", "#5f6773", "#00714f", "#b3261e"
_lock = threading.Lock()  # matplotlib's settings are one for the whole process


def curves(
    residual: Residual,
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
    log: bool = False,
) -> list[Path]:
    """r_tau against tau with intervals and null band; returns the files written.

    labels: model -> label; facts: metadata for the file, such as version, key, seed; width_mm:
    89 is one column of a journal. SpecError for an unknown format or an impossible size.
    """
    _check(out, width_mm, font_size)
    with _style(font_size):
        figure = _figure(width_mm, 0.78)
        axes = figure.add_subplot()
        _draw_null_band(axes, residual)
        for name, curve in residual.curves.items():
            color, symbol, dash = model_style(name)
            axes.fill_between(residual.taus, curve.low, curve.high, color=color, alpha=0.15, lw=0)
            axes.plot(
                residual.taus, curve.mean, color=color, linestyle=(0, dash) if dash else "-",
                marker=MARKERS[symbol], markersize=3, linewidth=1.2,
                label=_shown(model_label(name, labels)),
            )  # fmt: skip
        words = textwrap.fill(tau_label(residual.perturbation), int(width_mm / font_size * 4.4))
        axes.set_xlabel(words)
        axes.set_ylabel("residual knowledge r")
        if log:
            axes.set_yscale("log")
            for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
                formatter("{x:g}")
        axes.set_title(_caption(residual), fontsize=font_size - 1, color=MUTED, loc="left")
        axes.legend(frameon=False, handlelength=3, fontsize=font_size - 1)
        return _save(figure, out, facts, _curves_sheet(residual, labels))


def neighborhood(
    shown: Neighborhood,
    classes: Sequence[str],
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
    copies: int = SHOWN_COPIES,
    original: np.ndarray | None = None,
) -> list[Path]:
    """Copies in columns by the size of their perturbation, models in rows: the paper's Figure 1.

    original: the sample (C, H, W) or (d,) in [0, 1], drawn before its copies; without it, sizes
    are distances from the copies' mean, which comes near it. A check or a cross says whether a
    model recognizes the copy; below it stands the probability of the true class. At most
    `copies` of all copies are drawn, evenly over their sizes; the CSV has all. Returns the files
    written; SpecError as `curves`.
    """
    _check(out, width_mm, font_size)
    order, sizes = _by_size(shown.copies, original)
    picked = order[_evenly(len(order), copies)]
    names = list(shown.predictions)
    with _style(font_size):
        columns, lines = len(picked) + 4.5, 0.85 * len(names) + 1.6
        figure = _figure(width_mm, lines / columns, fitted=False)
        share = 1.1 / lines  # of the height that the copies' row takes
        table = figure.add_axes((0, 0.01, 1, 0.85 * len(names) / lines))
        top = figure.add_axes((0, 0.02 + 0.85 * len(names) / lines, 1, share))
        for axes in (top, table):
            axes.set_xlim(-2.6, len(picked) + 1.9)  # names before the copies, counts after them
            axes.axis("off")
        _draw_copies(top, shown.copies[picked], original, class_color(shown.label))
        _draw_verdicts(table, shown, picked, names, labels, classes, font_size)
        title = (
            f"Sample {shown.sample}, class {classes[shown.label]}: "
            f"{perturbation_label(shown.perturbation)} at τ = {shown.tau:g}; "
            f"{len(picked)} of {len(shown.copies)} copies, larger perturbations to the right"
        )
        figure.suptitle(title, fontsize=font_size, x=0.01, ha="left", y=0.99, va="top")
        return _save(figure, out, facts, _neighborhood_sheet(shown, classes, order, sizes))


def embedding(
    shown: Embedding,
    classes: Sequence[str],
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 120,
    font_size: float = 8,
) -> list[Path]:
    """UMAP of features: classes by color, forget and perturbed points by shape and outline too.

    Returns the files written; SpecError as `curves`.
    """
    _check(out, width_mm, font_size)
    with _style(font_size):
        figure = _figure(width_mm, 0.72)
        axes = figure.add_subplot()
        colors = np.array([class_color(i) for i in range(len(classes))])
        for kind, _, marker in KINDS:
            rows = shown.kind == kind
            plain = kind == RETAIN
            axes.scatter(
                shown.xy[rows, 0], shown.xy[rows, 1], c=colors[shown.label[rows]], marker=marker,
                s=6 if plain else 16, linewidths=0.15 if plain else 0.5, edgecolors=TEXT,
                rasterized=True,
            )  # fmt: skip
        axes.set_aspect("equal", "datalim")
        axes.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
        axes.set_title(f"Features of {model_label(shown.model, labels)}", fontsize=font_size)
        axes.legend(
            handles=_embedding_legend(shown, classes), frameon=False, loc="center left",
            bbox_to_anchor=(1.01, 0.5), fontsize=font_size - 1,
        )  # fmt: skip
        header = ["sample", "kind", "class", "umap_1", "umap_2"]
        words = {kind: text for kind, text, _ in KINDS}
        columns = zip(shown.sample, shown.kind, shown.label, shown.xy, strict=True)
        rows_out = [
            [int(i), words[int(kind)], classes[int(label)], float(x), float(y)]
            for i, kind, label, (x, y) in columns
        ]
        return _save(figure, out, facts, (header, rows_out))


def metrics_table(
    study: Study,
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
) -> list[Path]:
    """The table of accuracies, time, gap to Re-train and r; returns the files written."""
    _check(out, width_mm, font_size)
    rows = metric_rows(study)
    named = {metric.name: f"{metric.label} (%)" for metric in METRICS}
    header = [
        "", *(named[name] for name in rows[0].values), "Avg. gap", "Time (s)",
        f"r at τ = {middle_tau(study):g} [95 %]",
    ]  # fmt: skip
    cells = [
        [
            row.label,
            *(_with_gap(row.values[name], row.gaps[name]) for name in row.values),
            _number(row.average_gap, ".1f"),
            _number(row.seconds, ".1f"),
            _with_interval(row.r, row.low, row.high),
        ]
        for row in rows
    ]
    with _style(font_size):
        figure = _figure(width_mm, 0.034 * font_size / 8 * (len(rows) + 1), fitted=False)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        _draw_table(axes, [header, *cells])
        return _save(figure, out, facts, metrics_sheet(study))


# -- parts of figures ---------------------------------------------------------------------------
def _draw_null_band(axes: Axes, residual: Residual) -> None:
    axes.axhline(1, color=TEXT, linewidth=0.6)
    if np.isfinite(residual.null_low).any():
        axes.fill_between(
            residual.taus, residual.null_low, residual.null_high, color=MUTED, alpha=0.3, lw=0,
            label="null band",
        )  # fmt: skip


def _caption(residual: Residual) -> str:
    text = f"{len(residual.samples)} forget samples, c = {residual.draws} draws"
    worst = _most_undefined(residual)
    note = undefined_note(worst.tolist(), len(residual.samples))
    return f"{text}\nr {note}" if note else text


def _most_undefined(residual: Residual) -> np.ndarray:
    counts = [curve.undefined for curve in residual.curves.values()]
    none = np.zeros(len(residual.taus), np.int64)
    return np.asarray(np.max(counts, axis=0) if counts else none).astype(np.int64)


def _draw_copies(axes: Axes, copies: np.ndarray, original: np.ndarray | None, color: str) -> None:
    axes.set_ylim(0, 1)
    if original is not None:
        axes.text(-2.5, 0.5, "original", va="center")
        _draw_picture(axes, -1.1, original, color)
    for i, copy in enumerate(copies):
        _draw_picture(axes, i, copy, color)


def _draw_picture(axes: Axes, x: float, sample: np.ndarray, color: str) -> None:
    box = axes.inset_axes((x + 0.06, 0.04, 0.88, 0.92), transform=axes.transData)
    box.set(xticks=[], yticks=[])
    if sample.ndim == 1:
        box.bar(np.arange(len(sample)), sample, color=color)
        box.set_ylim(0, 1)
    elif sample.shape[0] < 3:
        box.imshow(sample[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        box.imshow(np.moveaxis(sample[:3], 0, -1), vmin=0, vmax=1, interpolation="nearest")


def _draw_verdicts(
    axes: Axes,
    shown: Neighborhood,
    picked: np.ndarray,
    names: Sequence[str],
    labels: Mapping[str, str],
    classes: Sequence[str],
    font_size: float,
) -> None:
    axes.set_ylim(len(names), 0)
    for row, name in enumerate(names):
        axes.axhline(row, color=MUTED, linewidth=0.3)
        axes.text(-2.5, row + 0.5, model_label(name, labels), va="center")
        count = f"{shown.counts[name]} of {len(shown.copies)}"
        axes.text(len(picked) + 0.2, row + 0.5, count, va="center")
        for column, copy in enumerate(picked):
            said = int(shown.predictions[name][copy])
            right = said == shown.label
            small = f"{100 * shown.confidence[name][copy]:.0f} %"
            words = small if right else f"{classes[said][:11]}\n{small}"
            color = RIGHT_COLOR if right else WRONG_COLOR
            axes.text(
                column + 0.5, row + 0.3, "✓" if right else "✗", color=color, ha="center",
                va="center", fontsize=font_size + 1,
            )  # fmt: skip
            axes.text(
                column + 0.5, row + 0.74, words, ha="center", va="center",
                fontsize=font_size * 0.62, color=TEXT, linespacing=0.95,
            )  # fmt: skip


def _embedding_legend(shown: Embedding, classes: Sequence[str]) -> list[Line2D]:
    marks = [
        Line2D([], [], linestyle="", marker=marker, markersize=4, markerfacecolor="white",
               markeredgecolor=TEXT, markeredgewidth=0.6, label=label)
        for kind, label, marker in KINDS
        if (shown.kind == kind).any()
    ]  # fmt: skip
    if len(classes) > MOST_CLASSES:
        return marks
    return marks + [
        Line2D(
            [], [], linestyle="", marker="o", markersize=4, color=class_color(i), label=_shown(name)
        )
        for i, name in enumerate(classes)
    ]


def _draw_table(axes: Axes, lines: Sequence[Sequence[str]]) -> None:
    middle = np.linspace(0.26, 0.75, len(lines[0]) - 2)
    edges = np.array([0.01, *middle, 0.99])
    axes.set(xlim=(0, 1), ylim=(len(lines), 0))
    for i, line in enumerate(lines):
        for column, text in enumerate(line):
            side = "left" if column == 0 else "right"
            weight = "bold" if i == 0 else "normal"
            axes.text(edges[column], i + 0.5, text, ha=side, va="center", fontweight=weight)
    for y, width in ((0.05, 0.8), (1, 0.5), (len(lines) - 0.05, 0.8)):
        axes.axhline(y, color=TEXT, linewidth=width)


# -- numbers beside a figure --------------------------------------------------------------------
Sheet = tuple[Sequence[str], Sequence[Sequence[object]]]


def _curves_sheet(residual: Residual, labels: Mapping[str, str]) -> Sheet:
    header = ["model", "name", "tau", "mean", "low", "high", "pooled", "undefined", "prevalence"]
    rows: list[list[object]] = []
    for name, curve in residual.curves.items():
        for i, tau in enumerate(residual.taus):
            numbers = (curve.mean, curve.low, curve.high, curve.pooled)
            rows.append(
                [name, model_label(name, labels), float(tau), *(float(n[i]) for n in numbers),
                 int(curve.undefined[i]), float(curve.prevalence[i])]
            )  # fmt: skip
    for i, tau in enumerate(residual.taus):
        low, high = float(residual.null_low[i]), float(residual.null_high[i])
        rows.append(["null", "null band", float(tau), np.nan, low, high, np.nan, "", np.nan])
    return header, rows


def _neighborhood_sheet(
    shown: Neighborhood, classes: Sequence[str], order: np.ndarray, sizes: np.ndarray
) -> Sheet:
    header = ["copy", "distance_l2", "model", "prediction", "correct", "confidence"]
    rows: list[list[object]] = []
    for name, said in shown.predictions.items():
        for copy in order:
            k = int(said[copy])
            share = float(shown.confidence[name][copy])
            right = int(k == shown.label)
            rows.append([int(copy), float(sizes[copy]), name, classes[k], right, share])
    return header, rows


def _by_size(copies: np.ndarray, original: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(order, L2 distances), (c,) each, of the copies (c, ...) from the sample or their mean."""
    center = copies.mean(0) if original is None else original
    distances = np.linalg.norm((copies - center).reshape(len(copies), -1), axis=1)
    return np.argsort(distances, kind="stable"), distances


def _evenly(count: int, most: int) -> np.ndarray:
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, max(1, most)).round().astype(int))


def _shown(label: str) -> str:
    """The label, kept in a legend even where it begins with matplotlib's sign for 'leave out'."""
    return f"\u200b{label}" if label.startswith("_") else label


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _with_gap(value: float, gap: float) -> str:
    return f"{value:.1f} ({gap:+.1f})" if np.isfinite(gap) else f"{value:.1f}"


def _with_interval(r: float, low: float, high: float) -> str:
    interval = f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) else ""
    return _number(r, ".2f") + interval


# -- files --------------------------------------------------------------------------------------
def _check(out: Path, width_mm: float, font_size: float) -> None:
    if out.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise SpecError(f"A figure ends in {known}; '{out.name}' does not. Try '{out.stem}.svg'.")
    if not SHORT_SIDE <= width_mm <= LONG_SIDE:
        raise SpecError(
            f"A figure is {SHORT_SIDE:g} to {LONG_SIDE:g} mm wide, not {width_mm:g} mm. "
            "A journal's column has 89 mm."
        )
    if not 2 <= font_size <= 72:
        raise SpecError(f"The font has 2 to 72 points, not {font_size:g}.")


@contextmanager
def _style(font_size: float) -> Iterator[None]:
    """Settings of a figure while it is made and saved; nobody else's are touched."""
    settings: Any = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "font.size": font_size,
        "axes.labelsize": font_size,
        "xtick.labelsize": font_size - 1,
        "ytick.labelsize": font_size - 1,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "text.parse_math": False,  # a $ in a name is a dollar
        "svg.fonttype": "none",
        "svg.hashsalt": "rk-explorer",
        "pdf.fonttype": 42,
        "savefig.dpi": DPI,
    }
    with _lock, matplotlib.rc_context(settings):
        yield


def _figure(width_mm: float, ratio: float, *, fitted: bool = True) -> Figure:
    """A figure whose axes are fitted into the page, or placed by hand."""
    size = (width_mm * MM, width_mm * MM * ratio)
    figure = Figure(figsize=size, layout="constrained" if fitted else None)
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, out: Path, facts: Mapping[str, str] | None, sheet: Sheet) -> list[Path]:
    beside = out.with_suffix(".csv")
    out.parent.mkdir(parents=True, exist_ok=True)
    metadata = _metadata(out.suffix.lower(), facts or {})
    figure.savefig(out, metadata=metadata, dpi=DPI, facecolor="white")
    beside.write_text(csv_text(*sheet), encoding="utf-8")
    return [out, beside]


def _metadata(suffix: str, facts: Mapping[str, str]) -> dict[str, Any]:
    """Facts in the words each format has for them, and no time stamp."""
    text = ", ".join(f"{name} {value}" for name, value in facts.items())
    if suffix == ".pdf":
        return {"CreationDate": None, "ModDate": None, "Subject": text, "Creator": "RK Explorer"}
    if suffix == ".svg":
        return {"Date": None, "Description": text, "Creator": "RK Explorer"}
    return {"Software": "RK Explorer", **{name: str(value) for name, value in facts.items()}}
