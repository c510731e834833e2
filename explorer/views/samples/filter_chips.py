"""The filters of the samples as chips: all of them must be fulfilled, each can be taken off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from engine.analysis import filters
from engine.analysis.filters import ALL, ANSWERS, KINDS, MEASURES, VERDICT, Condition
from engine.analysis.ranking import judged
from engine.analysis.sample_table import ANY, Evidence
from engine.drawing.labels import WITHHELD
from engine.errors import SpecError
from explorer.views.samples.filter_builder import FilterBuilder
from explorer.widgets.flow_layout import Flow
from explorer.widgets.panel import SPACING
from explorer.widgets.plain_text import in_menu

OTHER, NONE_LEFT = "other", "none"  # entries of the menu that are no filters
BETWEEN = " and "  # conditions of one entry


class FilterRows(QWidget):
    """Chips, and the row that makes them; `changed` after the conditions changed.

    `menu_button` belongs into a header: its menu offers what is asked most.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conditions: list[Condition] = []
        self._evidence: Evidence | None = None
        self._labels: Mapping[str, str] = {}
        self._classes: tuple[str, ...] = ()
        self.menu_button = QToolButton()
        self.menu_button.setText("Filter")
        self.menu_button.setAccessibleName("Filter by what models say")
        self.menu_button.setToolTip("Show only samples of which a model says this or that")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu_button.setMenu(self.menu)
        self.builder = FilterBuilder()
        self.builder.hide()
        self._chips = QWidget()
        self._flow = Flow(SPACING, self._chips)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.builder)
        column.addWidget(self._chips)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu.triggered.connect(self._picked)
        self.builder.added.connect(self._add_text)
        self._show_chips()

    def offer(self, evidence: Evidence, labels: Mapping[str, str], classes: Sequence[str]) -> None:
        """Say what is known now: counts follow, and what can be asked."""
        self._evidence, self._labels, self._classes = evidence, labels, tuple(classes)
        self.builder.offer(evidence, labels, classes)
        self._show_chips()

    def set_conditions(self, conditions: Iterable[Condition]) -> None:
        """Filter by these, each once."""
        self.conditions = list(dict.fromkeys(conditions))
        self._show_chips()
        self.changed.emit()

    def restore(self, texts: Any) -> None:
        """Take back the text forms that a session kept; what is none is ignored."""
        if isinstance(texts, list):
            self.set_conditions(one for text in texts if (one := _read(text)) is not None)

    def unknown(self) -> Condition | None:
        """The first condition that asks what is not known yet."""
        if self._evidence is None:
            return None
        evidence = self._evidence
        return next((one for one in self.conditions if filters.mask(one, evidence) is None), None)

    def why_unknown(self, condition: Condition) -> str:
        """What to do where a condition asks what is not known yet, as a sentence."""
        asked = filters.words(condition, self._labels, self._classes)
        residual = self._evidence.residual if self._evidence is not None else None
        if KINDS[condition.name].value == VERDICT and residual is not None and residual.withheld:
            return f"'{asked}': {WITHHELD}"
        if KINDS[condition.name].needs == MEASURES:
            return f"'{asked}': residual knowledge is not measured yet. Press Run, or take it off."
        if KINDS[condition.name].needs == ANSWERS:
            return f"'{asked}': no such model has seen these samples. Press Run, or take it off."
        return f"'{asked}': the smallest τ of this model is being searched. Wait, or take it off."

    # -- the menu -------------------------------------------------------------------------
    def _fill_menu(self) -> None:
        self.menu.clear()
        for conditions in self._suggested():
            text = BETWEEN.join(self._words(one) for one in conditions)
            count = self._count(conditions)
            self._entry(in_menu(f"{text} ({count:,})"), BETWEEN.join(map(str, conditions)))
        self.menu.addSeparator()
        other = self._entry("Another condition ...", OTHER)
        other.setToolTip("Choose model, condition and value")
        other.setEnabled(bool(self._evidence is not None and self._evidence.models))
        if not other.isEnabled():
            other.setText("No model has seen these samples yet: press Run")
        self._entry("Take all filters off", NONE_LEFT).setEnabled(bool(self.conditions))

    def _entry(self, text: str, data: str) -> QAction:
        action = self.menu.addAction(text)
        action.setData(data)
        return action

    def _suggested(self) -> list[list[Condition]]:
        """What is asked most, as far as it is known."""
        evidence = self._evidence
        if evidence is None:
            return []
        methods = judged(evidence.residual) if evidence.residual is not None else ()
        pairs = [
            [Condition("original", "right"), Condition(name, "wrong")]
            for name in methods
            if name != "original"
        ]
        found = [[Condition("original", "wrong")], *pairs, [Condition(ALL, "disagree")]]
        found += [[Condition(ANY, "verdict", "residual")], [Condition(ANY, "undefined")]]
        return [
            one for one in found if all(filters.mask(part, evidence) is not None for part in one)
        ]

    def _picked(self, action: QAction) -> None:
        data = str(action.data())
        if data == OTHER:
            self.builder.show()
            self._fit()
            self.builder.model.setFocus(Qt.FocusReason.OtherFocusReason)
        elif data == NONE_LEFT:
            self.set_conditions([])
        else:
            self._add([filters.parse(text) for text in data.split(BETWEEN)])

    # -- the chips ------------------------------------------------------------------------
    def _show_chips(self) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for condition in self.conditions:
            self._flow.addWidget(self._chip(condition))
        self._chips.setVisible(bool(self.conditions))
        self._flow.invalidate()
        self._fit()

    def _fit(self) -> None:
        """Take no room where there is nothing to see."""
        self.setVisible(bool(self.conditions) or not self.builder.isHidden())

    def _chip(self, condition: Condition) -> QPushButton:
        asked = self._words(condition)
        found = None if self._evidence is None else filters.mask(condition, self._evidence)
        count = "?" if found is None else f"{int(found.sum()):,}"
        chip = QPushButton(f"{in_menu(f'{asked} · {count}')}  ✕")
        chip.setObjectName("chip")
        chip.setProperty("condition", str(condition))
        chip.setToolTip(f"{count} samples by itself. Click to take this filter off.")
        chip.setAccessibleName(f"Filter: {asked}")
        chip.setAccessibleDescription(chip.toolTip())
        chip.clicked.connect(self._take_off)
        return chip

    def _take_off(self) -> None:
        text = self.sender().property("condition")
        self.set_conditions(one for one in self.conditions if str(one) != text)

    def _add_text(self, text: str) -> None:
        self.builder.hide()
        self._add([filters.parse(text)])

    def _add(self, conditions: Sequence[Condition]) -> None:
        self.set_conditions([*self.conditions, *conditions])

    def _words(self, condition: Condition) -> str:
        return filters.words(condition, self._labels, self._classes)

    def _count(self, conditions: Sequence[Condition]) -> int:
        if self._evidence is None:
            return 0
        return int(filters.matching(conditions, self._evidence).sum())


def _read(text: Any) -> Condition | None:
    try:
        return filters.parse(text) if isinstance(text, str) else None
    except SpecError:
        return None
