"""UMAP of a model's features: classes by color, forget and perturbed points by shape too."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSignalBlocker, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolTip, QVBoxLayout, QWidget

from engine.datasets.base import Dataset
from engine.geometry import in_polygon
from engine.labels import model_label
from engine.results import FORGET, PERTURBED, RETAIN, Embedding
from explorer.plots.lasso import LassoViewBox
from explorer.plots.legend import Entry, Legend
from explorer.plots.panel import Panel, button
from explorer.plots.pictures import html_picture
from explorer.plots.plot import Plot
from explorer.plots.points import CIRCLE, DIAMOND, DOUBLE_RING, RING, TRIANGLE, PointsItem
from explorer.state import ADD, REMOVE, REPLACE, AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

SHAPES = {RETAIN: CIRCLE, PERTURBED: TRIANGLE, FORGET: DIAMOND}
KINDS = (
    (RETAIN, "retain", "o"),
    (FORGET, "forget", "d"),
    (PERTURBED, "perturbed copy", "t1"),
)
MOST_CLASSES = 20  # beyond, a legend of classes would fill the view
PREVIEW = 72  # logical pixels of the picture in a tooltip


class EmbeddingView(View):
    """The scatter: click and lasso select, the wheel zooms, drag pans."""

    name = "embedding"
    title = "Embedding"
    help = (
        "UMAP of penultimate features. Click a point to look at its sample, draw around points "
        "with Shift or the lasso to select them, turn the wheel to zoom."
    )
    keys = (
        ("Shift+drag", "Select the points inside what you draw"),
        ("Ctrl+Shift+drag", "Add them to the selection"),
        ("Alt+Shift+drag", "Take them out of the selection"),
        ("Ctrl+Alt+Shift+drag", "Keep those of the selection that are inside"),
        ("Ctrl+click", "Put the sample into the selection, or take it out"),
        ("Alt+click", "Take the sample out of the selection"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.box = LassoViewBox()
        self.plot = Plot(self.box)
        self.plot.setAccessibleName("Embedding of features")
        self.points = PointsItem()
        self.plot.addItem(self.points)
        self.legend = Legend()
        self._hovered: int | None = None
        self._panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("embedding", "selection", "dataset", "models", "study", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        shown = self.state.embedding
        if changed & {"models", "study", "embedding"}:
            self._fill_models()
        self.export_button.setEnabled(shown is not None)
        if "theme" in changed:
            self._take_theme()
        if shown is None:
            self.heading.setText("")
            self._panel.show_empty(self._what_next())
            return
        self._panel.show_content()
        if "embedding" in changed:
            self._take(shown)
        if changed & {"embedding", "dataset", "theme"}:
            self._take_colors(shown)
        if changed & {"embedding", "selection", "theme"}:
            self._take_rings(shown)

    def view_state(self) -> dict[str, Any]:
        """Whether the lasso is on."""
        return {"lasso": self.lasso_button.isChecked()}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take the lasso back."""
        self.lasso_button.setChecked(kept.get("lasso") is True)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        for side, text in (("bottom", "UMAP 1 (no unit)"), ("left", "UMAP 2 (no unit)")):
            axis = self.plot.getAxis(side)
            axis.setStyle(showValues=False, tickLength=0)  # UMAP's numbers mean nothing
            axis.setLabel(text)
        return content

    def _build_header(self) -> None:
        self.model = QComboBox()
        self.model.setAccessibleName("Model whose features are shown")
        self.model.setToolTip("Whose features are shown")
        self.embed_button = button(
            "Embed", "Compute the embedding of this model's features", self._embed
        )
        self.lasso_button = QPushButton("Lasso")
        self.lasso_button.setCheckable(True)
        self.lasso_button.setToolTip(
            "Draw around points to select them (also Shift-drag). Ctrl adds, Alt removes."
        )
        self.reset_button = button("Reset view", "Show all points (double click)", self.reset)
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.heading = QLabel()
        header = self._panel.header
        header.addWidget(self.model)
        header.addWidget(self.embed_button)
        header.addStretch(1)
        for part in (self.lasso_button, self.reset_button, self.export_button):
            header.addWidget(part)
        self._panel.add_row(self.heading)

    def _connect(self) -> None:
        self.model.activated.connect(self._embed)
        self.lasso_button.toggled.connect(self._set_lasso)
        self.box.lassoed.connect(self._lassoed)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.scene().sigMouseMoved.connect(self._hover)

    # -- drawing --------------------------------------------------------------------------
    def _take(self, shown: Embedding) -> None:
        self._hovered = None
        shapes = np.full(len(shown.kind), CIRCLE)
        for kind, shape in SHAPES.items():
            shapes[shown.kind == kind] = shape
        self.points.set_points(shown.xy, shown.label, shapes)
        counts = [int((shown.kind == kind).sum()) for kind in (RETAIN, FORGET, PERTURBED)]
        self.heading.setText(
            f"Features of {self._label(shown.model)}: {counts[0]:,} retain, {counts[1]:,} forget, "
            f"{counts[2]:,} perturbed"
        )
        self.reset()

    def _take_colors(self, shown: Embedding) -> None:
        theme = theme_of(self.state.theme)
        classes = self._classes(shown)
        self.points.set_colors([theme.class_color(i) for i in range(len(classes))], theme.text)
        entries = [
            Entry(label, theme.base, symbol, outline=theme.text) for _, label, symbol in KINDS
        ]
        if len(classes) <= MOST_CLASSES:
            entries += [Entry(name, theme.class_color(i), "s") for i, name in enumerate(classes)]
        self.legend.set_entries(entries, theme.text)

    def _take_rings(self, shown: Embedding) -> None:
        theme, selection = theme_of(self.state.theme), self.state.selection
        chosen = np.isin(shown.sample, np.fromiter(selection.chosen, np.int64))
        current = shown.sample == (-1 if selection.current is None else selection.current)
        self.points.set_rings(
            [
                (np.flatnonzero(chosen), RING, theme.accent),
                (np.flatnonzero(current), DOUBLE_RING, theme.text),
            ]
        )

    def _take_theme(self) -> None:
        theme = theme_of(self.state.theme)
        self.plot.setBackground(theme.base)
        self.box.set_color(theme.accent)
        for side in ("bottom", "left"):
            self.plot.getAxis(side).setPen(pg.mkPen(theme.border))
            self.plot.getAxis(side).setTextPen(pg.mkPen(theme.muted))

    def _fill_models(self) -> None:
        shown = self.state.embedding
        wanted = shown.model if shown else self.model.currentData() or "original"
        with QSignalBlocker(self.model):
            self.model.clear()
            for name in self.state.models:
                self.model.addItem(self._label(name), name)
            self.model.setCurrentIndex(max(0, self.model.findData(wanted)))
        self.model.setEnabled(bool(self.state.models))
        self.embed_button.setEnabled(bool(self.state.models))
        self.embed_button.setVisible(shown is None)

    def _what_next(self) -> str:
        if not self.state.models:
            return "No features yet. Press Run; then the models' features are shown here as a map."
        return "Choose a model and press Embed to see its features as a map."

    def _classes(self, shown: Embedding) -> Sequence[str]:
        dataset = self.state.dataset
        if dataset is not None:
            return dataset.classes
        return [str(i) for i in range(int(shown.label.max(initial=0)) + 1)]

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name not in labels and name in self.state.models:
            return self.state.models[name].label
        return model_label(name, labels)

    def reset(self) -> None:
        """Show all points."""
        self.plot.enableAutoRange()

    # -- wishes ---------------------------------------------------------------------------
    def _embed(self) -> None:
        if self.model.currentData():
            self.do.embed(str(self.model.currentData()))

    def _set_lasso(self, on: bool) -> None:
        self.box.lasso_tool = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self.plot.setCursor(shape)

    def _lassoed(self, polygon: np.ndarray, mode: str) -> None:
        shown = self.state.embedding
        if shown is not None:
            inside = in_polygon(shown.xy, polygon)
            self.do.select(np.unique(shown.sample[inside]).tolist(), mode)

    def _click(self, event: Any) -> None:
        if event.double():
            self.reset()
            return
        row = self._row_at(event.scenePos())
        shown = self.state.embedding
        if event.button() != Qt.MouseButton.LeftButton or row is None or shown is None:
            return
        sample = int(shown.sample[row])
        self.do.set_current(sample)
        self.do.select([sample], self._click_mode(event.modifiers(), sample))

    def _click_mode(self, modifiers: Qt.KeyboardModifier, sample: int) -> str:
        if modifiers & Qt.KeyboardModifier.AltModifier:
            return REMOVE
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return REMOVE if sample in self.state.selection.chosen else ADD
        return ADD if modifiers & Qt.KeyboardModifier.ShiftModifier else REPLACE

    def _hover(self, at: QPointF) -> None:
        row = self._row_at(at)
        if row == self._hovered:
            return
        self._hovered = row
        dataset, shown = self.state.dataset, self.state.embedding
        if row is None or dataset is None or shown is None:
            QToolTip.hideText()
            return
        QToolTip.showText(QCursor.pos(), self._describe(row, shown, dataset), self.plot)

    def _describe(self, row: int, shown: Embedding, dataset: Dataset) -> str:
        sample, label = int(shown.sample[row]), int(shown.label[row])
        kind = next(text for kind, text, _ in KINDS if kind == shown.kind[row])
        theme = theme_of(self.state.theme)
        known = 0 <= sample < len(dataset.train_y)
        image = (
            html_picture(dataset.train_x[sample], PREVIEW, theme.class_color(label), theme.base)
            if known
            else ""
        )
        name = html.escape(self._classes(shown)[label])
        return f"{image}<br><b>Sample {sample}</b> · class {name}<br>{kind}"

    def _row_at(self, at: QPointF) -> int | None:
        if self._panel.is_empty or not self.box.sceneBoundingRect().contains(at):
            return None
        return self.points.nearest(self.box.mapSceneToView(at))

    def _export(self) -> None:
        self.do.export("embedding")
