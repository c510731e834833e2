"""Mouse input of both panels of the embedding, which are linked, turned into wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QToolTip

from engine.drawing.geometry import in_polygon
from explorer.points.pane import Pane
from explorer.state.app_state import AppState
from explorer.state.selection import ADD, REMOVE, REPLACE
from explorer.theme import theme_of
from explorer.views.base import Wishes
from explorer.views.embedding.context_menu import EmbeddingMenu
from explorer.views.embedding.side import Side
from explorer.views.embedding.tooltip import describe
from explorer.widgets import markup

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


class EmbeddingMouse(QObject):
    """Follows the panes of `sides`; label: display name of a model."""

    def __init__(
        self,
        sides: Sequence[Side],
        menu: EmbeddingMenu,
        state: AppState,
        do: Wishes,
        label: Callable[[str], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._sides, self._menu, self._label = tuple(sides), menu, label
        self._state, self._do = state, do
        self._linking = False
        for side in sides:
            side.pane.hovered.connect(self._hover)
            side.pane.picked.connect(self._pick)
            side.pane.lassoed.connect(self._lassoed)
            side.pane.menu_wanted.connect(self._open_menu)
            side.pane.moved.connect(self._link)

    def _link(self) -> None:
        """Show the same part in the other panel."""
        if self._linking:
            return
        self._linking = True
        source = self.sender()
        for side in self._sides:
            if isinstance(source, Pane) and side.pane is not source:
                side.pane.show_like(source)
        self._linking = False

    def _hover(self, row: int | None) -> None:
        for side in self._sides:
            side.pane.set_halo(row)
        state = self._state
        shown, dataset = state.embedding, state.dataset
        if row is None or shown is None or dataset is None:
            markup.close_tip()
            return
        labels = {side.drawn: self._label(side.drawn) for side in self._sides}
        theme, pane = theme_of(state.theme), self.sender()
        text = describe(row, shown, dataset, labels, state.residual, shown_column(state), theme)
        place = pane if isinstance(pane, Pane) else self._sides[0].pane
        QToolTip.showText(QCursor.pos(), text, place)

    def _pick(self, row: int, keys: Qt.KeyboardModifier) -> None:
        shown = self._state.embedding
        if shown is not None:
            sample = int(shown.sample[row])
            self._do.choice.set_current(sample)
            self._do.choice.select([sample], self._mode(keys, sample))

    def _mode(self, keys: Qt.KeyboardModifier, sample: int) -> str:
        if keys & ALT:
            return REMOVE
        if keys & CTRL:
            return REMOVE if sample in self._state.selection.chosen else ADD
        return ADD if keys & SHIFT else REPLACE

    def _lassoed(self, polygon: np.ndarray, mode: str) -> None:
        """Select the points inside, except dimmed ones."""
        shown, pane = self._state.embedding, self.sender()
        for side in self._sides:
            if shown is not None and side.pane is pane:
                inside = in_polygon(side.pane.points.xy, polygon)
                inside &= True if side.highlighted is None else side.highlighted
                self._do.choice.select(np.unique(shown.sample[inside]).tolist(), mode)

    def _open_menu(self, row: int | None, at: QPoint) -> None:
        shown = self._state.embedding
        if shown is None:
            return
        masks = [side.highlighted for side in self._sides if side.highlighted is not None]
        highlighted = np.unique(shown.sample[np.any(masks, axis=0)]) if masks else np.empty(0, int)
        sample = None if row is None else int(shown.sample[row])
        self._menu.open_at(sample, highlighted.tolist(), at)


def shown_column(state: AppState) -> int:
    """The index of the shown tau, that of the neighborhood, in the study's grid."""
    residual = state.residual
    return residual.column(state.probe[1]) if residual is not None else 0
