"""A report as PDF, with text as text and figures as vectors; the only user of fpdf2 and pypdf."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace, TTFFont
from pypdf import PageObject, PdfReader, PdfWriter, Transformation

from engine.figures.fonts import font_files
from engine.report.document import (
    Block,
    Code,
    Document,
    Facts,
    Folded,
    Grid,
    Linked,
    Picture,
    Section,
    Text,
)

MARGIN = 20.0  # mm
BODY, SMALL, TINY, HEAD, TITLE = 9.5, 7.5, 6.0, 13.0, 18.0  # points
MM = 72 / 25.4  # points
LINE = 1.45  # height of a line, in font sizes
PAD = 1.2  # mm on both sides of a cell's text
WIDEST, NARROWEST = 90, 26  # mm of a text column; longer text is broken into lines
FAMILY = "DejaVu"
INK, SOFT, CARD = (28, 32, 38), (95, 103, 115), (245, 246, 248)


@dataclass(frozen=True)
class Place:
    """The position of a figure: page from 0, left and bottom edge and width in points.

    figure: its page in the booklet.
    """

    page: int
    x: float
    y: float
    width: float
    figure: int


class Pages(FPDF):
    """A4 pages with page numbers."""

    def __init__(
        self, title: str, made: datetime | None, figures: Sequence[PageObject] = ()
    ) -> None:
        super().__init__(format="A4")
        self.places: list[Place] = []
        self.figures = figures
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN)
        files = font_files()
        for style in ("", "B"):
            self.add_font(FAMILY, style, files[style])
        self.add_font(f"{FAMILY}Mono", "", files["mono"])
        self.set_title(title)
        if made is not None:
            self.set_creation_date(made)

    def close_fonts(self) -> None:
        """Close the font files, which are read while text is written."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.close()

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-14)
        self.write_in(SMALL, SOFT)
        self.cell(0, 5, f"{self.page_no()}", align="R")

    def write_in(
        self, size: float, color: tuple[int, int, int] = INK, style: str = "", mono: bool = False
    ) -> None:
        """Write in this size and color from now on."""
        self.set_font(f"{FAMILY}Mono" if mono else FAMILY, style, size)
        self.set_text_color(*color)

    def paragraph(self, words: str, size: float = BODY, **look: Any) -> None:
        """Write text over the full width."""
        self.write_in(size, **look)
        self.multi_cell(
            0, size / MM * LINE, words, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT,
        )  # fmt: skip

    def room(self, height: float) -> None:
        """Begin a new page if less than this (mm) is left on the current one."""
        if self.get_y() + height > self.h - MARGIN:
            self.add_page()


def write(report: Document, made: datetime | None = None) -> bytes:
    """The report as a PDF file; made: the date in it."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it logs each table of each font
    figures = PdfReader(report.booklet).pages if report.booklet is not None else ()
    pages = Pages(report.title, made, figures)
    pages.set_creator(", ".join(f"{name} {value}" for name, value in report.facts))
    pages.add_page()
    pages.paragraph(report.title, TITLE, style="B")
    pages.paragraph(report.subtitle, BODY, color=SOFT)
    for section in report.sections:
        _section(pages, section)
    text = bytes(pages.output())
    pages.close_fonts()
    return _with_figures(text, pages.places, figures)


def _with_figures(text: bytes, places: Sequence[Place], figures: Sequence[PageObject]) -> bytes:
    """The pages with the figures merged into them as vectors."""
    writer = PdfWriter(io.BytesIO(text))
    for place in places:
        figure = figures[place.figure]
        scale = place.width / float(figure.mediabox.width)
        put = Transformation().scale(scale).translate(place.x, place.y)
        writer.pages[place.page].merge_transformed_page(figure, put)
    writer.compress_identical_objects()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _section(pages: Pages, section: Section) -> None:
    pages.room(25 + _height(pages, section.blocks[0]))
    pages.ln(7)
    pages.write_in(HEAD, style="B")
    pages.start_section(section.title)
    pages.paragraph(section.title, HEAD, style="B")
    pages.ln(1.5)
    for block in section.blocks:
        _WRITE[type(block)](pages, block)


def _text(pages: Pages, block: Text) -> None:
    long = len(block.words) > 1500
    size = SMALL if block.muted or long else BODY
    pages.room(18)  # no single line at the end of a page
    pages.paragraph(block.words, size, color=SOFT if block.muted else INK)
    pages.ln(2)


def _linked(pages: Pages, block: Linked) -> None:
    pages.room(18)
    pages.write_in(BODY, style="B")
    pages.write(BODY / MM * LINE, block.label)
    pages.write_in(BODY)
    pages.write(BODY / MM * LINE, "".join(text for text, _ in block.pieces))
    pages.ln(BODY / MM * LINE + 2)


def _facts(pages: Pages, block: Facts) -> None:
    pages.write_in(BODY)
    first = max(pages.get_string_width(name) for name, _ in block.rows) + 6
    for name, value in block.rows:
        pages.room(8)
        pages.write_in(BODY, SOFT)
        pages.cell(first, BODY / MM * LINE, name)
        pages.write_in(BODY)
        pages.multi_cell(0, BODY / MM * LINE, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pages.ln(3)


def _grid(pages: Pages, block: Grid) -> None:
    for part in _parts(pages, block):
        _table(pages, part)


def _parts(pages: Pages, block: Grid) -> list[Grid]:
    """The table, or several if it is too wide even in the smallest font size."""
    widths, room = _widths(pages, block, TINY), pages.epw
    if sum(widths) <= room or len(widths) < 3:
        return [block]
    parts, columns, used = [], [0], widths[0]
    for place, width in enumerate(widths[1:], 1):
        if used + width > room and len(columns) > 1:
            parts.append(columns)
            columns, used = [0], widths[0]
        columns.append(place)
        used += width
    return [_picked(block, chosen) for chosen in [*parts, columns]]


def _picked(block: Grid, columns: Sequence[int]) -> Grid:
    rows = tuple(tuple(row[i] for i in columns) for row in block.rows)
    return Grid(block.caption, tuple(block.header[i] for i in columns), rows, block.left)


def _widths(pages: Pages, block: Grid, size: float, widest: float = NARROWEST) -> list[float]:
    """Width (mm) of each column at this font size; widest: limit of a text column."""
    pages.write_in(size, style="B")
    heads = [_longest_word(pages, words) for words in block.header]
    pages.write_in(size)
    widths = []
    for place, head in enumerate(heads):
        own = max((pages.get_string_width(row[place]) for row in block.rows), default=0.0)
        most = widest if place < block.left else own
        widths.append(max(head, min(own, most)) + 2 * PAD + 0.3)
    return widths


def _fitting(pages: Pages, block: Grid) -> tuple[float, list[float]]:
    """(font size, widths): long text is broken into lines before the font shrinks."""
    looks = [(SMALL, most) for most in range(WIDEST, NARROWEST, -4)]
    looks += [(SMALL - 0.25 * i, NARROWEST) for i in range(int(4 * (SMALL - TINY)) + 1)]
    for size, most in looks:
        widths = _widths(pages, block, size, most)
        if sum(widths) <= pages.epw:
            break
    return size, widths


def _longest_word(pages: Pages, words: str) -> float:
    return max((pages.get_string_width(word) for word in words.split()), default=0.0)


def _table(pages: Pages, block: Grid) -> None:
    size, widths = _fitting(pages, block)
    pages.room(25)
    pages.ln(1)
    if block.caption:
        pages.paragraph(block.caption, BODY, color=SOFT)
    pages.write_in(size)
    pages.set_draw_color(200)
    aligned = ["LEFT" if i < block.left else "RIGHT" for i in range(len(widths))]
    with pages.table(
        width=min(pages.epw, sum(widths)), col_widths=tuple(widths), align="LEFT",
        text_align=tuple(aligned), line_height=size / MM * LINE, padding=(0.6, PAD),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", color=INK), v_align="TOP",
    ) as table:  # fmt: skip
        for words in (block.header, *block.rows):
            row = table.row()
            for cell in words:
                row.cell(cell)
    pages.ln(3)


def _picture(pages: Pages, block: Picture) -> None:
    if block.page is None:
        return
    width, height = _size(pages, block.page, block.width_mm)
    pages.room(height + 12)
    y = (pages.h - pages.get_y() - height) * MM
    pages.places.append(Place(pages.page - 1, MARGIN * MM, y, width * MM, block.page))
    pages.set_y(pages.get_y() + height + 1)
    pages.paragraph(block.caption, SMALL, color=SOFT)
    pages.ln(4)


def _size(pages: Pages, figure: int, width_mm: float) -> tuple[float, float]:
    """Width and height (mm) of a figure, reduced to fit on a page."""
    box = pages.figures[figure].mediabox
    width = min(width_mm, pages.epw)
    height = width * float(box.height) / float(box.width)
    shrunk = min(1.0, (pages.h - 2 * MARGIN - 30) / height)
    return width * shrunk, height * shrunk


def _height(pages: Pages, block: Block) -> float:
    """Height (mm) that should be left for a block below its heading."""
    if isinstance(block, Picture) and block.page is not None:
        return _size(pages, block.page, block.width_mm)[1]
    return 15.0


def _code(pages: Pages, block: Code) -> None:
    pages.set_fill_color(*CARD)
    pages.write_in(SMALL, mono=True)
    pages.multi_cell(
        0, SMALL / MM * LINE, block.words, align="L", fill=True, padding=2,
        new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    pages.set_fill_color(255)
    pages.ln(3)


def _folded(pages: Pages, block: Folded) -> None:
    """Write all blocks out, as paper cannot be unfolded."""
    pages.paragraph(block.title, BODY, style="B")
    for one in block.blocks:
        _WRITE[type(one)](pages, one)


_WRITE: dict[type[Block], Callable[[Pages, Any], None]] = {
    Text: _text, Linked: _linked, Facts: _facts, Grid: _grid, Picture: _picture, Code: _code,
    Folded: _folded,
}  # fmt: skip
