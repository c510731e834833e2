"""The Embedding view: two models' features in one joint projection, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from engine.analysis.point_colors import (
    LEVELS,
    RATIO,
    VERDICT,
    PanelData,
    PointColors,
    colors_of_points,
)
from engine.datasets.base import Dataset
from engine.drawing.geometry import bounds
from engine.results import PERTURBED, Embedding
from explorer.state.app_state import AppState
from explorer.state.reference_models import is_reference
from explorer.state.selection import REPLACE
from explorer.theme import Theme, theme_of
from explorer.views.base import View, Wishes
from explorer.views.embedding.context_menu import EmbeddingMenu
from explorer.views.embedding.controls import ALL_TRAILS, CHOSEN_TRAILS, NO_TRAILS, Controls
from explorer.views.embedding.highlights import Highlights
from explorer.views.embedding.marks import KINDS, entries, kind_entries, marks
from explorer.views.embedding.mouse import EmbeddingMouse, shown_column
from explorer.views.embedding.side import Side
from explorer.widgets.color_bar import ColorBar
from explorer.widgets.legend import Legend
from explorer.widgets.panel import Panel

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
LOOKS = "looks"  # changes of the controls, treated like a property of the state


class EmbeddingView(View):
    """Two linked panels over the same points: click and lasso select, the wheel zooms."""

    name = "embedding"
    title = "Embedding"
    help = (
        "One UMAP of both models' penultimate features: a sample with the same neighbors in both "
        "models lies at the same place. Click a point to show its sample; draw around points with "
        "Shift or the lasso to select them, then press Forget selected. A ring marks a selected "
        "sample, a double ring the current one. Right-click for more."
    )
    keys = (
        ("Shift+drag", "Select the points inside what you draw"),
        ("Ctrl+Shift+drag", "Add them to the selection"),
        ("Alt+Shift+drag", "Remove them from the selection"),
        ("Ctrl+Alt+Shift+drag", "Keep only the selected points inside"),
        ("Ctrl+click", "Select or deselect the sample"),
        ("Alt+click", "Deselect the sample"),
        ("F", "Make the selection the forget set"),
        ("Shift+F", "Add the selection to the forget set"),
        ("Esc", "Clear the selection"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.left, self.right = Side("left", self), Side("right", self)
        self.sides = (self.left, self.right)
        self.controls = Controls(self)
        self.legend, self.color_bar = Legend(), ColorBar()
        self.menu = EmbeddingMenu(state, do, self)
        self._wanted = ["original", ""]  # '' = the first method
        self._hidden: set[int] = set()  # kinds of points
        self.highlights: Highlights | None = None  # of the embedding that is drawn
        self._trails: list[np.ndarray] = []
        self.panel = Panel(self._content(), self)
        self.panel.header.addWidget(self._rows[0], 1)
        self.panel.add_row(self._rows[1])
        self._connect()
        self._mouse = EmbeddingMouse(self.sides, self.menu, state, do, self._label, self)
        self.follow(
            "embedding", "selection", "forget", "dataset", "models", "study", "residual", "probe",
            "problems", "theme",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed & {"models", "study", "embedding"}:
            self._offer_models()
            self._ask()
        shown, dataset = self.state.embedding, self.state.dataset
        self.controls.export.setEnabled(shown is not None)
        self._enable_forget()
        if "theme" in changed:
            for side in self.sides:
                side.pane.set_theme(theme_of(self.state.theme))
        if shown is None or dataset is None:
            self.panel.show_empty(self._what_next())
            return
        self.panel.show_content()
        if changed & {"embedding", "dataset"}:
            self._take(shown, dataset)
        if self.highlights is not None and changed & {"embedding", "dataset", "models"}:
            self.highlights.learn(self.state.models)
        if changed & {"embedding", "dataset", "models", "residual", "probe", "theme", LOOKS}:
            self._take_looks(shown, dataset)
        if changed & {"embedding", "selection", "theme"}:
            self._take_selection(shown, dataset)
        if changed & {"embedding", "selection", LOOKS}:
            trails = self._shown_trails(shown)
            for side in self.sides:
                side.pane.set_trails(trails)

    def sight_changed(self) -> None:
        """Request the embedding of the two models only while the view is visible."""
        if self.seen:
            self._ask()
        else:
            self.do.look_away("embedding")

    def view_state(self) -> dict[str, Any]:
        """The two models, colors, highlight, trails, lasso, and the hidden kinds."""
        hidden = [KINDS[kind].label for kind in sorted(self._hidden)]
        return {"models": [*self._wanted], "hidden": hidden, **self.controls.view_state()}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore them."""
        models = stored.get("models")
        if (
            isinstance(models, list)
            and len(models) == 2
            and all(isinstance(m, str) for m in models)
        ):
            self._wanted = [*models]
        hidden = stored.get("hidden")
        words = hidden if isinstance(hidden, list) else []
        self._hidden = {kind for kind in KINDS if KINDS[kind].label in words}
        self.controls.restore(stored)
        self.mark_stale("embedding")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F forgets the selection, Shift+F adds it to the forget set, Esc clears it."""
        keys = event.modifiers()
        if event.key() == Qt.Key.Key_F and not keys & (CTRL | ALT):
            wish = self.do.forget_set
            wish.add_selection() if keys & SHIFT else wish.replace_by_selection()
        elif event.key() == Qt.Key.Key_Escape:
            self.do.choice.select([], REPLACE)
        else:
            super().keyPressEvent(event)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        self._rows = self.controls.build(self.reset, self._forget, self._export)
        content, both = QWidget(), QGridLayout()
        both.setSpacing(4)
        both.setRowStretch(1, 1)
        for column, side in enumerate(self.sides):
            both.setColumnStretch(column, 1)
            for row, part in enumerate((side.model, side.pane, side.counts)):
                both.addWidget(part, row, column)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.legend)
        layout.addWidget(self.color_bar)
        layout.addLayout(both, 1)
        return content

    def _connect(self) -> None:
        self.controls.changed.connect(self._looks_changed)
        self.controls.lasso.toggled.connect(self._set_lasso)
        self.legend.toggled.connect(self._toggle_kind)
        for side in self.sides:
            side.chosen.connect(self._models_chosen)
            side.pane.reset_wanted.connect(self.reset)

    # -- which models ---------------------------------------------------------------------
    def models(self) -> tuple[str, str]:
        """The models on the left and on the right."""
        available = [*self.state.models]
        methods = [name for name in available if not is_reference(name)]
        default = next(iter(methods), next(iter(available[1:]), "original"))
        a, b = self._wanted
        return a if a in available else "original", b if b in available else default

    def _offer_models(self) -> None:
        labels = {name: self._label(name) for name in self.state.models}
        for side, name in zip(self.sides, self.models(), strict=True):
            side.offer(labels, name)

    def _models_chosen(self) -> None:
        self._wanted = [str(side.model.currentData()) for side in self.sides]
        self._ask()

    def _ask(self) -> None:
        if self.seen and self.state.study is not None and self.state.models:
            self.do.look("embedding", *self.models())

    def _what_next(self) -> str:
        if not self.state.models or self.state.study is None:
            return (
                "No features to show yet. Press Run; then the features of two models are shown "
                "here side by side."
            )
        if problem := self.state.problems.get("embedding"):
            return problem
        a, b = map(self._label, self.models())
        return f"Computing the joint embedding of {a} and {b}. It appears here."

    # -- drawing --------------------------------------------------------------------------
    def _take(self, shown: Embedding, dataset: Dataset) -> None:
        self.highlights = Highlights(shown, dataset)
        self._trails = shown.trails()
        hidden = np.isin(shown.kind, list(self._hidden))
        clouds = [np.where(hidden[:, None], np.nan, xy) for xy in self._clouds(shown)]
        frame = bounds(np.concatenate(clouds), 0.0)
        for side, xy in zip(self.sides, clouds, strict=True):
            side.pane.set_points(xy.astype(np.float32), frame)

    def _clouds(self, shown: Embedding) -> list[np.ndarray]:
        return [shown.xy[name] for name in self._drawn(shown)]

    def _drawn(self, shown: Embedding) -> tuple[str, str]:
        """The models drawn: the requested ones, or until those are computed the previous ones."""
        names = self.models()
        return names if set(names) <= set(shown.models) else (shown.models[0], shown.models[-1])

    def _take_looks(self, shown: Embedding, dataset: Dataset) -> None:
        theme, highlighted = theme_of(self.state.theme), self.controls.highlight.currentData()
        scene = self._scene(shown, dataset, theme)
        shading = None
        for side, model in zip(self.sides, self._drawn(shown), strict=True):
            shading = colors_of_points(
                self.controls.color.currentData(), replace(scene, model=model)
            )
            masks = self.highlights.of(model) if self.highlights is not None else {}
            picked = masks.get(highlighted) if highlighted else None
            side.draw(model, picked, marks(shading, shown.kind, picked, theme), theme)
            side.count(masks, highlighted, shown, self._note(model))
        if shading is not None:
            self._explain(shown, shading, theme)

    def _scene(self, shown: Embedding, dataset: Dataset, theme: Theme) -> PanelData:
        residual = self.state.residual
        dark = theme.name == "dark"
        return PanelData(
            shown, "original", dataset.classes, residual, shown_column(self.state), dark
        )

    def _note(self, model: str) -> str:
        """Why a panel has no colors; '' where it has."""
        needs_ratio = self.controls.color.currentData() in (RATIO, VERDICT)
        residual = self.state.residual
        if not needs_ratio or residual is None or model in residual.curves:
            return ""
        return "no r: it is measured against Re-train"

    def _explain(self, shown: Embedding, one: PointColors, theme: Theme) -> None:
        kinds = kind_entries(shown, self._hidden, theme)
        self.legend.set_entries([*kinds, *entries(one, theme)], theme.text)
        self.color_bar.setVisible(one.scale is not None)
        if one.scale is not None:
            colors = [group.color for group in one.groups[:LEVELS]]
            self.color_bar.set_scale(one.scale.title, colors, one.scale.ticks, theme.text)

    def _take_selection(self, shown: Embedding, dataset: Dataset) -> None:
        theme, selection = theme_of(self.state.theme), self.state.selection
        own = shown.kind != PERTURBED
        selected = np.zeros(len(dataset), bool)
        selected[[one for one in selection.chosen if one < len(dataset)]] = True
        current = (shown.sample == (-1 if selection.current is None else selection.current)) & own
        for side in self.sides:
            side.ring(np.flatnonzero(selected[shown.sample] & own), np.flatnonzero(current), theme)

    def _shown_trails(self, shown: Embedding) -> list[np.ndarray]:
        which, selection = self.controls.trails.currentData(), self.state.selection
        if which == NO_TRAILS or PERTURBED in self._hidden:
            return []
        if which == ALL_TRAILS:
            return self._trails
        samples = {*selection.chosen, selection.current}
        return [rows for rows in self._trails if int(shown.sample[rows[0]]) in samples]

    def reset(self) -> None:
        """Show all points."""
        for side in self.sides:
            side.pane.show_all()

    # -- the controls ---------------------------------------------------------------------
    def _looks_changed(self) -> None:
        self.mark_stale(LOOKS)

    def _toggle_kind(self, number: str) -> None:
        self._hidden ^= {int(number)}
        self.mark_stale("embedding")

    def _set_lasso(self, on: bool) -> None:
        for side in self.sides:
            side.pane.set_lasso(on)

    def _enable_forget(self) -> None:
        chosen = self.state.selection.chosen
        self.controls.forget.setEnabled(bool(chosen) and chosen != set(self.state.forget))

    def _forget(self) -> None:
        self.do.forget_set.replace_by_selection()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The map as it is shown."""
        if self.state.embedding is None:
            return {}
        a, b = self.models()
        tau = self.state.probe[1]
        color = self.controls.color.currentData()
        which = self.controls.trails.currentData()
        selection = self.state.selection
        current = [] if selection.current is None else [selection.current]
        chosen = sorted({*selection.chosen, *current})
        trails = chosen if which == CHOSEN_TRAILS else which != NO_TRAILS
        options = {"a": a, "b": b, "color": color, "tau": tau, "trails": trails}
        if highlighted := self.controls.highlight.currentData():
            options["highlight"] = highlighted
        return {"embedding": options}
