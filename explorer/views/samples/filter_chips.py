"""The filters of the samples as chips: all must be met, each can be removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from engine.analysis import filters
from engine.analysis.filters import ALL, ANSWERS, KINDS, MEASURES, VERDICT, Condition
from engine.analysis.ranking import measured_methods
from engine.analysis.sample_table import ANY, SampleTable
from engine.errors import SpecError
from engine.residual.verdict import verdict_note, verdicts_given
from explorer.views.samples.filter_builder import FilterBuilder
from explorer.widgets.flow_layout import FlowLayout
from explorer.widgets.panel import SPACING
from explorer.widgets.plain_text import menu_text

OTHER, NONE_LEFT = "other", "none"  # entries of the menu that are not filters
BETWEEN = " and "  # between the conditions of one entry


class FilterRows(QWidget):
    """The chips and the row that builds them; `changed` after the conditions changed.

    `menu_button` belongs in a header: its menu offers frequent filters.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conditions: list[Condition] = []
        self._evidence: SampleTable | None = None
        self._labels: Mapping[str, str] = {}
        self._classes: tuple[str, ...] = ()
        self.menu_button = QToolButton()
        self.menu_button.setText("Filter")
        self.menu_button.setAccessibleName("Filter by predictions and measures")
        self.menu_button.setToolTip(
            "Show only samples with certain predictions or measures of a model"
        )
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu_button.setMenu(self.menu)
        self.builder = FilterBuilder()
        self.builder.hide()
        self._chips = QWidget()
        self._flow = FlowLayout(SPACING, self._chips)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.builder)
        column.addWidget(self._chips)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu.triggered.connect(self._picked)
        self.builder.added.connect(self._add_text)
        self._show_chips()

    def offer(
        self, evidence: SampleTable, labels: Mapping[str, str], classes: Sequence[str]
    ) -> None:
        """Update the evidence: counts and the conditions on offer follow."""
        self._evidence, self._labels, self._classes = evidence, labels, tuple(classes)
        self.builder.offer(evidence, labels, classes)
        self._show_chips()

    def set_conditions(self, conditions: Iterable[Condition]) -> None:
        """Filter by these conditions, without duplicates."""
        self.conditions = list(dict.fromkeys(conditions))
        self._show_chips()
        self.changed.emit()

    def restore(self, texts: Any) -> None:
        """Restore conditions from their text forms; anything invalid is ignored."""
        if isinstance(texts, list):
            self.set_conditions(one for text in texts if (one := _read(text)) is not None)

    def unknown(self) -> Condition | None:
        """The first condition that cannot be evaluated yet."""
        if self._evidence is None:
            return None
        evidence = self._evidence
        return next((one for one in self.conditions if filters.mask(one, evidence) is None), None)

    def why_unknown(self, condition: Condition) -> str:
        """What to do about a condition that cannot be evaluated yet, as a sentence."""
        text = filters.words(condition, self._labels, self._classes)
        residual = self._evidence.residual if self._evidence is not None else None
        judged = KINDS[condition.name].value == VERDICT
        if judged and residual is not None and not verdicts_given(residual):
            return f"'{text}': {verdict_note(residual)}"
        if KINDS[condition.name].needs == MEASURES:
            return f"'{text}': r is not measured yet. Press Run, or remove this filter."
        if KINDS[condition.name].needs == ANSWERS:
            return f"'{text}': no predictions of this model yet. Press Run, or remove this filter."
        return f"'{text}': the smallest τ is being searched. Wait, or remove this filter."

    # -- the menu -------------------------------------------------------------------------
    def _fill_menu(self) -> None:
        self.menu.clear()
        for conditions in self._suggested():
            text = BETWEEN.join(self._words(one) for one in conditions)
            count = self._count(conditions)
            self._entry(menu_text(f"{text} ({count:,})"), BETWEEN.join(map(str, conditions)))
        self.menu.addSeparator()
        other = self._entry("Another condition…", OTHER)
        other.setToolTip("Choose model, condition and value")
        other.setEnabled(bool(self._evidence is not None and self._evidence.models))
        if not other.isEnabled():
            other.setText("No predictions on these samples yet: press Run")
        self._entry("Remove all filters", NONE_LEFT).setEnabled(bool(self.conditions))

    def _entry(self, text: str, data: str) -> QAction:
        action = self.menu.addAction(text)
        action.setData(data)
        return action

    def _suggested(self) -> list[list[Condition]]:
        """Frequent filters, as far as they can be evaluated."""
        evidence = self._evidence
        if evidence is None:
            return []
        methods = measured_methods(evidence.residual) if evidence.residual is not None else ()
        pairs = [
            [Condition("original", "right"), Condition(name, "wrong")]
            for name in methods
            if name != "original"
        ]
        suggestions = [[Condition("original", "wrong")], *pairs, [Condition(ALL, "disagree")]]
        suggestions += [[Condition(ANY, "verdict", "residual")], [Condition(ANY, "undefined")]]
        return [
            conditions
            for conditions in suggestions
            if all(filters.mask(one, evidence) is not None for one in conditions)
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
        """Take no room while there is nothing to show."""
        self.setVisible(bool(self.conditions) or not self.builder.isHidden())

    def _chip(self, condition: Condition) -> QPushButton:
        text = self._words(condition)
        mask = None if self._evidence is None else filters.mask(condition, self._evidence)
        count = "?" if mask is None else f"{int(mask.sum()):,}"
        chip = QPushButton(f"{menu_text(f'{text} · {count}')}  ✕")
        chip.setObjectName("chip")
        chip.setProperty("condition", str(condition))
        chip.setToolTip(f"{count} samples match this filter alone. Click to remove it.")
        chip.setAccessibleName(f"Filter: {text}")
        chip.setAccessibleDescription(chip.toolTip())
        chip.clicked.connect(self._remove)
        return chip

    def _remove(self) -> None:
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
