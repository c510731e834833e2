"""Format of exported figures, remembered from export to export. No widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.storage.paths import is_folder

FORMATS = {  # suffix -> description
    ".svg": "SVG: scalable, editable",
    ".pdf": "PDF: scalable, for print and LaTeX",
    ".png": "PNG: pixels",
}
PRESETS = {"One column": 89.0, "One and a half": 120.0, "Two columns": 183.0}  # mm
WIDTHS, SIZES, DPIS = (20.0, 600.0), (4.0, 36.0), (72.0, 1200.0)  # mm, points, dots per inch


@dataclass(frozen=True)
class FigureFormat:
    """File format, width in mm, font size in points, dots per inch, and the last folder."""

    suffix: str = ".svg"
    width_mm: float = 89.0
    font_size: float = 8.0
    dpi: float = 300.0
    folder: str = ""

    @property
    def look(self) -> dict[str, Any]:
        """The figure options that follow from the format."""
        look: dict[str, Any] = {"width_mm": self.width_mm, "font_size": self.font_size}
        return look | ({"dpi": self.dpi} if self.suffix == ".png" else {})

    @property
    def place(self) -> Path:
        """The last folder, or the home folder if it no longer exists."""
        return Path(self.folder) if self.folder and is_folder(Path(self.folder)) else Path.home()

    def as_plain(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def from_plain(plain: Mapping[str, Any]) -> FigureFormat:
    """The inverse of `as_plain`; missing, invalid or out-of-range values become defaults."""
    ranges = {"width_mm": WIDTHS, "font_size": SIZES, "dpi": DPIS}
    values: dict[str, Any] = {}
    for item in fields(FigureFormat):
        value = plain.get(item.name)
        if item.name in ranges:
            low, high = ranges[item.name]
            if isinstance(value, (int, float)) and low <= value <= high:
                values[item.name] = float(value)
        elif isinstance(value, str) and (item.name != "suffix" or value in FORMATS):
            values[item.name] = value
    return FigureFormat(**values)
