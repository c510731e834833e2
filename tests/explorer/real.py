"""A controller and a window with the real engine on Iris, for their tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from explorer.app import Explorer, Options
from explorer.control.controller import Controller
from explorer.jobs.lanes import Jobs
from explorer.state import settings
from explorer.state.app_state import AppState
from explorer.state.notice import Notice
from explorer.state.session import Session
from explorer.window.window import SIZE


class Desk:
    """A controller with its state, lanes and notices."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.state = AppState()
        self.jobs = Jobs(QuickFactory(folder / "store"), folder / "reports")
        self.controller = Controller(self.state, self.jobs)
        self.said: list[tuple[str, str]] = []
        self.controller.noticed.connect(lambda kind, text: self.said.append((kind, text)))
        self.told: list[Notice] = []
        self.controller.files.told.connect(self.told.append)

    def open(self, session: Session | None = None) -> None:
        with self.qtbot.waitSignal(self.jobs.idle, timeout=WAIT):
            self.controller.opening.start(session or Session(FORM))

    def run(self) -> None:
        with self.qtbot.waitSignal(self.jobs.idle, timeout=WAIT):
            self.controller.run()

    def wait(self, ask: Any, *what: Any) -> None:
        with self.qtbot.waitSignal(self.jobs.idle, timeout=WAIT):
            ask(*what)


def start(qtbot: QtBot, folder: Path) -> Explorer:
    """A window on Iris whose first study takes about a second."""
    path = settings.file_in(folder / "store")
    if not path.exists():
        stored = settings.Settings(theme="light")
        result = Explorer(Options(store=folder / "store"), QuickFactory(folder / "store"))
        result.state.form = FORM
        settings.record_session(stored, result.state)
        settings.save(path, stored)
        finish(result, qtbot)
    result = Explorer(Options(store=folder / "store"), QuickFactory(folder / "store"))
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
        result.window.resize(SIZE)  # a former geometry was cut to the offscreen platform's screen
    return result


def run(explorer: Explorer, qtbot: QtBot) -> None:
    """Press Run, and wait until all jobs are done."""
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        qtbot.mouseClick(explorer.window.bar.run_button, Qt.MouseButton.LeftButton)
