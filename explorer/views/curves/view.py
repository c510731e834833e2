"""The Curves view: r and related measures against tau, updated live; training loss."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.analysis.curve_set import CurveSet
from engine.analysis.measures import MEASURES
from engine.results import Residual
from explorer.plots.runs_button import RunsButton
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.curves import captions, reader
from explorer.views.curves.captions import MOST
from explorer.views.curves.carriers import CarrierList
from explorer.views.curves.certified import draw_certified
from explorer.views.curves.click import Click, click
from explorer.views.curves.curve_set import draw_curves, losses_of
from explorer.views.curves.findings import CurveFindings
from explorer.views.curves.scale_box import ScaleBox
from explorer.views.curves.sources import curve_set_of, models_of, probe_tau
from explorer.views.curves.tabs import CERTIFIED, LOSS, NAMES, CurveTabs
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.models_button import ModelsButton
from explorer.widgets.panel import Panel, button, muted_label

EMPTY = (
    "No curves yet. Press Run: the first estimates, from 10 copies of each forget sample, appear "
    "here and are refined live."
)
TALL, WIDE = 440, 560  # logical pixels, from which caveats are written below the chart
SIDE = 3  # the list of samples takes this part of the width
SIDEMOST = 380  # logical pixels of it, at most


class CurvesView(View):
    """r_tau of Original and every method with intervals and null band, and related measures.

    A click on a curve shows the neighborhood at that tau, and selects and lists the samples that
    carry it. Stored studies can be drawn beside the open one.
    """

    name = "curves"
    title = "Curves"
    help = (
        "Residual knowledge r against the perturbation norm τ. Above 1, a model recognizes "
        "perturbed copies of forget samples more often than Re-train does; only a curve outside "
        "the dashed band, where one more Re-train would lie, is evidence. A click on a curve lists "
        "the forget samples with r > 1 at that τ, selects them, and shows the neighborhood there. "
        "Runs draws other studies of the same dataset beside this one. The list of measures has "
        "the paper's mean of samples, too."
    )
    keys = (("Esc", "Close the list of samples"),)

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.tabs = CurveTabs()
        self.pooled, self.residual, self.prevalence, *rest = self.tabs.over_tau
        self.disagreement, self.accuracy = rest
        self.certified, self.loss = self.tabs.certified, self.tabs.loss
        self.charts = self.tabs.charts
        self.curves = CurveSet()
        self._undrawn, self._hidden = set[int](), set[str]()
        self._study = ""  # key of the study whose curves the charts were fitted to
        self.note, self.info = muted_label(), InfoMark()
        self.samples = CarrierList()
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow(
            "residual", "losses", "models", "study", "theme", "beside", "studies", "compared",
            "dataset", "selection", "probe",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "theme" in changed:
            self.tabs.set_theme(theme_of(self.state.theme))
        if changed & {"studies", "study", "compared"}:
            self.runs.set_studies(self.state.studies, self.state.study, self.state.compared)
        if changed & {"residual", "study", "dataset"}:
            self._forget_clicks()
        if changed & {"residual", "study", "dataset", "beside"}:
            self._gather()
            self._fit_to_study()
        if changed - {"losses", "selection", "studies", "compared", "probe"}:
            self._list_models()
            self._draw_all()
        elif "losses" in changed:
            self._list_models()
            self._undrawn.add(LOSS)
            self._draw_tab()
        if "selection" in changed:
            self.samples.table.mark(self.state.selection.current)
        self._show_tau()
        self._show_or_say_why()
        self.tabs.follow_work(changed, self.state.residual is not None, bool(self.state.losses))

    def view_state(self) -> dict[str, Any]:
        """The current tab, the scale of r, the hidden models and the runs beside."""
        return {
            "tab": NAMES[self.tabs.currentIndex()],
            **self.log.view_state(),
            "hidden": sorted(self._hidden),
            "mean": self.runs.mean,
            "beside": list(self.state.compared),
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore tab, scale, models and runs."""
        if stored.get("tab") in NAMES:
            self.tabs.setCurrentIndex(NAMES.index(stored["tab"]))
        self.log.restore(stored)
        self.runs.set_mean(stored.get("mean") is True)
        hidden, beside = stored.get("hidden"), stored.get("beside")
        if isinstance(hidden, list):
            self._hidden = {name for name in hidden if isinstance(name, str)}
        if isinstance(beside, list):
            self._compare(tuple(key for key in beside if isinstance(key, str)))
        self._regather()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divide the room: in a small dock the curves have all of it."""
        super().resizeEvent(event)
        self.samples.setFixedWidth(min(self.width() // SIDE, SIDEMOST))
        self._show_note()

    def event(self, event: QEvent) -> bool:
        """Take Esc before the window does, while there is a list to close."""
        override = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if override and event.type() == QEvent.Type.ShortcutOverride and self.samples.isVisible():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close the list of samples by Esc."""
        if event.key() == Qt.Key.Key_Escape and self.samples.isVisible():
            self.samples.close_list()
        else:
            super().keyPressEvent(event)

    def _compare(self, keys: tuple[str, ...]) -> None:
        if keys != self.state.compared:
            self.do.compare(keys)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        rows, beside = QVBoxLayout(content), QHBoxLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        beside.addWidget(self.tabs, 1)
        beside.addWidget(self.samples)
        rows.addWidget(CurveFindings(self))
        rows.addLayout(beside, 1)
        rows.addWidget(self.note)
        return content

    def _build_header(self) -> None:
        self.log = ScaleBox()
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.models = ModelsButton()
        self.runs = RunsButton()
        for part in (self.tabs.choice, self.runs, self.info):
            self.panel.header.addWidget(part)
        self.panel.header.addStretch(1)
        for folded in (self.log, self.models, self.export_button):
            self.panel.fold(folded)

    def _connect(self) -> None:
        self.log.scaled.connect(self._draw_all)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.models.toggled_model.connect(self._toggle)
        self.runs.chosen.connect(self._compare)
        self.runs.mean_toggled.connect(self._regather)
        for chart in self.tabs.over_tau:
            chart.hovered.connect(self._read_tau)
            chart.picked.connect(self._pick)
            chart.clicked.connect(self._probe)
            chart.line_moved.connect(self._drag_tau)
        for chart in self.charts:
            chart.toggled.connect(self._toggle)
        self.loss.hovered.connect(self._read_epoch)
        self.certified.hovered.connect(self._read_radius)
        self.samples.picked.connect(self.do.choice.set_current)

    # -- the curves ----------------------------------------------------------------------
    def _gather(self) -> None:
        self.curves = curve_set_of(self.state, mean=self.runs.mean)

    def _fit_to_study(self) -> None:
        """Fit the axes anew when another study is shown."""
        key = self.state.study.key if self.state.study else ""
        if key != self._study:
            self._study = key
            self.tabs.fit_again()

    def _regather(self) -> None:
        self._gather()
        self._list_models()
        self._draw_all()

    def _show_or_say_why(self) -> None:
        if self.state.residual is None and not self.state.losses:
            self.panel.show_empty(EMPTY)
        else:
            self.panel.show_content()
        self.export_button.setEnabled(self.state.residual is not None)

    # -- drawing --------------------------------------------------------------------------
    def _draw_all(self) -> None:
        """Draw the visible tab now; the others are drawn when they are opened."""
        self._update_texts(self.state.residual)
        self._set_axes(self.state.residual)
        self._undrawn = set(range(len(self.charts)))
        self._draw_tab()

    def _draw_tab(self) -> None:
        tab = self.tabs.currentIndex()
        if tab not in self._undrawn:
            return
        self._undrawn.discard(tab)
        if tab == LOSS:
            theme, losses = theme_of(self.state.theme), self.state.losses
            self.loss.draw(losses_of(losses, self._label, self._hidden, theme), None)
        elif tab == CERTIFIED:
            draw_certified(self.certified, self.state, self._label, self._hidden)
        else:
            log = self.log.log(tab)
            theme = theme_of(self.state.theme)
            draw_curves(self.tabs.chart, self.curves, MEASURES[tab], self._hidden, theme, log=log)

    def _set_axes(self, residual: Residual | None) -> None:
        if residual is not None:
            self.tabs.set_tau_axis(residual.perturbation)

    def _update_texts(self, residual: Residual | None) -> None:
        words, wanted = "", 0
        if residual is not None:
            wanted = max(self.state.form.draws, residual.draws) if self.state.study is None else 0
            log = self.log.log(self.tabs.currentIndex())
            words = captions.notes(self.curves, self.tabs.measure, residual, log)
        self.info.set_text(captions.about(residual, wanted, words))
        self.note.setText(words)
        self._show_note()

    def _show_note(self) -> None:
        """Write the caveats below the chart where there is room; the info mark always has them."""
        room = self.height() >= TALL and self.width() >= WIDE
        self.note.setVisible(bool(self.note.text()) and room)

    def _show_tau(self) -> None:
        """Put the line at the norm that all views show, if it lies on this study's grid."""
        tau = probe_tau(self.state)
        for chart in self.tabs.over_tau:
            chart.set_line(tau, "" if tau is None else f"τ {tau:.3g}")

    def _tab_changed(self) -> None:
        self.log.show_tab(self.tabs.currentIndex())
        self._update_texts(self.state.residual)
        self._draw_tab()

    # -- which models ---------------------------------------------------------------------
    def _list_models(self) -> None:
        """Fill the menu with the models that have curves."""
        names = [(name, self._label(name)) for name in models_of(self.state)]
        self.models.set_models(names, self._hidden)

    def _toggle(self, name: str) -> None:
        self._hidden = self._hidden ^ {name}
        self._list_models()
        self._draw_all()

    # -- reading and wishes ---------------------------------------------------------------
    def _forget_clicks(self) -> None:
        """Drop the result of the last click, which new numbers outdate."""
        self.samples.hide()
        for chart in self.charts:
            chart.say("")
            chart.stop_reading()

    def _read_tau(self, x: float) -> None:
        theme, measure = theme_of(self.state.theme), self.tabs.measure
        reader.read_tau(self.tabs.chart, self.curves, measure, self._hidden, theme, x)

    def _read_epoch(self, x: float) -> None:
        losses = {name: one for name, one in self.state.losses.items() if name not in self._hidden}
        reader.read_epoch(self.loss, losses, self._label, theme_of(self.state.theme), x)

    def _read_radius(self, x: float) -> None:
        reader.read_radius(self.certified, self.state, self._hidden, x)

    def _drag_tau(self, x: float) -> None:
        """Follow the dragged line from one norm of the grid to the next."""
        if len(self.curves.taus):
            tau = float(self.curves.taus[self.curves.nearest(x)])
            if tau != probe_tau(self.state):
                self._probe(tau)

    def _probe(self, x: float) -> None:
        residual = self.state.residual
        if residual is not None and len(residual.taus):
            i = self.curves.nearest(x)
            self.do.set_probe(residual.perturbation, float(residual.taus[i]))

    def _pick(self, name: str, x: float) -> None:
        """List the samples that carry the curve at x; a click beside all curves lists none."""
        self._forget_clicks()
        result = click(self.curves, MEASURES[self.tabs.currentIndex()], name, x)
        if result is not None and result.carriers:
            self._open_list(result)
        elif result is not None:
            self.tabs.chart.say(result.words)

    def _open_list(self, result: Click) -> None:
        listed, text = result.carriers[:MOST], theme_of(self.state.theme).text
        words = (result.words, result.short)
        self.samples.open(words, listed, self.state.dataset, text)
        self.do.choice.select([one.sample for one in listed], REPLACE)
        self.samples.table.mark(self.state.selection.current)
        self.samples.table.scrollToTop()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The current tab as it is shown."""
        options: dict[str, Any] = {
            "measure": NAMES[self.tabs.currentIndex()],
            "hidden": sorted(self._hidden),
            "beside": [run.key for run in self.curves.runs[1:]],
            "mean": self.runs.mean,
        }
        options |= self.log.options(self.tabs.currentIndex())
        return {"curves": options}
