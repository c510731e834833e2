"""What a view shows while it has no content: a sentence, and below it an offer."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QPushButton, QVBoxLayout, QWidget

from explorer.widgets.term import TermLabel


class EmptyHint(QWidget):
    """A centered sentence; where there is an offer and no room for both, only the offer.

    `offer_button` is clicked to accept the offer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sentence = self._waiting = ""
        self.label = TermLabel()
        self.label.setObjectName("empty")
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.offer = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.offer.setObjectName("muted")
        self.offer_button = QPushButton()
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(8, 0, 8, 4)
        row.addStretch(1)
        row.addWidget(self.offer)
        row.addWidget(self.offer_button)
        row.addStretch(1)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # a dock may be smaller
        column.addStretch(1)
        column.addWidget(self.label)
        column.addWidget(self._row)
        column.addStretch(1)
        self.make_offer("", "")

    @property
    def offers(self) -> bool:
        """Whether there is an offer."""
        return bool(self.offer.text())

    def add(self, part: QPushButton) -> None:
        """Put a button of the view's own below the sentence."""
        self._column.insertWidget(2, part, 0, Qt.AlignmentFlag.AlignHCenter)

    def say(self, sentence: str) -> None:
        """Show this sentence, at the latest when nothing is waited for."""
        self._sentence = sentence
        self._write()

    def wait_for(self, sentence: str) -> None:
        """Show this in place of the sentence while something is on its way; '' for nothing."""
        self._waiting = sentence
        self._write()

    def make_offer(self, sentence: str, action: str) -> None:
        """Offer something, such as to show a stored study; '' for nothing."""
        self.offer.setText(sentence)
        self.offer_button.setText(action)
        self.offer_button.setToolTip(sentence or "Show a stored study")
        self._row.setVisible(bool(sentence))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the sentence out where only the offer has room."""
        super().resizeEvent(event)
        self._fit()

    def _write(self) -> None:
        self.label.setText(self._waiting or self._sentence)
        self._fit()

    def _fit(self) -> None:
        room = self.height() - self._row.sizeHint().height()
        self.label.setVisible(not self.offers or self.label.heightForWidth(self.width()) <= room)
