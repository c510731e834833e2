"""The samples as thumbnails: where they are found, looked at, and chosen to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QSignalBlocker, Qt
from PySide6.QtWidgets import QLabel, QWidget

from engine import filters, ranking
from engine.arrays import Mask
from engine.datasets.base import Dataset
from engine.evidence import Evidence
from explorer.plots.panel import Panel, button, muted
from explorer.plots.thumbnail_grid import ThumbnailGrid
from explorer.plots.thumbnails import ThumbnailModel
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.samples_filters import FilterRows
from explorer.views.samples_hands import Hands
from explorer.views.samples_keys import KEYS, Known, note_on
from explorer.views.samples_line import IndexLine
from explorer.views.samples_menu import SampleMenu
from explorer.views.samples_order import OrderRow, narrow_combo
from explorer.views.samples_search import SEARCHED, TauSearch
from explorer.views.samples_sets import ALL, CHOSEN, SHOW, TRAINING, mask_of, members, size_of
from explorer.views.samples_tip import describe

NOTHING = "No sample fulfills all of this. Take a filter off, or choose another class or set."


class SamplesView(View):
    """Thumbnails of all samples with filters, order, selection and the forget badge."""

    name = "samples"
    title = "Samples"
    help = (
        "Click a sample to look at it, Ctrl-click or Shift-click to select more, drag to select "
        "an area. 'Forget selected' (or F) makes the selection the forget set, 'Add' adds to it. "
        "Sort by loss, confidence, r, verdict or smallest τ to see first what is remarkable; "
        "filter by what any model says. Test samples (badge T) can be looked at, not forgotten."
    )
    keys = (
        ("Arrows, Page, Home, End", "Go to another sample; with Shift, select on the way"),
        ("Space", "Put the current sample into the selection, or take it out"),
        ("Enter", "Select the current sample alone"),
        ("0 to 9", "Go to a sample by its index: 17, or several: 3, 17, 40-50"),
        ("F", "Make the selection the forget set"),
        ("Shift+F", "Add the selection to the forget set"),
        ("Ctrl+A", "Select every sample shown"),
        ("Esc", "Select nothing"),
        ("Ctrl+click", "Put a sample into the selection, or take it out"),
        ("Shift+click", "Select all samples from the last one to this; with Ctrl, add them"),
        ("Ctrl+drag, Alt+drag", "Add an area to the selection, or take it out"),
        ("Right click, Menu", "What can be done with the sample and the selection"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self._known: Known | None = None  # None before there is a dataset
        self._taus = TauSearch(state, do)
        self._wanted_class = 0  # chosen once there are classes
        self._wrong_index = ""  # what is wrong with what was typed
        self._model = ThumbnailModel(self._describe, self)
        self.grid = ThumbnailGrid(self._model)
        self.setFocusProxy(self.grid)
        self.grid.setAccessibleName("Samples")
        self._hands = Hands(self.grid, self._model, self.do)
        self._menu = SampleMenu(self._hands, self._model, self.do, self)
        self._panel = Panel(self.grid, self)
        self._build_header()
        self._build_rows()
        self._connect()
        self.follow(
            "dataset", "selection", "forget", "theme", "models", "residual", "study", SEARCHED,
            "problems", "progress",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed <= {"progress", "problems"}:
            self._say()
            return
        if "theme" in changed:
            self.grid.artist.set_theme(theme_of(self.state.theme))
        dataset = self.state.dataset
        self.go_to.setEnabled(dataset is not None)
        self.export_button.setEnabled(dataset is not None)
        if dataset is None:
            self._lose()
            return
        if dataset is not self._model.dataset:
            self._take(dataset)
            changed = changed | {"selection", "forget", "models", "residual", SEARCHED}
        self._update_masks(dataset)
        self._learn(changed)
        self._refilter(changed)
        if "selection" in changed:
            self._reveal_current()
        self.grid.viewport().update()

    def sight_changed(self) -> None:
        """Search the smallest tau only while somebody looks."""
        self._search()

    def view_state(self) -> dict[str, Any]:
        """The filters and the order."""
        chosen = self.classes.currentIndex() if self._known is not None else self._wanted_class
        return {
            "class": chosen,
            "show": self.show_only.currentText(),
            "filters": [str(one) for one in self.filters.conditions],
            **self.order.kept(),
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take filters and order back."""
        chosen, show = kept.get("class"), kept.get("show")
        if isinstance(chosen, int) and chosen >= 0:
            self._wanted_class = chosen
            if chosen < self.classes.count():
                self.classes.setCurrentIndex(chosen)
        if isinstance(show, str) and show in SHOW:
            self.show_only.setCurrentText(show)
        self.filters.restore(kept.get("filters"))
        self.order.restore(kept)

    # -- building -------------------------------------------------------------------------
    def _build_header(self) -> None:
        self.classes = narrow_combo("Class shown", "Show the samples of one class only")
        self.show_only = narrow_combo(
            "Which samples are shown", "Show training, retain, forget or test set, or the selection"
        )
        for text, (_, tip) in SHOW.items():
            self.show_only.addItem(text)
            place = self.show_only.count() - 1
            self.show_only.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.filters = FilterRows()
        self.forget_button = button(
            "Forget selected", "Make the selected samples the forget set (F)", self._hands.forget
        )
        for part in (self.classes, self.show_only, self.filters.menu_button):
            self._panel.header.addWidget(part)
        self._panel.header.addStretch(1)
        self._panel.header.addWidget(self.forget_button)

    def _build_rows(self) -> None:
        self.order = OrderRow()
        self.go_to = IndexLine()
        self._panel.add_row(self.order, self.go_to)
        self._panel.add_row(self.filters)
        self.counts: QLabel = muted()
        self.add_button = button(
            "Add", "Add the selected samples to the forget set (Shift+F)", self._hands.add
        )
        self.keep_button = button(
            "Remove", "Take the selected samples out of the forget set", self._hands.remember
        )
        self.export_button = button(
            "Export…", "Save a sheet of these samples as SVG, PDF or PNG, and as CSV", self._export
        )
        self._panel.add_row(self.counts, self.add_button, self.keep_button, self.export_button)
        self.note: QLabel = muted()
        self.note.hide()
        self._panel.add_row(self.note)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """Tab goes through the rows from above, and last into the grid."""
        order, filters_ = self.order, self.filters
        parts: list[QWidget] = [self.classes, self.show_only, filters_.menu_button]
        parts += [self.forget_button, order.sort, order.model_box, order.direction, self.go_to]
        parts += [*filters_.builder.parts(), self.add_button, self.keep_button]
        parts += [self.export_button, self.grid]
        for one, following in pairwise(parts):
            self.setTabOrder(one, following)

    def _connect(self) -> None:
        for combo in (self.classes, self.show_only):
            combo.currentIndexChanged.connect(self._filter_changed)
        self.order.changed.connect(self._order_changed)
        self.filters.changed.connect(self._filter_changed)
        self.go_to.called.connect(self._go)
        self.go_to.refused.connect(self._refuse)
        self.grid.asked.connect(self._open_menu)
        self._hands.digit.connect(self.go_to.begin)

    # -- what there is --------------------------------------------------------------------
    def _lose(self) -> None:
        self._known = None
        self._model.dataset = None
        for part in (self.forget_button, self.add_button, self.keep_button):
            part.setEnabled(False)
        self._panel.show_empty("The dataset is being loaded. Its samples will appear here.")
        self.counts.setText("")
        self.note.hide()

    def _take(self, dataset: Dataset) -> None:
        """Another dataset."""
        self._hands.let_go()
        self.grid.artist.forget_pictures()
        self._model.set_dataset(dataset)
        evidence = Evidence(dataset.labels, len(dataset.train_y))
        nothing = np.zeros(len(dataset), bool)
        self._known = Known(evidence, nothing, dataset.classes, dataset.validation)
        counts = np.bincount(dataset.train_y, minlength=len(dataset.classes))
        with QSignalBlocker(self.classes):
            self.classes.clear()
            self.classes.addItem("All classes")
            for name, count in zip(dataset.classes, counts, strict=True):
                self.classes.addItem(f"{name} ({count:,})")
            wanted, self._wanted_class = self._wanted_class, 0
            self.classes.setCurrentIndex(wanted if wanted < self.classes.count() else 0)
        self.go_to.follow(dataset)

    def _update_masks(self, dataset: Dataset) -> None:
        n = len(dataset)
        self._model.chosen = mask_of(self.state.selection.chosen, n)
        self._model.forget = mask_of(self.state.forget, n)
        self._model.current = self.state.selection.current
        if self._known is not None:
            forget, evidence = self._model.forget, self._known.evidence
            self._known = Known(evidence, forget, dataset.classes, dataset.validation)

    def _learn(self, changed: set[str]) -> None:
        """Let the rows know what models and measurements there are now."""
        if self._known is None or not changed & {"models", "residual", SEARCHED}:
            return
        evidence = self._known.evidence
        evidence.learn_models(self.state.models)
        evidence.learn_residual(self.state.residual)
        if self.state.recognition is not None:
            evidence.learn_recognition(self.state.recognition)
        labels = {name: model.label for name, model in self.state.models.items()}
        self.order.offer(evidence, labels)
        self.filters.offer(evidence, labels, self._known.classes)

    def _search(self) -> None:
        """Ask for the smallest tau where it is sorted or filtered by and not known."""
        if self._known is not None:
            order, asked = self.order, self.filters.conditions
            self._taus.want(order.key, order.model, asked, self._known.evidence, self.seen)

    # -- which samples are shown, and in which order --------------------------------------
    def _depends(self) -> set[str]:
        """The properties that decide which samples are shown, and in which order."""
        found = {SHOW[self.show_only.currentText()][0], KEYS[self.order.key].follows, "dataset"}
        return found | ({"models", "residual", SEARCHED} if self.filters.conditions else set())

    def _refilter(self, changed: set[str]) -> None:
        if self._known is not None and (self._depends() | {"filter", "study"}) & changed:
            values = KEYS[self.order.key].values(self._known, self.order.model)
            shown = self._shown(values)
            caption = self._caption(values)
            if np.array_equal(shown, self._model.shown) and bool(caption) == bool(
                self._model.caption
            ):
                self._model.caption = caption
            else:
                self._model.set_shown(shown, caption)
        self._search()
        self._show_or_say_why()
        self._update_counts()
        self._say()

    def _shown(self, values: np.ndarray | None) -> np.ndarray:
        assert self._known is not None
        keep = self._kept() & filters.matching(self.filters.conditions, self._known.evidence)
        if self.classes.currentIndex() > 0:
            keep &= self._known.evidence.labels == self.classes.currentIndex() - 1
        shown = np.flatnonzero(keep)
        if values is None:
            return shown
        return ranking.order(shown, values, descending=self.order.descending)

    def _kept(self) -> Mask:
        """(n + m,) which samples belong to the set that is shown."""
        model = self._model
        held = mask_of(model.dataset.validation if model.dataset else (), len(model.chosen))
        name, trained = self.show_only.currentText(), self._trained()
        return members(name, model.forget, model.chosen, trained, held)

    def _trained(self) -> int:
        return self._known.evidence.trained if self._known is not None else 0

    def _caption(self, values: np.ndarray | None) -> Callable[[int], str] | None:
        key, known, model = KEYS[self.order.key], self._known, self.order.model
        words = key.caption
        if words is None or values is None or known is None:
            return None

        def caption(sample: int) -> str:
            return words(known, model, sample, float(values[sample]))

        return caption

    # -- drawing --------------------------------------------------------------------------
    def _show_or_say_why(self) -> None:
        """Show the grid, or why filters leave nothing of it."""
        unknown = self.filters.unknown()
        if unknown is not None:
            self._panel.show_empty(self.filters.why_unknown(unknown))
        elif not len(self._model.shown) and self.filters.conditions:
            self._panel.show_empty(NOTHING)
        else:
            self._panel.show_content()

    def _update_counts(self) -> None:
        chosen, forget, n = self._model.chosen, self._model.forget, self._trained()
        what, shown = self.show_only.currentText(), len(self._model.shown)
        total = size_of(what, len(chosen), n)
        samples = f"{total:,} samples" if shown == total else f"{shown:,} of {total:,} samples"
        self.counts.setText(
            f"{samples} · {int(forget.sum()):,} to forget · {int(chosen.sum()):,} selected"
        )
        self.forget_button.setEnabled(bool(chosen.any() and (chosen != forget).any()))
        self.add_button.setEnabled(bool((chosen & ~forget).any()))
        self.keep_button.setEnabled(bool((chosen & forget).any()))

    def _say(self) -> None:
        """Say what is wrong with an index, what is searched, and what cannot be forgotten."""
        ranked = note_on(self.order.key, self._known)
        sentences = (self._wrong_index, self._taus.said(), self._about_tests(), ranked)
        text = " ".join(sentence for sentence in sentences if sentence)
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _about_tests(self) -> str:
        dataset, chosen = self._model.dataset, self._model.chosen
        held = int(chosen[dataset.validation].sum()) if dataset is not None else 0
        parts = [
            f"1 {what} sample" if n == 1 else f"{n:,} {what} samples"
            for what, n in (("test", int(chosen[self._trained() :].sum())), ("validation", held))
            if n
        ]
        if not parts:
            return ""
        are = "is" if len(parts) == 1 and parts[0].startswith("1 ") else "are"
        return (
            f"{' and '.join(parts)} {are} selected: never learned, so not forgotten with the rest."
        )

    def _reveal_current(self) -> None:
        place = self._model.place_of(self._model.current)
        if place is not None:
            self.grid.show_place(place)

    def _describe(self, sample: int) -> str:
        """The tooltip of a sample, as rich text."""
        dataset = self._model.dataset
        if dataset is None or self._known is None:
            return ""
        return describe(sample, dataset, self._known, theme_of(self.state.theme))

    # -- wishes ---------------------------------------------------------------------------
    def _export(self) -> None:
        """Let the selected samples be drawn, in the order shown; without any, what is shown."""
        shown, chosen = self._model.shown, self._model.chosen
        picked = shown[chosen[shown]] if chosen[shown].any() else shown
        what = "selected" if chosen[shown].any() else self.show_only.currentText().lower()
        options: dict[str, Any] = {"samples": [int(sample) for sample in picked]}
        options["title"] = f"{len(picked):,} samples ({what}), by {self.order.key.lower()}"
        if self.order.model in self.state.models:
            options["model"] = self.order.model
        self.do.export(self.name, options)

    def _filter_changed(self) -> None:
        self._wrong_index = ""
        self._hands.only_chosen = self.show_only.currentText() == CHOSEN
        if self._known is not None:
            labels = {name: model.label for name, model in self.state.models.items()}
            self.order.offer(self._known.evidence, labels)
            self._refilter({"filter"})
            self._reveal_current()

    def _order_changed(self) -> None:
        self._filter_changed()
        self.grid.scrollToTop()  # what comes first in this order is what it was chosen for

    def _refuse(self, sentence: str) -> None:
        self._wrong_index = sentence
        self._say()

    def _go(self, samples: list[int]) -> None:
        """Select the samples that were called; filters that hide one are taken off."""
        self._wrong_index = ""
        self._uncover(samples)
        self._hands.take(samples)
        self.grid.setFocus(Qt.FocusReason.OtherFocusReason)

    def _uncover(self, samples: Iterable[int]) -> None:
        """Take the filters off, if they hide one of these."""
        if np.isin(list(samples), self._model.shown).all():
            return
        n = self._trained()
        self.filters.set_conditions([])
        self.classes.setCurrentIndex(0)
        self.show_only.setCurrentText(TRAINING if max(samples) < n else ALL)

    def _open_menu(self, place: int | None, at: QPoint) -> None:
        self._menu.open_at(place, at)
