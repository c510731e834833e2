"""The controls of the Runs view: filter, and on the options card model, columns and the best."""

from __future__ import annotations

import functools

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPushButton,
    QWidget,
)

from engine.analysis.study_measures import goal_words
from engine.tables.csv import csv_text
from explorer.views.base import Offer
from explorer.views.runs.chooser import ColumnChooser
from explorer.views.runs.columns import sheet
from explorer.views.runs.shown import ShownRows
from explorer.views.runs.table import RunsTable
from explorer.widgets.panel import Panel, button, muted_label
from explorer.widgets.plain_text import menu_text

FILTER_TIP = (
    "Show only studies that match: words found anywhere, tag:paper, seed=131, retain>95, r<1.2, "
    "gd.gap<2, a setting such as lambda_f=0.01; -word excludes. All conditions must hold."
)
FIRST_METHOD = "first method"


class RunsControls(QObject):
    """Builds the controls into a panel.

    changed: another filter, model, color or columns; best_wanted: name of a measure's column.
    """

    changed = Signal()
    best_wanted = Signal(str)

    def __init__(self, panel: Panel, shown: ShownRows, table: RunsTable, parent: QWidget) -> None:
        super().__init__(parent)
        self._shown, self._panel, self._table = shown, panel, table
        self.filter = QLineEdit(clearButtonEnabled=True)
        self.filter.setPlaceholderText("Filter, e.g. digits gap<2")
        self.filter.setAccessibleName("Filter the runs")
        self.filter.setToolTip(FILTER_TIP)
        self.hint = muted_label()
        self.hint.setObjectName("danger")
        self.hint.hide()
        self.follow_box = QCheckBox("Follow")
        self.follow_box.setToolTip(
            "Show each queued study live as it starts; otherwise the views stay as they are, and a "
            "notice tells when a study is done"
        )
        self.stop_button = QPushButton("Stop all")
        self.stop_button.setToolTip(
            "Stop the running study and all waiting ones; they can be resumed"
        )
        self.model = QComboBox()
        self.model.setAccessibleName("Model whose measures are shown")
        self.model.setToolTip("The model whose measures the columns show")
        self.color = QComboBox()
        self.color.setAccessibleName("Measure that colors the lines")
        self.color.setToolTip("The measure that colors the lines of Parallel")
        self.columns_button = button("Columns…", "Choose the columns", self._choose_columns)
        self.best_button = QPushButton("Best by")
        self.best_button.setToolTip("Select the best of the studies shown by one of the measures")
        self.best_menu = QMenu(self.best_button)
        self.best_menu.aboutToShow.connect(self._fill_best)
        self.best_menu.triggered.connect(self._on_best)
        self.best_button.setMenu(self.best_menu)
        self.copy_button = button(
            "Copy as CSV", "Copy the studies and columns shown, numbers in full", self._copy
        )
        self.chooser = ColumnChooser(parent)
        self._build()
        self.filter.textChanged.connect(self._on_text)
        self.model.activated.connect(self._on_model)
        self.color.activated.connect(self._on_color)
        self.chooser.changed.connect(self._on_columns)

    def _build(self) -> None:
        self._panel.header.addWidget(self.filter, 1)
        self._panel.header.addWidget(self.stop_button)
        self.stop_button.hide()
        self._panel.add_row(self.hint)
        self._panel.fold(self.model, "Measures of")
        self._panel.fold(self.color, "Color by")
        self._panel.fold(self.follow_box)
        self._panel.fold(self.columns_button)
        self._panel.fold(self.best_button)
        self._panel.fold(self.copy_button)

    # -- from the state to the screen -----------------------------------------------------
    def update_choices(self) -> None:
        """List the models and measures that there are now."""
        shown = self._shown
        first = shown.model_label(next(iter(shown.models), ""))
        models = [("", f"{FIRST_METHOD} ({first})" if first else FIRST_METHOD)]
        _fill(self.model, [*models, *shown.models.items()], shown.model)
        measures = [(one.name, one.full_title) for one in shown.measure_columns()]
        column = shown.color_column()
        _fill(self.color, measures, column.name if column is not None else "")
        self.color.setEnabled(bool(measures))
        self.best_button.setEnabled(bool(measures))

    def restored(self) -> None:
        """Show the choices of a session."""
        self.filter.blockSignals(True)
        self.filter.setText(self._shown.text)
        self.filter.blockSignals(False)

    def say_hint(self, hint: str) -> None:
        """Show what is wrong with the filter; '' hides it."""
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))

    def open_chooser(self, at: QPoint) -> None:
        """Open the card of columns at a place on the screen."""
        shown = self._shown
        titles = {one.name: one.full_title for one in shown.columns()}
        self.chooser.set_choices(shown.names, shown.settings, shown.models, shown.taus, titles)
        self.chooser.open_at(at)

    # -- by hand ------------------------------------------------------------------------------
    def set_names(self, names: list[str]) -> None:
        """Show these columns."""
        if names:
            self._on_columns(names)

    def _on_text(self, text: str) -> None:
        self._shown.text = text
        self.changed.emit()

    def _on_model(self) -> None:
        self._shown.model = str(self.model.currentData() or "")
        self.changed.emit()

    def _on_color(self) -> None:
        self._shown.color = str(self.color.currentData() or "")
        self.changed.emit()

    def _on_columns(self, names: list[str]) -> None:
        self._shown.names = names
        self.changed.emit()

    def _choose_columns(self) -> None:
        button = self._panel.options
        self.open_chooser(button.mapToGlobal(QPoint(button.width(), button.height() + 4)))

    def _fill_best(self) -> None:
        self.best_menu.clear()
        for column in self._shown.measure_columns():
            assert column.quantity is not None
            words = f"{column.full_title}: {goal_words(column.quantity)}"
            self.best_menu.addAction(menu_text(words)).setData(column.name)

    def offers(self) -> list[Offer]:
        """The best by each measure, as the menu of the button lists them."""
        return [
            Offer(
                f"Best by {column.full_title}",
                f"Select the best of the studies shown: {goal_words(column.quantity)}",
                functools.partial(self.best_wanted.emit, column.name),
            )
            for column in self._shown.measure_columns()
            if column.quantity is not None
        ]

    def _on_best(self, action: QAction) -> None:
        self._panel.options.card.hide()
        self.best_wanted.emit(str(action.data()))

    def _copy(self) -> None:
        columns = self._table.cells.columns
        QApplication.clipboard().setText(csv_text(*sheet(columns, self._table.shown)))


def _fill(combo: QComboBox, entries: list[tuple[str, str]], chosen: str) -> None:
    """List (value, text) unless they are listed already, and show the chosen one."""
    listed = [(combo.itemData(i), combo.itemText(i)) for i in range(combo.count())]
    if listed != entries:
        combo.clear()
        for value, text in entries:
            combo.addItem(text, value)
    combo.setCurrentIndex(max(0, combo.findData(chosen)))
