"""Mouse and arrow keys on the panels of the embedding, which are linked, turned into wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QCursor

from engine.drawing.geometry import in_polygon
from explorer.points.pane import Pane
from explorer.state.app_state import AppState
from explorer.state.ranking import column_of, shown_tau
from explorer.state.selection import ADD, REMOVE, REPLACE
from explorer.theme import theme_of
from explorer.views.base import Wishes
from explorer.views.embedding.context_menu import EmbeddingMenu
from explorer.views.embedding.hover_card import HoverCard
from explorer.views.embedding.point_words import words_of
from explorer.views.embedding.side import Side

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
NEIGHBORS = 12  # samples that "nearest on the map" selects
ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
}  # fmt: skip


class EmbeddingMouse(QObject):
    """Follows the panes of `sides`, the last of which is the main one; label: name of a model."""

    def __init__(
        self,
        sides: Sequence[Side],
        menu: EmbeddingMenu,
        card: HoverCard,
        state: AppState,
        do: Wishes,
        label: Callable[[str], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._sides, self._menu, self._card, self._label = tuple(sides), menu, card, label
        self._state, self._do = state, do
        self._linking = False
        for side in sides:
            side.pane.hovered.connect(self._hover)
            side.pane.picked.connect(self._pick)
            side.pane.lassoed.connect(self._lassoed)
            side.pane.menu_wanted.connect(self._open_menu)
            side.pane.moved.connect(self._link)
            side.pane.plot.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the card away when the mouse leaves a panel or presses a button."""
        if event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            for side in self._sides:
                side.pane.leave()
        elif event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel):
            self._card.hide()
        return False

    def walk(self, key: Qt.Key) -> None:
        """Make the nearest point in the direction of an arrow key current."""
        shown, side = self._state.embedding, self._sides[-1]
        if shown is None:
            return
        current = self._state.selection.current
        rows = np.flatnonzero(shown.sample == (-1 if current is None else current))
        rows = rows[np.isfinite(side.pane.points.xy[rows]).all(1)]
        row = side.pane.row_toward(int(rows[0]) if len(rows) else None, ARROWS[key])
        if row is not None:
            side.pane.show_row(row)
            self._do.choice.set_current(int(shown.sample[row]))

    def toggle(self, sample: int) -> None:
        """Select a sample, or deselect it."""
        self._do.choice.select([sample], self._mode(CTRL, sample))

    def _link(self) -> None:
        """Show the same part in the other panel."""
        if self._linking:
            return
        self._linking = True
        source = self.sender()
        for side in self._sides:
            if isinstance(source, Pane) and side.pane is not source and side.pane.isVisible():
                side.pane.show_like(source)
        self._linking = False

    def _hover(self, row: int | None) -> None:
        shown_sides = [side for side in self._sides if not side.pane.isHidden()]
        for side in shown_sides:
            side.pane.set_halo(row)
        state = self._state
        shown, dataset = state.embedding, state.dataset
        if row is None or shown is None or dataset is None or row >= len(shown.sample):
            self._card.hide()
            return
        labels = {name: self._label(name) for name in shown.models}
        theme = theme_of(state.theme)
        words = words_of(row, shown, dataset, labels, state.residual, shown_column(state), theme)
        self._card.show_point(words, QCursor.pos(), theme)

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
        shown, pane = self._state.embedding, self.sender()
        self._card.hide()
        if shown is None:
            return
        sides = [side for side in self._sides if not side.pane.isHidden()]
        masks = [side.highlighted for side in sides if side.highlighted is not None]
        highlighted = np.unique(shown.sample[np.any(masks, axis=0)]) if masks else np.empty(0, int)
        sample = None if row is None else int(shown.sample[row])
        near = _neighbors(pane, row, shown.sample) if isinstance(pane, Pane) else []
        self._menu.open_at(sample, highlighted.tolist(), near, at)


def _neighbors(pane: Pane, row: int | None, samples: np.ndarray) -> list[int]:
    """The sample of a row and those nearest to it in the panel; [] without a row."""
    if row is None:
        return []
    away = np.linalg.norm(pane.points.xy - pane.positions[row], axis=1)
    order = np.argsort(np.nan_to_num(away, nan=np.inf), kind="stable")[: NEIGHBORS + 1]
    own = int(samples[row])
    rest = [int(sample) for sample in samples[order[np.isfinite(away[order])]] if sample != own]
    return [own, *dict.fromkeys(rest[:NEIGHBORS])]


def shown_column(state: AppState) -> int:
    """The index of the shown tau, that of the neighborhood, in the study's grid."""
    residual = state.residual
    return column_of(residual, shown_tau(state)) if residual is not None else 0
