"""The current sample under the lens: perturbed copies and what every model says of them."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QSlider, QSplitter, QWidget

from engine import perturbations
from engine.amplified import amplified
from engine.datasets.base import Dataset
from engine.labels import perturbation_label
from engine.ratio import Ratio, ratios_around
from engine.results import Neighborhood, Residual
from engine.sample_curve import Spread, own_curves, spread
from engine.sample_names import called, titled
from explorer import markup
from explorer.plots.matrix import CopyMatrix, Row, Table
from explorer.plots.panel import Panel, button
from explorer.plots.sample_curve import Own, SampleCurve, interval_words, short
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.worst import column_of, ranked_by, ranking, shown_tau

ENOUGH, CURVE = 600, 190  # logical pixels: height of a view with room for both; the curve's own


class NeighborhoodView(View):
    """Copies in columns, models in rows, counts and r_tau of this sample at the end.

    Below, this sample's r over tau against the forget set's; buttons step through the worst.
    """

    name = "neighborhood"
    title = "Neighborhood"
    help = (
        "The current sample, perturbed. A check means a model still recognizes the copy; number "
        "and bar are its probability of the true class in percent. The more checks an unlearned "
        "model has beyond Re-train, the more it still knows: r, with its 95 % interval."
    )
    keys = (("Left, Right", "Scroll to further copies"),)

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.matrix, self.curve = CopyMatrix(), SampleCurve()
        self.setFocusProxy(self.matrix)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.matrix)
        self.splitter.addWidget(self.curve)
        self._drawn: tuple[int, str] | None = None  # whose curve is drawn, and for which model
        self._arranged = False  # by a person; until then, as there is room
        self._spreads: dict[str, Spread] = {}  # of the residual that is shown
        self._panel = Panel(self.splitter, self)
        self._build_header()
        self._build_ranking()
        self._connect()
        self.follow(
            "neighborhood", "selection", "probe", "residual", "dataset", "models", "study",
            "theme", "ranked_by", "problems", "catalog",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "catalog" in changed:  # plug-ins have been loaded, and have labels
            self._list_perturbations()
        if changed & {"probe", "residual", "dataset", "neighborhood", "catalog"}:
            self._follow_probe()
        if "residual" in changed:
            self._spreads = {}
        if changed & {"residual", "dataset"}:
            self.sight_changed()
        if changed & {"residual", "models", "study", "ranked_by"}:
            self._list_models()
        self._show_rank()
        shown, dataset = self.state.neighborhood, self.state.dataset
        self.export_button.setEnabled(shown is not None)
        if shown is None or dataset is None or self.state.selection.current is None:
            self.heading.setText("")
            self._panel.show_empty(self._what_next())
            return
        self._panel.show_content()
        self.heading.setText(self._heading(shown, dataset))
        if changed & {"neighborhood", "dataset", "models", "study", "theme"}:
            self._draw_table()
        if changed & {"residual", "models", "study", "theme", "ranked_by"}:
            self._drawn = None
        self._draw_curve()

    def sight_changed(self) -> None:
        """Have the neighbors of the norm shown made ready only while the slider can be seen."""
        self.do.look_beside(tuple(map(float, self._taus())) if self.seen else ())

    def view_state(self) -> dict[str, Any]:
        """What is shown beside the copies; the probe is part of the state."""
        return {
            "changes": self.changes.isChecked(),
            "curve": self.over_tau.isChecked() if self._arranged else None,
            "sizes": self.splitter.sizes() if self._arranged else None,
            "log": self.curve.log.isChecked(),
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take back what was shown."""
        self.changes.setChecked(kept.get("changes") is True)
        self.curve.log.setChecked(kept.get("log") is not False)
        sizes = kept.get("sizes")
        if isinstance(sizes, list) and len(sizes) == 2 and all(type(n) is int for n in sizes):
            self._arranged = True
            self.over_tau.setChecked(kept.get("curve") is True)
            self.splitter.setSizes(sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the curve where there is room for it, unless a person decided."""
        super().resizeEvent(event)
        if not self._arranged:
            self.over_tau.setChecked(self.height() >= ENOUGH)
            self._share_room()

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.perturbation = QComboBox()
        self.perturbation.setAccessibleName("Perturbation")
        self._list_perturbations()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Perturbation norm tau")
        self.slider.setMinimumWidth(70)
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setToolTip("How far the copies are from the sample: the study's values of τ")
        self.tau = QLabel()
        self.tau.setMinimumWidth(self.fontMetrics().horizontalAdvance("τ 0.0000"))
        self.changes = QCheckBox("Perturbation")
        self.changes.setToolTip(
            "Below the copies, what was added to the sample: copy minus sample, amplified so that "
            "the largest change is full range; images around gray, features as bars up and down"
        )
        self.over_tau = QCheckBox("Curve")
        self.over_tau.setToolTip("This sample's r over τ, against how the forget set's is spread")
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self._panel.header.addWidget(self.perturbation)
        self._panel.header.addWidget(self.slider, 1)
        for widget in (self.tau, self.changes, self.over_tau, self.export_button):
            self._panel.header.addWidget(widget)

    def _build_ranking(self) -> None:
        self.rank, self.heading = QLabel(), QLabel()
        markup.allow(self.heading)
        self.rank.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.heading.setWordWrap(True)
        self.model = QComboBox()
        self.model.setAccessibleName("Model whose r orders the samples")
        self.model.setToolTip(
            "The model by whose r the forget samples are put in order, and whose spread over the "
            "forget set is drawn behind this sample's curve"
        )
        self.worse = button("‹ Worse", "The forget sample with the next larger r (Ctrl+Up)",
                            self._step_up)  # fmt: skip
        self.next = button("Next ›", "The forget sample with the next smaller r (Ctrl+Down)",
                           self._step_down)  # fmt: skip
        self._panel.add_row(self.rank, self.model, self.worse, self.next)
        self._panel.add_row(self.heading)

    def _connect(self) -> None:
        self.perturbation.activated.connect(self._probe)
        self.slider.valueChanged.connect(self._probe)
        self.changes.toggled.connect(self._draw_table)
        self.over_tau.clicked.connect(self._arrange)
        self.over_tau.toggled.connect(self._draw_curve)
        self.splitter.splitterMoved.connect(self._arrange)
        self.model.activated.connect(self._rank_by)
        self.curve.tau_wanted.connect(self._probe_near)
        self.curve.export_wanted.connect(self._export_curve)

    # -- controls that follow the state ---------------------------------------------------
    def _follow_probe(self) -> None:
        """Set slider and combo to what is asked for, without asking again."""
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
        known = perturbations.at_hand(perturbation)
        if known is not None:
            self.perturbation.setToolTip(f"τ is the {known.measure}")

    def _taus(self) -> np.ndarray:
        if self.state.residual is not None:
            return np.asarray(self.state.residual.taus, np.float64)
        dataset = self.state.dataset
        return np.array(dataset.recommended.taus if dataset else (), np.float64)

    def _list_perturbations(self) -> None:
        """Fill the combo with what there is, without asking for another one."""
        with QSignalBlocker(self.perturbation):
            self.perturbation.clear()
            for name in perturbations.names():
                known = perturbations.at_hand(name)
                self.perturbation.addItem(known.label if known else name, name)

    def _list_models(self) -> None:
        """Fill the combo with the models that have an r, without asking for another order."""
        names = list(self.state.residual.curves) if self.state.residual else []
        with QSignalBlocker(self.model):
            self.model.clear()
            for name in names:
                self.model.addItem(self._label(name), name)
            self.model.setCurrentIndex(self.model.findData(ranked_by(self.state)))

    def _show_rank(self) -> None:
        """Say where the sample stands among the worst."""
        found = ranking(self.state)
        for widget in (self.model, self.worse, self.next):
            widget.setEnabled(found is not None)
        if found is None:
            self.rank.setText("")
            return
        self.worse.setEnabled(found.step(-1) is not None)
        self.next.setEnabled(found.step(1) is not None)
        count = len(found.order)
        place = f"{ordinal(found.place)} of {count:,}" if found.place else f"none of the {count:,}"
        self.rank.setText(f"{place} by r at τ {found.tau:g} for")
        self.rank.setToolTip(
            "Where this sample stands among the forget samples, the largest r first"
            if found.place
            else "The current sample is not in the forget set; Next goes to the worst of it"
        )

    # -- words ----------------------------------------------------------------------------
    def _what_next(self) -> str:
        current = self.state.selection.current
        if not self.state.models:
            return (
                "No models yet. Press Run; then every sample you click is shown here with its "
                "perturbed copies and what each model calls them."
            )
        if "neighborhood" in self.state.problems:
            return self.state.problems["neighborhood"]
        if current is None:
            return "Click a sample in Samples or Embedding to see its neighborhood."
        return f"The copies of {called(current, self.state.dataset)} are being made."

    def _heading(self, shown: Neighborhood, dataset: Dataset) -> str:
        current, residual = self.state.selection.current, self.state.residual
        if current != shown.sample:
            awaited, still = called(current, dataset), called(shown.sample, dataset)
            return html.escape(f"The copies of {awaited} are being made; below still {still}.")
        name = html.escape(dataset.classes[shown.label])
        title = html.escape(titled(shown.sample, dataset))
        kind = perturbation_label(shown.perturbation)
        copies = len(shown.copies)
        few = f"; only {copies} copies so far" if residual and copies < residual.draws else ""
        return (
            f"<b>{title}</b>, class {name}, {self._place(shown.sample, dataset)}; "
            f"{kind} at τ {shown.tau:g}{few}"
        )

    def _place(self, sample: int, dataset: Dataset) -> str:
        if dataset.is_test(sample):
            return "test set"
        if dataset.is_held_out(sample):
            return "held out for validation"
        forgotten = sample in (self.state.study.forget if self.state.study else ())
        return "forget set" if forgotten else "not in the forget set"

    # -- drawing --------------------------------------------------------------------------
    def _draw_table(self) -> None:
        shown, dataset = self.state.neighborhood, self.state.dataset
        if shown is None or dataset is None:
            return
        clean = _clean(dataset, shown)
        sizes = _distances(shown.copies, clean)
        order = np.argsort(sizes, kind="stable")
        copies, theme = shown.copies[order], theme_of(self.state.theme)
        changes, factor = None, 0.0
        if clean is not None and self.changes.isChecked():
            changes, factor = amplified(copies, clean)
        ratios = ratios_around(shown)
        rows = [self._row(name, shown, dataset, order, ratios) for name in shown.predictions]
        color = theme.class_color(shown.label)
        table = Table(clean, "original", color, copies, sizes[order], rows, changes, factor)
        self.matrix.set_table(table, theme)
        if not self._arranged:
            self._share_room()

    def _row(
        self,
        name: str,
        shown: Neighborhood,
        dataset: Dataset,
        order: np.ndarray,
        ratios: dict[str, Ratio],
    ) -> Row:
        said, counted = shown.predictions[name][order], f"{shown.counts[name]} of {len(order)}"
        label, one = self._label(name), ratios.get(name)
        return Row(
            label=label,
            color=theme_of(self.state.theme).model_style(name).color,
            said=[dataset.classes[int(k)] for k in said],
            correct=said == shown.label,
            confidence=shown.confidence[name][order],
            result=counted,
            detail=f"r {interval_words(one)}" if one else "",
            tip=f"{label} recognizes {counted} copies. {_ratio_tip(one)}",
        )

    def _draw_curve(self) -> None:
        """Draw this sample's r over tau, where there is a forget set to compare with."""
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
        own, theme = self._own(residual, shown, model), theme_of(self.state.theme)
        self.curve.show_own(own, self._label, theme)
        self._drawn = (shown.sample, model) if own.curves else None  # points are of one norm only

    def _own(self, residual: Residual, shown: Neighborhood, model: str) -> Own:
        curves = own_curves(residual, shown.sample)
        return Own(
            sample=shown.sample,
            perturbation=residual.perturbation,
            taus=residual.taus,
            samples=len(residual.samples),
            model=model,
            spread=self._spreads[model],
            curves=curves,
            around={} if curves else ratios_around(shown),
            tau=shown_tau(self.state),
        )

    def _share_room(self) -> None:
        """The copies take what all models need, the curve the rest, but at least its own height."""
        room = self.splitter.height() - self.splitter.handleWidth()
        copies = min(self.matrix.sizeHint().height(), max(room // 2, room - CURVE))
        self.splitter.setSizes([copies, room - copies])

    def _arrange(self) -> None:
        """A person decided what is shown, and how large."""
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
        """Show the copies at the grid's norm nearest to this one, of the curve's perturbation."""
        residual = self.state.residual
        if residual is not None:
            nearest = float(residual.taus[column_of(residual, tau)])
            self.do.set_probe(residual.perturbation, nearest)

    def _rank_by(self) -> None:
        self.do.rank_by(str(self.model.currentData()))

    def _step_up(self) -> None:
        self.do.step_worst(-1)

    def _step_down(self) -> None:
        self.do.step_worst(1)

    def _export(self) -> None:
        shown = self.state.neighborhood
        if shown is not None:
            asked = {"sample": shown.sample, "perturbation": shown.perturbation, "tau": shown.tau}
            self.do.export(self.name, {**asked, "changes": self.changes.isChecked()})

    def _export_curve(self) -> None:
        shown = self.state.neighborhood
        if shown is not None:
            asked = {"sample": shown.sample, "model": ranked_by(self.state)}
            self.do.export("sample-curve", {**asked, "log": self.curve.log.isChecked()})


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    last = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{'th' if place % 100 in (11, 12, 13) else last}"


def _clean(dataset: Dataset, shown: Neighborhood) -> np.ndarray | None:
    """The unperturbed sample in [0, 1], or None if it is not of this dataset."""
    if not 0 <= shown.sample < len(dataset):
        return None
    sample = dataset.pixels(shown.sample)
    return sample if sample.shape == shown.copies.shape[1:] else None


def _distances(copies: np.ndarray, clean: np.ndarray | None) -> np.ndarray:
    """(c,) L2 distance of each copy from the sample."""
    if clean is None:
        return np.zeros(len(copies))
    distances: np.ndarray = np.linalg.norm((copies - clean).reshape(len(copies), -1), axis=1)
    return distances


def _ratio_tip(one: Ratio | None) -> str:
    """What the sample's own r is made of: u over a, averaged over the Re-trains."""
    if one is None:
        return "r compares the other models with it."
    if not one.against:
        return "No Re-train recognizes any of them, so that r is undefined: it would divide by 0."
    return (
        f"r {short(float(one.r))}, 95 % interval {short(float(one.low))} to "
        f"{short(float(one.high))}: its count over Re-train's, mean over {one.against} Re-trains "
        "that recognize a copy. 1 = like Re-train."
    )
