"""The Compare view: two models of a study by class, prediction, layer and confidence."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QTabWidget, QToolButton, QVBoxLayout, QWidget

from engine.comparison.pair import SPLITS, TEST
from explorer.state.app_state import AppState
from explorer.state.reference_models import is_reference
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.compare.classes import ClassesTab
from explorer.views.compare.confidence import ConfidenceTab
from explorer.views.compare.pair import Pair
from explorer.views.compare.predictions import PredictionsTab
from explorer.views.compare.similarity import SimilarityTab
from explorer.views.compare.tab import Tab
from explorer.widgets.panel import Panel, button, muted_label

EMPTY = (
    "No models to compare yet. Press Run; once Original and a Re-train exist, any two models can "
    "be compared here by class, prediction, layer and confidence."
)


class CompareView(View):
    """Two model combos, a split, and one tab for each aspect of the pair."""

    name = "comparison"
    title = "Compare"
    help = (
        "Any two models side by side, A against B: accuracy by class, predictions, similarity of "
        "layers, confidence. Click a class or a cell to select its samples."
    )
    keys = (
        ("Up, Down, Enter", "Compare: move through classes or cells; select the samples of one"),
        ("Ctrl+click", "Compare: add the samples of a class or cell to the selection"),
        ("Alt+click", "Compare: remove them from the selection"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.classes, self.predictions = ClassesTab(), PredictionsTab()
        self.similarity, self.confidence = SimilarityTab(), ConfidenceTab()
        self.pages: tuple[Tab, ...] = (
            self.classes, self.predictions, self.similarity, self.confidence,
        )  # fmt: skip
        self.tabs = QTabWidget()
        self.readout: QLabel = muted_label(ClassesTab.hint)
        self._wanted = ["", ""]  # models chosen by the user; '' = default
        self._pair: Pair | None = None
        self._undrawn: set[Tab] = set()
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("models", "study", "residual", "dataset", "similarity", "problems", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if changed & {"models", "study", "residual", "dataset"}:
            self._list_models()
            self._pair = self._new_pair()
        self._show_content()
        shared = changed - {"similarity", "problems"}
        self._undrawn |= set(self.pages) if shared else {self.similarity}
        self._draw_tab()

    def sight_changed(self) -> None:
        """Request the similarity of layers only while its tab is visible."""
        pair = self._pair
        if self.seen and pair is not None and self.tabs.currentWidget() is self.similarity:
            self.do.look("similarity", pair.a.name, pair.b.name)
        else:
            self.do.look_away("similarity")

    def view_state(self) -> dict[str, Any]:
        """The pair, the split, the current tab and the options of each tab."""
        return {
            "a": self._wanted[0],
            "b": self._wanted[1],
            "split": self.split.currentData(),
            "tab": self._page().name,
            "tabs": {page.name: page.choices() for page in self.pages},
        }

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore all of it; a model that does not exist yet is selected once it does."""
        for side in (0, 1):
            name = stored.get("ab"[side])
            if isinstance(name, str):
                self._wanted[side] = name
        split, tab, tabs = stored.get("split"), stored.get("tab"), stored.get("tabs")
        if split in SPLITS:
            self.split.setCurrentIndex(self.split.findData(split))
        for number, page in enumerate(self.pages):
            if isinstance(tabs, dict) and isinstance(tabs.get(page.name), dict):
                page.restore(tabs[page.name])
            if page.name == tab:
                self.tabs.setCurrentIndex(number)
        self._start_anew()

    # -- building -----------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        for number, page in enumerate(self.pages):
            self.tabs.addTab(page, page.title)
            self.tabs.setTabToolTip(number, page.help)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.readout)
        return content

    def _build_header(self) -> None:
        self.a, self.b = (self._chooser(side) for side in "AB")
        self.swap = QToolButton()
        self.swap.setText("⇄")
        self.swap.setObjectName("dock-tool")
        self.swap.setAccessibleName("Swap A and B")
        self.swap.setToolTip("Swap A and B")
        self.split = QComboBox()
        self.split.setAccessibleName("Samples compared")
        self.split.setToolTip("Which samples: the retain set, the forget set or the test set")
        for split in SPLITS:
            self.split.addItem(split, split)
        self.split.setCurrentIndex(SPLITS.index(TEST))
        self.export_button = button(
            "Export…", "Save this tab (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        for part in (QLabel("A"), self.a, self.swap, QLabel("B"), self.b):
            self.panel.header.addWidget(part)
        self.panel.header.addStretch(1)
        self.panel.fold(self.split, "Samples")
        self.panel.fold(self.export_button)

    def _chooser(self, side: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(f"Model {side}")
        box.setToolTip(f"Model {side}; choosing the other side's model swaps the two")
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        return box

    def _connect(self) -> None:
        self.a.activated.connect(self._choose_a)
        self.b.activated.connect(self._choose_b)
        self.swap.clicked.connect(self._swap)
        self.split.activated.connect(self._start_anew)
        self.tabs.currentChanged.connect(self._tab_changed)
        for page in self.pages:
            page.chosen.connect(self.do.choice.select)
            page.message.connect(self.readout.setText)

    # -- the pair -----------------------------------------------------------------------------
    def _names(self) -> tuple[str, str] | None:
        """A and B: the user's choice where it exists, else the first method and Re-train."""
        available = list(self.state.models)
        methods = [name for name in available if not is_reference(name)]
        usual = ([*methods, "original"], ["retrain-0", "original", *available])
        chosen: list[str] = []
        for wanted, others in zip(self._wanted, usual, strict=True):
            fits = [one for one in (wanted, *others) if one in available and one not in chosen]
            chosen += fits[:1]
        return (chosen[0], chosen[1]) if len(chosen) == 2 else None

    def _new_pair(self) -> Pair | None:
        names, dataset, models = self._names(), self.state.dataset, self.state.models
        if names is None or dataset is None:
            return None
        first, second = (models[name] for name in names)
        if len(first.train_logits) != len(dataset.train_y):
            return None  # results of the previous dataset
        labels = (self._label(names[0]), self._label(names[1]))
        split = str(self.split.currentData())
        return Pair(first, second, labels, dataset, self._forget(), split)

    def _forget(self) -> tuple[int, ...]:
        """The forget set of the study shown; while that runs, the one in the form."""
        known = self.state.residual
        return tuple(known.samples.tolist()) if known is not None else self.state.forget

    def _list_models(self) -> None:
        names = self._names()
        for side, box in enumerate((self.a, self.b)):
            with QSignalBlocker(box):
                box.clear()
                for name in self.state.models:
                    box.addItem(self._label(name), name)
                box.setCurrentIndex(box.findData(names[side]) if names else -1)

    # -- drawing ------------------------------------------------------------------------------
    def _show_content(self) -> None:
        ready = self._pair is not None
        for part in (self.a, self.b, self.swap, self.split):
            part.setEnabled(ready)
        self.export_button.setEnabled(ready and self.state.study is not None)
        self.panel.show_controls(bool(self.state.models))
        if ready:
            self.panel.show_content()
        else:
            self.panel.show_empty(EMPTY)

    def _draw_tab(self) -> None:
        """Draw the visible tab; the others are drawn when they are opened."""
        page = self._page()
        if self._pair is None or page not in self._undrawn or not self.seen:
            return
        self._undrawn.discard(page)
        self.similarity.similarity = self.state.similarity
        self.similarity.problem = self.state.problems.get("similarity", "")
        page.show_pair(self._pair, theme_of(self.state.theme))
        self.sight_changed()

    def _page(self) -> Tab:
        return self.pages[self.tabs.currentIndex()]

    def _start_anew(self) -> None:
        """Draw another pair, or another split."""
        self.readout.setText(self._page().hint)
        self._list_models()
        self._pair = self._new_pair()
        self._undrawn = set(self.pages)
        self._show_content()
        self._draw_tab()

    def _tab_changed(self) -> None:
        self.readout.setText(self._page().hint)
        self.split.setEnabled(self._page() is not self.similarity)
        self._draw_tab()
        self.sight_changed()

    # -- wishes -------------------------------------------------------------------------------
    def _choose_a(self) -> None:
        self._choose(0, str(self.a.currentData()))

    def _choose_b(self) -> None:
        self._choose(1, str(self.b.currentData()))

    def _choose(self, side: int, name: str) -> None:
        """Select a model; if it is the other side's, swap the two."""
        names = self._names()
        if names is None:
            return
        if name == names[1 - side]:
            self._swap()
            return
        self._wanted = list(names)
        self._wanted[side] = name
        self._start_anew()

    def _swap(self) -> None:
        names = self._names()
        if names is not None:
            self._wanted = [names[1], names[0]]
            self._start_anew()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The current tab as it is shown."""
        if self._pair is None:
            return {}
        page = self._page()
        options = {"a": self._pair.a.name, "b": self._pair.b.name, "tab": page.name}
        if page is not self.similarity:
            options["split"] = self._pair.split
        return {"comparison": {**options, **page.choices()}}
