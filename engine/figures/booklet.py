"""A PDF that collects figures as its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from engine.figures.canvas import FONT, style
from engine.figures.page_options import page_options


class Booklet:
    """Figures as pages of one PDF with shared fonts; must be closed."""

    def __init__(self, file: Path) -> None:
        self.file, self.pages = file, 0
        metadata = {"CreationDate": None, "Creator": "RK Explorer"}
        self._all: Any = PdfPages(file, metadata=metadata)

    def add(self, figure: Figure) -> None:
        """Add a figure as a page of its own size."""
        self._all.savefig(figure, dpi=page_options().dpi, facecolor="white")
        self.pages += 1

    def close(self) -> None:
        """Write the fonts and the end of the file."""
        with style(FONT):
            self._all.close()
