"""What runs without a person: the suggested study (--demo), a picture at the end (--screenshot)."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from explorer.control.controller import Controller
from explorer.widgets.notifications import Notifier

FAILED = 1  # exit status: a job failed
SETTLE_MS = 300  # for the last drawing before a screenshot


class Autopilot(QObject):
    """Runs the study once a dataset is shown, and ends the program when all is done."""

    def __init__(self, controller: Controller, notifier: Notifier, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._notifier, self._window = controller, notifier, window
        self._out: Path | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._finish)

    def run_once(self) -> None:
        """Run the study that is suggested for the first dataset."""
        self._controller.opening.opened.connect(self._run)

    def end_with_picture(self, out: Path) -> None:
        """Write the window as it is when nothing runs any more, and end the program."""
        self._out = out
        self._controller.jobs.idle.connect(self._settle)

    def _run(self) -> None:
        self._controller.opening.opened.disconnect(self._run)
        self._controller.run()

    def _settle(self) -> None:
        self._timer.start(SETTLE_MS)

    def _finish(self) -> None:
        if self._controller.jobs.busy() or self._out is None:
            return
        errors = list(self._notifier.errors)
        if not save_picture(self._window, self._out):
            errors.append(f"The screenshot could not be written to '{self._out}'.")
        for sentence in errors:
            print(f"rk-explorer: {sentence}", file=sys.stderr)
        QApplication.exit(FAILED if errors else 0)


def save_picture(window: QWidget, out: Path) -> bool:
    """Write the window as it looks now; whether that worked."""
    return window.grab().save(str(out))
