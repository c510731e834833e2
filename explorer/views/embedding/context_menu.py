"""The context menu of the embedding: frequent actions on the selection."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.datasets.base import Dataset
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.views.base import Wishes
from explorer.widgets.plain_text import menu_text

FORGET, ADD, REMEMBER, CLASS, HIGHLIGHTED, NOTHING = range(6)


class EmbeddingMenu(QMenu):
    """A menu refilled at every right click."""

    def __init__(self, state: AppState, do: Wishes, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._do = state, do
        self._highlighted: list[int] = []
        self.triggered.connect(self._picked)

    def open_at(self, sample: int | None, highlighted: list[int], at: QPoint) -> None:
        """Show the menu of a sample, which becomes current and selected.

        highlighted: the samples highlighted in the panel.
        """
        dataset = self._state.dataset
        if dataset is None:
            return
        if sample is not None:
            self._do.choice.set_current(sample)
            if sample not in self._state.selection.chosen:
                self._do.choice.select([sample], REPLACE)
        self._highlighted = highlighted
        self._fill(dataset)
        self.popup(at)

    def _fill(self, dataset: Dataset) -> None:
        self.clear()
        selection, forget = self._state.selection, set(self._state.forget)
        learned = {one for one in selection.chosen if dataset.is_learned(one)}
        self._entry(f"Forget the {len(learned):,} selected", FORGET, bool(learned), "F")
        self._entry("Add to the forget set", ADD, bool(learned - forget), "Shift+F")
        self._entry("Remove from the forget set", REMEMBER, bool(learned & forget))
        self.addSeparator()
        if selection.current is not None:
            name = dataset.classes[dataset.label_of(selection.current)]
            self._entry(menu_text(f"Select class '{name}'"), CLASS)
        count = len(self._highlighted)
        self._entry(f"Select the {count:,} highlighted", HIGHLIGHTED, bool(count))
        self._entry("Clear the selection", NOTHING, bool(selection.chosen), "Esc")

    def _entry(self, text: str, data: int, enabled: bool = True, keys: str = "") -> None:
        action = self.addAction(f"{text}\t{keys}" if keys else text)
        action.setData(data)
        action.setEnabled(enabled)

    def _picked(self, action: QAction) -> None:
        {
            FORGET: self._do.forget_set.replace_by_selection,
            ADD: self._do.forget_set.add_selection,
            REMEMBER: self._do.forget_set.remove_selection, CLASS: self._select_class,
            HIGHLIGHTED: self._select_highlighted, NOTHING: self._select_nothing,
        }[action.data()]()  # fmt: skip

    def _select_class(self) -> None:
        dataset, current = self._state.dataset, self._state.selection.current
        if dataset is not None and current is not None:
            same = dataset.train_y[dataset.pool] == dataset.label_of(current)
            self._do.choice.select(dataset.pool[same].tolist(), REPLACE)

    def _select_highlighted(self) -> None:
        self._do.choice.select(self._highlighted, REPLACE)

    def _select_nothing(self) -> None:
        self._do.choice.select([], REPLACE)
