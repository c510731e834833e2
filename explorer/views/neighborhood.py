"""The current sample under the lens: perturbed copies and what every model says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QSlider, QWidget

from engine.datasets.base import Dataset
from engine.labels import PERTURBATIONS, model_label, perturbation_label
from engine.results import Neighborhood
from explorer.plots.matrix import CopyMatrix, Row, Table
from explorer.plots.panel import Panel, button
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes


class NeighborhoodView(View):
    """Copies in columns, models in rows, counts and r_tau of this sample at the end."""

    name = "neighborhood"
    title = "Neighborhood"
    help = (
        "The current sample, perturbed. A check means a model still recognizes the copy. The more "
        "checks an unlearned model has beyond Re-train, the more it still knows."
    )
    keys = (("Left, Right", "Scroll to further copies"),)

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.matrix = CopyMatrix()
        self._panel = Panel(self.matrix, self)
        self._build_header()
        self.perturbation.activated.connect(self._probe)
        self.slider.valueChanged.connect(self._probe)
        self.follow(
            "neighborhood", "selection", "probe", "residual", "dataset", "models", "study", "theme"
        )

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed & {"probe", "residual", "dataset", "neighborhood"}:
            self._follow_probe()
        shown, dataset = self.state.neighborhood, self.state.dataset
        self.export_button.setEnabled(shown is not None)
        if shown is None or dataset is None or self.state.selection.current is None:
            self.heading.setText("")
            self._panel.show_empty(self._what_next())
            return
        self._panel.show_content()
        self.heading.setText(self._heading(shown, dataset))
        if changed & {"neighborhood", "dataset", "models", "study", "theme"}:
            self._draw_table(shown, dataset)

    def view_state(self) -> dict[str, Any]:
        """Nothing: the probe is part of the state."""
        return {}

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.perturbation = QComboBox()
        self.perturbation.setAccessibleName("Perturbation")
        for name in PERTURBATIONS:
            self.perturbation.addItem(perturbation_label(name), name)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Perturbation norm tau")
        self.slider.setMinimumWidth(90)
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setToolTip("How far the copies are from the sample: the study's values of τ")
        self.tau = QLabel()
        self.tau.setMinimumWidth(self.fontMetrics().horizontalAdvance("τ 0.00000"))
        self.heading = QLabel()
        self.heading.setWordWrap(True)
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self._panel.header.addWidget(self.perturbation)
        self._panel.header.addWidget(self.slider, 1)
        self._panel.header.addWidget(self.tau)
        self._panel.header.addWidget(self.export_button)
        self._panel.add_row(self.heading)

    # -- drawing --------------------------------------------------------------------------
    def _follow_probe(self) -> None:
        """Set slider and combo to what is asked for, without asking again."""
        taus = self._taus()
        perturbation, tau = self.state.probe
        shown = self.state.neighborhood
        if tau < 0:
            tau = shown.tau if shown else float(taus[len(taus) // 2]) if len(taus) else 0.0
        perturbation = perturbation or (
            shown.perturbation if shown else self.state.form.perturbation
        )
        with QSignalBlocker(self.slider), QSignalBlocker(self.perturbation):
            self.slider.setRange(0, max(0, len(taus) - 1))
            if len(taus):
                self.slider.setValue(int(np.argmin(np.abs(taus - tau))))
            self.perturbation.setCurrentIndex(self.perturbation.findData(perturbation))
        self.slider.setEnabled(len(taus) > 1)
        self.tau.setText(f"τ {tau:g}")
        if perturbation in PERTURBATIONS:
            self.perturbation.setToolTip(f"τ is the {PERTURBATIONS[perturbation].measure}")

    def _taus(self) -> np.ndarray:
        if self.state.residual is not None:
            return np.asarray(self.state.residual.taus, np.float64)
        dataset = self.state.dataset
        return np.array(dataset.recommended.taus if dataset else (), np.float64)

    def _what_next(self) -> str:
        current = self.state.selection.current
        if not self.state.models:
            return (
                "No models yet. Press Run; then every sample you click is shown here with its "
                "perturbed copies and what each model calls them."
            )
        if current is None:
            return "Click a sample in Samples or Embedding to see its neighborhood."
        return f"The copies of sample {current} are being made."

    def _heading(self, shown: Neighborhood, dataset: Dataset) -> str:
        current = self.state.selection.current
        if current != shown.sample:
            return (
                f"The copies of sample {current} are being made; below still sample {shown.sample}."
            )
        forgotten = shown.sample in (self.state.study.forget if self.state.study else ())
        place = "forget set" if forgotten else "not in the forget set"
        name = dataset.classes[shown.label]
        kind = perturbation_label(shown.perturbation)
        return f"<b>Sample {shown.sample}</b>, class {name}, {place}; {kind} at τ {shown.tau:g}"

    def _draw_table(self, shown: Neighborhood, dataset: Dataset) -> None:
        theme = theme_of(self.state.theme)
        clean = _clean(dataset, shown)
        sizes = _distances(shown.copies, clean)
        order = np.argsort(sizes, kind="stable")
        rows = [self._row(name, shown, dataset, order) for name in shown.predictions]
        color = theme.class_color(shown.label)
        table = Table(clean, "original", color, shown.copies[order], sizes[order], rows)
        self.matrix.set_table(table, theme)

    def _row(self, name: str, shown: Neighborhood, dataset: Dataset, order: np.ndarray) -> Row:
        said = shown.predictions[name][order]
        return Row(
            label=self._label(name),
            color=theme_of(self.state.theme).model_style(name).color,
            said=[dataset.classes[int(k)] for k in said],
            correct=said == shown.label,
            confidence=shown.confidence[name][order],
            result=f"{shown.counts[name]} of {len(shown.copies)}",
            detail=_ratio_words(name, shown),
        )

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name not in labels and name in self.state.models:
            return self.state.models[name].label
        return model_label(name, labels)

    # -- wishes ---------------------------------------------------------------------------
    def _probe(self) -> None:
        taus = self._taus()
        if len(taus):
            tau = float(taus[min(self.slider.value(), len(taus) - 1)])
            self.tau.setText(f"τ {tau:g}")
            self.do.set_probe(str(self.perturbation.currentData()), tau)

    def _export(self) -> None:
        self.do.export("neighborhood")


def _clean(dataset: Dataset, shown: Neighborhood) -> np.ndarray | None:
    """The unperturbed sample in [0, 1], or None if it is not of this dataset."""
    if not 0 <= shown.sample < len(dataset.train_y):
        return None
    sample = dataset.train_x[shown.sample]
    if sample.shape != shown.copies.shape[1:]:
        return None
    scale = 255 if sample.dtype == np.uint8 else 1
    return np.asarray(sample.astype(np.float32) / scale)


def _distances(copies: np.ndarray, clean: np.ndarray | None) -> np.ndarray:
    """(c,) L2 distance of each copy from the sample."""
    if clean is None:
        return np.zeros(len(copies))
    distances: np.ndarray = np.linalg.norm((copies - clean).reshape(len(copies), -1), axis=1)
    return distances


def _ratio_words(name: str, shown: Neighborhood) -> str:
    """The sample's own r_tau: u over a, averaged over the Re-trains that recognize it."""
    if name.startswith("retrain"):
        return ""
    a = np.array([count for other, count in shown.counts.items() if other.startswith("retrain")])
    if not (a > 0).any():
        return "r undefined"
    return f"r {float(np.mean(shown.counts[name] / a[a > 0])):.2f}"
