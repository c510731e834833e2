"""The tabs of Curves: one chart a measure against tau, and the training loss against epochs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget

from engine.analysis.measures import MEASURES, Measure
from explorer.plots.chart import Chart
from explorer.theme import Theme

RESIDUAL, PREVALENCE, DISAGREEMENT, ACCURACY, LOSS = range(5)
NAMES = (*(measure.name for measure in MEASURES), "loss")  # their names in sessions


class CurveTabs(QTabWidget):
    """over_tau: the charts of MEASURES, in their order; loss: the last one; charts: all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.tabBar().setDrawBase(False)
        self.setUsesScrollButtons(False)  # narrow tabs elide their titles, but all stay visible
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.over_tau = tuple(Chart(f"{measure.title} against tau") for measure in MEASURES)
        self.loss = Chart("Training loss against epochs")
        self.charts = (*self.over_tau, self.loss)
        for chart, measure in zip(self.over_tau, MEASURES, strict=True):
            tab = self.addTab(chart, measure.tab)
            self.setTabToolTip(tab, f"{measure.title}: {measure.help}")
            self.tabBar().setAccessibleTabName(tab, measure.title)
        self.addTab(self.loss, "Loss")
        self.tabBar().setAccessibleTabName(LOSS, "Training loss")
        self.setTabToolTip(LOSS, "Mean training loss of each epoch, live")
        self.loss.set_axes("epoch", "training loss (cross-entropy, nats)")

    @property
    def measure(self) -> Measure | None:
        """The measure shown, None for the loss."""
        return MEASURES[self.currentIndex()] if self.currentIndex() != LOSS else None

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        for chart in self.charts:
            chart.set_theme(theme)

    def set_tau_axis(self, words: str) -> None:
        """Set the label of the tau axes."""
        for chart, measure in zip(self.over_tau, MEASURES, strict=True):
            chart.set_axes(words, measure.axis)
