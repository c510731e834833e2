"""The Runs view: the queue with its progress, every stored study, and their details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QCheckBox, QLineEdit, QSplitter, QToolButton, QWidget

from explorer.state.app_state import AppState
from explorer.state.queued_run import HELD, RUNNING, WAITING, QueuedRun
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.runs.details import CHOOSE, UNKNOWN, Details, Spec
from explorer.views.runs.rows import StudyRow, rows_of
from explorer.views.runs.table import RunsTable
from explorer.widgets.flow_layout import FlowLayout
from explorer.widgets.panel import SPACING, Panel, button

EMPTY = (
    "No study has run yet. Press Run: the queue, its progress and every stored study are listed "
    "here. Run pressed again queues the next study."
)


class RowAction(NamedTuple):
    """An action on the selected rows."""

    name: str
    text: str
    tip: str
    keys: str


ROW_ACTIONS = (
    RowAction("open", "Show", "Show the results of this study in all views", ""),
    RowAction("stop", "Stop", "Stop this run; finished steps are kept", ""),
    RowAction("again", "Resume", "Queue it again; it continues where it stopped", "Ctrl+Return"),
    RowAction("up", "↑", "Move this run up in the queue", "Ctrl+Up"),
    RowAction("down", "↓", "Move this run down in the queue", "Ctrl+Down"),
    RowAction("command", "Copy command", "Copy the rk-engine command of this study", "Ctrl+C"),
    RowAction("remove", "Remove", "Remove it from the list; its results stay in the store", ""),
    RowAction("delete", "Delete…", "Delete the study and what only it uses from the store", "Del"),
)  # fmt: skip
HIDDEN = ("remove",)  # only in the menu of a row: Del does the same where nothing is lost


class RunsView(View):
    """The table, with the details of the selection below."""

    name = "runs"
    title = "Runs"
    of_study = False
    help = (
        "The queue of studies and all stored ones. Double-click a row to show its study; select "
        "two rows to compare them; right-click a row for all its actions."
    )
    keys = (
        ("Enter", "Show the selected study"),
        *((item.keys, item.tip) for item in ROW_ACTIONS if item.keys),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.table = RunsTable()
        self.setFocusProxy(self.table)
        self.details = Details()
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(self.table)
        self.split.addWidget(self.details)
        self.split.setSizes([300, 220])
        self.panel = Panel(self.split, self)
        self.filter = QLineEdit(clearButtonEnabled=True)
        self.follow_box = QCheckBox("Follow")
        self.stop_button = button(
            "Stop all", "Stop the running study and all waiting ones; they can be resumed",
            self._stop_all,
        )  # fmt: skip
        self.row_actions = {item.name: self._action(item) for item in ROW_ACTIONS}
        self._lay_out()
        self._connect()
        self.follow("runs", "studies", "provenance", "follow", "catalog", "theme")

    # -- building -------------------------------------------------------------------------
    def _action(self, item: RowAction) -> QAction:
        action = QAction(item.text, self)
        action.setObjectName(item.name)
        keys = f" ({item.keys})" if item.keys else ""
        action.setToolTip(item.tip + keys)
        if item.keys:
            action.setShortcut(QKeySequence(item.keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        do: Callable[[], None] = getattr(self, f"_{item.name}")
        action.triggered.connect(do)
        self.table.addAction(action)
        return action

    def _lay_out(self) -> None:
        self.filter.setPlaceholderText("Filter, e.g. digits or RURK")
        self.filter.setAccessibleName("Filter the runs")
        self.filter.setToolTip("Show only rows with this text")
        self.follow_box.setToolTip(
            "Show each queued study live as it starts; otherwise the views stay as they are, and a "
            "notice tells when a study is done"
        )
        header = self.panel.header
        header.addWidget(self.filter, 1)
        header.addWidget(self.follow_box)
        header.addWidget(self.stop_button)
        row = QWidget()
        bar = FlowLayout(SPACING // 3, row)
        for name, action in self.row_actions.items():
            if name not in HIDDEN:
                bar.addWidget(_tool(action))
        self.panel.add_row(row)

    def _connect(self) -> None:
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.table.chosen.connect(self._show_chosen)
        self.table.opened.connect(self._open)
        self.filter.textChanged.connect(self.table.narrow)
        self.follow_box.clicked.connect(self.do.follow)

    # -- from the state to the screen -----------------------------------------------------
    def refresh(self, changed: set[str]) -> None:
        """Draw the rows and the details of the selection."""
        state = self.state
        self.follow_box.setChecked(state.follow)
        rows = rows_of(state.runs, state.studies, self._label_of)
        self.stop_button.setEnabled(any(run.live for run in state.runs))
        if rows:
            self.panel.show_content()
        else:
            self.panel.show_empty(EMPTY)
        self.table.show_rows(rows, theme_of(state.theme))
        self._show_chosen()

    def _show_chosen(self) -> None:
        rows = self.table.selected()
        for name, can in self._can(rows).items():
            self.row_actions[name].setEnabled(can)
        self.row_actions["again"].setText(_again_word(rows))
        if self.seen:
            self.do.stored.look([row.key for row in rows[:2] if row.key])
        if len(rows) == 1:
            self._show_one(rows[0])
        elif len(rows) == 2:
            self._show_two(rows[0], rows[1])
        else:
            self.details.say(CHOOSE)

    def _show_one(self, row: StudyRow) -> None:
        run = self._run(row)
        lines = run.lines if run is not None else ()
        self.details.show_run(lines, self._spec(row), self.state.provenance.get(row.key))

    def _show_two(self, one: StudyRow, two: StudyRow) -> None:
        specs = self._spec(one), self._spec(two)
        if all(specs):
            self.details.compare((one.title, two.title), specs)
        else:
            self.details.say(UNKNOWN)

    def _can(self, rows: list[StudyRow]) -> dict[str, bool]:
        """Name of each action -> whether it applies to these rows."""
        states = [row.state for row in rows]
        one = len(rows) == 1
        return {
            "open": one and bool(rows[0].key),
            "stop": any(state in (RUNNING, WAITING) for state in states),
            "again": any(run is not None and run.resumable for run in map(self._run, rows)),
            "up": states == [WAITING],
            "down": states == [WAITING],
            "command": one,
            "remove": any(row.number and row.state != RUNNING for row in rows),
            "delete": bool(rows) and RUNNING not in states,
        }

    def _label_of(self, kind: str, name: str) -> str:
        """The label of a dataset, a model or a method."""
        catalog = self.state.catalog
        if kind == "method":
            return catalog.method(name).label
        items = catalog.datasets if kind == "dataset" else catalog.models
        return next((item.label for item in items if item.name == name), name)

    def _run(self, row: StudyRow) -> QueuedRun | None:
        return next((run for run in self.state.runs if run.number == row.number), None)

    def _spec(self, row: StudyRow) -> Spec:
        """The settings of a row, {} while they are unknown."""
        run, origin = self._run(row), self.state.provenance.get(row.key)
        if origin is not None:
            return origin.spec
        return run.spec if run is not None else {}

    # -- wishes ---------------------------------------------------------------------------
    def _open(self) -> None:
        rows = self.table.selected()
        if len(rows) == 1 and rows[0].key:
            self.do.opening.open_study(rows[0].key)

    def _stop(self) -> None:
        for row in reversed(self.table.selected()):
            if row.state in (RUNNING, WAITING):
                self.do.queue.cancel(row.number)

    def _again(self) -> None:
        for row in self.table.selected():
            if row.number:
                self.do.queue.again(row.number)

    def _up(self) -> None:
        self._move(-1)

    def _down(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        rows = self.table.selected()
        if len(rows) == 1:
            self.do.queue.move(rows[0].number, by)

    def _command(self) -> None:
        for row in self.table.selected()[:1]:
            if row.key:
                self.do.stored.copy_study(row.key)
            else:
                self.do.stored.copy_run(row.number)

    def _remove(self) -> None:
        for row in self.table.selected():
            if row.number:
                self.do.queue.remove(row.number)

    def _delete(self) -> None:
        """Delete stored studies after confirmation; other rows only leave the list."""
        rows = self.table.selected()
        for row in rows:
            if row.number and not row.key:
                self.do.queue.remove(row.number)
        keys = [row.key for row in rows if row.key]
        if keys:
            self.do.stored.ask_delete(keys)

    def _stop_all(self) -> None:
        self.do.queue.cancel_all()

    # -- what a session keeps -------------------------------------------------------------
    def view_state(self) -> dict[str, Any]:
        """The filter and the sorted column."""
        header = self.table.horizontalHeader()
        order = header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        return {
            "filter": self.filter.text(),
            "sort": header.sortIndicatorSection(),
            "descending": order,
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore them."""
        if isinstance(stored.get("filter"), str):
            self.filter.setText(stored["filter"])
        column = stored.get("sort")
        if isinstance(column, int) and -1 <= column < self.table.cells.columnCount():
            order = Qt.SortOrder.DescendingOrder
            order = order if stored.get("descending") is True else Qt.SortOrder.AscendingOrder
            self.table.sortByColumn(column, order)


def _again_word(rows: list[StudyRow]) -> str:
    """The label of the action that queues these rows again."""
    if any(row.error for row in rows):
        return "Retry"
    return "Start" if any(row.state == HELD for row in rows) else "Resume"


def _tool(action: QAction) -> QToolButton:
    widget = QToolButton()
    widget.setDefaultAction(action)
    widget.setAccessibleName(action.toolTip())
    return widget
