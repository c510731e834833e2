"""Options that all figures share beside their width: height, legend, title, resolution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.errors import SpecError, unknown

DPI = 300
COARSEST, FINEST = 36.0, 1200.0  # dots per inch
LOWEST, TALLEST = 10.0, 1000.0  # mm; any other height is taken for a typing error
AUTO, RIGHT, BELOW, INSIDE, NONE = "auto", "right", "below", "inside", "none"
LEGENDS = {  # place of the legend -> its description
    AUTO: "where there is room",
    RIGHT: "right of the axes",
    BELOW: "below the axes",
    INSIDE: "inside the axes",
    NONE: "no legend",
}
COMMON = {  # option of every figure -> help
    "height_mm": "height in mm; 0 = as high as its content needs",
    "legend": f"place of the legend: {', '.join(LEGENDS)}",
    "title": "whether the caption is also written above the figure",
    "transparent": "whether the background is transparent instead of white",
    "dpi": "dots per inch of a .png",
    "numbers": "whether the CSV and the caption are written too",
    "caption": "whether the caption is written even without the CSV",
    "booklet": "a PDF that gets the figure as a page",
}


class Pages(Protocol):
    """A PDF that collects figures as pages."""

    file: Path
    pages: int

    def add(self, figure: Any) -> None:
        """Add a figure as a page of its own size."""


@dataclass(frozen=True)
class PageOptions:
    """The options of `COMMON`, with their defaults."""

    height_mm: float = 0.0
    legend: str = AUTO
    title: bool = False
    transparent: bool = False
    dpi: float = DPI
    numbers: bool = True
    caption: bool = False
    booklet: Pages | None = None


DEFAULTS = PageOptions()
_options: ContextVar[PageOptions] = ContextVar("options", default=DEFAULTS)


def page_options() -> PageOptions:
    """The options of the figure that is being drawn."""
    return _options.get()


@contextmanager
def output_options(**options: Any) -> Iterator[None]:
    """Within this context, figures are drawn with these options of `COMMON`.

    booklet: receives each figure as a page; a PDF figure is then only that page, any other is drawn
    once for both. SpecError for a value out of range.
    """
    made = PageOptions(**options)
    _check(made)
    token = _options.set(made)
    try:
        yield
    finally:
        _options.reset(token)


def _check(made: PageOptions) -> None:
    if not COARSEST <= made.dpi <= FINEST:
        raise SpecError(
            f"The resolution must be {COARSEST:g} to {FINEST:g} dots per inch, not {made.dpi:g}. "
            f"Most journals ask for {DPI}."
        )
    if made.height_mm and not LOWEST <= made.height_mm <= TALLEST:
        raise SpecError(
            f"A figure must be {LOWEST:g} to {TALLEST:g} mm high, not {made.height_mm:g} mm. "
            "Leave the height out to have it as high as its content needs."
        )
    if made.legend not in LEGENDS:
        raise unknown("legend", made.legend, LEGENDS)
