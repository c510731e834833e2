"""Residual knowledge against tau, live while it is measured; prevalence; training loss."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtWidgets import QCheckBox, QLabel, QTabWidget, QVBoxLayout, QWidget

from engine.labels import model_label, tau_label, undefined_note
from engine.results import Curve, Residual
from explorer.plots.chart import Chart, Ground, Series
from explorer.plots.panel import Panel, button, muted
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

RESIDUAL, PREVALENCE, LOSS = range(3)
EMPTY = (
    "No curves yet. Press Run: the first ones are drawn from 10 copies of each forget sample "
    "and sharpen while you watch."
)
HINT = "Point at the plot to read values; click to see the neighborhood at that τ."


class CurvesView(View):
    """r_tau of Original and every method with intervals, null band and the line r = 1."""

    name = "curves"
    title = "Curves"
    help = (
        "Residual knowledge r against the perturbation norm τ. Above 1, a model still recognizes "
        "neighbors of forgotten samples more often than Re-train does; only what leaves the gray "
        "band of Re-train against Re-train is evidence."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.residual = Chart("Residual knowledge against tau")
        self.prevalence = Chart("Prevalence against tau")
        self.loss = Chart("Training loss against epochs")
        self.charts = (self.residual, self.prevalence, self.loss)
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
        if changed & {"residual", "study", "models", "theme"}:
            self._draw_residual()
        if changed & {"losses", "models", "theme"}:
            self._draw_losses(self.state.losses)
        self._follow_the_work(changed)

    def view_state(self) -> dict[str, Any]:
        """Which tab is shown and how r is scaled."""
        return {"tab": self.tabs.currentIndex(), "log": self.log.isChecked()}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take tab and scale back."""
        tab = kept.get("tab")
        if isinstance(tab, int) and 0 <= tab < self.tabs.count():
            self.tabs.setCurrentIndex(tab)
        self.log.setChecked(kept.get("log") is True)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for chart, label in zip(
            self.charts, ("Residual knowledge", "Prevalence", "Training loss"), strict=True
        ):
            self.tabs.addTab(chart, label)
        self.tabs.setTabToolTip(RESIDUAL, "r against τ with 95 % intervals")
        self.tabs.setTabToolTip(PREVALENCE, "Percent of forget samples recognized more often")
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
        self._panel.header.addWidget(self.heading, 1)
        self._panel.header.addWidget(self.log)
        self._panel.header.addWidget(self.export_button)

    def _connect(self) -> None:
        self.log.toggled.connect(self._draw_residual)
        self.tabs.currentChanged.connect(self._tab_changed)
        for chart in (self.residual, self.prevalence):
            chart.hovered.connect(self._read_tau)
            chart.clicked.connect(self._probe)
        self.loss.hovered.connect(self._read_epoch)

    # -- drawing --------------------------------------------------------------------------
    def _draw_residual(self) -> None:
        residual = self.state.residual
        self._update_texts(residual)
        if residual is None:
            for chart in (self.residual, self.prevalence):
                chart.draw([], None)
            return
        x = tau_label(residual.perturbation)
        self.residual.set_axes(x, "r (1 = like Re-train)")
        self.prevalence.set_axes(x, "forget samples with r > 1 (%)")
        self.residual.draw(
            [self._series(name, curve) for name, curve in residual.curves.items()],
            _ground(residual),
            log=self.log.isChecked(),
        )
        self.prevalence.draw(
            [self._series(name, curve, True) for name, curve in residual.curves.items()], None
        )

    def _series(self, name: str, curve: Curve, prevalence: bool = False) -> Series:
        style = theme_of(self.state.theme).model_style(name)
        taus = self.state.residual.taus if self.state.residual else np.empty(0)
        if prevalence:
            return Series(name, self._label(name), style, taus, curve.prevalence)
        return Series(name, self._label(name), style, taus, curve.mean, curve.low, curve.high)

    def _draw_losses(self, losses: Mapping[str, tuple[float, ...]]) -> None:
        theme = theme_of(self.state.theme)
        series = [
            Series(
                name,
                self._label(name),
                theme.model_style(name),
                np.arange(1, len(values) + 1),
                np.asarray(values, np.float64),
            )
            for name, values in losses.items()
        ]
        self.loss.draw(series, None)

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
        self.readout.setText(HINT if self.tabs.currentIndex() != LOSS else "")

    # -- reading and wishes ---------------------------------------------------------------
    def _read_tau(self, x: float) -> None:
        residual = self.state.residual
        chart = self.prevalence if self.tabs.currentIndex() == PREVALENCE else self.residual
        if residual is None or not np.isfinite(x) or not len(residual.taus):
            chart.set_cross(None)
            self.readout.setText(HINT)
            return
        i = int(np.argmin(np.abs(residual.taus - x)))
        chart.set_cross(float(residual.taus[i]))
        words = _prevalence_words if chart is self.prevalence else _residual_words
        parts = [
            f"{self._sample(name)} {words(curve, i)}" for name, curve in residual.curves.items()
        ]
        self.readout.setText(f"<b>τ {residual.taus[i]:g}</b> · " + " · ".join(parts))

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
            if len(values) >= epoch
        ]
        self.readout.setText(f"<b>epoch {epoch}</b> · " + " · ".join(parts))

    def _sample(self, name: str) -> str:
        color = theme_of(self.state.theme).model_style(name).color
        return f'<span style="color:{color}">■</span> {html.escape(self._label(name))}'

    def _probe(self, x: float) -> None:
        residual = self.state.residual
        if residual is not None and len(residual.taus):
            i = int(np.argmin(np.abs(residual.taus - x)))
            self.do.set_probe(residual.perturbation, float(residual.taus[i]))

    def _export(self) -> None:
        self.do.export("curves")


def _ground(residual: Residual) -> Ground:
    if not np.isfinite(residual.null_low).any():
        return Ground(level=1.0)
    label = "null band (Re-train against Re-train)"
    return Ground(label, residual.taus, residual.null_low, residual.null_high, 1.0)


def _residual_words(curve: Curve, i: int) -> str:
    if not np.isfinite(curve.mean[i]):
        return "undefined"
    interval = f" [{curve.low[i]:.3g}, {curve.high[i]:.3g}]" if np.isfinite(curve.low[i]) else ""
    return f"r {curve.mean[i]:.3g}{interval}"


def _prevalence_words(curve: Curve, i: int) -> str:
    value = curve.prevalence[i]
    return f"{value:.1f} %" if np.isfinite(value) else "undefined"
