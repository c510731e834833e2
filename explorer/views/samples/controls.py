"""The controls of Samples: few in the title, the forget set and sizes in a row, the rest folded."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QCheckBox, QSizePolicy

from explorer.views.samples.filter_chips import FilterRows
from explorer.views.samples.go_to import IndexLine
from explorer.views.samples.mouse_and_keys import GridInput
from explorer.views.samples.scope import Scope
from explorer.views.samples.sort_row import OrderRow
from explorer.views.samples.status_row import StatusRow
from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.forget_buttons import ForgetButtons
from explorer.widgets.panel import MARGIN, Panel, button, muted_label

STRIP_MARGIN = 2  # logical pixels around a strip


class SampleControls(QObject):
    """Lays its parts out in a panel; `export` is called by the export button."""

    def __init__(self, panel: Panel, grid_input: GridInput, export: Callable[[], None]) -> None:
        super().__init__(panel)
        self._panel = panel
        self.scope, self.filters, self.order = Scope(self), FilterRows(), OrderRow(panel)
        self.buttons = ForgetButtons(grid_input.forget, grid_input.add, grid_input.remember, self)
        self.status = StatusRow(self.buttons)
        self.order_words, self.note = ElidedLabel(), muted_label()
        self.go_to, self.names = IndexLine(), QCheckBox("Names below large pictures")
        self.export_button = button(
            "Export…", "Save a sheet of these samples as SVG, PDF or PNG, and as CSV", export
        )
        self._fill_header()
        self._fold()
        for row in (self.status, self.filters, self.note):
            panel.add_row(row)
        self.note.hide()

    def show_strip(self, strip: bool) -> None:
        """Leave out the rows over a strip."""
        self.filters.setVisible(not strip)
        self._panel.set_margin(STRIP_MARGIN if strip else MARGIN)

    def _fill_header(self) -> None:
        ignored, as_is = QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        self.order_words.setSizePolicy(ignored, as_is)
        header = self._panel.header
        for part in (self.scope.sets, self.order.sort, self.filters.menu_button):
            header.addWidget(part)
        header.addWidget(self.order_words, 1)
        header.addStretch(0)

    def _fold(self) -> None:
        panel = self._panel
        panel.fold(self.scope.classes, "Class")
        panel.fold(self.order.model_box, "Model")
        panel.fold(self.order.direction)
        panel.fold(self.go_to, "Go to")
        panel.fold(self.names)
        panel.fold(self.export_button)
