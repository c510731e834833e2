"""The row of Live that stands for the verdicts where the current sample is not watched."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from engine.analysis.epoch_series import Epochs
from explorer.widgets.panel import button, muted_label


class UnwatchedRow(QWidget):
    """A sentence, and a button that asks for a watched sample."""

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = muted_label()
        self.button = button(
            "Show a watched sample",
            "Choose the watched sample of which the method recognizes most copies at this epoch",
            self.wanted.emit,
        )
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)

    def say(self, sentence: str) -> None:
        """Show a sentence; '' hides the row."""
        self.label.setText(sentence)
        self.setVisible(bool(sentence))


def most_recognized(shown: Epochs, at: int) -> int:
    """The watched sample of which the method recognizes most copies in the view number `at`."""
    right = shown.right(shown.views[at].predictions).sum((1, 2))
    return int(shown.samples[int(np.argmax(right))])
