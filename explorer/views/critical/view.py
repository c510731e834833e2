"""The Critical tau view: how the smallest tau is distributed over the forget samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from engine.analysis.critical_tau import distribution_of, samples_beyond, samples_within
from engine.drawing.labels import tau_label
from engine.perturbations import find
from engine.results import Recognition
from explorer.plots.curve_chart import CurveChart
from explorer.plots.range_box import RangeBox
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.critical import captions
from explorer.views.critical.curves import (
    current_marks,
    ground_of,
    models,
    readings,
    series_of,
)
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.models_button import ModelsButton
from explorer.widgets.panel import Panel, button, muted_label

QUESTION = "recognitions"
RING, RUG = 13, 9  # logical pixels: of the ring of the current sample, of the mark of a sample
SHADE = 0.16  # opacity of the range
FOOT = 0.025  # of the height, at which the marks of the samples stand
AXIS = "forget samples recognized again (%)"


class CriticalView(View):
    """Cumulative curves of Original and every method over the band of the Re-trains."""

    name = "critical"
    title = "Critical tau"
    help = (
        "How far must a forgotten sample be perturbed until a model recognizes it again? Each "
        "curve counts the forget samples for which that smallest τ lies at or below a given one; "
        "the band spans the Re-trains. A curve above the band recognizes samples earlier than any "
        "Re-train. Drag over a range to select its samples."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.model = QComboBox()
        self.box = RangeBox()
        self.chart = CurveChart("Smallest tau over the forget samples", box=self.box)
        self.chart.set_floor(0.0)
        self.info, self.note = InfoMark(), muted_label()
        self._wanted = ""
        self._hidden: set[str] = set()
        self.rings: dict[str, tuple[float, float]] = {}  # model -> place of the current sample
        self._shade = pg.LinearRegionItem(movable=False)
        self._rings, self._rug = pg.ScatterPlotItem(), pg.ScatterPlotItem()
        for item, depth in ((self._shade, -5), (self._rug, 20), (self._rings, 20)):
            item.setZValue(depth)
            self.chart.plot.addItem(item, ignoreBounds=True)
        self._shade.hide()
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("recognitions", "models", "study", "dataset", "selection", "problems", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "theme" in changed:
            self._paint_theme()
        if changed & {"models", "study"}:
            self._look_up()
        if "study" in changed:
            self.chart.fit_again()
            self._forget_range()
        self._list_models()
        if changed - {"selection", "problems"}:
            self._draw_curves()
        self._mark_samples()
        self._show_or_say_why()

    def _paint_theme(self) -> None:
        theme = theme_of(self.state.theme)
        self.chart.set_theme(theme)
        shade = QColor(theme.accent)
        shade.setAlphaF(SHADE)
        self._shade.setBrush(shade)
        for edge in self._shade.lines:
            edge.setPen(pg.mkPen(theme.accent, width=1))

    def sight_changed(self) -> None:
        """Search only while the view is visible."""
        if self.seen:
            self._look_up()
        else:
            self.do.look_away(QUESTION)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write what is missing below the chart where there is room."""
        super().resizeEvent(event)
        self._show_note()

    def view_state(self) -> dict[str, Any]:
        """The chosen model, and the hidden ones."""
        return {"model": self._wanted, "hidden": sorted(self._hidden)}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore the models."""
        if isinstance(stored.get("model"), str):
            self._wanted = stored["model"]
        if isinstance(stored.get("hidden"), list):
            self._hidden = {name for name in stored["hidden"] if isinstance(name, str)}
        self._list_models()
        self._draw_curves()

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.note)
        return content

    def _build_header(self) -> None:
        self.model.setAccessibleName("Model whose samples are selected")
        self.model.setToolTip("The model whose samples a range of τ selects")
        self.models = ModelsButton()
        self.missing_button = button(
            "Select those not reached",
            "Select the forget samples that the chosen model does not recognize again",
            self._select_missing,
        )
        for part in (self.model, self.info):
            self.panel.header.addWidget(part)
        self.panel.header.addStretch(1)
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.panel.fold(self.models)
        self.panel.fold(self.missing_button)
        self.panel.fold(self.export_button)

    def _connect(self) -> None:
        self.model.activated.connect(self._choose)
        self.models.toggled_model.connect(self._toggle)
        self.chart.toggled.connect(self._toggle)
        self.chart.hovered.connect(self._read)
        self.chart.picked.connect(self._pick)
        self.box.ranged.connect(self._range)
        self.box.sigYRangeChanged.connect(self._mark_samples)

    # -- which models ---------------------------------------------------------------------
    def _wished(self) -> tuple[str, ...]:
        """All models of the study: the methods first, which are asked about first."""
        names = list(self.state.models)
        return tuple(sorted(names, key=lambda name: name.startswith("retrain-")))

    def _look_up(self) -> None:
        names = self._wished()
        if self.seen and names and self.state.study is not None and len(self.state.study.forget):
            self.do.look(QUESTION, names)

    def _shown(self) -> dict[str, Recognition]:
        """The searches of the shown study so far, in the order of its models."""
        found = self.state.recognitions or {}
        return {name: found[name] for name in self.state.models if name in found}

    def _chosen(self) -> str:
        return str(self.model.currentData() or "")

    def _list_models(self) -> None:
        shown = self._shown()
        offered = [(name, self._label(name)) for name in models(shown)]
        methods = [name for name, _ in offered if name != "original"]
        usual = methods[0] if methods else "original"
        with QSignalBlocker(self.model):
            self.model.clear()
            for name, label in offered:
                self.model.addItem(label, name)
            wanted = self._wanted if self._wanted in shown else usual
            self.model.setCurrentIndex(max(0, self.model.findData(wanted)) if offered else -1)
        self.model.setVisible(bool(offered))
        self.models.set_models(offered, self._hidden)

    def _choose(self) -> None:
        self._wanted = self._chosen()
        self._forget_range()
        self._mark_samples()

    def _toggle(self, name: str) -> None:
        self._hidden = self._hidden ^ {name}
        self._list_models()
        self._draw_curves()
        self._mark_samples()

    # -- drawing --------------------------------------------------------------------------
    def _show_or_say_why(self) -> None:
        shown, problem = self._shown(), self.state.problems.get(QUESTION, "")
        self.export_button.setEnabled(bool(shown) and self.state.study is not None)
        if shown:
            self.panel.show_content()
            return
        self.info.set_text("")
        if problem:
            self.panel.show_empty(problem)
        elif self.state.study is None:
            self.panel.show_empty(captions.EMPTY)
        elif not len(self.state.study.forget):
            self.panel.show_empty(captions.NO_FORGET_SAMPLES)
        else:
            self.panel.show_empty(
                "Searching the smallest τ of every model. The first curve appears in a moment."
            )

    def _draw_curves(self) -> None:
        shown = self._shown()
        if not shown:
            return
        theme, first = theme_of(self.state.theme), next(iter(shown.values()))
        known = find(first.perturbation)
        short = f"τ: {known.label if known else first.perturbation}"
        self.chart.set_axes(
            tau_label(first.perturbation), AXIS, (short, "recognized again (%)"), ("τ", "%")
        )
        self.chart.draw(series_of(shown, self._label, self._hidden, theme), ground_of(shown))
        every = [distribution_of(one) for one in shown.values()]
        self.info.set_text(captions.about(shown, every))
        left = [name for name in self._wished() if name not in shown]
        words = ""
        if left and not self.state.problems.get(QUESTION):
            words = captions.searching(len(shown), len(self._wished()), self._label(left[0]))
        self.note.setText(words)
        self._show_note()

    def _show_note(self) -> None:
        self.note.setVisible(bool(self.note.text()))

    def _mark_samples(self) -> None:
        """Ring the current sample on every curve; mark the chosen model's samples below them."""
        shown, theme = self._shown(), theme_of(self.state.theme)
        current = self.state.selection.current
        self.rings = rings = current_marks(shown, current, self._hidden)
        self._rings.setData(
            [
                {
                    "pos": place, "size": RING, "symbol": "o", "brush": None,
                    "pen": pg.mkPen(theme.text, width=2),
                }
                for place in rings.values()
            ]
        )  # fmt: skip
        self.chart.keep_clear(list(rings.values()))
        search = shown.get(self._chosen())
        if search is None:
            self._rug.setData([])
            return
        taus = np.asarray(search.taus, np.float64)
        chosen = self.state.selection.chosen
        bottom, top = self.chart.plot.viewRange()[1]
        foot = bottom + FOOT * (top - bottom)
        accent, plain = QColor(theme.accent), QColor(theme.model_style(search.model).color)
        plain.setAlphaF(0.5)
        self._rug.setData(
            [
                {
                    "pos": (tau, foot), "symbol": "|", "size": RUG, "pen": None,
                    "brush": accent if int(sample) in chosen else plain,
                }
                for sample, tau in zip(search.samples, taus, strict=True)
                if np.isfinite(tau)
            ]
        )  # fmt: skip

    # -- reading and selecting ------------------------------------------------------------
    def _read(self, x: float) -> None:
        shown = self._shown()
        if not np.isfinite(x) or not shown:
            self.chart.stop_reading()
            return
        limit = next(iter(shown.values())).limit
        tau = min(max(x, 0.0), limit)
        self.chart.set_cross(tau)
        rows = readings(shown, tau, self._label, self._hidden, theme_of(self.state.theme))
        self.chart.read(f"τ {tau:.3g}", rows, tau, self.chart.hover_y)

    def _pick(self, name: str, x: float) -> None:
        """Choose the clicked curve's model, and select what it recognizes up to there."""
        if name not in self._shown():
            self._forget_range()
            return
        self._wanted = name
        self.model.setCurrentIndex(self.model.findData(name))
        self._range(0.0, x, True)

    def _range(self, low: float, high: float, finished: bool) -> None:
        """Show the range while it is dragged, and select its samples at the end."""
        search = self._shown().get(self._chosen())
        if search is None:
            return
        low, high = max(low, 0.0), min(high, search.limit)
        self._shade.setRegion((low, high))
        self._shade.show()
        samples = samples_within(search, low, high)
        self.chart.say(captions.selected(self._label(search.model), len(samples), low, high))
        if finished and samples:
            self.do.choice.select(samples, REPLACE)

    def _select_missing(self) -> None:
        search = self._shown().get(self._chosen())
        if search is not None:
            samples = samples_beyond(search)
            self._forget_range()
            self.chart.say(captions.missing(self._label(search.model), len(samples), search.limit))
            if samples:
                self.do.choice.select(samples, REPLACE)

    def _forget_range(self) -> None:
        self._shade.hide()
        self.chart.say("")
        self.chart.stop_reading()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The curves as they are shown."""
        return {"critical": {"hidden": sorted(self._hidden)}} if self._shown() else {}
