"""The Neighborhood view: perturbed copies of the current sample and every model's verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QSizePolicy,
    QSlider,
    QSplitter,
    QWidget,
)

from engine import perturbations
from engine.analysis.sample_curve import Spread, spread
from explorer.plots.matrix import CopyMatrix
from explorer.plots.sample_curve import SampleCurve
from explorer.state.app_state import AppState
from explorer.state.ranking import column_of, ranked_by, ranking, shown_tau
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.neighborhood import captions
from explorer.views.neighborhood.caption_row import CaptionRow
from explorer.views.neighborhood.ranking import RankingRow
from explorer.views.neighborhood.table import ratios_of, table_of
from explorer.widgets.panel import Panel, button
from explorer.widgets.term import TermLabel

ENOUGH, CURVE = 600, 190  # logical pixels: height of a view with room for both; the curve's own
SHORTEST = 48  # logical pixels of the slider


class NeighborhoodView(View):
    """Copies in columns, models in rows, counts and r_tau of this sample at the end.

    Below, this sample's r over tau against the forget set's; buttons step through the worst.
    """

    name = "neighborhood"
    title = "Neighborhood"
    help = (
        "Perturbed copies of the current sample. A check means that the model recognizes the copy; "
        "number and bar are its probability of the true class in percent. The more checks an "
        "unlearned model has beyond Re-train, the more it still knows: r, with its 95 % interval."
    )
    keys = (("Left, Right", "Scroll to further copies"),)

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.matrix, self.curve = CopyMatrix(), SampleCurve()
        self.setFocusProxy(self.matrix)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.matrix)
        self.splitter.addWidget(self.curve)
        self._drawn: tuple[int, str] | None = None  # sample and model of the drawn curve
        self._arranged = False  # by the user; until then, as room allows
        self._spreads: dict[str, Spread] = {}  # of the shown residual
        self.panel = Panel(self.splitter, self)
        self._build_header()
        self._build_rows()
        self._connect()
        self.follow(
            "neighborhood", "selection", "probe", "residual", "dataset", "models", "study",
            "theme", "ranked_by", "problems", "catalog",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed & {"catalog", "dataset"}:  # plug-ins have labels now; messages have their own
            self._list_perturbations()
        if changed & {"probe", "residual", "dataset", "neighborhood", "catalog"}:
            self._follow_probe()
        if "residual" in changed:
            self._spreads = {}
        if changed & {"residual", "dataset"}:
            self.sight_changed()
        if changed & {"residual", "models", "study", "ranked_by"}:
            self._list_models()
        self.ranking.show_place(ranking(self.state))
        self._show_controls(bool(self.state.models))
        shown, dataset = self.state.neighborhood, self.state.dataset
        self.export_button.setEnabled(shown is not None)
        if shown is None or dataset is None or self.state.selection.current is None:
            self.caption.clear()
            self.panel.show_empty(self._what_next())
            return
        self.panel.show_content()
        self.caption.show_sample(shown, dataset, self.state)
        if changed & {"neighborhood", "dataset", "models", "study", "theme"}:
            self._draw_table()
        if changed & {"residual", "models", "study", "theme", "ranked_by"}:
            self._drawn = None
        self._draw_curve()

    def sight_changed(self) -> None:
        """Precompute the neighborhoods at adjacent norms only while the slider is visible."""
        self.do.look_beside(tuple(map(float, self._taus())) if self.seen else ())

    def view_state(self) -> dict[str, Any]:
        """What is shown beside the copies; the probe is part of the state."""
        return {
            "changes": self.changes.isChecked(),
            "retrains": self.retrains.isChecked(),
            "curve": self.over_tau.isChecked() if self._arranged else None,
            "sizes": self.splitter.sizes() if self._arranged else None,
            "log": self.curve.log.isChecked(),
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore what was shown."""
        self.changes.setChecked(stored.get("changes") is True)
        self.retrains.setChecked(stored.get("retrains") is True)
        self.curve.log.setChecked(stored.get("log") is not False)
        sizes = stored.get("sizes")
        if isinstance(sizes, list) and len(sizes) == 2 and all(type(n) is int for n in sizes):
            self._arranged = True
            self.over_tau.setChecked(stored.get("curve") is True)
            self.splitter.setSizes(sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the curve where there is room for it, unless the user decided."""
        super().resizeEvent(event)
        self.caption.fit(self.width())
        if not self._arranged:
            self.over_tau.setChecked(self.height() >= ENOUGH)
            self._share_room()

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.perturbation = QComboBox()
        self.perturbation.setAccessibleName("Perturbation")
        self.perturbation.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._list_perturbations()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Perturbation norm tau")
        self.slider.setMinimumWidth(SHORTEST)
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setToolTip("Perturbation norm of the copies: the study's values of τ")
        self.tau = TermLabel()
        self.tau.setMinimumWidth(self.fontMetrics().horizontalAdvance("τ 0.0000"))
        self.retrains = QCheckBox("A row for each Re-train")
        self.retrains.setToolTip("Show each Re-train below the row that sums them up")
        self.changes = QCheckBox("Perturbation below each copy")
        self.changes.setToolTip(
            "Below each copy, its perturbation: copy minus sample, amplified so that the largest "
            "change spans the full range; images around gray, features as bars up and down"
        )
        self.over_tau = QCheckBox("Curve over τ")
        self.over_tau.setToolTip("This sample's r over τ, against its spread over the forget set")
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.panel.header.addWidget(self.perturbation)
        self.panel.header.addWidget(self.slider, 1)
        self.panel.header.addWidget(self.tau)
        self.panel.header.addStretch(0)

    def _build_rows(self) -> None:
        self.ranking = RankingRow(self)
        self.caption = CaptionRow(self.panel, self.ranking)
        self.panel.fold(self.ranking.model, "Rank samples by r in")
        self.panel.fold(self.retrains)
        self.panel.fold(self.changes)
        self.panel.fold(self.over_tau)
        self.panel.fold(self.curve.log)
        self.panel.fold(self.curve.export_button)
        self.panel.fold(self.export_button)

    def _connect(self) -> None:
        self.perturbation.activated.connect(self._probe)
        self.slider.valueChanged.connect(self._probe)
        self.changes.toggled.connect(self._draw_table)
        self.retrains.toggled.connect(self._draw_table)
        self.matrix.fold_wanted.connect(self.retrains.toggle)
        self.over_tau.clicked.connect(self._arrange)
        self.over_tau.toggled.connect(self._draw_curve)
        self.splitter.splitterMoved.connect(self._arrange)
        self.ranking.ordered.connect(self.do.rank_by)
        self.ranking.stepped.connect(self.do.step_worst)
        self.curve.tau_wanted.connect(self._probe_near)
        self.curve.export_wanted.connect(self._export_curve)

    # -- controls that follow the state ---------------------------------------------------
    def _show_controls(self, shown: bool) -> None:
        """Show what needs models, or leave it out."""
        for part in (self.slider, self.tau, self.ranking.worse, self.ranking.next):
            part.setVisible(shown)

    def _follow_probe(self) -> None:
        """Set slider and combo to the requested probe, without requesting it again."""
        taus, tau = self._taus(), shown_tau(self.state)
        perturbation, shown = self.state.probe[0], self.state.neighborhood
        if not perturbation:
            perturbation = shown.perturbation if shown else self.state.form.perturbation
        with QSignalBlocker(self.slider), QSignalBlocker(self.perturbation):
            self.slider.setRange(0, max(0, len(taus) - 1))
            if len(taus):
                self.slider.setValue(int(np.argmin(np.abs(taus - tau))))
            self.perturbation.setCurrentIndex(self.perturbation.findData(perturbation))
        self.slider.setEnabled(len(taus) > 1)
        self.tau.setText(f"τ {tau:g}")
        registered = perturbations.at_hand(perturbation)
        if registered is not None:
            self.perturbation.setToolTip(f"τ is the {registered.measure}")

    def _taus(self) -> np.ndarray:
        if self.state.residual is not None:
            return np.asarray(self.state.residual.taus, np.float64)
        dataset = self.state.dataset
        return np.array(dataset.recommended.taus if dataset else (), np.float64)

    def _list_perturbations(self) -> None:
        """Fill the combo with the registered perturbations, without requesting another one."""
        with QSignalBlocker(self.perturbation):
            self.perturbation.clear()
            messages = self.state.dataset is not None and bool(self.state.dataset.texts)
            for name in perturbations.suiting(messages):
                registered = perturbations.at_hand(name)
                self.perturbation.addItem(registered.label if registered else name, name)

    def _list_models(self) -> None:
        """Fill the combo with the models that have an r, without requesting another order."""
        names = list(self.state.residual.curves) if self.state.residual else []
        self.ranking.offer([(name, self._label(name)) for name in names], ranked_by(self.state))

    # -- words ----------------------------------------------------------------------------
    def _what_next(self) -> str:
        current = self.state.selection.current
        if not self.state.models:
            return captions.NO_MODELS
        if "neighborhood" in self.state.problems:
            return self.state.problems["neighborhood"]
        if current is None:
            return captions.NO_SAMPLE
        return captions.awaited(current, self.state.dataset)

    # -- drawing --------------------------------------------------------------------------
    def _draw_table(self) -> None:
        shown, dataset = self.state.neighborhood, self.state.dataset
        if shown is None or dataset is None:
            return
        theme, changes = theme_of(self.state.theme), self.changes.isChecked()
        unfolded = self.retrains.isChecked()
        table = table_of(shown, dataset, theme, self._label, changes, unfolded)
        self.matrix.set_table(table, theme)
        if not self._arranged:
            self._share_room()

    def _draw_curve(self) -> None:
        """Draw this sample's r over tau, where r was measured on a forget set."""
        residual, shown = self.state.residual, self.state.neighborhood
        wanted = self.over_tau.isChecked() and residual is not None
        self.curve.setVisible(wanted)
        if not wanted or residual is None or shown is None:
            return
        model = ranked_by(self.state)
        if model not in self._spreads:
            self._spreads[model] = spread(residual, model)
        if self._drawn == (shown.sample, model):
            self.curve.show_tau(shown_tau(self.state))
            return
        theme, tau = theme_of(self.state.theme), shown_tau(self.state)
        ratios = ratios_of(residual, shown, model, self._spreads[model], tau)
        self.curve.show_ratios(ratios, self._label, theme)
        self._drawn = (
            (shown.sample, model) if ratios.curves else None
        )  # points belong to one norm only

    def _share_room(self) -> None:
        """Give the copies the height that all models need; the curve gets at least its ratios."""
        room = self.splitter.height() - self.splitter.handleWidth()
        copies = min(self.matrix.sizeHint().height(), max(room // 2, room - CURVE))
        self.splitter.setSizes([copies, room - copies])

    def _arrange(self) -> None:
        """Note that the user decided what is shown, and how large."""
        if not self._arranged:
            self._arranged = True
            if self.sender() is self.over_tau:
                self._share_room()

    # -- wishes ---------------------------------------------------------------------------
    def _probe(self) -> None:
        taus = self._taus()
        if len(taus):
            tau = float(taus[min(self.slider.value(), len(taus) - 1)])
            self.tau.setText(f"τ {tau:g}")
            self.do.set_probe(str(self.perturbation.currentData()), tau)

    def _probe_near(self, tau: float) -> None:
        """Show the copies at the norm of the grid nearest to tau, of the curve's perturbation."""
        residual = self.state.residual
        if residual is not None:
            nearest = float(residual.taus[column_of(residual, tau)])
            self.do.set_probe(residual.perturbation, nearest)

    def figures(self) -> dict[str, dict[str, Any]]:
        """The copies, and the curve of the sample if it has one."""
        shown = self.state.neighborhood
        if shown is None:
            return {}
        copies = {"sample": shown.sample, "perturbation": shown.perturbation, "tau": shown.tau}
        made = {self.name: {**copies, "changes": self.changes.isChecked()}}
        residual = self.state.residual
        if residual is not None and shown.sample in residual.samples:
            curve = {"sample": shown.sample, "model": ranked_by(self.state)}
            made["sample-curve"] = {**curve, "log": self.curve.log.isChecked()}
        return made

    def _export_curve(self) -> None:
        options = self.figures().get("sample-curve")
        if options is not None:
            self.do.exports.ask_figure("sample-curve", options)
