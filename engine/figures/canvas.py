"""What all publication figures share: sizes, style, and files that say what made them.

A figure is a file in the format of its suffix (png, svg, pdf) with its numbers beside it as CSV
under the same stem. Text stays text (SVG) or TrueType (PDF), clouds of points are pixels, and the
same numbers give the same bytes: no time stamps, no random ids.
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
SHORT_SIDE, LONG_SIDE = 10.0, 1000.0  # mm; beyond, a figure is a slip of the pen
DPI = 300
FONT = 8.0  # points
COARSEST, FINEST = 36.0, 1200.0  # dots per inch
COLUMNS = {
    "key": "study_key",
    "seed": "study_seed",
    "version": "version",
    "origin": "study_origin",
}  # facts in a CSV
MM = 1 / 25.4  # inches
POINT = 25.4 / 72  # mm
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x"}
MOST_CLASSES = 20  # in a legend
NO_ROOM = "constrained_layout not applied"  # how matplotlib's warning begins
TEXT, MUTED, RIGHT_COLOR, WRONG_COLOR = "#1c2026", "#5f6773", "#00714f", "#b3261e"
Sheet = tuple[Sequence[str], Sequence[Sequence[object]]]
_lock = threading.Lock()  # matplotlib's settings are one for the whole process
_dpi: ContextVar[float] = ContextVar("dpi", default=DPI)  # of whatever is being drawn
_numbers: ContextVar[bool] = ContextVar("numbers", default=True)  # whether they are written too


class Booklet:
    """Figures as the pages of one PDF, in which they share their fonts; to be closed."""

    def __init__(self, file: Path) -> None:
        self.file, self.pages = file, 0
        told = {"CreationDate": None, "Creator": "RK Explorer"}
        self._all: Any = PdfPages(file, metadata=told)

    def add(self, figure: Figure) -> None:
        """Draw a figure onto a page of its own size."""
        self._all.savefig(figure, dpi=_dpi.get(), facecolor="white")
        self.pages += 1

    def close(self) -> None:
        """Write the fonts and the end of the file."""
        with style(FONT):
            self._all.close()


_booklet: ContextVar[Booklet | None] = ContextVar("booklet", default=None)  # that figures enter


def check(out: Path, width_mm: float, font_size: float) -> None:
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
def saved(
    dpi: float = DPI, *, numbers: bool = True, booklet: Booklet | None = None
) -> Iterator[None]:
    """Save figures meanwhile with so many dots per inch, and with or without their numbers.

    booklet: gets each figure as a page; a figure that was to be a PDF is that page alone, any
    other is drawn once for both. SpecError for a resolution that no figure has.
    """
    if not COARSEST <= dpi <= FINEST:
        raise SpecError(
            f"A figure has {COARSEST:g} to {FINEST:g} dots per inch, not {dpi:g}. Most journals "
            f"ask for {DPI}."
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
    """Settings of a figure while it is made and saved; nobody else's are touched.

    SpecError where the words of the figure leave no room for its axes.
    """
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
        "savefig.dpi": _dpi.get(),
    }
    with _lock, matplotlib.rc_context(_shipped() | settings), _room(font_size):
        yield


def _shipped() -> dict[str, Any]:
    """matplotlib's own settings, whatever a matplotlibrc in the current folder says."""
    defaults = matplotlib.rcParamsDefault
    return {name: defaults[name] for name in defaults if not name.startswith("backend")}


@contextmanager
def _room(font_size: float) -> Iterator[None]:
    """SpecError where matplotlib would give up fitting the axes, of which it only warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=NO_ROOM)
        try:
            yield
        except UserWarning as error:
            if not str(error).startswith(NO_ROOM):
                raise
            raise SpecError(
                f"With words of {font_size:g} points no room is left for the figure itself. Make "
                "it wider, or the font smaller."
            ) from error


def page(width_mm: float, ratio: float, *, fitted: bool = True) -> Figure:
    """A figure whose axes are fitted into the page, or placed by hand."""
    size = (width_mm * MM, width_mm * MM * ratio)
    figure = Figure(figsize=size, layout="constrained" if fitted else None)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, out: Path, facts: Mapping[str, str] | None, sheet: Sheet) -> list[Path]:
    """Write the figure and, beside it, its numbers; the files written. StoreError if impossible."""
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
    """Fit the axes into the page once; each drawing would move them a little again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _write(figure: Figure, out: Path, facts: Mapping[str, str]) -> None:
    kind = out.suffix.lower()
    told: dict[str, Any] = {"metadata": _metadata(kind, facts), "format": kind.removeprefix(".")}
    # a file that is opened here is closed even where the disk is full
    with output_files.output(out) as aside, open(aside, "wb") as file:
        figure.savefig(file, dpi=_dpi.get(), facecolor="white", **told)


def with_facts(sheet: Sheet, facts: Mapping[str, str]) -> Sheet:
    """The sheet with a column for each fact on what made it, the same in every row.

    So a spreadsheet reads the file as any other, and rows of several studies can be put together.
    """
    header, rows = sheet
    found = {title: facts[name] for name, title in COLUMNS.items() if name in facts}
    values = list(found.values())
    return [*header, *found], [[*row, *values] for row in rows]


def draw_sample(axes: Axes, sample: np.ndarray, color: str) -> None:
    """Fill axes without ticks with one sample: an image (C, H, W), or features (d,) as bars."""
    axes.set(xticks=[], yticks=[])
    if sample.ndim == 1:
        axes.bar(np.arange(len(sample)), sample, color=color)
        axes.set_ylim(0, 1)
    else:
        draw_image(axes, sample)


def draw_image(axes: Axes, image: np.ndarray, **place: Any) -> None:
    """An image (C, H, W) in [0, 1], pixel by pixel; place: where, as `Axes.imshow` is told."""
    gray = image.shape[0] < 3
    pixels = image[0] if gray else np.moveaxis(image[:3], 0, -1)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest", **place)


def shown_label(label: str) -> str:
    """The label, kept in a legend even where it begins with matplotlib's sign for 'leave out'."""
    return f"\u200b{label}" if label.startswith("_") else label


def filled(words: str, letters: float) -> str:
    """The words in lines of so many letters; a range such as [0, 1] stays together."""
    return textwrap.fill(words.replace("[0, 1]", "[0,\u00a01]"), max(8, int(letters)))


def number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _metadata(suffix: str, facts: Mapping[str, str]) -> dict[str, Any]:
    """Facts in the words each format has for them, and no time stamp."""
    text = ", ".join(f"{name} {value}" for name, value in facts.items())
    if suffix == ".pdf":
        return {"CreationDate": None, "ModDate": None, "Subject": text, "Creator": "RK Explorer"}
    if suffix == ".svg":
        return {"Date": None, "Description": text, "Creator": "RK Explorer"}
    return {"Software": "RK Explorer", **{name: str(value) for name, value in facts.items()}}
