"""Unattended runs: the suggested study (--demo) and a picture at the end (--screenshot)."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from explorer.control.controller import Controller
from explorer.widgets.notifications import Notifier

FAILED = 1  # exit status: a job failed
SETTLE_MS = 300  # for the last repaint before a screenshot


class Autopilot(QObject):
    """Runs the study once a dataset is shown, and exits when all jobs are done."""

    def __init__(self, controller: Controller, notifier: Notifier, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._notifier, self._window = controller, notifier, window
        self._out: Path | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._finish)

    def run_once(self) -> None:
        """Run the study suggested for the first dataset."""
        self._controller.opening.opened.connect(self._run)

    def end_with_picture(self, out: Path) -> None:
        """Save a picture of the window when no job is left, then exit."""
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
    """Save a picture of the window; return whether that succeeded."""
    return window.grab().save(str(out))
