"""The Embedding view: a model's features as a map, by itself or beside another model's."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from engine.datasets.base import Dataset
from engine.results import PERTURBED, Embedding
from explorer.state.app_state import AppState
from explorer.state.ranking import ranked_by
from explorer.state.reference_models import is_reference
from explorer.state.selection import REPLACE
from explorer.theme import Theme, theme_of
from explorer.views.base import View, Wishes
from explorer.views.embedding.canvas import MapCanvas
from explorer.views.embedding.context_menu import EmbeddingMenu
from explorer.views.embedding.controls import CHOSEN_TRAILS, NO_TRAILS, Controls
from explorer.views.embedding.drawing import POINTS, MapDrawing
from explorer.views.embedding.legend import Entry
from explorer.views.embedding.mouse import ARROWS, EmbeddingMouse
from explorer.views.embedding.selection_bar import SelectionBar
from explorer.views.embedding.selection_export import SelectionExport
from explorer.views.embedding.side import Side
from explorer.views.embedding.tools import Tools
from explorer.widgets.focus_frame import FocusFrame
from explorer.widgets.panel import Panel, button
from explorer.widgets.plain_text import menu_text

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
NARROW = 400  # logical pixels: the title has no room for all controls


class EmbeddingView(View):
    """The map: click and lasso select, the wheel zooms, pictures take the place of points."""

    name = "embedding"
    title = "Embedding"
    help = (
        "A UMAP of a model's penultimate features, made jointly with another model's: a sample "
        "with the same neighbors in both lies at the same place. Forget samples are pictures in a "
        "frame of their color; zoom in for more. Point at a sample to see it, click to show it in "
        "the other views; draw around samples with Shift or the lasso to select them. A blue ring "
        "marks a selected sample, a double ring the current one. Right-click for more."
    )
    keys = (
        ("Arrows", "Go to the nearest sample in that direction"),
        ("+, -, 0", "Zoom in, zoom out, show all points"),
        ("Enter, Space", "Select the current sample alone, or select and deselect it"),
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
        self.controls, self.tools = Controls(self), Tools()
        self.bar = SelectionBar(do.forget_set)
        self.menu = EmbeddingMenu(state, do, self)
        self._wanted = ["original", ""]  # beside, main; '' = the model that samples are ranked by
        self.canvas = MapCanvas(self.sides, self.tools, self.bar)
        self.legend, self.card = self.canvas.legend, self.canvas.card
        self.drawing = MapDrawing(state, self.sides, self.canvas, self.controls, self._label)
        self.panel = Panel(self.canvas, self)
        self._selection_export = SelectionExport(state, do, self.right, self)
        self._build()
        self._connect()
        self._mouse = EmbeddingMouse(self.sides, self.menu, self.card, state, do, self._label, self)
        self._frame = FocusFrame(self, [side.pane.plot for side in self.sides])
        self._put_beside()
        self.follow(
            "embedding", "selection", "forget", "dataset", "models", "study", "residual", "probe",
            "neighborhood", "ranked_by", "problems", "theme",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "ranked_by" in changed and self.state.ranked_by:
            self._wanted[1] = self.state.ranked_by
        if changed & {"models", "study", "embedding", "residual", "ranked_by"}:
            self._offer_models()
            self._ask()
        shown, dataset = self.state.embedding, self.state.dataset
        self.controls.export.setEnabled(shown is not None)
        if "theme" in changed:
            self._take_theme(theme_of(self.state.theme))
        if dataset is not None and changed & {"selection", "forget", "dataset"}:
            self._count_selection(dataset)
        if shown is None or dataset is None:
            self._say_what_next()
            self._fit_header()
            return
        self.panel.show_content()
        self._fit_header()
        self.drawing.draw(changed, self._drawn(shown), shown, dataset)
        self.canvas.arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the header of a narrow view."""
        super().resizeEvent(event)
        self._fit_header()

    def _fit_header(self) -> None:
        self.controls.fit(not self.panel.is_empty, self.width() < NARROW)

    def sight_changed(self) -> None:
        """Request the embedding of the two models only while the view is visible."""
        if self.seen:
            self._ask()
        else:
            self.do.look_away("embedding")

    def view_state(self) -> dict[str, Any]:
        """The two models, the options, and the hidden kinds."""
        options = {"models": [*self._wanted], "hidden": self.drawing.hidden_kinds()}
        return {**options, **self.controls.view_state(), "lasso": self.tools.lasso.isChecked()}

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
        self.drawing.hide_kinds(hidden if isinstance(hidden, list) else [])
        self.controls.restore(stored)
        self.tools.lasso.setChecked(stored.get("lasso") is True)
        self.mark_stale("embedding")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk, + and - zoom; F, Shift+F and Esc as in Samples."""
        keys, key = event.modifiers(), Qt.Key(event.key())
        current = self.state.selection.current
        if key == Qt.Key.Key_F and not keys & (CTRL | ALT):
            wish = self.do.forget_set
            wish.add_selection() if keys & SHIFT else wish.replace_by_selection()
        elif key == Qt.Key.Key_Escape:
            self._select_nothing()
        elif key in ARROWS:
            self._mouse.walk(key)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(-1 if key == Qt.Key.Key_Minus else 1)
        elif key == Qt.Key.Key_0 and not keys & (CTRL | ALT):
            self.reset()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current is not None:
            self.do.choice.select([current], REPLACE)
        elif key == Qt.Key.Key_Space and current is not None:
            self._mouse.toggle(current)
        else:
            super().keyPressEvent(event)

    # -- building -------------------------------------------------------------------------
    def _build(self) -> None:
        self.panel.fill_frame()
        self.controls.build(self.panel, self.right.model, self._export)
        self.compute = button(
            "Compute the map", "Lay the features of the chosen models out", self._compute
        )
        self.panel.hint.add(self.compute)
        self.compute.hide()

    def _connect(self) -> None:
        self.controls.changed.connect(self._looks_changed)
        self.controls.beside.toggled.connect(self._put_beside)
        self.tools.lasso.toggled.connect(self._set_lasso)
        self.tools.zoomed.connect(self.zoom)
        self.legend.clicked.connect(self._legend_clicked)
        self.legend.more.connect(self._list_entries)
        for source in (self.bar.exported, self.menu.exported):
            source.connect(self._selection_export.save)
        self.menu.zoomed.connect(self._zoom_to_selection)
        self.bar.cleared.connect(self._select_nothing)
        for side in self.sides:
            side.chosen.connect(self._models_chosen)
            side.pane.reset_wanted.connect(self.reset)

    # -- which models ---------------------------------------------------------------------
    def models(self) -> tuple[str, str]:
        """The model beside, and the main one."""
        available = [*self.state.models]
        methods = [name for name in available if not is_reference(name)]
        first = next(iter(methods), next(iter(available[1:]), "original"))
        ranked = ranked_by(self.state)
        default = ranked if ranked in available else first
        a, b = self._wanted
        return a if a in available else "original", b if b in available else default

    def _offer_models(self) -> None:
        labels = {name: self._label(name) for name in self.state.models}
        for side, name in zip(self.sides, self.models(), strict=True):
            side.offer(labels, name)

    def _models_chosen(self) -> None:
        self._wanted = [str(side.model.currentData()) for side in self.sides]
        residual = self.state.residual
        if residual is not None and self._wanted[1] in residual.curves:
            self.do.rank_by(self._wanted[1])  # the other views show the same model
        self._ask()
        self.mark_stale("embedding")

    def _ask(self) -> None:
        if self.seen and self.state.study is not None and self.state.models:
            self.do.look("embedding", *self.models())

    def _compute(self) -> None:
        self.do.look_away("embedding")
        self._ask()

    def _say_what_next(self) -> None:
        problem = self.state.problems.get("embedding", "")
        ready = bool(self.state.models) and self.state.study is not None
        self.compute.setVisible(ready and bool(problem))
        self.panel.show_empty(problem if ready and problem else self._what_next())

    def _what_next(self) -> str:
        if not self.state.models or self.state.study is None:
            return (
                "No features to show yet. Press Run; then the samples lie here as a map, as the "
                "models see them, with their pictures."
            )
        a, b = map(self._label, self.models())
        return f"Computing the joint embedding of {a} and {b}. It appears here."

    # -- drawing --------------------------------------------------------------------------
    def _drawn(self, shown: Embedding) -> tuple[str, str]:
        """The models drawn: the requested ones, or until those are computed the previous ones."""
        names = self.models()
        return names if set(names) <= set(shown.models) else (shown.models[0], shown.models[-1])

    def _count_selection(self, dataset: Dataset) -> None:
        chosen, forget = self.state.selection.chosen, set(self.state.forget)
        learned = {one for one in chosen if dataset.is_learned(one)}
        self.bar.count(len(chosen), len(learned), len(learned & forget), len(forget))

    def _take_theme(self, theme: Theme) -> None:
        for side in self.sides:
            side.pane.set_theme(theme)
        self.tools.set_theme(theme)
        self.bar.buttons.set_theme(theme)

    def reset(self) -> None:
        """Show all points."""
        for side in self.sides:
            side.pane.show_all()

    def zoom(self, steps: int) -> None:
        """Zoom in by some steps, out by negative ones; 0 shows everything."""
        if steps:
            self.right.pane.zoom(steps)
        else:
            self.reset()

    # -- the controls ---------------------------------------------------------------------
    def _looks_changed(self) -> None:
        for change in self.drawing.follow_scheme():
            self.mark_stale(change)

    def _put_beside(self) -> None:
        for part in (self.left.pane, self.left.model, self.left.caption):
            part.setVisible(self.drawing.two)
        self.canvas.arrange()
        self.mark_stale(POINTS)

    def _legend_clicked(self, name: str, hide: bool) -> None:
        self.mark_stale(self.drawing.click_entry(name, hide))

    def _list_entries(self, entries: tuple[Entry, ...], at: QPoint) -> None:
        """List the entries that found no room in the legend."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for entry in entries:
            action = menu.addAction(menu_text(entry.text))
            action.setData(entry.name)
            action.setCheckable(True)
            action.setChecked(entry.strong)
            action.setEnabled(bool(entry.name))
        menu.triggered.connect(self._entry_listed)
        menu.popup(at)

    def _entry_listed(self, action: QAction) -> None:
        self._legend_clicked(str(action.data()), hide=False)

    def _set_lasso(self, on: bool) -> None:
        for side in self.sides:
            side.pane.set_lasso(on)
        self.tools.set_theme(theme_of(self.state.theme))

    def _select_nothing(self) -> None:
        self.do.choice.select([], REPLACE)

    def _zoom_to_selection(self) -> None:
        shown = self.state.embedding
        if shown is not None:
            chosen = np.isin(shown.sample, list(self.state.selection.chosen))
            self.right.pane.show_rows(np.flatnonzero(chosen & (shown.kind != PERTURBED)))

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
