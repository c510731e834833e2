"""The Samples view: thumbnails to find, inspect and select samples to forget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from engine.analysis.sample_table import SampleTable
from engine.datasets.base import Dataset
from explorer.state.app_state import AppState
from explorer.state.ranking import ranked_by
from explorer.theme import theme_of
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import ThumbnailModel, mask_of
from explorer.views.base import View, Wishes
from explorer.views.samples import captions
from explorer.views.samples.context_menu import SampleMenu
from explorer.views.samples.controls import SampleControls
from explorer.views.samples.grid_size import GridSize
from explorer.views.samples.mouse_and_keys import GridInput
from explorer.views.samples.query import Query
from explorer.views.samples.shown_column import ShownColumn
from explorer.views.samples.smallest_tau import SEARCHED, TauSearch
from explorer.views.samples.sort_keys import RATIO_AT, SampleFacts, note_on
from explorer.views.samples.status_row import USUAL, checked_side
from explorer.views.samples.subsets import ALL, CHOSEN, TRAINING, size_of
from explorer.views.samples.tooltip import describe, marks_of
from explorer.widgets.panel import Panel

KEYS = (
    ("Arrows, Page, Home, End", "Go to another sample; with Shift, select on the way"),
    ("Space", "Select or deselect the current sample"),
    ("Enter", "Select the current sample alone"),
    ("0 to 9", "Go to a sample by its index: 17, or several: 3, 17, 40-50"),
    ("Ctrl+wheel", "Make the pictures larger or smaller"),
    ("F", "Make the selection the forget set"),
    ("Shift+F", "Add the selection to the forget set"),
    ("Ctrl+A", "Select every sample shown"),
    ("Esc", "Clear the selection"),
    ("Ctrl+click", "Select or deselect a sample"),
    ("Shift+click", "Select all samples from the last one to this; with Ctrl, add them"),
    ("Ctrl+drag, Alt+drag", "Add an area to the selection, or remove it"),
    ("Right click, Menu", "Actions on the sample and the selection"),
)


class SamplesView(View):
    """Thumbnails of all samples with filters, order, selection and the forget badge."""

    name = "samples"
    title = "Samples"
    of_study = False
    help = (
        "Click a sample to show it, Ctrl-click or Shift-click to select more, drag to select an "
        "area. 'Forget only these' (or F) makes the selection the forget set, 'Add' adds to it. "
        "Sort by loss, confidence, r, verdict or smallest τ to see remarkable samples first; "
        "filter by any model's predictions. Test samples (badge T) can be viewed, not forgotten."
    )
    keys = KEYS

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self.facts: SampleFacts | None = None  # None before there is a dataset
        self._taus = TauSearch(state, do)
        self._wrong_index = ""  # the error in the typed index
        self._by_ratio = False  # whether samples come in order of r once it is measured
        self.model = ThumbnailModel(self.describe, self, USUAL)
        self._tau = ShownColumn(state)
        self.grid = ThumbnailGrid(self.model)
        self.setFocusProxy(self.grid)
        self.grid.setAccessibleName("Samples")
        self._input = GridInput(self.grid, self.model, self.do)
        self.menu = SampleMenu(self._input, self.model, self.do, self)
        self.panel = Panel(self.grid, self)
        self.controls = SampleControls(self.panel, self._input, self._export)
        self.scope, self.filters = self.controls.scope, self.controls.filters
        self.order, self.go_to = self.controls.order, self.controls.go_to
        self.counts, self.note = self.controls.status.counts, self.controls.note
        self.buttons = self.controls.buttons
        self.thumbnail_size = GridSize(self.grid, self.model, self.controls.status)
        self._query = Query(self.scope, self.filters, self.order)
        self._connect()
        self.follow(
            "dataset", "selection", "forget", "theme", "models", "residual", "study", SEARCHED,
            "problems", "progress", "probe", "neighborhood", "ranked_by",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed <= {"progress", "problems"}:
            self._say()
            return
        if "theme" in changed:
            self.buttons.set_theme(theme_of(self.state.theme))
            self.grid.artist.set_theme(theme_of(self.state.theme))
        dataset = self.state.dataset
        self.go_to.setEnabled(dataset is not None)
        self.controls.export_button.setEnabled(dataset is not None)
        if dataset is None:
            self._lose()
            return
        if dataset is not self.model.dataset:
            self._take(dataset)
            changed = changed | {"selection", "forget", "models", "residual", SEARCHED}
        changed = self._tau.with_change(changed)
        self._update_masks(dataset)
        self._refilter(self._learn(changed))
        if "selection" in changed:
            self._reveal_current()
        self.grid.viewport().update()

    def sight_changed(self) -> None:
        """Request the smallest tau only while the view is visible."""
        self._search()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low dock, show one row that fills the height."""
        super().resizeEvent(event)
        self.thumbnail_size.follow_height(self.height())

    def view_state(self) -> dict[str, Any]:
        """The filters, the order, and the size of the pictures."""
        return {
            "side": self.thumbnail_size.side,
            "names": self.controls.names.isChecked(),
            **self.scope.choices(offered=self.facts is not None),
            "filters": [str(one) for one in self.filters.conditions],
            **self.order.choices(),
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore filters and order."""
        self._by_ratio = False
        self.scope.restore(stored)
        self.filters.restore(stored.get("filters"))
        self.order.restore(stored)
        self._suggest_order()
        self._refilter({"filter"})
        self.controls.names.setChecked(stored.get("names") is True)
        self.thumbnail_size.set_side(checked_side(stored.get("side")))

    def _connect(self) -> None:
        self.scope.changed.connect(self._filter_changed)
        self.order.changed.connect(self._order_changed)
        self.filters.changed.connect(self._filter_changed)
        self.go_to.called.connect(self._go)
        self.go_to.refused.connect(self._refuse)
        self.grid.asked.connect(self._open_menu)
        self._input.digit.connect(self._begin_index)
        self.thumbnail_size.strip_changed.connect(self._strip_changed)
        self.controls.names.toggled.connect(self.model.set_names)

    def _strip_changed(self) -> None:
        self.controls.show_strip(self.model.strip)
        self._suggest_order()
        self._offer_order()
        self._refilter({"filter"})

    def _suggest_order(self) -> None:
        """In a strip, what carries the finding comes first, unless the user chose an order.

        A strip that is enlarged keeps the order, also for the next study, once it is measured.
        """
        self._by_ratio = self._by_ratio or self.model.strip or self.order.key == RATIO_AT
        measured = self._by_ratio and self.state.residual is not None
        self.order.suggest(ranked_by(self.state) if measured else "")

    # -- dataset and models ---------------------------------------------------------------
    def _lose(self) -> None:
        self.facts = None
        self.model.dataset = None
        self.buttons.count(0, 0, 0)
        self.panel.show_empty(captions.LOADING)
        self.counts.setText("")
        self.note.hide()

    def _take(self, dataset: Dataset) -> None:
        """Show another dataset, from its beginning; the same one drawn anew stays where it is."""
        before = self.model.dataset
        if before is None or before.spec.fingerprint != dataset.spec.fingerprint:
            self.grid.to_start()
        self._input.forget_range()
        self.grid.artist.forget_pictures()
        self.model.set_dataset(dataset)
        evidence = SampleTable(dataset.labels, len(dataset.train_y))
        nothing = np.zeros(len(dataset), bool)
        self.facts = SampleFacts(evidence, nothing, dataset.classes, dataset.validation)
        self.scope.offer(dataset)
        self.go_to.follow(dataset)

    def _update_masks(self, dataset: Dataset) -> None:
        n = len(dataset)
        self.model.chosen = mask_of(self.state.selection.chosen, n)
        self.model.forget = mask_of(self.state.forget, n)
        self.model.current = self.state.selection.current
        if self.facts is not None:
            forget, evidence = self.model.forget, self.facts.evidence
            self.facts = SampleFacts(
                evidence, forget, dataset.classes, dataset.validation, self._tau.column
            )

    def _learn(self, changed: set[str]) -> set[str]:
        """Update the evidence; gives the changes, with 'filter' if another order results."""
        if self.facts is None or not changed & {"models", "residual", "ranked_by", SEARCHED}:
            return changed
        before, evidence = self.order.choices(), self.facts.evidence
        evidence.learn_models(self.state.models)
        evidence.learn_residual(self.state.residual)
        if self.state.recognition is not None:
            evidence.learn_recognition(self.state.recognition)
        self._suggest_order()
        self._offer_order()
        labels = {name: model.label for name, model in self.state.models.items()}
        self.filters.offer(evidence, labels, self.facts.classes)
        return changed if before == self.order.choices() else changed | {"filter"}

    def _offer_order(self) -> None:
        if self.facts is not None:
            labels = {name: model.label for name, model in self.state.models.items()}
            self.order.offer(self.facts.evidence, labels)

    def _search(self) -> None:
        """Request the smallest tau if it is sorted or filtered by and unknown."""
        if self.facts is not None:
            order, conditions = self.order, self.filters.conditions
            self._taus.want(order.key, order.model, conditions, self.facts.evidence, self.seen)

    # -- which samples are shown, and in which order --------------------------------------
    def _refilter(self, changed: set[str]) -> None:
        depends = self._query.depends() | {"filter", "study", "ranked_by"}
        if self.facts is not None and depends & changed:
            shown, caption, self.model.accents = self._query.answer(self.facts, self.model)
            if np.array_equal(shown, self.model.shown) and bool(caption) == bool(
                self.model.caption
            ):
                self.model.caption = caption
            else:
                self.model.set_shown(shown, caption)
                self.thumbnail_size.fit()
        self._search()
        self._show_or_say_why()
        self._update_counts()
        self._say()

    def _trained(self) -> int:
        return self.facts.evidence.trained if self.facts is not None else 0

    # -- drawing --------------------------------------------------------------------------
    def _show_or_say_why(self) -> None:
        """Show the grid, or why the filters leave it empty."""
        unknown = self.filters.unknown()
        if unknown is not None:
            self.panel.show_empty(self.filters.why_unknown(unknown))
        elif not len(self.model.shown) and self.filters.conditions:
            self.panel.show_empty(captions.NOTHING)
        else:
            self.panel.show_content()

    def _update_counts(self) -> None:
        chosen, forget, n = self.model.chosen, self.model.forget, self._trained()
        total = size_of(self.scope.name, len(chosen), n)
        self.counts.setText(captions.counts(len(self.model.shown), total, forget, chosen))
        learned = captions.learned(chosen, self.model.dataset, n)
        self.buttons.count(int(learned.sum()), int((learned & forget).sum()), int(forget.sum()))
        residual = self.state.residual
        tau = f"{residual.taus[self._tau.column]:g}" if residual is not None else ""
        label = self.order.model_box.currentText()
        self.controls.order_words.setText(self.order.words(label, tau))

    def _say(self) -> None:
        """Show index errors, running searches, and samples that cannot be forgotten."""
        ranked = note_on(self.order.key, self.facts)
        never = captions.never_learned(self.model.chosen, self.model.dataset, self._trained())
        sentences = (self._wrong_index, self._taus.message(), never, ranked)
        text = " ".join(sentence for sentence in sentences if sentence)
        self.note.setText(text)
        self.note.setVisible(bool(text) and not self.model.strip)

    def _reveal_current(self) -> None:
        place = self.model.place_of(self.model.current)
        if place is not None:
            self.grid.show_place(place)

    def describe(self, sample: int) -> str:
        """The tooltip of a sample, as rich text."""
        dataset = self.model.dataset
        if dataset is None or self.facts is None:
            return ""
        marks = marks_of(sample, self.model)
        return describe(sample, dataset, self.facts, theme_of(self.state.theme), marks)

    # -- wishes ---------------------------------------------------------------------------
    def figures(self) -> dict[str, dict[str, Any]]:
        """The selected samples in the order shown, or all shown if none is selected."""
        if self.state.dataset is None:
            return {}
        shown, chosen = self.model.shown, self.model.chosen
        picked = shown[chosen[shown]] if chosen[shown].any() else shown
        what = "selected" if chosen[shown].any() else self.scope.name.lower()
        options: dict[str, Any] = {"samples": [int(sample) for sample in picked]}
        options["title"] = captions.title(picked, what, self.order.key)
        if self.order.model in self.state.models:
            options["model"] = self.order.model
        return {self.name: options}

    def _filter_changed(self) -> None:
        self._wrong_index = ""
        self._input.only_chosen = self.scope.name == CHOSEN
        if self.facts is not None:
            self._offer_order()
            self._refilter({"filter"})
            self._reveal_current()

    def _order_changed(self) -> None:
        self._filter_changed()
        self.grid.to_start()  # the order was chosen for what comes first

    def _begin_index(self, digit: str) -> None:
        """A digit typed over the grid begins an index, on the card of options."""
        self.panel.open_options()
        self.go_to.begin(digit)

    def _refuse(self, sentence: str) -> None:
        self._wrong_index = sentence
        self._say()

    def _go(self, samples: list[int]) -> None:
        """Select the samples entered; filters that hide one are removed."""
        self._wrong_index = ""
        self._uncover(samples)
        self._input.take(samples)
        self.panel.close_options()
        self.grid.setFocus(Qt.FocusReason.OtherFocusReason)

    def _uncover(self, samples: Iterable[int]) -> None:
        """Remove the filters if they hide any of these."""
        if np.isin(list(samples), self.model.shown).all():
            return
        n = self._trained()
        self.filters.set_conditions([])
        self.scope.widen(TRAINING if max(samples) < n else ALL)

    def _open_menu(self, place: int | None, at: QPoint) -> None:
        self.menu.open_at(place, at)
