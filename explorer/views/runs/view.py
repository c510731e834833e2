"""The Runs view: the queue and every stored study, ranked by any measure, and their details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from engine.storage.annotations import Annotation, annotation
from explorer.state.app_state import AppState
from explorer.state.queued_run import QueuedRun
from explorer.theme import theme_of
from explorer.views.base import Offer, View, Wishes
from explorer.views.runs.actions import (
    HIDDEN_UNLESS_ENABLED,
    ONLY_IN_MENU,
    ROW_ACTIONS,
    RowAction,
    applicable,
    tool,
    word_of_again,
)
from explorer.views.runs.columns import NAME, best_rows
from explorer.views.runs.controls import RunsControls
from explorer.views.runs.details import CHOOSE, UNKNOWN, Details, Spec
from explorer.views.runs.header_menu import HeaderMenu
from explorer.views.runs.pages import TABLE, RunsPages
from explorer.views.runs.requests import RowRequests
from explorer.views.runs.rows import StudyRow
from explorer.views.runs.shown import ShownRows
from explorer.widgets.flow_layout import FlowLayout
from explorer.widgets.panel import SPACING, Panel

EMPTY = (
    "No study has run yet. Press Run: the queue, its progress and every stored study are listed "
    "here. Run pressed again queues the next study."
)
WIDE = 1100  # px: details stand beside the page
LOW = (360, 560)  # px: there is no room for details below the table, or the parallel coordinates


class RunsView(View):
    """Table and parallel coordinates, with the details of the selection beside or below them."""

    name = "runs"
    title = "Runs"
    of_study = False
    help = (
        "The queue of studies and all stored ones. Double-click a row to show its study, its name "
        "to change it; select two rows to compare their settings; right-click a row for all its "
        "actions, a header for columns. Bold: the best of a column. Parallel draws one line for "
        "each study; drag along an axis to select."
    )
    keys = (
        ("Enter", "Show the selected study"),
        *((item.keys, item.tip) for item in ROW_ACTIONS if item.keys),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.pages = RunsPages()
        self.table, self.parallel = self.pages.table, self.pages.parallel
        self.setFocusProxy(self.table)
        self.details = Details()
        self.toolbar = QWidget()
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(self.pages, 1)
        column.addWidget(self.toolbar)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(main)
        self.split.addWidget(self.details)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([300, 180])
        self.details.hide()  # until a study is selected
        self.panel = Panel(self.split, self)
        self.shown = ShownRows(state)
        self._accepted: frozenset[tuple[int, str]] = frozenset()
        self.controls = RunsControls(self.panel, self.shown, self.table, self)
        self.filter, self.stop_button = self.controls.filter, self.controls.stop_button
        self.follow_box = self.controls.follow_box
        self.requests = RowRequests(state, do, self.table, self)
        self.row_actions = {item.name: self._action(item) for item in ROW_ACTIONS}
        bar = FlowLayout(SPACING // 3, self.toolbar)
        self._tools = {
            name: tool(action)
            for name, action in self.row_actions.items()
            if name not in ONLY_IN_MENU
        }
        for widget in self._tools.values():
            bar.addWidget(widget)
        self._connect()
        self.follow(
            "runs", "studies", "measures", "provenance", "follow", "catalog", "theme", "probe",
            "study", "compared",
        )  # fmt: skip

    # -- building -------------------------------------------------------------------------
    def _action(self, item: RowAction) -> QAction:
        action = QAction(item.text, self)
        action.setObjectName(item.name)
        keys = f" ({item.keys})" if item.keys else ""
        action.setToolTip(item.tip + keys)
        if item.keys:
            action.setShortcut(QKeySequence(item.keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        owner = self if item.name == "rename" else self.requests
        do: Callable[[], None] = getattr(owner, item.name)
        action.triggered.connect(do)
        self.table.addAction(action)
        return action

    def _connect(self) -> None:
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.table.chosen.connect(self._show_chosen)
        self.table.opened.connect(self.requests.open)
        self.table.written.connect(self._on_written)
        self.table.edited.connect(self._draw_rows)
        self.table.header_menu_wanted.connect(self._show_header_menu)
        self.parallel.brushed.connect(self._apply_brushes)
        self.parallel.picked.connect(self._on_picked)
        self.pages.currentChanged.connect(self._draw_rows)
        self.controls.changed.connect(self._draw_rows)
        self.controls.best_wanted.connect(self.select_best)
        self.controls.stop_button.clicked.connect(self._stop_all)
        self.follow_box.clicked.connect(self.do.follow)
        self.details.notes.written.connect(self.do.stored.annotate)

    # -- from the state to the screen -----------------------------------------------------
    def refresh(self, changed: set[str]) -> None:
        """Draw the rows and the details of the selection."""
        state = self.state
        self.follow_box.setChecked(state.follow)
        self.stop_button.setVisible(any(run.live for run in state.runs))
        if changed & {"studies", "measures"}:
            self.do.stored.measure([one.key for one in state.studies])
        self._draw_rows()

    def _draw_rows(self) -> None:
        if self.table.editing:  # drawn once the edit has ended
            return
        rows = self.shown.build()
        if rows:
            self.panel.show_content()
        else:
            self.panel.show_empty(EMPTY)
        self.controls.update_choices()
        look = theme_of(self.state.theme)
        self.table.set_columns(self.shown.columns())
        self.table.show_rows(rows, look)
        self.pages.set_theme(look)
        self._narrow()
        self._show_chosen()

    def _draw_parallel(self) -> None:
        if self.pages.currentIndex() == TABLE and not self.parallel.plot.brushes:
            return
        study = self.state.study
        data = study.spec["data"]["name"] if study is not None else ""
        dataset = self.shown.label("dataset", data) if data else ""
        chosen = {row.key for row in self.table.selected()}
        self.parallel.show_rows(
            self.shown.accepted(), self.table.cells.columns, self.shown.color_column(), chosen,
            dataset, theme_of(self.state.theme),
        )  # fmt: skip

    def _narrow(self) -> None:
        """Show the rows that the filter and the brushes let pass, in table and plot."""
        self._draw_parallel()
        self._apply_brushes()

    def _apply_brushes(self) -> None:
        """Show the rows that the filter and the brushes let pass in the table."""
        accepted, passing = self.shown.accepted(), self.parallel.passing
        identities = frozenset(
            row.identity for row in accepted if passing is None or row.key in passing
        )
        if identities != self._accepted:
            self._accepted = identities
            self.table.narrow(lambda row: row.identity in identities)
        self.controls.say_hint(self.shown.hint(len(accepted)))
        rows, datasets = self.shown.rows, {row.dataset for row in self.shown.rows}
        only = datasets.pop() if len(datasets) == 1 else ""
        self.pages.say_count(len(identities), len(rows), passing is not None, only)

    def _show_chosen(self) -> None:
        rows = self.table.selected()
        runs = {run.number: run for run in self.state.runs}
        shown = self.state.study.key if self.state.study is not None else ""
        for name, can in applicable(rows, runs, shown).items():
            self.row_actions[name].setEnabled(can)
            if name in HIDDEN_UNLESS_ENABLED:
                self._tools[name].setVisible(can)
        self.row_actions["again"].setText(word_of_again(rows))
        self._place_details(bool(rows))
        if self.pages.currentIndex() != TABLE:
            self._draw_parallel()
        if self.seen:
            self.do.stored.look([row.key for row in rows[:2] if row.key])
        if len(rows) == 1:
            self._show_one(rows[0])
        elif len(rows) == 2:
            self._show_two(rows[0], rows[1])
        else:
            self.details.say(CHOOSE)

    def _place_details(self, any_chosen: bool) -> None:
        """Show toolbar and details of a selection: beside the table, below it, or not at all."""
        tall = self.height() >= LOW[self.pages.currentIndex()]
        self.toolbar.setVisible(any_chosen and self.height() >= LOW[TABLE])
        wide = self.width() >= WIDE
        orientation = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.split.orientation() != orientation:
            self.split.setOrientation(orientation)
            length = self.width() if wide else self.height()
            self.split.setSizes([round(0.7 * length), round(0.3 * length)])
        self.details.setVisible(any_chosen and (wide or tall))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the details anew."""
        super().resizeEvent(event)
        self._place_details(bool(self.table.selected()))

    def _show_one(self, row: StudyRow) -> None:
        run = self._run(row)
        lines = run.lines if run is not None else ()
        self.details.show_run(row, lines, self._spec(row), self.state.provenance.get(row.key))

    def _show_two(self, one: StudyRow, two: StudyRow) -> None:
        specs = self._spec(one), self._spec(two)
        if all(specs):
            self.details.compare((one.title, two.title), specs)
        else:
            self.details.say(UNKNOWN)

    def _run(self, row: StudyRow) -> QueuedRun | None:
        return next((run for run in self.state.runs if run.number == row.number), None)

    def _spec(self, row: StudyRow) -> Spec:
        """The settings of a row, {} while they are unknown."""
        run, origin = self._run(row), self.state.provenance.get(row.key)
        if origin is not None:
            return origin.spec
        return run.spec if run is not None else {}

    # -- columns and the best ---------------------------------------------------------------
    def _show_header_menu(self, name: str, at: QPoint) -> None:
        columns = self.table.cells.columns
        column = next((one for one in columns if one.name == name), None)
        menu = HeaderMenu(column, [one.name for one in columns], at, self)
        menu.sort_wanted.connect(self.table.sort_by)
        menu.best_wanted.connect(self.select_best)
        menu.arranged.connect(self.controls.set_names)
        menu.chooser_wanted.connect(self.controls.open_chooser)
        menu.popup(at)

    def offers(self) -> list[Offer]:
        """The best of the studies shown, by each measure."""
        return self.controls.offers()

    def select_best(self, name: str) -> None:
        """Select the best of the shown studies by a measure's column."""
        column = next((one for one in self.table.cells.columns if one.name == name), None)
        if column is not None:
            self.pages.setCurrentIndex(TABLE)
            best = best_rows(column, self.table.shown)
            self.table.select_keys([row.key for row in best])
            self.table.setFocus()

    # -- wishes ---------------------------------------------------------------------------
    def rename(self) -> None:
        """Edit the name of the selected study in its row."""
        self.pages.setCurrentIndex(TABLE)
        self.shown.naming = True
        if NAME not in self.shown.names:
            self.shown.names = [NAME, *self.shown.names]
        self._draw_rows()
        self.table.edit_name()

    def _on_written(self, key: str, column: str, text: str) -> None:
        row = next((one for one in self.shown.rows if one.key == key), None)
        if row is not None:
            before = Annotation(row.name, row.tags, row.notes)
            name, tags = (text, before.tags) if column == NAME else (before.name, [text])
            self.do.stored.annotate(key, annotation(name, tags, before.notes))

    def _on_picked(self, key: str, add: bool) -> None:
        keys = {row.key for row in self.table.selected()} if add else set()
        self.table.select_keys(keys ^ {key})

    def _stop_all(self) -> None:
        self.do.queue.cancel_all()

    # -- what a session keeps -------------------------------------------------------------
    def view_state(self) -> dict[str, Any]:
        """Filter, order, columns, model, page, axes and brushes."""
        return {**self.shown.plain, **self.pages.plain}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore them."""
        self.shown.restore(stored)
        self.controls.restored()
        self._draw_rows()
        self.pages.restore(stored)
        self._narrow()
