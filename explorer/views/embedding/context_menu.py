"""The context menu of the embedding: frequent actions on the selection."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.datasets.base import Dataset
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.views.base import Wishes
from explorer.views.embedding.selection_bar import EXPORTS
from explorer.widgets.plain_text import menu_text

FORGET, ADD, REMEMBER, CLASS, HIGHLIGHTED, NOTHING, NEAR, ZOOM = range(8)


class EmbeddingMenu(QMenu):
    """A menu refilled at every right click.

    exported: one of EXPORTS; zoomed: the selected samples should fill the view.
    """

    exported = Signal(str)
    zoomed = Signal()

    def __init__(self, state: AppState, do: Wishes, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._do = state, do
        self._highlighted: list[int] = []
        self._neighbors: list[int] = []
        self.triggered.connect(self._picked)

    def open_at(
        self, sample: int | None, highlighted: list[int], neighbors: list[int], at: QPoint
    ) -> None:
        """Show the menu of a sample, which becomes current and selected.

        highlighted: the samples highlighted in the panel; neighbors: those nearest to the sample.
        """
        dataset = self._state.dataset
        if dataset is None:
            return
        if sample is not None:
            self._do.choice.set_current(sample)
            if sample not in self._state.selection.chosen:
                self._do.choice.select([sample], REPLACE)
        self._highlighted, self._neighbors = highlighted, neighbors
        self._fill(dataset)
        self.popup(at)

    def _fill(self, dataset: Dataset) -> None:
        self.clear()
        selection, forget = self._state.selection, set(self._state.forget)
        learned = {one for one in selection.chosen if dataset.is_learned(one)}
        several, chosen = len(learned), len(selection.chosen)
        fresh, members = len(learned - forget), len(learned & forget)
        only = f"Forget only these {several:,}" if several != 1 else "Forget only this sample"
        self._entry(only, FORGET, bool(learned), "F")
        self._entry(f"Add {fresh:,} to the forget set", ADD, bool(fresh), "Shift+F")
        self._entry(f"Remove {members:,} from the forget set", REMEMBER, bool(members))
        self.addSeparator()
        if selection.current is not None:
            name = dataset.classes[dataset.label_of(selection.current)]
            self._entry(menu_text(f"Select class '{name}'"), CLASS)
        if self._neighbors:
            self._entry(f"Select it and its {len(self._neighbors) - 1} nearest on the map", NEAR)
        count = len(self._highlighted)
        if count:
            self._entry(f"Select the {count:,} highlighted", HIGHLIGHTED)
        self._entry("Zoom to the selection", ZOOM, bool(chosen))
        self._entry("Clear the selection", NOTHING, bool(chosen), "Esc")
        self.addSeparator()
        for name, text in EXPORTS.items():
            self._entry(text, name, bool(chosen))

    def _entry(self, text: str, data: int | str, enabled: bool = True, keys: str = "") -> None:
        action = self.addAction(f"{text}\t{keys}" if keys else text)
        action.setData(data)
        action.setEnabled(enabled)

    def _picked(self, action: QAction) -> None:
        if action.data() in EXPORTS:
            self.exported.emit(action.data())
            return
        acts: dict[int, Callable[[], None]] = {
            FORGET: self._do.forget_set.replace_by_selection,
            ADD: self._do.forget_set.add_selection,
            REMEMBER: self._do.forget_set.remove_selection, CLASS: self._select_class,
            HIGHLIGHTED: self._select_highlighted, NOTHING: self._select_nothing,
            NEAR: self._select_neighbors, ZOOM: self.zoomed.emit,
        }  # fmt: skip
        acts[action.data()]()

    def _select_class(self) -> None:
        dataset, current = self._state.dataset, self._state.selection.current
        if dataset is not None and current is not None:
            same = dataset.train_y[dataset.pool] == dataset.label_of(current)
            self._do.choice.select(dataset.pool[same].tolist(), REPLACE)

    def _select_neighbors(self) -> None:
        self._do.choice.select(self._neighbors, REPLACE)

    def _select_highlighted(self) -> None:
        self._do.choice.select(self._highlighted, REPLACE)

    def _select_nothing(self) -> None:
        self._do.choice.select([], REPLACE)
