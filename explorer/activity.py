"""What happened and what is happening: a log with the time of day, and the running job's bar."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QLabel, QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from engine.report import Progress
from explorer.state import AppState

MOST_LINES = 2000
STEPS = 1000  # of a progress bar


class ActivityView(QWidget):
    """The Activity dock."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("activity")
        self.setAccessibleName("Activity")
        self._state = state
        self._now = QLabel("Nothing is running.", wordWrap=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setRange(0, STEPS)
        self._log = QPlainTextEdit(readOnly=True)
        self._log.setMaximumBlockCount(MOST_LINES)
        self._log.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._log.setPlaceholderText("What the program does is written here.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for part in (self._now, self._bar, self._log):
            layout.addWidget(part)
        state.busy_changed.connect(self._show)
        state.progress_changed.connect(self._show)

    def add(self, sentence: str) -> None:
        """Write a line into the log."""
        self._log.appendPlainText(f"{time.strftime('%H:%M:%S')}  {sentence}")

    def add_notice(self, kind: str, sentence: str) -> None:
        """Write a notice into the log."""
        self.add(sentence)

    def lines(self) -> list[str]:
        """The log."""
        return self._log.toPlainText().splitlines()

    def _show(self) -> None:
        busy, progress = self._state.busy, self._state.progress
        self._now.setText(describe(busy, progress))
        self._bar.setValue(round(STEPS * progress.fraction) if progress else 0)


def describe(busy: str, progress: Progress | None) -> str:
    """'Running the study: rurk, 42 %, 0:12 left', or that nothing is running."""
    if not busy:
        return "Nothing is running."
    if progress is None or progress.stage == busy:
        return f"{busy} ..."
    parts = [progress.stage] if progress.stage else []
    parts.append(f"{round(100 * progress.fraction)} %")
    if progress.left is not None:
        parts.append(f"{clock(progress.left)} left")
    return f"{busy}: {', '.join(parts)}"


def clock(seconds: float) -> str:
    """Seconds as 0:42 or 1:02:03."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
