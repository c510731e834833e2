"""The current sample's rank among the forget samples, and buttons to its neighbors in rank."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox

from explorer.state.ranking import Ranking
from explorer.views.neighborhood import captions
from explorer.widgets.panel import button
from explorer.widgets.plain_text import literal
from explorer.widgets.term import TermLabel


class RankingRow(QObject):
    """Four widgets laid out by the view: the rank, the model, and a button to either side.

    ordered: the model whose r should rank the samples; stepped: -1 or 1, to the sample with the
    next larger or the next smaller r.
    """

    ordered = Signal(str)
    stepped = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.place = TermLabel()
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.model = QComboBox()
        self.model.setAccessibleName("Model whose r orders the samples")
        self.model.setToolTip(
            "The model whose r ranks the forget samples, and whose spread over the forget set is "
            "drawn behind this sample's curve"
        )
        self.worse = button(
            "‹", "The forget sample with the next larger r (Ctrl+Up)", self._step_up
        )
        self.next = button(
            "›", "The forget sample with the next smaller r (Ctrl+Down)", self._step_down
        )
        self.worse.setAccessibleName("Worse sample")
        self.next.setAccessibleName("Next worst sample")
        for step in (self.worse, self.next):
            step.setObjectName("step")
        self._ranking: Ranking | None = None
        self._short = False
        self.model.activated.connect(self._choose)

    def shorten(self, short: bool) -> None:
        """Leave the model out of the rank's words; the tooltip has it."""
        if short != self._short:
            self._short = short
            self.show_place(self._ranking)

    def offer(self, models: Sequence[tuple[str, str]], chosen: str) -> None:
        """Offer these models, (name, label), without emitting `ordered`."""
        with QSignalBlocker(self.model):
            self.model.clear()
            for name, label in models:
                self.model.addItem(label, name)
            self.model.setCurrentIndex(self.model.findData(chosen))

    def show_place(self, ranking: Ranking | None) -> None:
        """Show the rank; None while nothing is measured."""
        self._ranking = ranking
        for widget in (self.model, self.worse, self.next):
            widget.setEnabled(ranking is not None)
        if ranking is None:
            self.place.setText("")
            return
        self.worse.setEnabled(ranking.step(-1) is not None)
        self.next.setEnabled(ranking.step(1) is not None)
        model = self.model.currentText()
        self.place.setText(captions.rank(ranking, "" if self._short else model))
        self.place.setToolTip(literal(captions.rank_tip(ranking, model)))

    def _choose(self) -> None:
        self.ordered.emit(str(self.model.currentData()))

    def _step_up(self) -> None:
        self.stepped.emit(-1)

    def _step_down(self) -> None:
        self.stepped.emit(1)
