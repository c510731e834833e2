"""The pages of the Runs view, table and parallel coordinates, with the count of what they show."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget, QWidget

from explorer.theme import Theme
from explorer.views.runs.columns import is_column
from explorer.views.runs.parallel import ParallelPage
from explorer.views.runs.table import RunsTable
from explorer.widgets.panel import muted_label

TABLE, PARALLEL = range(2)
PAGES = ("table", "parallel")  # their names in sessions
MOST = 100  # columns and axes in a session
WIDEST = 2000  # logical pixels of a column in a session


class RunsPages(QTabWidget):
    """table, parallel: the two pages."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table, self.parallel = RunsTable(), ParallelPage()
        self.setDocumentMode(True)
        self.tabBar().setDrawBase(False)
        self.addTab(self.table, "Table")
        self.addTab(self.parallel, "Parallel")
        self.setTabToolTip(TABLE, "One row for each study; click a header to sort")
        self.setTabToolTip(PARALLEL, "One line for each study of a dataset, to see a grid at once")
        self.count_label = muted_label()
        self.count_label.setWordWrap(False)
        self.count_label.setContentsMargins(0, 0, 4, 4)
        self.setCornerWidget(self.count_label)

    def set_theme(self, look: Theme) -> None:
        """Take the theme's colors; the pages take theirs with what they show."""
        self.parallel.plot.update()

    def say_count(self, shown: int, total: int, brushed: bool, dataset: str = "") -> None:
        """Say how many of the studies are shown. dataset: that of all of them, '' for several."""
        text = f"{total:,} {'study' if total == 1 else 'studies'}"
        if dataset:
            text += f" of {dataset}"
        if shown != total:
            text = f"{shown:,} of {text}{', brushed' * brushed}"
        self.count_label.setText(text)
        self.count_label.adjustSize()

    # -- what a session keeps -----------------------------------------------------------------
    @property
    def plain(self) -> dict[str, Any]:
        """Page, order, widths, axes and brushes as JSON data."""
        name, order = self.table.sort_column()
        return {
            "page": PAGES[self.currentIndex()],
            "sort": name,
            "descending": order == Qt.SortOrder.DescendingOrder,
            "widths": self.table.widths,
            "axes": self.parallel.order,
            "brushes": {name: list(pair) for name, pair in self.parallel.plot.brushes.items()},
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Restore them; anything invalid is ignored."""
        name = stored.get("sort")
        if isinstance(name, str) and self.table.cells.place(name) >= 0:
            descending = stored.get("descending") is True
            order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            self.table.sort_by(name, order)
        widths = _pairs(stored.get("widths"))
        valid = {n: w for n, w in widths.items() if isinstance(w, int) and 20 <= w <= WIDEST}
        if valid:
            self.table.set_widths(valid)
        axes = stored.get("axes")
        if isinstance(axes, list) and len(axes) <= MOST:
            self.parallel.set_order([one for one in axes if isinstance(one, str)])
        brushes = {
            name: (float(pair[0]), float(pair[1]))
            for name, pair in _pairs(stored.get("brushes")).items()
            if isinstance(pair, list) and len(pair) == 2 and all(map(_finite, pair))
        }
        self.parallel.plot.set_brushes(brushes)
        if stored.get("page") in PAGES:
            self.setCurrentIndex(PAGES.index(stored["page"]))


def _pairs(value: Any) -> dict[str, Any]:
    """A JSON object whose names are those of columns; {} for anything else."""
    if not isinstance(value, dict) or len(value) > MOST:
        return {}
    return {name: one for name, one in value.items() if isinstance(name, str) and is_column(name)}


def _finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
