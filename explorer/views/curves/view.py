"""The Curves view: r and related measures against tau, updated live; training loss."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QSplitter, QVBoxLayout, QWidget

from engine.analysis.curve_set import CurveSet
from engine.analysis.measures import MEASURES, Measure
from engine.drawing.labels import tau_label
from engine.results import Residual
from explorer.plots import readout
from explorer.plots.runs_button import RunsButton
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.curves import captions
from explorer.views.curves.captions import MOST
from explorer.views.curves.carriers import CarrierList
from explorer.views.curves.click import Click, click
from explorer.views.curves.curve_set import entries_of, ground_of, losses_of, series_of
from explorer.views.curves.findings import CurveFindings
from explorer.views.curves.sources import curve_set_of, models_of
from explorer.views.curves.tabs import LOSS, NAMES, RESIDUAL, CurveTabs
from explorer.widgets import markup
from explorer.widgets.models_button import ModelsButton
from explorer.widgets.panel import Panel, button, muted_label

EMPTY = (
    "No curves yet. Press Run: the first estimates, from 10 copies of each forget sample, appear "
    "here and are refined live."
)
HINT = "Hover to read values; click a curve to list its samples with r > 1."


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
        "the gray null band (Re-train against Re-train) is evidence. A click on a curve lists the "
        "forget samples with r > 1 at that τ, selects them, and shows the neighborhood there. "
        "Runs draws other studies beside this one."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.tabs = CurveTabs()
        self.residual, self.prevalence, self.disagreement, self.accuracy = self.tabs.over_tau
        self.loss, self.charts = self.tabs.loss, self.tabs.charts
        self.curves = CurveSet()
        self._undrawn: set[int] = set()
        self._hidden: set[str] = set()
        self._message = (-1, "")  # index of the clicked tau, and why there is nothing to list
        self.note = muted_label()
        self.readout: QLabel = muted_label(HINT)
        markup.allow(self.readout)
        self.samples = CarrierList()
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow(
            "residual", "losses", "models", "study", "theme", "beside", "studies", "compared",
            "dataset", "selection",
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
        """The current tab, the scale of r, the hidden models and the runs beside."""
        return {
            "tab": NAMES[self.tabs.currentIndex()],
            "log": self.log.isChecked(),
            "hidden": sorted(self._hidden),
            "mean": self.runs.mean,
            "beside": list(self.state.compared),
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore tab, scale, models and runs."""
        if stored.get("tab") in NAMES:
            self.tabs.setCurrentIndex(NAMES.index(stored["tab"]))
        self.log.setChecked(stored.get("log") is True)
        self.runs.set_mean(stored.get("mean") is True)
        hidden, beside = stored.get("hidden"), stored.get("beside")
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
        above = QWidget()
        layout = QVBoxLayout(above)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(CurveFindings(self))
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
        self.panel.header.addWidget(self.heading, 1)
        for part in (self.log, self.models, self.runs, self.export_button):
            self.panel.header.addWidget(part)

    def _connect(self) -> None:
        self.log.toggled.connect(self._draw_all)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.models.toggled_model.connect(self._toggle)
        self.runs.chosen.connect(self._compare)
        self.runs.mean_toggled.connect(self._regather)
        for chart in self.tabs.over_tau:
            chart.hovered.connect(self._read_tau)
            chart.picked.connect(self._pick)
            chart.clicked.connect(self._probe)
        for chart in self.charts:
            chart.toggled.connect(self._toggle)
        self.loss.hovered.connect(self._read_epoch)
        self.samples.picked.connect(self.do.choice.set_current)
        self.samples.closed.connect(self._draw_all)

    # -- the curves ----------------------------------------------------------------------
    def _gather(self) -> None:
        self.curves = curve_set_of(self.state, mean=self.runs.mean)

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
        else:
            self._draw_over_tau(tab, MEASURES[tab])

    def _draw_over_tau(self, tab: int, measure: Measure) -> None:
        theme, curves = theme_of(self.state.theme), self.curves
        visible = {line.name for line in curves.lines(measure, self._hidden)}
        drawn = [
            series_of(line, theme, shown=line.name in visible) for line in curves.lines(measure)
        ]
        self.tabs.over_tau[tab].draw(
            drawn,
            ground_of(curves, measure),
            log=tab == RESIDUAL and self.log.isChecked(),
            entries=entries_of(curves, measure, self._hidden, theme),
        )

    def _set_axes(self, residual: Residual | None) -> None:
        if residual is not None:
            self.tabs.set_tau_axis(tau_label(residual.perturbation))

    def _update_texts(self, residual: Residual | None) -> None:
        if residual is None:
            self.heading.setText("")
            self.note.setText("")
            return
        wanted = max(self.state.form.draws, residual.draws) if self.state.study is None else 0
        self.heading.setText(captions.heading(residual, wanted))
        notes = captions.notes(self.curves, self.tabs.measure, residual, self.log.isChecked())
        self.note.setText(notes)
        self.note.setVisible(bool(self.note.text()) and not self.samples.isVisibleTo(self))

    def _color(self, name: str) -> str:
        return theme_of(self.state.theme).model_style(name).color

    def _follow_the_work(self, changed: set[str]) -> None:
        """Show the loss while nothing else exists, and r as soon as it does."""
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
        """Fill the menu with the models that have curves."""
        names = [(name, self._label(name)) for name in models_of(self.state)]
        self.models.set_models(names, self._hidden)

    def _toggle(self, name: str) -> None:
        self._hidden = self._hidden ^ {name}
        self._list_models()
        self._draw_all()

    # -- reading and wishes ---------------------------------------------------------------
    def _hint(self) -> str:
        message = self._message[1].replace("&", "&amp;").replace("<", "&lt;")
        return message or HINT

    def _forget_clicks(self) -> None:
        """Drop the result of the last click, which new numbers outdate."""
        self._message = (-1, "")
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
        clicked, message = self._message
        self.readout.setText(f"{text}<br>{html.escape(message)}" if at == clicked else text)

    def _read_epoch(self, x: float) -> None:
        losses = self.state.losses
        longest = max(map(len, losses.values()), default=0)
        if not np.isfinite(x) or not longest:
            self.loss.set_cross(None)
            self.readout.setText("")
            return
        epoch = min(max(round(x), 1), longest)
        self.loss.set_cross(float(epoch))
        visible = {name: values for name, values in losses.items() if name not in self._hidden}
        self.readout.setText(readout.at_epoch(visible, epoch, self._color, self._label))

    def _probe(self, x: float) -> None:
        residual = self.state.residual
        if residual is not None and len(residual.taus):
            i = self.curves.nearest(x)
            self.do.set_probe(residual.perturbation, float(residual.taus[i]))
            self._read_tau(x)

    def _pick(self, name: str, x: float) -> None:
        """List the samples that carry the curve at x; a click beside all curves lists none."""
        self._forget_clicks()
        result = click(self.curves, MEASURES[self.tabs.currentIndex()], name, x)
        if result is not None and result.carriers:
            self._open_list(result)
        elif result is not None:
            self._message = (self.curves.nearest(x), result.words)

    def _open_list(self, result: Click) -> None:
        listed, text = result.carriers[:MOST], theme_of(self.state.theme).text
        self.samples.open(result.words, listed, self.state.dataset, text)
        self.do.choice.select([one.sample for one in listed], REPLACE)
        self.samples.table.mark(self.state.selection.current)
        self.note.hide()  # in a small dock the curve needs the room

    def figures(self) -> dict[str, dict[str, Any]]:
        """The current tab as it is shown."""
        options: dict[str, Any] = {
            "measure": NAMES[self.tabs.currentIndex()],
            "hidden": sorted(self._hidden),
            "beside": [run.key for run in self.curves.runs[1:]],
            "mean": self.runs.mean,
        }
        if self.tabs.currentIndex() == RESIDUAL:
            options["log"] = self.log.isChecked()
        return {"curves": options}
