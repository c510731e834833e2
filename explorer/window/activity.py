"""The Activity view: a log with the time of day, and progress of the running job."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from explorer.state.app_state import AppState
from explorer.state.durations import STEPS, describe
from explorer.state.notice import ERROR
from explorer.views.base import View, Wishes
from explorer.widgets.panel import MARGIN

MOST_LINES = 2000
PLAIN = Qt.TextFormat.PlainText


class ActivityView(View):
    """The Activity dock. It logs even while hidden, because error reports quote the log."""

    name = "activity"
    title = "Activity"
    help = "The running job with its progress, and a log with the time of day."

    report_wanted = Signal()

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self._now = QLabel("Nothing is running.", wordWrap=True, textFormat=PLAIN)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setRange(0, STEPS)
        self._bar.setAccessibleName("Progress")
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # otherwise the log would jump at every job
        self._bar.setSizePolicy(policy)
        self._bar.hide()
        self._log = QPlainTextEdit(readOnly=True)
        self._log.setMaximumBlockCount(MOST_LINES)
        self._log.setAccessibleName("Log")
        self._log.setTabChangesFocus(True)
        self._log.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._log.setPlaceholderText("Messages are logged here.")
        self.report_button = QPushButton("Copy report")
        self.report_button.setToolTip(
            "Copy the last error, the versions and the recent log, for a bug report"
        )
        self.report_button.clicked.connect(self.report_wanted)
        self.report_button.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 6, MARGIN, MARGIN)  # in line with the title
        row = QHBoxLayout()
        row.addWidget(self._now, 1)
        row.addWidget(self.report_button)
        layout.addLayout(row)
        for part in (self._bar, self._log):
            layout.addWidget(part)
        self.setFocusProxy(self._log)
        self._following = True
        bar = self._log.verticalScrollBar()
        bar.rangeChanged.connect(self._scroll)  # lines were added, or the dock changed its size
        bar.valueChanged.connect(self._note_scrolling)
        self.follow("busy", "progress")

    def refresh(self, changed: set[str]) -> None:
        """Show the running job and its progress."""
        busy, progress = self.state.busy, self.state.progress
        self._now.setText(describe(busy, progress))
        self._bar.setVisible(bool(busy))
        self._bar.setValue(round(STEPS * progress.fraction) if progress else 0)

    def add(self, sentence: str) -> None:
        """Append a line to the log."""
        self._log.appendPlainText(f"{time.strftime('%H:%M:%S')}  {sentence}")
        self._scroll()

    def _scroll(self) -> None:
        """Show the last line, unless somebody scrolled up to read another."""
        if self._following:
            bar = self._log.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _note_scrolling(self, value: int) -> None:
        self._following = value >= self._log.verticalScrollBar().maximum()

    def add_notice(self, kind: str, sentence: str) -> None:
        """Append a notice to the log; after an error, offer a report."""
        self.add(sentence)
        self.report_button.setVisible(self.report_button.isVisibleTo(self) or kind == ERROR)

    def lines(self) -> list[str]:
        """The lines of the log."""
        return self._log.toPlainText().splitlines()
