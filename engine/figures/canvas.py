"""Shared parts of all publication figures: sizes, style, and output files with metadata.

A figure is a file in the format of its suffix (png, svg, pdf), with its numbers in a CSV file of
the same stem. Text stays text (SVG) or TrueType (PDF), point clouds are rasterized, and the same
numbers give the same bytes: no time stamps, no random ids.
"""

from __future__ import annotations

import textwrap
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from engine.errors import SpecError
from engine.storage import output_files
from engine.tables.csv import csv_text

FORMATS = (".png", ".svg", ".pdf")
SHORT_SIDE, LONG_SIDE = 10.0, 1000.0  # mm; any other width is taken for a typing error
DPI = 300
FONT = 8.0  # points
COARSEST, FINEST = 36.0, 1200.0  # dots per inch
COLUMNS = {
    "key": "study_key",
    "seed": "study_seed",
    "version": "version",
    "origin": "study_origin",
}  # fact -> its column in the CSV
MM = 1 / 25.4  # inches
POINT = 25.4 / 72  # mm
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
MOST_CLASSES = 20  # in a legend
NO_ROOM = "constrained_layout not applied"  # start of matplotlib's warning
TEXT, MUTED, RIGHT_COLOR, WRONG_COLOR = "#1c2026", "#5f6773", "#00714f", "#b3261e"
Sheet = tuple[Sequence[str], Sequence[Sequence[object]]]
_lock = threading.Lock()  # matplotlib's settings are process-wide
_dpi: ContextVar[float] = ContextVar("dpi", default=DPI)  # of the current figure
_numbers: ContextVar[bool] = ContextVar("numbers", default=True)  # whether the CSV is written


class Booklet:
    """Figures as pages of one PDF with shared fonts; must be closed."""

    def __init__(self, file: Path) -> None:
        self.file, self.pages = file, 0
        metadata = {"CreationDate": None, "Creator": "RK Explorer"}
        self._all: Any = PdfPages(file, metadata=metadata)

    def add(self, figure: Figure) -> None:
        """Add a figure as a page of its own size."""
        self._all.savefig(figure, dpi=_dpi.get(), facecolor="white")
        self.pages += 1

    def close(self) -> None:
        """Write the fonts and the end of the file."""
        with style(FONT):
            self._all.close()


_booklet: ContextVar[Booklet | None] = ContextVar(
    "booklet", default=None
)  # that figures are added to


def check_page(out: Path, width_mm: float, font_size: float) -> None:
    if out.suffix.lower() not in FORMATS:
        formats = ", ".join(FORMATS)
        raise SpecError(
            f"A figure's file name ends in {formats}; '{out.name}' does not. Try '{out.stem}.svg'."
        )
    if not SHORT_SIDE <= width_mm <= LONG_SIDE:
        raise SpecError(
            f"A figure must be {SHORT_SIDE:g} to {LONG_SIDE:g} mm wide, not {width_mm:g} mm. "
            "A journal column is 89 mm wide."
        )
    if not 2 <= font_size <= 72:
        raise SpecError(f"The font size must be 2 to 72 points, not {font_size:g}.")


@contextmanager
def output_options(
    dpi: float = DPI, *, numbers: bool = True, booklet: Booklet | None = None
) -> Iterator[None]:
    """Within this context, save figures at this resolution, with or without their CSV.

    booklet: receives each figure as a page; a PDF figure is then only that page, any other is drawn
    once for both. SpecError for a resolution out of range.
    """
    if not COARSEST <= dpi <= FINEST:
        raise SpecError(
            f"The resolution must be {COARSEST:g} to {FINEST:g} dots per inch, not {dpi:g}. Most "
            f"journals ask for {DPI}."
        )
    tokens = _dpi.set(dpi), _numbers.set(numbers), _booklet.set(booklet)
    try:
        yield
    finally:
        _dpi.reset(tokens[0])
        _numbers.reset(tokens[1])
        _booklet.reset(tokens[2])


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
        "xtick.labelsize": font_size - 1,
        "ytick.labelsize": font_size - 1,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "text.parse_math": False,  # a $ in a name is a literal dollar sign
        "svg.fonttype": "none",
        "svg.hashsalt": "rk-explorer",
        "pdf.fonttype": 42,
        "savefig.dpi": _dpi.get(),
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
            raise SpecError(
                f"At a font size of {font_size:g} points the text leaves no room for the figure. "
                "Make it wider, or the font smaller."
            ) from error


def page(width_mm: float, ratio: float, *, fitted: bool = True) -> Figure:
    """A figure with automatic layout, or with axes placed by hand if not `fitted`."""
    size = (width_mm * MM, width_mm * MM * ratio)
    figure = Figure(figsize=size, layout="constrained" if fitted else None)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, out: Path, facts: Mapping[str, str] | None, sheet: Sheet) -> list[Path]:
    """Write the figure and its CSV; returns the files written. StoreError if impossible."""
    booklet = _booklet.get()
    _settle(figure)
    if booklet is not None:
        booklet.add(figure)
    if booklet is not None and out.suffix.lower() == ".pdf":
        out = booklet.file
    else:
        _write(figure, out, facts or {})
    if not _numbers.get():
        return [out]
    beside = out.with_suffix(".csv")
    output_files.write_text(beside, csv_text(*with_facts(sheet, facts or {})))
    return [out, beside]


def _settle(figure: Figure) -> None:
    """Run the layout once and freeze it: every further drawing would shift the axes slightly."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _write(figure: Figure, out: Path, facts: Mapping[str, str]) -> None:
    kind = out.suffix.lower()
    options: dict[str, Any] = {"metadata": _metadata(kind, facts), "format": kind.removeprefix(".")}
    # opening the file here ensures that it is closed even if the disk is full
    with output_files.output(out) as aside, open(aside, "wb") as file:
        figure.savefig(file, dpi=_dpi.get(), facecolor="white", **options)


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


def wrapped_text(words: str, letters: float) -> str:
    """The text wrapped at this many letters; the range [0, 1] is not broken."""
    return textwrap.fill(words.replace("[0, 1]", "[0,\u00a01]"), max(8, int(letters)))


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
