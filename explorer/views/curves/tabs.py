"""The charts of Curves: one a measure against tau, and the training loss against epochs."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QStackedWidget

from engine.analysis.certified_curve import AXES, HELP, TITLE
from engine.analysis.measures import MEASURES, Measure
from engine.drawing.labels import tau_label
from engine.perturbations import find
from explorer.plots.curve_chart import CurveChart
from explorer.theme import Theme

POOLED, RESIDUAL, PREVALENCE, DISAGREEMENT, ACCURACY, CERTIFIED, LOSS = range(7)
NAMES = (*(measure.name for measure in MEASURES), "certified", "loss")  # their names in sessions
SHORT_AXES = ("pooled r", "r", "%", "share", "%")
LOSS_HELP = "Mean training loss of each epoch, live"


class CurveTabs(QStackedWidget):
    """over_tau: the charts of MEASURES, in their order; certified, loss: the last; charts: all.

    choice: the combo box that chooses among them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.over_tau = tuple(CurveChart(f"{measure.title} against tau") for measure in MEASURES)
        self.certified = CurveChart("Certified share of the forget set against the radius")
        self.loss = CurveChart("Training loss against epochs")
        self.charts = (*self.over_tau, self.certified, self.loss)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Measure")
        for chart, measure in zip(self.over_tau, MEASURES, strict=True):
            self._add(chart, measure.title, f"{measure.title}: {measure.help}")
            if not measure.ratio:
                chart.set_floor(0.0)
        self._add(self.certified, TITLE, f"{TITLE}: {HELP}")
        self.certified.set_floor(0.0)
        self.certified.set_axes(*AXES, ("radius (L2)", "certified (%)"), ("radius", "%"))
        self._add(self.loss, "Training loss", LOSS_HELP)
        self.loss.set_axes(
            "epoch",
            "training loss (cross-entropy, nats)",
            ("epoch", "loss (nats)"),
            ("epoch", "loss"),
        )
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.activated.connect(self.setCurrentIndex)
        self.currentChanged.connect(self._name_choice)
        self._name_choice(0)

    @property
    def measure(self) -> Measure | None:
        """The measure shown, None for what is not drawn over tau."""
        return MEASURES[self.currentIndex()] if self.currentIndex() < len(MEASURES) else None

    @property
    def chart(self) -> CurveChart:
        """The chart shown."""
        return self.charts[self.currentIndex()]

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        for chart in self.charts:
            chart.set_theme(theme)

    def set_tau_axis(self, perturbation: str) -> None:
        """Label the tau axes for this perturbation."""
        known = find(perturbation)
        short = f"τ: {known.label if known else perturbation}"
        for chart, measure, axis in zip(self.over_tau, MEASURES, SHORT_AXES, strict=True):
            chart.set_axes(tau_label(perturbation), measure.axis, (short, axis), ("τ", axis))

    def follow_work(self, changed: set[str], measured: bool, trained: bool) -> None:
        """Show the loss while nothing else exists, and r as soon as it does.

        measured, trained: whether there are curves of r, and losses.
        """
        if not measured and trained and changed & {"residual", "losses"}:
            self.setCurrentIndex(LOSS)
        elif measured and "residual" in changed and self.currentIndex() == LOSS:
            self.setCurrentIndex(POOLED)

    def fit_again(self) -> None:
        """Drop the zoom of all charts."""
        for chart in self.charts:
            chart.fit_again()

    def _add(self, chart: CurveChart, title: str, tip: str) -> None:
        self.addWidget(chart)
        self.choice.addItem(title)
        self.choice.setItemData(self.choice.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    def _name_choice(self, index: int) -> None:
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(index)
        self.choice.setToolTip(self.choice.itemData(index, Qt.ItemDataRole.ToolTipRole) or "")
