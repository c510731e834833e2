"""Residual knowledge and its kin against tau, live while they are measured; training loss."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QLabel, QTabWidget, QToolButton, QVBoxLayout, QWidget

from engine.labels import model_label, tau_label, undefined_note
from engine.ranking import carriers
from engine.results import Residual
from explorer.plots.chart import Chart, Ground, Series
from explorer.plots.menu import CheckMenu
from explorer.plots.panel import Panel, button, muted
from explorer.plots.traces import MEASURES, Trace
from explorer.state import REPLACE, AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

RESIDUAL, PREVALENCE, DISAGREEMENT, ACCURACY, LOSS = range(5)
TABS = (*(measure.name for measure in MEASURES), "loss")  # what sessions call them
MOST = 200  # samples that a click on a curve selects
EMPTY = (
    "No curves yet. Press Run: the first ones are drawn from 10 copies of each forget sample "
    "and sharpen while you watch."
)
HINT = "Point to read values; click a curve to select its samples with r > 1."


class CurvesView(View):
    """r_tau of Original and every method with intervals and null band, and what else c draws say.

    A click on a curve asks for the neighborhood at that tau and selects the samples that carry it.
    """

    name = "curves"
    title = "Curves"
    help = (
        "Residual knowledge r against the perturbation norm τ. Above 1, a model still recognizes "
        "neighbors of forgotten samples more often than Re-train does; only what leaves the gray "
        "band of Re-train against Re-train is evidence. A click on a curve selects the forget "
        "samples that carry it at that τ, and shows the neighborhood there."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)  # narrow tabs say less, but all of them are there
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.over_tau = tuple(Chart(f"{measure.title} against tau") for measure in MEASURES)
        self.residual, self.prevalence, self.disagreement, self.accuracy = self.over_tau
        self.loss = Chart("Training loss against epochs")
        self.charts = (*self.over_tau, self.loss)
        self._traces: dict[int, Mapping[str, Trace]] = {}  # of the tabs seen since the last change
        self._undrawn: set[int] = set()
        self._hidden: set[str] = set()
        self._picked = (-1, "")  # which tau was clicked, and what that selected
        self.note = muted()
        self.readout: QLabel = muted(HINT)
        self._panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("residual", "losses", "models", "study", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        theme = theme_of(self.state.theme)
        if "theme" in changed:
            for chart in self.charts:
                chart.set_theme(theme)
        residual = self.state.residual
        if residual is None and not self.state.losses:
            self._panel.show_empty(EMPTY)
        else:
            self._panel.show_content()
        self.export_button.setEnabled(residual is not None)
        if "residual" in changed:
            self._traces, self._picked = {}, (-1, "")
        if changed & {"residual", "study", "models", "losses"}:
            self._list_models()
        if changed - {"losses"}:
            self._draw_all()
        else:
            self._undrawn.add(LOSS)
            self._draw_tab()
        self._follow_the_work(changed)

    def view_state(self) -> dict[str, Any]:
        """Which tab is shown, how r is scaled, and which models are hidden."""
        return {
            "tab": TABS[self.tabs.currentIndex()],
            "log": self.log.isChecked(),
            "hidden": sorted(self._hidden),
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take tab, scale and models back."""
        if kept.get("tab") in TABS:
            self.tabs.setCurrentIndex(TABS.index(kept["tab"]))
        self.log.setChecked(kept.get("log") is True)
        hidden = kept.get("hidden")
        if isinstance(hidden, list):
            self._hide({name for name in hidden if isinstance(name, str)})

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for chart, measure in zip(self.over_tau, MEASURES, strict=True):
            tab = self.tabs.addTab(chart, measure.tab)
            self.tabs.setTabToolTip(tab, f"{measure.title}: {measure.help}")
            self.tabs.tabBar().setAccessibleTabName(tab, measure.title)
        self.tabs.addTab(self.loss, "Loss")
        self.tabs.tabBar().setAccessibleTabName(LOSS, "Training loss")
        self.tabs.setTabToolTip(LOSS, "Mean training loss of each epoch, live")
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.readout)
        layout.addWidget(self.note)
        self.loss.set_axes("epoch", "training loss (cross-entropy, nats)")
        return content

    def _build_header(self) -> None:
        self.heading = QLabel()
        self.heading.setWordWrap(True)
        self.log = QCheckBox("Log scale")
        self.log.setToolTip("Draw r on a logarithmic axis")
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.models = QToolButton()
        self.models.setText("Models")
        self.models.setAccessibleName("Models shown")
        self.models.setToolTip(
            "Which models are drawn; a click on a name in the legend does it too"
        )
        self.models.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = CheckMenu(self)
        self.models.setMenu(self.menu)
        self._panel.header.addWidget(self.heading, 1)
        self._panel.header.addWidget(self.log)
        self._panel.header.addWidget(self.models)
        self._panel.header.addWidget(self.export_button)

    def _connect(self) -> None:
        self.log.toggled.connect(self._draw_all)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.menu.triggered.connect(self._check)
        for chart in self.over_tau:
            chart.hovered.connect(self._read_tau)
            chart.picked.connect(self._pick)
            chart.clicked.connect(self._probe)
        for chart in self.charts:
            chart.toggled.connect(self._toggle)
        self.loss.hovered.connect(self._read_epoch)

    # -- drawing --------------------------------------------------------------------------
    def _draw_all(self) -> None:
        """Draw the tab that is seen now, the others when they are looked at."""
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
            self.loss.draw(self._losses(), None)
        elif self.state.residual is None:
            self.over_tau[tab].draw([], None)
        else:
            self._draw_over_tau(tab, self.state.residual)

    def _draw_over_tau(self, tab: int, residual: Residual) -> None:
        ground = _ground(residual) if tab == RESIDUAL else None
        log = tab == RESIDUAL and self.log.isChecked()
        traces = self._traces_of(tab, residual).items()
        series = [self._series(name, residual.taus, trace) for name, trace in traces]
        self.over_tau[tab].draw(series, ground, log=log)

    def _traces_of(self, tab: int, residual: Residual) -> Mapping[str, Trace]:
        if tab not in self._traces:
            self._traces[tab] = MEASURES[tab].traces(residual)
        return self._traces[tab]

    def _series(self, name: str, x: np.ndarray, trace: Trace) -> Series:
        style = theme_of(self.state.theme).model_style(name)
        shown = name not in self._hidden
        return Series(name, self._label(name), style, x, trace.y, trace.low, trace.high, shown)

    def _losses(self) -> list[Series]:
        made = []
        for name, values in self.state.losses.items():
            epochs, losses = np.arange(1, len(values) + 1), np.asarray(values, np.float64)
            made.append(self._series(name, epochs, Trace(losses)))
        return made

    def _set_axes(self, residual: Residual | None) -> None:
        if residual is not None:
            for chart, measure in zip(self.over_tau, MEASURES, strict=True):
                chart.set_axes(tau_label(residual.perturbation), measure.axis)

    def _update_texts(self, residual: Residual | None) -> None:
        if residual is None:
            self.heading.setText("")
            self.note.setText("")
            return
        wanted = max(self.state.form.draws, residual.draws) if self.state.study is None else 0
        draws = f"{residual.draws:,} of {wanted:,}" if wanted else f"{residual.draws:,}"
        samples = len(residual.samples)
        self.heading.setText(f"c = {draws} copies of each of {samples:,} forget samples")
        self.note.setText(self._notes(residual))
        self.note.setVisible(bool(self.note.text()))

    def _notes(self, residual: Residual) -> str:
        tab = self.tabs.currentIndex()
        if tab in (RESIDUAL, PREVALENCE):
            return self._undefined(residual)
        if tab == DISAGREEMENT and not residual.predictions:
            return "What the models called each copy was not kept: only the bounds are drawn."
        return ""

    def _undefined(self, residual: Residual) -> str:
        curves = list(residual.curves.values())
        if not curves:
            return ""
        most = np.max([curve.undefined for curve in curves], axis=0)
        note = undefined_note(most.astype(int).tolist(), len(residual.samples))
        parts = [f"r is {note}, which a Re-train never recognizes."] if note else []
        zero = any((np.nan_to_num(curve.mean, nan=1.0) <= 0).any() for curve in curves)
        if zero and self.log.isChecked():
            parts.append("r = 0 has no place on a log scale.")
        return " ".join(parts)

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name not in labels and name in self.state.models:
            return self.state.models[name].label
        return model_label(name, labels)

    def _follow_the_work(self, changed: set[str]) -> None:
        """Show the loss while there is nothing else, and r as soon as there is."""
        if "residual" in changed and self.state.residual is None and self.state.losses:
            self.tabs.setCurrentIndex(LOSS)
        elif "residual" in changed and self.tabs.currentIndex() == LOSS and self.state.residual:
            self.tabs.setCurrentIndex(RESIDUAL)
        elif "losses" in changed and self.state.residual is None and self.state.losses:
            self.tabs.setCurrentIndex(LOSS)

    def _tab_changed(self) -> None:
        self.log.setVisible(self.tabs.currentIndex() == RESIDUAL)
        self.readout.setText(self._hint() if self.tabs.currentIndex() != LOSS else "")
        self._update_texts(self.state.residual)
        self._draw_tab()

    # -- which models ---------------------------------------------------------------------
    def _list_models(self) -> None:
        """Fill the menu with the models there are, checked where they are drawn."""
        names = [*(self.state.residual.curves if self.state.residual else ())]
        names += ["retrain"] if names else []
        names += [name for name in self.state.losses if name not in names]
        wanted = [(name, self._label(name)) for name in names]
        if wanted == [(action.data(), action.text()) for action in self.menu.actions()]:
            return
        self.menu.clear()
        for name, label in wanted:
            action = self.menu.addAction(label)
            action.setData(name)
            action.setCheckable(True)
        self.models.setEnabled(bool(wanted))
        self._mark_models()

    def _mark_models(self) -> None:
        for action in self.menu.actions():
            action.setChecked(action.data() not in self._hidden)

    def _check(self, action: QAction) -> None:
        name = {str(action.data())}
        self._hide(self._hidden - name if action.isChecked() else self._hidden | name)

    def _toggle(self, name: str) -> None:
        self._hide(self._hidden ^ {name})

    def _hide(self, names: Iterable[str]) -> None:
        self._hidden = set(names)
        self._mark_models()
        self._draw_all()

    # -- reading and wishes ---------------------------------------------------------------
    def _hint(self) -> str:
        return self._picked[1] or HINT

    def _read_tau(self, x: float) -> None:
        residual, tab = self.state.residual, self.tabs.currentIndex()
        chart = self.charts[tab]
        if residual is None or tab == LOSS or not np.isfinite(x) or not len(residual.taus):
            chart.set_cross(None)
            self.readout.setText(self._hint())
            return
        i = _nearest(residual, x)
        chart.set_cross(float(residual.taus[i]))
        parts = [
            f"{self._sample(name)} {MEASURES[tab].words(trace, i)}"
            for name, trace in self._traces_of(tab, residual).items()
            if name not in self._hidden
        ]
        text = " · ".join([f"<b>τ {residual.taus[i]:g}</b>", *parts])
        clicked, said = self._picked
        self.readout.setText(f"{text}<br>{said}" if i == clicked and said else text)

    def _read_epoch(self, x: float) -> None:
        losses = self.state.losses
        longest = max(map(len, losses.values()), default=0)
        if not np.isfinite(x) or not longest:
            self.loss.set_cross(None)
            self.readout.setText("")
            return
        epoch = min(max(round(x), 1), longest)
        self.loss.set_cross(float(epoch))
        parts = [
            f"{self._sample(name)} {values[epoch - 1]:.3g}"
            for name, values in losses.items()
            if len(values) >= epoch and name not in self._hidden
        ]
        self.readout.setText(f"<b>epoch {epoch}</b> · " + " · ".join(parts))

    def _sample(self, name: str) -> str:
        color = theme_of(self.state.theme).model_style(name).color
        return f'<span style="color:{color}">■</span> {html.escape(self._label(name))}'

    def _probe(self, x: float) -> None:
        residual = self.state.residual
        if residual is not None and len(residual.taus):
            i = _nearest(residual, x)
            self.do.set_probe(residual.perturbation, float(residual.taus[i]))
            self._read_tau(x)

    def _pick(self, name: str, x: float) -> None:
        """Select the samples that carry the curve at x; a click beside all curves selects none."""
        residual = self.state.residual
        self._picked = (-1, "")
        if residual is None or name not in residual.curves:
            return
        i = _nearest(residual, x)
        found = carriers(residual, name, i)
        if len(found):
            self.do.select(found[:MOST].tolist(), REPLACE)
        where = f"in {html.escape(self._label(name))} at τ {residual.taus[i]:g}"
        self._picked = (i, _picked_words(len(found), len(residual.samples), where))

    def _export(self) -> None:
        self.do.export("curves")


def _ground(residual: Residual) -> Ground:
    if not np.isfinite(residual.null_low).any():
        return Ground(level=1.0)
    label = "null band (Re-train against Re-train)"
    return Ground(label, residual.taus, residual.null_low, residual.null_high, 1.0)


def _nearest(residual: Residual, x: float) -> int:
    """Which of the grid's taus is nearest to x."""
    return int(np.argmin(np.abs(residual.taus - x)))


def _picked_words(found: int, samples: int, where: str) -> str:
    if not found:
        return f"No forget sample has r > 1 {where}; the selection stays."
    words = (
        f"{found:,} of {samples:,} forget samples {'has' if found == 1 else 'have'} r > 1 {where}"
    )
    return (
        f"{words}; the {MOST} with the largest r are selected."
        if found > MOST
        else (f"{words}; {'it is' if found == 1 else 'they are'} selected.")
    )
