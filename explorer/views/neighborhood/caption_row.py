"""The row over the copies: the sample, its details, and its rank with the buttons to step."""

from __future__ import annotations

from math import isclose

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QLabel, QSizePolicy

from engine.datasets.base import Dataset
from engine.results import Neighborhood
from explorer.state.app_state import AppState
from explorer.views.neighborhood import captions
from explorer.views.neighborhood.ranking import RankingRow
from explorer.widgets import markup
from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.panel import Panel
from explorer.widgets.plain_text import literal

NARROW = 380  # logical pixels: in a narrower view the buttons stand beside the rank


class CaptionRow(QObject):
    """Lays the ranking out in a panel: the buttons in its header, or in the row if it is narrow."""

    def __init__(self, panel: Panel, ranking: RankingRow) -> None:
        super().__init__(panel)
        self._header, self._ranking = panel.header, ranking
        self._steps = (ranking.worse, ranking.next)
        self.heading, self.details = QLabel(), ElidedLabel()
        markup.allow(self.heading)
        self.details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row = panel.add_row(self.heading, self.details, ranking.place, wide=1)
        for step in self._steps:
            self._header.addWidget(step)

    def fit(self, width: int) -> None:
        """Place the buttons for a view of this width; a narrow one has no room in its title."""
        narrow = width < NARROW
        self._ranking.shorten(narrow)
        row = self._row if narrow else self._header
        if row.indexOf(self._steps[0]) < 0:
            for step in self._steps:
                row.addWidget(step)

    def clear(self) -> None:
        """Show no sample."""
        self.heading.setText("")
        self.details.setText("")

    def show_sample(self, shown: Neighborhood, dataset: Dataset, state: AppState) -> None:
        """Name the sample whose copies are shown, or which ones are being computed."""
        self.heading.setToolTip(literal(captions.heading_tip(shown, dataset)))
        if state.selection.current != shown.sample:
            self.heading.setText("")
            self.details.setText(captions.behind(shown, state.selection.current, dataset))
            return
        self.heading.setText(captions.heading(shown, dataset))
        perturbation, tau = state.probe
        same = perturbation == shown.perturbation and isclose(tau, shown.tau, abs_tol=1e-6)
        if perturbation and not same:
            self.details.setText(captions.other_probe(shown, perturbation, tau))
            return
        forgotten = state.study is not None and shown.sample in state.study.forget
        draws = state.residual.draws if state.residual else 0
        self.details.setText(captions.details(shown, dataset, forgotten, draws))
