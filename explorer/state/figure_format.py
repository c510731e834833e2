"""Format of exported figures, remembered from export to export. No widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.figures.page_options import AUTO, LEGENDS
from engine.storage.paths import is_folder

FORMATS = {  # suffix -> description
    ".svg": "SVG: scalable, editable",
    ".pdf": "PDF: scalable, for print and LaTeX",
    ".png": "PNG: pixels",
}
PRESETS = {"One column": 89.0, "One and a half": 120.0, "Two columns": 183.0}  # mm
WIDTHS, SIZES, DPIS = (20.0, 600.0), (4.0, 36.0), (72.0, 1200.0)  # mm, points, dots per inch
HEIGHTS = (0.0, 600.0)  # mm; 0 = as high as the content needs


@dataclass(frozen=True)
class FigureFormat:
    """How figures are written, and into which folder the last one was.

    width_mm and height_mm (0 = as high as the content needs), font_size in points, dpi of a PNG;
    legend: its place, one of LEGENDS; title: whether the caption stands above the figure too.
    """

    suffix: str = ".svg"
    width_mm: float = 89.0
    font_size: float = 8.0
    dpi: float = 300.0
    folder: str = ""
    height_mm: float = 0.0
    legend: str = AUTO
    title: bool = False
    transparent: bool = False

    @property
    def look(self) -> dict[str, Any]:
        """The figure options that follow from the format."""
        look: dict[str, Any] = {"width_mm": self.width_mm, "font_size": self.font_size}
        other = {name: getattr(self, name) for name in OPTIONAL}
        changed = {name: value for name, value in other.items() if value != getattr(USUAL, name)}
        return look | changed | ({"dpi": self.dpi} if self.suffix == ".png" else {})

    @property
    def place(self) -> Path:
        """The last folder, or the home folder if it no longer exists."""
        return Path(self.folder) if self.folder and is_folder(Path(self.folder)) else Path.home()

    def as_plain(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


OPTIONAL = ("height_mm", "legend", "title", "transparent")
USUAL = FigureFormat()


def from_plain(plain: Mapping[str, Any]) -> FigureFormat:
    """The inverse of `as_plain`; missing, invalid or out-of-range values become defaults."""
    ranges = {"width_mm": WIDTHS, "height_mm": HEIGHTS, "font_size": SIZES, "dpi": DPIS}
    known = {"suffix": FORMATS, "legend": LEGENDS}
    values: dict[str, Any] = {}
    for item in fields(FigureFormat):
        value = plain.get(item.name)
        if item.name in ranges:
            low, high = ranges[item.name]
            if isinstance(value, (int, float)) and low <= value <= high:
                values[item.name] = float(value)
        elif isinstance(getattr(USUAL, item.name), bool):
            values[item.name] = value is True
        elif isinstance(value, str) and value in known.get(item.name, (value,)):
            values[item.name] = value
    return FigureFormat(**values)
