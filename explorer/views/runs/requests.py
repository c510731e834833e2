"""What a person asks of the selected studies, passed on to the controller."""

from __future__ import annotations

from PySide6.QtCore import QObject

from explorer.state.app_state import AppState
from explorer.state.queued_run import RUNNING, WAITING
from explorer.views.base import Wishes
from explorer.views.runs.table import RunsTable


class RowRequests(QObject):
    """One method for each action on the rows that are selected in the table."""

    def __init__(self, state: AppState, do: Wishes, table: RunsTable, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self.do, self.table = state, do, table

    def open(self) -> None:
        """Show the selected study."""
        rows = self.table.selected()
        if len(rows) == 1 and rows[0].key:
            self.do.opening.open_study(rows[0].key)

    def beside(self) -> None:
        """Draw the selected studies beside the open one."""
        shown = self._state.study.key if self._state.study is not None else ""
        keys = [row.key for row in self.table.selected() if row.key not in ("", shown)]
        self.do.compare(tuple(keys))

    def stop(self) -> None:
        """Stop the selected runs, the last one first."""
        for row in reversed(self.table.selected()):
            if row.state in (RUNNING, WAITING):
                self.do.queue.cancel(row.number)

    def again(self) -> None:
        """Queue the selected runs again."""
        for row in self.table.selected():
            if row.number:
                self.do.queue.again(row.number)

    def up(self) -> None:
        """Move the selected run up in the queue."""
        self._move(-1)

    def down(self) -> None:
        """Move it down."""
        self._move(1)

    def _move(self, by: int) -> None:
        rows = self.table.selected()
        if len(rows) == 1:
            self.do.queue.move(rows[0].number, by)

    def command(self) -> None:
        """Copy the command of the selected study."""
        for row in self.table.selected()[:1]:
            if row.key:
                self.do.stored.copy_study(row.key)
            else:
                self.do.stored.copy_run(row.number)

    def remove(self) -> None:
        """Remove the selected runs from the list."""
        for row in self.table.selected():
            if row.number:
                self.do.queue.remove(row.number)

    def delete(self) -> None:
        """Delete stored studies after confirmation; other rows only leave the list."""
        rows = self.table.selected()
        for row in rows:
            if row.number and not row.key:
                self.do.queue.remove(row.number)
        keys = [row.key for row in rows if row.key]
        if keys:
            self.do.stored.ask_delete(keys)
