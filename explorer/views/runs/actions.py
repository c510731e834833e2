"""The actions on selected studies: their words, keys, and to which rows they apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton

from explorer.state.queued_run import HELD, RUNNING, WAITING, QueuedRun
from explorer.views.runs.rows import StudyRow


class RowAction(NamedTuple):
    """An action on the selected rows."""

    name: str
    text: str
    tip: str
    keys: str


ROW_ACTIONS = (
    RowAction("open", "Show", "Show the results of this study in all views", ""),
    RowAction("beside", "Compare", "Draw them beside the open study in Curves and Metrics", ""),
    RowAction("rename", "Rename", "Give this study a name", "F2"),
    RowAction("stop", "Stop", "Stop this run; finished steps are kept", ""),
    RowAction("again", "Resume", "Queue it again; it continues where it stopped", "Ctrl+Return"),
    RowAction("up", "↑", "Move this run up in the queue", "Ctrl+Up"),
    RowAction("down", "↓", "Move this run down in the queue", "Ctrl+Down"),
    RowAction("command", "Copy command", "Copy the rk-engine command of this study", "Ctrl+C"),
    RowAction("remove", "Remove", "Remove it from the list; its results stay in the store", ""),
    RowAction("delete", "Delete…", "Delete the study and what only it uses from the store", "Del"),
)  # fmt: skip
ONLY_IN_MENU = ("remove",)  # Del does the same where nothing is lost
HIDDEN_UNLESS_ENABLED = ("stop", "again", "up", "down")  # those of the queue


def applicable(
    rows: list[StudyRow], run_of: Mapping[int, QueuedRun], shown: str
) -> dict[str, bool]:
    """Name of each action -> whether it applies to these rows; shown: key of the open study."""
    states = [row.state for row in rows]
    one = len(rows) == 1
    runs = [run_of.get(row.number) for row in rows]
    return {
        "open": one and bool(rows[0].key),
        "beside": bool(shown) and any(row.key not in ("", shown) for row in rows),
        "rename": one and bool(rows[0].key),
        "stop": any(state in (RUNNING, WAITING) for state in states),
        "again": any(run is not None and run.resumable for run in runs),
        "up": states == [WAITING],
        "down": states == [WAITING],
        "command": one,
        "remove": any(row.number and row.state != RUNNING for row in rows),
        "delete": bool(rows) and RUNNING not in states,
    }


def word_of_again(rows: list[StudyRow]) -> str:
    """The label of the action that queues these rows again."""
    if any(row.error for row in rows):
        return "Retry"
    return "Start" if any(row.state == HELD for row in rows) else "Resume"


def tool(action: QAction) -> QToolButton:
    """A button for an action."""
    widget = QToolButton()
    widget.setDefaultAction(action)
    widget.setAccessibleName(action.toolTip())
    return widget
