"""A slice of decision regions through the current sample, every model's side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from engine.datasets.base import Dataset
from engine.labels import DIRECTIONS, model_label, perturbation_label
from engine.results import FINE, Slice
from explorer.plots.legend import Entry, Legend
from explorer.plots.panel import Panel, muted
from explorer.plots.regions import DASH, Atlas, Region, RegionMaps, tinted
from explorer.state import AppState
from explorer.theme import Theme, theme_of
from explorer.views.base import View, Wishes

NAMED_CLASSES = 12  # in the legend, the largest regions first; the others are told by the cursor


class SliceView(View):
    """One panel a model: what it calls the points of a plane through the sample."""

    name = "slice"
    title = "Slice"
    help = (
        "The decision regions on a plane through the current sample. The hatched region is called "
        "by the true class; the more of the τ ball it fills beyond Re-train, the more an unlearned "
        "model still knows. Perturbation and τ are those chosen in Neighborhood."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.maps, self.legend, self.caption = RegionMaps(), Legend(), muted()
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.legend)
        layout.addWidget(self.maps, 1)
        layout.addWidget(self.caption)
        self._panel = Panel(content, self)
        self._build_header()
        self.directions.activated.connect(self._choose)
        self.follow("slice", "slice_problem", "selection", "dataset", "models", "study", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        shown, dataset = self.state.slice, self.state.dataset
        if shown is None or dataset is None or self.state.selection.current is None:
            self.heading.setText("")
            self._panel.show_empty(self._what_next())
            return
        self._panel.show_content()
        self.heading.setText(self._heading(shown, dataset))
        if changed & {"slice", "dataset", "models", "study", "theme"}:
            self._draw_regions(shown, dataset)

    def sight_changed(self) -> None:
        """Have the slice kept up to date only while it can be seen."""
        self.do.look_slice(self._chosen() if self.seen else "")

    def view_state(self) -> dict[str, Any]:
        """The pair of directions."""
        return {"directions": self._chosen()}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take the pair of directions back."""
        place = self.directions.findData(kept.get("directions"))
        if place >= 0:
            self.directions.setCurrentIndex(place)
            self.sight_changed()

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.directions = QComboBox()
        self.directions.setAccessibleName("Directions of the plane")
        self.directions.setToolTip(
            "What leads to the right: chance, an FGSM step against the first unlearned model, or "
            "the nearest sample of another class. What leads up is always random."
        )
        for name, label in DIRECTIONS.items():
            self.directions.addItem(label, name)
        self.heading = QLabel()
        self.heading.setWordWrap(True)
        self._panel.header.addWidget(self.directions)
        self._panel.header.addWidget(self.heading, 1)

    # -- drawing --------------------------------------------------------------------------
    def _what_next(self) -> str:
        current = self.state.selection.current
        if not self.state.models:
            return (
                "No models yet. Press Run; then a plane through every sample you click is shown "
                "here with the regions in which each model calls it by which class."
            )
        if current is None:
            return "Click a sample in Samples or Embedding to cut through its neighborhood."
        if self.state.slice_problem:
            return self.state.slice_problem
        return f"The plane through sample {current} is being cut. Its regions appear here."

    def _heading(self, shown: Slice, dataset: Dataset) -> str:
        current = self.state.selection.current
        if current != shown.sample:
            return f"Sample {current} is being cut; below still sample {shown.sample}."
        kind, size = perturbation_label(shown.perturbation), len(shown.steps)
        coarse = f"; only {size} × {size} points so far" if size < FINE else ""
        return (
            f"<b>Sample {shown.sample}</b>, class {dataset.classes[shown.label]}; {kind} at "
            f"τ {shown.tau:g}{coarse}"
        )

    def _draw_regions(self, shown: Slice, dataset: Dataset) -> None:
        theme = theme_of(self.state.theme)
        present = _by_size(shown.predictions.values())
        colors = {number: theme.class_color(number) for number in present}
        panels = [
            self._region(name, share, shown, theme) for name, share in shown.recognized().items()
        ]
        other = shown.distance if shown.other >= 0 else None
        atlas = Atlas(shown.steps, shown.ball, dataset.classes, colors, other, panels)
        self.maps.set_atlas(atlas, theme)
        named = sorted(present[:NAMED_CLASSES])
        areas = [Entry(dataset.classes[k], tinted(colors[k], theme.base), area=True) for k in named]
        self.legend.set_entries([*areas, *_marks(shown, dataset, theme)], theme.text)
        self.caption.setText(self._caption(shown))

    def _region(self, name: str, share: float, shown: Slice, theme: Theme) -> Region:
        return Region(
            label=self._label(name),
            color=theme.model_style(name).color,
            said=shown.predictions[name],
            correct=shown.predictions[name] == shown.label,
            confidence=shown.confidence[name],
            result=f"{share:.0f} %",
        )

    def _caption(self, shown: Slice) -> str:
        right = {
            "attack": f"an FGSM step against {self._label(shown.against)}",
            "sample": f"sample {shown.other}, {shown.distance:.3g} away",
        }.get(shown.directions, "random")
        return (
            f"→ {right} · ↑ random · {shown.steps[-1]:.3g} to each side (L2, pixel "
            f"range [0, 1]) · {_ball_words(shown)} · %: share of it with the true class"
        )

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name not in labels and name in self.state.models:
            return self.state.models[name].label
        return model_label(name, labels)

    # -- wishes ---------------------------------------------------------------------------
    def _chosen(self) -> str:
        return str(self.directions.currentData())

    def _choose(self) -> None:
        self.do.look_slice(self._chosen())


def _by_size(predictions: Iterable[np.ndarray]) -> list[int]:
    """The classes that are predicted anywhere, the most frequent first."""
    counts = np.bincount(np.concatenate([found.ravel() for found in predictions]))
    return [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]


def _marks(shown: Slice, dataset: Dataset, theme: Theme) -> list[Entry]:
    """The legend of lines and symbols."""
    true = dataset.classes[shown.label]
    marks = [
        Entry(f"true class {true} (hatched)", theme.text, dash=()),
        Entry("τ ball", theme.text, dash=DASH),
        Entry("the sample", theme.text, "+"),
    ]
    if shown.other >= 0:
        marks.append(Entry(f"sample {shown.other}", theme.text, "d"))
    return marks


def _ball_words(shown: Slice) -> str:
    """What the outline of the ball is."""
    if shown.perturbation == "gaussian":
        return "circle: usual length of the noise, τ√d"
    if shown.perturbation == "l2":
        return "circle: the L2 ball of radius τ"
    return "outline: the L-infinity ball on this plane"
