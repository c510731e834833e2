"""The Slice view: decision regions of every model on a plane through the current sample."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from engine.datasets.base import Dataset
from engine.drawing.labels import perturbation_label
from engine.forget_sets.sample_names import sample_label, sample_title
from engine.perturbations import at_hand
from engine.results import DIRECTIONS, FINE, Slice
from explorer.plots.regions import DASH, Atlas, Region, RegionMaps, tinted
from explorer.state.app_state import AppState
from explorer.state.durations import clock
from explorer.theme import Theme, theme_of
from explorer.views.base import View, Wishes
from explorer.widgets import markup
from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.legend import Legend, LegendEntry
from explorer.widgets.panel import Panel, button, muted_label
from explorer.widgets.plain_text import literal

MOST = 2**31 - 1  # the largest number of a spin box
LOW = 320  # logical pixels: a lower view shows regions and classes only
NAMED_CLASSES = 12  # in the legend, largest regions first; the tooltip names the others


class SliceView(View):
    """One panel per model: the classes it predicts on a plane through the sample."""

    name = "slice"
    title = "Slice"
    help = (
        "The decision regions on a plane through the current sample. In the hatched region the "
        "true class is predicted; the more of the τ ball it fills beyond Re-train, the more an "
        "unlearned model still knows. Perturbation and τ are those chosen in Neighborhood."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.maps, self.legend, self.caption = RegionMaps(), Legend(), muted_label()
        self.low = False
        self.setFocusProxy(self.maps)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.legend)
        layout.addWidget(self.maps, 1)
        layout.addWidget(self.caption)
        self.panel = Panel(content, self)
        self._build_header()
        self.directions.activated.connect(self._choose_directions)
        self.towards.valueChanged.connect(self._choose)
        self.follow("slice", "problems", "selection", "dataset", "models", "study", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        self._follow_selection()
        shown, dataset = self.state.slice, self.state.dataset
        self.export_button.setEnabled(shown is not None)
        if shown is None or dataset is None or self.state.selection.current is None:
            self.heading.setText("")
            self.details.setText("")
            self.panel.show_empty(self._what_next())
            return
        self.panel.show_content()
        self._show_heading(shown, dataset)
        if changed & {"slice", "dataset", "models", "study", "theme"}:
            self._draw_regions(shown, dataset)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low view, leave the room to the regions: what the lines mean is in the tooltip."""
        super().resizeEvent(event)
        if self.low != (self.height() < LOW):
            self.low = not self.low
            self.caption.setVisible(not self.low)
            self.mark_stale("slice")

    def sight_changed(self) -> None:
        """Request the slice only while the view is visible."""
        if self.seen:
            self._choose()
        else:
            self.do.look_slice("")

    def view_state(self) -> dict[str, Any]:
        """The pair of directions, and the sample chosen to look towards."""
        return {"directions": self._chosen(), "towards": self.towards.value()}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore the pair of directions."""
        place, towards = self.directions.findData(stored.get("directions")), stored.get("towards")
        if type(towards) is int and 0 <= towards <= MOST:
            with QSignalBlocker(self.towards):
                self.towards.setMaximum(max(self.towards.maximum(), towards))
                self.towards.setValue(towards)
        if place >= 0:
            self.directions.setCurrentIndex(place)
            self._follow_selection()
            self.sight_changed()

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.directions = QComboBox()
        self.directions.setAccessibleName("Directions of the plane")
        self.directions.setToolTip(
            "Horizontal direction: random, an FGSM step against the first unlearned model, or "
            "towards the nearest sample of another class or a sample of your choice. The vertical "
            "direction is random."
        )
        for name, label in DIRECTIONS.items():
            self.directions.addItem(label, name)
        self.heading, self.details = QLabel(), ElidedLabel()
        markup.allow(self.heading)
        self.details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.towards = QSpinBox()
        self.towards.setAccessibleName("Number of the sample to look towards")
        self.towards.setPrefix("sample ")
        self.towards.setKeyboardTracking(False)
        self.selected = button(
            "Selected", "Look towards the selected sample; of several, the first", self._aim
        )
        for widget in (self.directions, self.towards, self.selected):
            self.panel.header.addWidget(widget)
        self.panel.header.addStretch(1)
        self.export_button = button(
            "Export…", "Save these regions as SVG, PDF or PNG, and as CSV", self._export
        )
        self.refine_button = button(
            "Refine", "Compute this slice at full resolution", self.do.refine_slice
        )
        self.refine_button.hide()
        self.panel.add_row(self.heading, self.details, self.refine_button, wide=1)
        self.panel.fold(self.export_button)

    # -- drawing --------------------------------------------------------------------------
    def _what_next(self) -> str:
        current = self.state.selection.current
        if not self.state.models:
            return (
                "No models yet. Press Run; then a plane through every sample you click is "
                "shown here with the regions in which each model predicts each class."
            )
        if current is None:
            return "Click a sample in Samples or Embedding to see a slice of its neighborhood."
        if "slice" in self.state.problems:
            return self.state.problems["slice"]
        words = sample_label(current, self.state.dataset)
        return f"Computing the slice through {words}. Its regions appear here."

    def _show_heading(self, shown: Slice, dataset: Dataset) -> None:
        current = self.state.selection.current
        if current != shown.sample:
            coming, still = sample_label(current, dataset), sample_label(shown.sample, dataset)
            self.heading.setText("")
            self.details.setText(f"Computing the slice through {coming}; below is that of {still}.")
            return
        size = len(shown.steps)
        source = sample_title(shown.sample, dataset).partition(" (")[2].removesuffix(")")
        words = (
            f"{perturbation_label(shown.perturbation)} at τ {shown.tau:g}",
            f"{size} × {size} points" if size < FINE else "",
            source,
        )
        name = html.escape(dataset.classes[shown.label])
        self.heading.setText(f"<b>Sample {shown.sample}</b>, {name}")
        self.details.setText(" · ".join(word for word in words if word))

    def _offer_refining(self, shown: Slice) -> None:
        """Offer the fine slice where only a coarse one is shown, with the time it will take."""
        size = len(shown.steps)
        self.refine_button.setVisible(size < FINE)
        seconds = shown.seconds * (FINE / max(1, size)) ** 2
        time = f"about {clock(seconds)}" if seconds >= 1 else "less than a second"
        self.refine_button.setToolTip(f"Compute this slice with {FINE} × {FINE} points, in {time}")

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
        areas = [
            LegendEntry(dataset.classes[k], tinted(colors[k], theme.base), area=True) for k in named
        ]
        marks = [] if self.low else _marks(shown, dataset, theme)
        self.legend.set_entries([*areas, *marks], theme.text)
        caption = self._caption(shown)
        self.caption.setText(caption)
        true = f"Hatched: the true class {dataset.classes[shown.label]}. Cross: the sample.\n"
        tip = literal(true + caption) if self.low else ""
        for label in (self.heading, self.details):
            label.setToolTip(tip)
        self._offer_refining(shown)

    def _region(self, name: str, share: float, shown: Slice, theme: Theme) -> Region:
        return Region(
            label=self._label(name),
            color=theme.model_style(name).color,
            predictions=shown.predictions[name],
            correct=shown.predictions[name] == shown.label,
            confidence=shown.confidence[name],
            result=f"{share:.0f} %",
        )

    def _caption(self, shown: Slice) -> str:
        other = sample_label(shown.other, self.state.dataset)
        right = {
            "attack": f"an FGSM step against {self._label(shown.against)}",
            "sample": f"{other}, {shown.distance:.3g} away",
            "chosen": f"{other}, {shown.distance:.3g} away",
        }.get(shown.directions, "random")
        return (
            f"→ {right} · ↑ random · {shown.steps[-1]:.3g} to each side (L2, pixel "
            f"range [0, 1]) · {_ball_words(shown)} with the true class"
        )

    # -- wishes ---------------------------------------------------------------------------
    def figures(self) -> dict[str, dict[str, Any]]:
        """The regions that are shown; their options follow from the state."""
        return {} if self.state.slice is None else {self.name: {}}

    def _chosen(self) -> str:
        return str(self.directions.currentData())

    def _choose(self) -> None:
        chosen = self._chosen()
        self.do.look_slice(chosen, self.towards.value() if chosen == "chosen" else -1)

    def _choose_directions(self) -> None:
        """Use this pair; the chosen sample starts as the selected one, never the current one."""
        self._follow_selection()
        current, others = self.state.selection.current, self._others()
        with QSignalBlocker(self.towards):
            if others:
                self.towards.setValue(others[0])
            elif self.towards.value() == current:
                self.towards.setValue(1 if current == 0 else 0)
        self._choose()

    def _others(self) -> list[int]:
        """The selected samples except the current one."""
        return sorted(self.state.selection.chosen - {self.state.selection.current})

    def _aim(self) -> None:
        others = self._others()
        if others:
            self.towards.setValue(others[0])

    def _follow_selection(self) -> None:
        """Show the choice of a sample for the pair 'chosen', within the dataset's range."""
        chosen, dataset = self._chosen() == "chosen", self.state.dataset
        self.towards.setVisible(chosen)
        self.selected.setVisible(chosen)
        self.selected.setEnabled(bool(self._others()))
        if dataset is not None:
            with QSignalBlocker(self.towards):
                self.towards.setMaximum(len(dataset) - 1)


def _by_size(predictions: Iterable[np.ndarray]) -> list[int]:
    """The classes predicted anywhere, most frequent first."""
    counts = np.bincount(np.concatenate([classes.ravel() for classes in predictions]))
    return [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]


def _marks(shown: Slice, dataset: Dataset, theme: Theme) -> list[LegendEntry]:
    """The legend entries of lines and symbols."""
    true = dataset.classes[shown.label]
    marks = [
        LegendEntry(f"true class {true} (hatched)", theme.text, dash=()),
        LegendEntry("the sample", theme.text, "+"),
    ]
    if len(shown.ball):
        marks.insert(1, LegendEntry("τ ball", theme.text, dash=DASH))
    if shown.other >= 0:
        marks.append(LegendEntry(sample_label(shown.other, dataset), theme.text, "d"))
    return marks


def _ball_words(shown: Slice) -> str:
    """What the outline of the ball means, and what the percentages are shares of."""
    if not len(shown.ball):
        return "%: share of the plane"
    registered = at_hand(shown.perturbation)
    words = (
        registered.outline.words
        if registered and registered.outline
        else "outline: the ball on this plane"
    )
    return f"{words} · %: share inside"
