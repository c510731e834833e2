"""Shared parts of all publication figures: sizes, style, and output files with metadata.

A figure is a file in the format of its suffix (png, svg, pdf), with its numbers in a CSV file of
the same stem. Text stays text (SVG) or TrueType (PDF), point clouds are rasterized, and the same
numbers give the same bytes: no time stamps, no random ids.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from engine.errors import SpecError
from engine.figures.layout import MM, Page, fit, no_room, wrap
from engine.figures.legends import small
from engine.figures.page_options import page_options
from engine.storage import output_files
from engine.tables.csv import csv_text

FORMATS = (".png", ".svg", ".pdf")
SHORT_SIDE, LONG_SIDE = 10.0, 1000.0  # mm; any other width is taken for a typing error
FONT = 8.0  # points
CAPTION = ".txt"  # suffix of the file with the caption
COLUMNS = {
    "key": "study_key",
    "seed": "study_seed",
    "version": "version",
    "origin": "study_origin",
}  # fact -> its column in the CSV
POINT = 25.4 / 72  # mm
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
MARGIN = 16.0  # mm above and below a panel, before the layout measures them
SETTING = "setting"  # fact: the settings of the study in words
LINE = 1.25  # height of a line, in sizes of its font
MOST_CLASSES = 20  # in a legend
NO_ROOM = "constrained_layout not applied"  # start of matplotlib's warning
TEXT, MUTED, RIGHT_COLOR, WRONG_COLOR = "#1c2026", "#5f6773", "#00714f", "#b3261e"
Sheet = tuple[Sequence[str], Sequence[Sequence[object]]]
_lock = threading.Lock()  # matplotlib's settings are process-wide


def check_page(out: Path, width_mm: float, font_size: float) -> None:
    if out.suffix.lower() not in FORMATS:
        formats = ", ".join(FORMATS)
        raise SpecError(
            f"A figure's file name ends in {formats}; '{out.name}' does not. Try '{out.stem}.svg'."
        )
    check_size(width_mm, font_size)


def check_size(width_mm: float, font_size: float) -> None:
    """SpecError unless a figure can be this wide, with text of this size."""
    if not SHORT_SIDE <= width_mm <= LONG_SIDE:
        raise SpecError(
            f"A figure must be {SHORT_SIDE:g} to {LONG_SIDE:g} mm wide, not {width_mm:g} mm. "
            "A journal column is 89 mm wide."
        )
    if not 2 <= font_size <= 72:
        raise SpecError(f"The font size must be 2 to 72 points, not {font_size:g}.")


@contextmanager
def style(font_size: float) -> Iterator[None]:
    """Style settings for drawing and saving a figure; restored on exit.

    SpecError if the text of the figure leaves no room for its axes.
    """
    settings: Any = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # bundled with matplotlib: the same on every machine
        "font.size": font_size,
        "axes.labelsize": font_size,
        "axes.titlesize": font_size,
        "xtick.labelsize": small(font_size),
        "ytick.labelsize": small(font_size),
        "axes.linewidth": 0.6,
        "text.hinting": "none",  # words are as wide at every resolution, as in SVG and PDF
        "hatch.linewidth": 0.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "text.parse_math": False,  # a $ in a name is a literal dollar sign
        "svg.fonttype": "none",
        "svg.hashsalt": "rk-explorer",
        "pdf.fonttype": 42,
        "savefig.dpi": page_options().dpi,
    }
    with _lock, matplotlib.rc_context(_shipped() | settings), _room(font_size):
        yield


def _shipped() -> dict[str, Any]:
    """matplotlib's default settings, regardless of any matplotlibrc in the current folder."""
    defaults = matplotlib.rcParamsDefault
    return {name: defaults[name] for name in defaults if not name.startswith("backend")}


@contextmanager
def _room(font_size: float) -> Iterator[None]:
    """SpecError where matplotlib would only warn that it cannot fit the axes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=NO_ROOM)
        try:
            yield
        except UserWarning as error:
            if not str(error).startswith(NO_ROOM):
                raise
            raise no_room(font_size) from error


def page(width_mm: float, panel_mm: float) -> Page:
    """A page with automatic layout, as high as panels of this height need."""
    made = _page(width_mm, page_options().height_mm or panel_mm + MARGIN, layout="constrained")
    made.panel_mm = panel_mm
    return made


def blank_page(width_mm: float, height_mm: float) -> Page:
    """A page whose content is placed by hand and needs this height.

    SpecError if the options of the page allow less.
    """
    height = page_options().height_mm
    if height and height < height_mm - 0.5:
        raise SpecError(
            f"This figure needs a height of {math.ceil(height_mm)} mm at this width, not "
            f"{height:g} mm. Leave the height automatic, or make the font smaller."
        )
    return _page(width_mm, height or height_mm)


def _page(width_mm: float, height_mm: float, **layout: Any) -> Page:
    made = Page(figsize=(width_mm * MM, height_mm * MM), **layout)
    FigureCanvasAgg(made)
    return made


def add_caption(figure: Page, words: str, font_size: float) -> None:
    """Set the words for below the figure in a paper; above it only if its options say so."""
    figure.caption = " ".join(words.split())
    if page_options().title and figure.caption:
        size = small(font_size)
        lines = wrap(figure, figure.caption, figure.width_mm - 2, size)
        place: dict[str, Any] = {}  # an automatic layout chooses the height itself
        if figure.get_layout_engine() is None:
            _make_room_above(figure, (lines.count("\n") + 1.5) * LINE * size * POINT)
            place = {"y": 1 - 0.6 / figure.height_mm, "va": "top"}
        figure.suptitle(
            lines, fontsize=size, color=MUTED, x=1 / figure.width_mm, ha="left", **place
        )


def _make_room_above(figure: Page, mm: float) -> None:
    """Make a page that is laid out by hand higher, with its content at the bottom."""
    low = figure.height_mm
    figure.set_size_inches(figure.get_figwidth(), (low + mm) * MM, forward=False)
    for axes in figure.axes:
        x, y, width, height = axes.get_position().bounds
        share = low / (low + mm)
        axes.set_position((x, y * share, width, height * share))


def save(figure: Page, out: Path, facts: Mapping[str, str] | None, sheet: Sheet) -> list[Path]:
    """Write the figure, its CSV and its caption; returns the files. StoreError if impossible."""
    facts, booklet = facts or {}, page_options().booklet
    fit(figure)
    if booklet is not None:
        booklet.add(figure)
    if booklet is not None and out.suffix.lower() == ".pdf":
        out = booklet.file
    else:
        _write(figure, out, facts)
    files = [out]
    if page_options().numbers:
        files.append(out.with_suffix(".csv"))
        output_files.write_text(files[-1], csv_text(*with_facts(sheet, facts)))
    if page_options().numbers or page_options().caption:
        files += _write_caption(figure, out, facts)
    return files


def _write_caption(figure: Page, out: Path, facts: Mapping[str, str]) -> list[Path]:
    """The caption with the settings of the study, for a paper; no file without a caption."""
    if not figure.caption:
        return []
    source = ", ".join(f"{name} {facts[name]}" for name in COLUMNS if name in facts)
    lines = [figure.caption, facts.get(SETTING, ""), f"Drawn from {source}." if source else ""]
    words = out.with_suffix(CAPTION)
    output_files.write_text(words, "\n\n".join(filter(None, lines)) + "\n")
    return [words]


def _write(figure: Page, out: Path, facts: Mapping[str, str]) -> None:
    kind = out.suffix.lower()
    options: dict[str, Any] = {"metadata": _metadata(kind, facts), "format": kind.removeprefix(".")}
    # opening the file here ensures that it is closed even if the disk is full
    with output_files.output(out) as aside, open(aside, "wb") as file:
        figure.savefig(file, dpi=page_options().dpi, **ground(), **options)


def ground() -> dict[str, Any]:
    """Settings of the background, for `Figure.savefig`."""
    clear = page_options().transparent
    return {"transparent": True} if clear else {"facecolor": "white", "transparent": False}


def with_facts(sheet: Sheet, facts: Mapping[str, str]) -> Sheet:
    """The sheet with a column for each provenance fact, the same in every row.

    This keeps the file an ordinary table, and lets rows of several studies be concatenated.
    """
    header, rows = sheet
    columns = {title: facts[name] for name, title in COLUMNS.items() if name in facts}
    values = list(columns.values())
    return [*header, *columns], [[*row, *values] for row in rows]


def draw_sample(axes: Axes, sample: np.ndarray, color: str) -> None:
    """Draw one sample without ticks: an image (C, H, W), or features (d,) as bars."""
    axes.set(xticks=[], yticks=[])
    if sample.ndim == 1:
        axes.bar(np.arange(len(sample)), sample, color=color)
        axes.set_ylim(0, 1)
    else:
        draw_image(axes, sample)


def draw_image(axes: Axes, image: np.ndarray, **place: Any) -> None:
    """Draw an image (C, H, W) in [0, 1] without smoothing; place: passed to `Axes.imshow`."""
    gray = image.shape[0] < 3
    pixels = image[0] if gray else np.moveaxis(image[:3], 0, -1)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest", **place)


def shown_label(label: str) -> str:
    """The label, protected so that a leading underscore does not hide it from the legend."""
    return f"\u200b{label}" if label.startswith("_") else label


def number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _metadata(suffix: str, facts: Mapping[str, str]) -> dict[str, Any]:
    """The facts as metadata of the format, without a time stamp."""
    text = ", ".join(f"{name} {value}" for name, value in facts.items())
    if suffix == ".pdf":
        return {"CreationDate": None, "ModDate": None, "Subject": text, "Creator": "RK Explorer"}
    if suffix == ".svg":
        return {"Date": None, "Description": text, "Creator": "RK Explorer"}
    return {"Software": "RK Explorer", **{name: str(value) for name, value in facts.items()}}
