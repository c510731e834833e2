"""Residual knowledge and its kin against tau, live while they are measured; training loss."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QLabel,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.carried import Carrier, carried
from engine.correspondence import Published, published_for
from engine.curve_set import CurveSet
from engine.labels import WITHHELD, null_note, tau_label
from engine.lines import PUBLISHED as PAPER
from engine.lines import Line, StudyRun, run_of, runs_beside
from engine.results import Residual
from engine.traces import MEASURES, Measure, Trace
from explorer import markup
from explorer.plots import curve_words, readout
from explorer.plots.carriers import CarrierList
from explorer.plots.chart import Chart, Series
from explorer.plots.curve_set import entries_of, ground_of, series_of
from explorer.plots.curve_words import MOST, counted, selected
from explorer.plots.models_button import ModelsButton
from explorer.plots.panel import Panel, button, muted
from explorer.plots.runs import RunsButton
from explorer.state import REPLACE, AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

RESIDUAL, PREVALENCE, DISAGREEMENT, ACCURACY, LOSS = range(5)
TABS = (*(measure.name for measure in MEASURES), "loss")  # what sessions call them
EMPTY = (
    "No curves yet. Press Run: the first ones are drawn from 10 copies of each forget sample "
    "and sharpen while you watch."
)
HINT = "Point to read values; click a curve to list its samples with r > 1."
NOT_KEPT = "What the models called each copy was not kept: only the bounds are drawn."
ELSEWHERE = "That study is about other data, whose samples are not open. Open it to see them."


class CurvesView(View):
    """r_tau of Original and every method with intervals and null band, and what else c draws say.

    A click on a curve asks for the neighborhood at that tau, and selects and lists the samples
    that carry it. Stored studies can be drawn beside the open one.
    """

    name = "curves"
    title = "Curves"
    help = (
        "Residual knowledge r against the perturbation norm τ. Above 1, a model still recognizes "
        "neighbors of forgotten samples more often than Re-train does; only what leaves the gray "
        "band of Re-train against Re-train is evidence. A click on a curve selects and lists the "
        "forget samples that carry it at that τ, and shows the neighborhood there. Runs draws "
        "other studies beside this one."
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
        self.curves = CurveSet()
        self._paper: Published | None = None
        self._undrawn: set[int] = set()
        self._hidden: set[str] = set()
        self._said = (-1, "")  # which tau was clicked, and why there is nothing to list
        self.note = muted()
        self.readout: QLabel = muted(HINT)
        markup.allow(self.readout)
        self.samples = CarrierList()
        self._panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow(
            "residual", "losses", "models", "study", "theme", "beside", "studies", "compared",
            "dataset", "selection",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "theme" in changed:
            for chart in self.charts:
                chart.set_theme(theme_of(self.state.theme))
        if changed & {"studies", "study", "compared"}:
            self.runs.set_studies(self.state.studies, self.state.study, self.state.compared)
        if changed & {"residual", "study", "dataset"}:
            self._forget_clicks()
        if changed & {"residual", "study", "dataset", "beside"}:
            self._gather()
        if changed - {"losses", "selection", "studies", "compared"}:
            self._list_models()
            self._draw_all()
        elif "losses" in changed:
            self._list_models()
            self._undrawn.add(LOSS)
            self._draw_tab()
        if "selection" in changed:
            self.samples.table.mark(self.state.selection.current)
        self._show_or_say_why()
        self._follow_the_work(changed)

    def view_state(self) -> dict[str, Any]:
        """Which tab is shown, how r is scaled, which models are hidden, which runs are beside."""
        return {
            "tab": TABS[self.tabs.currentIndex()],
            "log": self.log.isChecked(),
            "hidden": sorted(self._hidden),
            "mean": self.runs.mean,
            "beside": list(self.state.compared),
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take tab, scale, models and runs back."""
        if kept.get("tab") in TABS:
            self.tabs.setCurrentIndex(TABS.index(kept["tab"]))
        self.log.setChecked(kept.get("log") is True)
        self.runs.set_mean(kept.get("mean") is True)
        hidden, beside = kept.get("hidden"), kept.get("beside")
        if isinstance(hidden, list):
            self._hidden = {name for name in hidden if isinstance(name, str)}
        if isinstance(beside, list):
            self._compare(tuple(key for key in beside if isinstance(key, str)))
        self._regather()

    def _compare(self, keys: tuple[str, ...]) -> None:
        if keys != self.state.compared:
            self.do.compare(keys)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        for chart, measure in zip(self.over_tau, MEASURES, strict=True):
            tab = self.tabs.addTab(chart, measure.tab)
            self.tabs.setTabToolTip(tab, f"{measure.title}: {measure.help}")
            self.tabs.tabBar().setAccessibleTabName(tab, measure.title)
        self.tabs.addTab(self.loss, "Loss")
        self.tabs.tabBar().setAccessibleTabName(LOSS, "Training loss")
        self.tabs.setTabToolTip(LOSS, "Mean training loss of each epoch, live")
        self.loss.set_axes("epoch", "training loss (cross-entropy, nats)")
        above = QWidget()
        layout = QVBoxLayout(above)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.readout)
        layout.addWidget(self.note)
        content = QSplitter(Qt.Orientation.Vertical)
        content.setChildrenCollapsible(False)
        content.addWidget(above)
        content.addWidget(self.samples)
        content.setStretchFactor(0, 3)
        content.setStretchFactor(1, 1)
        return content

    def _build_header(self) -> None:
        self.heading = QLabel()
        self.heading.setWordWrap(True)
        self.log = QCheckBox("Log scale")
        self.log.setToolTip("Draw r on a logarithmic axis")
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.models = ModelsButton()
        self.runs = RunsButton()
        self._panel.header.addWidget(self.heading, 1)
        for part in (self.log, self.models, self.runs, self.export_button):
            self._panel.header.addWidget(part)

    def _connect(self) -> None:
        self.log.toggled.connect(self._draw_all)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.models.toggled_model.connect(self._toggle)
        self.runs.chosen.connect(self._compare)
        self.runs.mean_toggled.connect(self._regather)
        for chart in self.over_tau:
            chart.hovered.connect(self._read_tau)
            chart.picked.connect(self._pick)
            chart.clicked.connect(self._probe)
        for chart in self.charts:
            chart.toggled.connect(self._toggle)
        self.loss.hovered.connect(self._read_epoch)
        self.samples.picked.connect(self.do.set_current)
        self.samples.closed.connect(self._draw_all)

    # -- what there is to draw ------------------------------------------------------------
    def _gather(self) -> None:
        """Collect the runs, and what the paper has on their setting."""
        study, residual, dataset = self.state.study, self.state.residual, self.state.dataset
        self._paper = None
        if study is not None and dataset is not None:
            self._paper = published_for(study.spec, dataset)
        runs = []
        if residual is not None:
            labels = {name: model.label for name, model in self.state.models.items()}
            open_one = StudyRun("", "", residual, labels) if study is None else run_of(study)
            runs = [open_one, *runs_beside(study, self.state.beside or ())]
        self.curves = CurveSet(runs, mean=self.runs.mean, paper=self._paper)

    def _regather(self) -> None:
        self._gather()
        self._list_models()
        self._draw_all()

    def _show_or_say_why(self) -> None:
        if self.state.residual is None and not self.state.losses:
            self._panel.show_empty(EMPTY)
        else:
            self._panel.show_content()
        self.export_button.setEnabled(self.state.residual is not None)

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
        else:
            self._draw_over_tau(tab, MEASURES[tab])

    def _draw_over_tau(self, tab: int, measure: Measure) -> None:
        theme, curves = theme_of(self.state.theme), self.curves
        seen = {line.name for line in curves.lines(measure, self._hidden)}
        drawn = [series_of(line, theme, shown=line.name in seen) for line in curves.lines(measure)]
        self.over_tau[tab].draw(
            drawn,
            ground_of(curves, measure),
            log=tab == RESIDUAL and self.log.isChecked(),
            entries=entries_of(curves, measure, self._hidden, theme),
        )

    def _losses(self) -> list[Series]:
        theme, made = theme_of(self.state.theme), []
        for name, values in self.state.losses.items():
            epochs, trace = np.arange(1, len(values) + 1), Trace(np.asarray(values, np.float64))
            line = Line(name, self._label(name), "shown", 0, epochs, trace)
            made.append(series_of(line, theme, shown=name not in self._hidden))
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
        self.heading.setText(curve_words.heading(residual, wanted))
        self.note.setText(self._notes(residual))
        self.note.setVisible(bool(self.note.text()) and not self.samples.isVisibleTo(self))

    def _notes(self, residual: Residual) -> str:
        tab = self.tabs.currentIndex()
        said = [self.curves.over_seeds()] if tab != LOSS else []
        if tab == PREVALENCE and residual.withheld:
            said.append(WITHHELD)
        if tab == RESIDUAL and self.curves.band(MEASURES[tab]) is not None:
            said.append(null_note(residual.taus))
        if tab in (RESIDUAL, PREVALENCE):
            labels = self.curves.runs[0].labels if self.curves.runs else {}
            said.append(curve_words.undefined(residual, labels, self.log.isChecked()))
        if tab == DISAGREEMENT and not residual.predictions:
            said.append(NOT_KEPT)
        if tab != LOSS and self._paper is not None and self.curves.has_paper(MEASURES[tab]):
            said.append(self._paper.words_on(MEASURES[tab].published))
        return " ".join(part for part in said if part)

    def _color(self, name: str) -> str:
        return theme_of(self.state.theme).model_style(name).color

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
        """Fill the menu with the models there are."""
        names = [*(self.state.residual.curves if self.state.residual else ())]
        names += ["retrain"] if names else []
        names += [name for name in self.state.losses if name not in names]
        self.models.set_models([(name, self._label(name)) for name in names], self._hidden)

    def _toggle(self, name: str) -> None:
        self._hidden = self._hidden ^ {name}
        self._list_models()
        self._draw_all()

    # -- reading and wishes ---------------------------------------------------------------
    def _hint(self) -> str:
        said = self._said[1].replace("&", "&amp;").replace("<", "&lt;")
        return said or HINT

    def _forget_clicks(self) -> None:
        """New numbers: what a click found in the old ones is no longer true."""
        self._said = (-1, "")
        self.samples.hide()
        if self.tabs.currentIndex() != LOSS:
            self.readout.setText(HINT)

    def _read_tau(self, x: float) -> None:
        tab = self.tabs.currentIndex()
        if tab == LOSS or not np.isfinite(x) or not len(self.curves.taus):
            self.charts[tab].set_cross(None)
            self.readout.setText(self._hint() if tab != LOSS else "")
            return
        at, measure = self.curves.nearest(x), MEASURES[tab]
        tau = float(self.curves.taus[at])
        self.charts[tab].set_cross(tau)
        lines = self.curves.lines(measure, self._hidden)
        text = readout.at_tau(lines, measure, tau, self._color, self.curves.title)
        clicked, said = self._said
        self.readout.setText(f"{text}<br>{html.escape(said)}" if at == clicked else text)

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
            f"{readout.swatch(self._color(name), self._label(name))} {values[epoch - 1]:.3g}"
            for name, values in losses.items()
            if len(values) >= epoch and name not in self._hidden
        ]
        self.readout.setText(f"<b>epoch {epoch}</b> · " + " · ".join(parts))

    def _probe(self, x: float) -> None:
        residual = self.state.residual
        if residual is not None and len(residual.taus):
            i = self.curves.nearest(x)
            self.do.set_probe(residual.perturbation, float(residual.taus[i]))
            self._read_tau(x)

    def _pick(self, name: str, x: float) -> None:
        """List the samples that carry the curve at x; a click beside all curves lists none."""
        self._forget_clicks()
        line = self.curves.line(MEASURES[self.tabs.currentIndex()], name)
        if line is None or line.kind == PAPER:
            return
        run = self.curves.runs[line.run]
        if line.model not in run.residual.curves:
            return
        i = int(np.argmin(np.abs(run.residual.taus - x)))
        where = f"in {line.label} at τ {run.residual.taus[i]:g}"
        where += f" ({run.name})" if run.name else ""
        found = carried(run.residual, line.model, i)
        if found and run.data != self.curves.runs[0].data:
            self._say(x, f"{counted(found, run.residual)} {where}. {ELSEWHERE}")
        elif found:
            self._open_list(found, f"{counted(found, run.residual)} {where}; {selected(found)}")
        else:
            self._say(x, f"No forget sample has r > 1 {where}; the selection stays.")

    def _say(self, x: float, words: str) -> None:
        self._said = (self.curves.nearest(x), words)

    def _open_list(self, found: list[Carrier], words: str) -> None:
        self.samples.open(words, found[:MOST], self.state.dataset, theme_of(self.state.theme).text)
        self.do.select([one.sample for one in found[:MOST]], REPLACE)
        self.samples.table.mark(self.state.selection.current)
        self.note.hide()  # in a small dock the curve itself needs the room

    def _export(self) -> None:
        """Export the tab that is shown, as it is shown."""
        options = {
            "measure": TABS[self.tabs.currentIndex()],
            "hidden": sorted(self._hidden),
            "beside": [run.key for run in self.curves.runs[1:]],
            "mean": self.runs.mean,
        }
        if self.tabs.currentIndex() == RESIDUAL:
            options["log"] = self.log.isChecked()
        self.do.export("curves", options)
