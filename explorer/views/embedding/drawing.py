"""Draws the map: points, pictures, names, rings, trails and legend of the panels in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from engine.analysis.point_colors import (
    LOSS,
    RATIO,
    VERDICT,
    PanelData,
    PointColors,
    colors_of_points,
)
from engine.datasets.base import Dataset
from engine.drawing.geometry import bounds, turned_to_fit
from engine.results import PERTURBED, Embedding
from explorer.points.pictures import sample_drawer
from explorer.state.app_state import AppState
from explorer.theme import Theme, theme_of
from explorer.views.embedding import legend_entries
from explorer.views.embedding.canvas import MapCanvas
from explorer.views.embedding.controls import ALL_TRAILS, NO_TRAILS, Controls
from explorer.views.embedding.highlights import Highlights
from explorer.views.embedding.marks import KINDS, marks
from explorer.views.embedding.mouse import shown_column
from explorer.views.embedding.picked import class_names, picture_candidates
from explorer.views.embedding.side import Side, counted
from explorer.widgets.sample_picture import Drawable, drawable

LOOKS, POINTS = "looks", "points"  # changes of the controls, treated like properties of the state


class MapDrawing:
    """Draws what changed on the sides that are in view.

    hidden, strong: names of the legend's entries that are hidden, and highlighted; label: display
    name of a model.
    """

    def __init__(
        self,
        state: AppState,
        sides: Sequence[Side],
        canvas: MapCanvas,
        controls: Controls,
        label: Callable[[str], str],
    ) -> None:
        self.state, self.sides, self.canvas = state, tuple(sides), canvas
        self.controls, self._label = controls, label
        self.hidden: set[str] = set()
        self.strong: set[str] = set()
        self.highlights: Highlights | None = None  # of the embedding that is drawn
        self._trails: list[np.ndarray] = []
        self._column, self._scheme = -1, ""

    @property
    def two(self) -> bool:
        """Whether two models are shown side by side."""
        return self.controls.beside.isChecked()

    @property
    def drawn_sides(self) -> tuple[Side, ...]:
        """The sides that are on the screen; the last is the main one."""
        return self.sides if self.two else self.sides[-1:]

    def draw(
        self, changed: set[str], names: tuple[str, str], shown: Embedding, dataset: Dataset
    ) -> None:
        """Draw what changed; names: the models beside and in the main panel."""
        changed = self._with_column(changed)
        if changed & {"embedding", "dataset"}:
            self.highlights = Highlights(shown, dataset)
            self._trails = shown.trails()
        if self.highlights is not None and changed & {"embedding", "dataset", "models"}:
            self.highlights.learn(self.state.models)
        if changed & {"embedding", "dataset", "models", "residual", "theme", LOOKS, POINTS}:
            self._color(names, shown, dataset)
            if changed & {"embedding", "dataset", POINTS}:
                self._take_points(shown, dataset)
            self._take_looks(shown, dataset)
            changed = changed | {"selection"}
        if changed & {"selection", "theme"}:
            self._take_selection(shown, dataset)

    def hidden_kinds(self) -> list[str]:
        """The labels of the kinds of points that are hidden."""
        return [kind.label for kind in KINDS.values() if kind_name(kind.label) in self.hidden]

    def hide_kinds(self, labels: Sequence[object]) -> None:
        """Hide the kinds of points with these labels."""
        self.hidden = {kind_name(k.label) for k in KINDS.values() if k.label in labels}

    def click_entry(self, name: str, hide: bool) -> str:
        """Hide or highlight an entry of the legend, or undo that; gives what changed."""
        if hide:
            self.hidden ^= {name}
            return POINTS
        self.strong ^= {name}
        return LOOKS

    def follow_scheme(self) -> set[str]:
        """Forget the groups of an earlier color scheme; gives what changed by that."""
        scheme = self.controls.color.currentData()
        if scheme == self._scheme:
            return {LOOKS}
        self._scheme = scheme
        groups = {name for name in self.hidden if name.startswith(legend_entries.GROUP)}
        self.hidden -= groups
        self.strong = {n for n in self.strong if not n.startswith(legend_entries.GROUP)}
        return {LOOKS, POINTS} if groups else {LOOKS}

    def _with_column(self, changed: set[str]) -> set[str]:
        """The changes, with LOOKS if the shown tau is another one."""
        column = shown_column(self.state)
        if column != self._column:
            self._column = column
            return changed | {LOOKS}
        return changed

    def _color(self, names: tuple[str, str], shown: Embedding, dataset: Dataset) -> None:
        """Give every side its model and the colors of its points."""
        scheme, dark = self.controls.color.currentData(), self.state.theme == "dark"
        data = PanelData(
            shown, "original", dataset.classes, self.state.residual, max(self._column, 0), dark
        )
        for side, model in zip(self.sides, names, strict=True):
            side.drawn = model
            side.colors = colors_of_points(scheme, replace(data, model=model))

    def _take_points(self, shown: Embedding, dataset: Dataset) -> None:
        xy = [shown.xy[side.drawn].astype(np.float32) for side in self.sides]
        both = zip(self.sides, xy, strict=True)
        together = np.concatenate([places for side, places in both if side in self.drawn_sides])
        turn = turned_to_fit(together, self.canvas.aspect(len(self.drawn_sides)))
        xy = [(places @ turn).astype(np.float32) for places in xy]
        gone = [self._gone(shown, side.colors) for side in self.sides]
        visible = [
            np.where(gone[i][:, None], np.nan, xy[i])
            for i, side in enumerate(self.sides)
            if side in self.drawn_sides
        ]
        frame = bounds(np.concatenate(visible), 0.0)
        theme = theme_of(self.state.theme)

        def raw(row: int) -> Drawable:
            return drawable(dataset, int(shown.sample[row]))

        def bars(row: int) -> str:
            return theme.class_color(int(shown.label[row]))

        for side, places, hidden in zip(self.sides, xy, gone, strict=True):
            side.pane.set_points(places, hidden, frame, sample_drawer(raw, bars))

    def _gone(self, shown: Embedding, colors: PointColors | None) -> np.ndarray:
        assert colors is not None
        return legend_entries.hidden_points(self.hidden, shown, colors)

    def _take_looks(self, shown: Embedding, dataset: Dataset) -> None:
        theme, highlighted = theme_of(self.state.theme), self.controls.highlight.currentData()
        scheme = self.controls.color.currentData()
        self._take_highlights(shown)
        for side in self.drawn_sides:
            one, pane = side.colors, side.pane
            assert one is not None
            masks = self.highlights.of(side.drawn) if self.highlights is not None else {}
            picked = self._picked(shown, one, masks.get(highlighted) if highlighted else None)
            side.draw(picked, marks(one, shown.kind, shown.label, picked, theme), theme)
            pane.pictures.on = self.controls.pictures.isChecked()
            pane.pictures.set_candidates(*picture_candidates(shown, one, picked))
            names = class_names(shown, pane.points.xy, dataset, theme, pale=scheme != LOSS)
            pane.set_names(names if self.controls.names.isChecked() else [])
            words = counted(highlighted, masks[highlighted], shown) if highlighted in masks else ""
            label = self._label(side.drawn) if side is self.sides[-1] and self.two else ""
            side.say([label, f"{words} {highlighted}" if words else "", self._note(side.drawn)])

    def _take_highlights(self, shown: Embedding) -> None:
        masks = self.highlights.of(self.sides[-1].drawn) if self.highlights is not None else {}
        counts = {name: counted(name, mask, shown) for name, mask in masks.items()}
        self.controls.count_highlights(counts)

    def _picked(
        self, shown: Embedding, one: PointColors, highlighted: np.ndarray | None
    ) -> np.ndarray | None:
        """(m,) bool: the points that are not dimmed; None if none is."""
        if highlighted is None and not self.strong:
            return None
        of_kind, of_group = legend_entries.members(self.strong, shown, one)
        picked = of_kind & of_group
        return np.asarray(picked if highlighted is None else picked & highlighted)

    def _note(self, model: str) -> str:
        """Why a panel has no colors; '' where it has."""
        needs_ratio = self.controls.color.currentData() in (RATIO, VERDICT)
        residual = self.state.residual
        if not needs_ratio or residual is None or model in residual.curves:
            return ""
        return "no r: it is measured against Re-train"

    def _take_selection(self, shown: Embedding, dataset: Dataset) -> None:
        theme, selection = theme_of(self.state.theme), self.state.selection
        own = shown.kind != PERTURBED
        selected = np.zeros(len(dataset), bool)
        selected[[one for one in selection.chosen if one < len(dataset)]] = True
        of_points = selected[shown.sample] & own
        current = (shown.sample == (-1 if selection.current is None else selection.current)) & own
        trails = self._shown_trails(shown)
        copies = np.concatenate([rows[1:] for rows in trails]) if trails else np.empty(0, np.intp)
        for side in self.drawn_sides:
            side.ring(np.flatnonzero(of_points), np.flatnonzero(current), theme)
            shades = side.pane.points.shades[copies].astype(int).tolist()
            colors = ["#" + "".join(f"{part:02x}" for part in shade) for shade in shades]
            side.pane.set_trails(trails, copies, colors)
        self._explain(shown, of_points, bool(current.any()), theme)

    def _explain(self, shown: Embedding, selected: np.ndarray, current: bool, theme: Theme) -> None:
        one = self.sides[-1].colors
        assert one is not None
        found = legend_entries.entries(shown, one, selected, self.strong, self.hidden, theme)
        chosen = len(self.state.selection.chosen)
        rings = legend_entries.rings(int(selected.sum()), chosen, current, theme)
        self.canvas.legend.show_entries([*found, *rings], legend_entries.scale_bar(one), theme)

    def _shown_trails(self, shown: Embedding) -> list[np.ndarray]:
        which, selection = self.controls.trails.currentData(), self.state.selection
        if which == NO_TRAILS:
            return []
        if which == ALL_TRAILS:
            return self._trails
        samples = {*selection.chosen, selection.current}
        return [rows for rows in self._trails if int(shown.sample[rows[0]]) in samples]


def kind_name(label: str) -> str:
    """The name of the legend's entry of a kind of points."""
    return f"{legend_entries.KIND}{label}"
