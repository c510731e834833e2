"""The Metrics view: a table of every model's measures, and a scatter of any two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QMenu,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QWidget,
)

from engine.analysis.finding import Finding, yardstick
from engine.analysis.finding_words import Link
from engine.analysis.model_table import ModelTable, board, nearest_tau, with_published
from engine.analysis.tradeoff import sheet as scatter_sheet
from engine.paper.published import Published, published_for
from engine.results import Study
from engine.tables import model_csv, model_report, table
from engine.tables.csv import csv_text
from engine.tables.latex import latex
from explorer.plots.model_table import ModelGrid
from explorer.plots.runs_button import RunsButton
from explorer.plots.tradeoff import Tradeoff
from explorer.state.app_state import AppState
from explorer.state.shown_findings import shown_findings
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.panel import Panel, button, muted_label

TABLE, SCATTER = range(2)
TABS = ("table", "scatter")  # their names in sessions
EMPTY = "No metrics yet. Press Run; the table is filled once all models are measured."


class MetricsView(View):
    """One row for each model, the gaps to Re-train in small print; any two measures as a scatter.

    Stored studies can be added, seeds of the same settings averaged into one row per model.
    """

    name = "metrics"
    title = "Metrics"
    help = (
        "What was found on each model, with its accuracies, time and residual knowledge; small "
        "print: gap to Re-train, or the interval of r. Headers say which values are best: high, "
        "low, as Re-train's, or 1. Click a header to sort, and a finding to select its samples. "
        "Scatter plots any two measures with their Pareto front; Runs adds other studies."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.table = ModelGrid()
        self.table.setAccessibleName("Metrics of every model")
        self.tradeoff = Tradeoff()
        self.board: ModelTable | None = None
        self._findings: tuple[Finding, ...] = ()
        self._yardstick = ""
        self._paper: Published | None = None
        self.tabs, self.pages = QTabBar(), QStackedWidget()
        for title, tip, page in (
            ("Table", "Every measure of every model; click a header to sort", self.table),
            ("Scatter", "Any two measures, with the Pareto front", self.tradeoff),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(title), tip)
            self.pages.addWidget(page)
        self.tabs.setUsesScrollButtons(False)  # both fit; arrows would cover one
        self.tabs.setAccessibleName("Pages of Metrics")
        self.panel = Panel(self.pages, self)
        self._build_header()
        self.note: QLabel = muted_label()
        self.panel.add_row(self.note)
        self.tau.activated.connect(self._choose_tau)
        self.table.followed.connect(self._follow)
        self.runs.chosen.connect(self.do.compare)
        self.runs.mean_toggled.connect(self._fill)
        self.tabs.currentChanged.connect(self._turn_to)
        self.follow("study", "theme", "probe", "dataset", "beside", "studies", "compared")

    def refresh(self, changed: set[str]) -> None:
        """Draw the table and the scatter."""
        study = self.state.study
        if changed & {"studies", "study", "compared"}:
            self.runs.set_studies(self.state.studies, study, self.state.compared)
        for part in (self.export_button, self.copy_button):
            part.setEnabled(study is not None)
        self.panel.show_controls(study is not None)
        if study is None:
            self.board = None
            self.info.set_text("")
            self.note.setVisible(False)
            self.panel.show_empty(EMPTY)
            return
        self.panel.show_content()
        if changed & {"study", "beside"}:
            self._findings = shown_findings(self.state)
            self._yardstick = yardstick(study.residual)
        if changed & {"study", "dataset"}:
            self._paper = (
                published_for(study.spec, self.state.dataset)
                if (self.state.dataset is not None)
                else None
            )
        if changed - {"studies", "compared"}:
            self._fill()

    def view_state(self) -> dict[str, Any]:
        """The current tab, the axes, and whether seeds are averaged."""
        return {
            "tab": TABS[self.tabs.currentIndex()],
            "axes": list(self.tradeoff.axes),
            "mean": self.runs.mean,
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore tab, axes and mean."""
        self.runs.set_mean(stored.get("mean") is True)
        axes = stored.get("axes")
        if isinstance(axes, list) and len(axes) == 2 and all(isinstance(a, str) for a in axes):
            self.tradeoff.set_axes(*axes)
        if stored.get("tab") in TABS:
            self.tabs.setCurrentIndex(TABS.index(stored["tab"]))
        self._fill()

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.info = InfoMark()
        self.tau = QComboBox()
        self.tau.setAccessibleName("Perturbation norm tau of r")
        self.tau.setToolTip(
            "The τ at which r and related measures are read; shared with the other views"
        )
        self.runs = RunsButton()
        self.copy_button = QToolButton()
        self.copy_button.setText("Copy")
        self.copy_button.setAccessibleName("Copy the numbers")
        self.copy_button.setToolTip("Copy what is shown as text, CSV or LaTeX")
        self.copy_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.copies = QMenu(self)
        self._copy("As text", "Aligned columns", self._copy_text)
        self._copy("As CSV", "All numbers in full, for a spreadsheet", self._copy_csv)
        self._copy("As LaTeX", "A booktabs table", self._copy_latex)
        self.copy_button.setMenu(self.copies)
        self.export_button = button(
            "Export…", "Save what is shown (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.panel.header.addWidget(self.tau)
        self.panel.header.addWidget(self.tabs)
        self.panel.header.addWidget(self.info)
        self.panel.header.addStretch(1)
        self.panel.fold(self.runs, "Other studies")
        self.panel.fold(self.copy_button, "Numbers")
        self.panel.fold(self.export_button)

    def _copy(self, text: str, tip: str, chosen: Callable[[], None]) -> None:
        action = self.copies.addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(chosen)

    # -- drawing --------------------------------------------------------------------------
    def _turn_to(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self._fill()

    def _fill(self) -> None:
        """Collect the numbers and show them in the current tab."""
        study = self.state.study
        if study is None:
            return
        theme = theme_of(self.state.theme)
        current = board(study, self.state.beside or (), tau=self._tau(study), mean=self.runs.mean)
        if self._paper is not None:
            current = with_published(current, self._paper.rows)
        self.board = current
        self._list_taus(study, current.tau)
        self._update_texts(current)
        if self.tabs.currentIndex() == SCATTER:
            self.tradeoff.show_board(current, theme)
        else:
            self.table.show_board(current, theme, self._findings, self._yardstick)

    def _tau(self, study: Study) -> float:
        """The shared tau if it belongs to this perturbation, else -1 for the middle of the grid."""
        perturbation, tau = self.state.probe
        return tau if perturbation in ("", study.residual.perturbation) else -1.0

    def _list_taus(self, study: Study, tau: float) -> None:
        taus = study.residual.taus.tolist()
        if taus != [self.tau.itemData(i) for i in range(self.tau.count())]:
            self.tau.clear()
            for value in taus:
                self.tau.addItem(f"τ {value:g}", value)
        self.tau.setCurrentIndex(taus.index(tau) if tau in taus else -1)

    def _update_texts(self, current: ModelTable) -> None:
        seeds = ", ".join(map(str, sorted(current.seeds)))
        words = (
            f"r is measured on {current.draws:,} perturbed copies of each forget sample at "
            f"τ {current.tau:g}. Small print: the interval of r, and the gap to Re-train of the "
            "other measures. The tooltip of a header says which values are best."
        )
        if len(current.seeds) > 1:
            words += f" Mean ± deviation (population) over {len(current.seeds)} seeds ({seeds})."
        self.info.set_text(words)
        source = [self._paper.words] if self._paper is not None else []
        self.note.setText(" ".join([*source, *model_report.reading_notes(current)]))
        self.note.setVisible(bool(self.note.text()))

    # -- wishes ---------------------------------------------------------------------------
    def _follow(self, link: Link) -> None:
        self.do.follow_finding(link)

    def _choose_tau(self) -> None:
        study = self.state.study
        if study is not None:
            self.do.set_probe(study.residual.perturbation, float(self.tau.currentData()))

    def _copy_text(self) -> None:
        report = self._report()
        if report is not None:
            QApplication.clipboard().setText(table.text(report) + "\n")

    def _copy_latex(self) -> None:
        report = self._report()
        if report is not None:
            QApplication.clipboard().setText(latex(report, report.tables[0]))

    def _copy_csv(self) -> None:
        if self.board is None:
            return
        points = self.tradeoff.shown if self.tabs.currentIndex() == SCATTER else None
        sheet = model_csv.sheet(self.board) if points is None else scatter_sheet(points)
        QApplication.clipboard().setText(csv_text(*sheet))

    def _report(self) -> table.Report | None:
        study, dataset = self.state.study, self.state.dataset
        if self.board is None or study is None:
            return None
        data = dataset.label if dataset is not None else str(study.spec["data"]["name"])
        title = f"{data}, {study.spec['model']['name']}, {len(study.forget):,} forgotten"
        source = self._paper.source if self._paper is not None else ""
        report = model_report.report_of(self.board, title, source)
        said = tuple(one.text for one in self._findings)
        return replace(report, notes=(*said, *report.notes))

    def figures(self) -> dict[str, dict[str, Any]]:
        """The table and the scatter as they are shown, the current tab first."""
        study = self.state.study
        options: dict[str, Any] = {
            "tau": -1.0 if study is None else nearest_tau(study.residual.taus, self._tau(study)),
            "beside": [one.key for one in self.state.beside or ()],
            "mean": self.runs.mean,
        }
        x, y = self.tradeoff.axes
        plot = {**options, "x": x, "y": y}
        if self.tabs.currentIndex() == SCATTER:
            return {"scatter": plot, "metrics": options}
        return {"metrics": options, "scatter": plot}
