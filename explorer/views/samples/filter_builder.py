"""The row that builds a filter: model, condition, value, and the number of matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from engine.analysis import filters
from engine.analysis.filters import (
    ALL,
    CLASS,
    KINDS,
    MEASURES,
    MODEL,
    NUMBER,
    OF_ALL,
    VERDICT,
    Condition,
)
from engine.analysis.sample_table import ANY, SampleTable
from engine.errors import SpecError
from engine.residual.verdict import NONE, RESIDUAL, UNDECIDED, VERDICTS
from explorer.views.samples.sort_row import narrow_combo
from explorer.widgets.panel import SPACING, button

Entries = Sequence[tuple[str, str]]  # (text, data)


class FilterBuilder(QWidget):
    """`added` gives the text form of a condition when the user presses Add or Enter."""

    added = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evidence: SampleTable | None = None
        self._labels: Mapping[str, str] = {}
        self._classes: tuple[str, ...] = ()
        self.model = narrow_combo("Model of the filter", "The model that the condition is about", 7)
        self.kind = narrow_combo(
            "Condition of the filter", "The condition that samples must meet", 9
        )
        self.choice = narrow_combo("Value of the filter", "The value to compare with", 7)
        self.number = QLineEdit()
        self.number.setAccessibleName("Number of the filter")
        self.number.setPlaceholderText("number")
        self.number.setMaximumWidth(self.fontMetrics().horizontalAdvance("number000"))
        self.add = button(
            "Add",
            "Show only samples that also meet this condition; in parentheses: how many do",
            self._add,
        )
        self._lay_out()
        self._connect()

    def offer(
        self, evidence: SampleTable, labels: Mapping[str, str], classes: Sequence[str]
    ) -> None:
        """Offer the models and conditions available now."""
        self._evidence, self._labels, self._classes = evidence, labels, tuple(classes)
        names = [*evidence.models, ANY, ALL] if evidence.models else []
        _fill(self.model, [(filters.subject(name, labels), name) for name in names])
        self._offer_kinds()

    def parts(self) -> list[QWidget]:
        """The widgets in tab order."""
        return [self.model, self.kind, self.choice, self.number, self.add]

    # -- building -------------------------------------------------------------------------
    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        for part in self.parts()[:-1]:
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.add)

    def _connect(self) -> None:
        self.model.currentIndexChanged.connect(self._offer_kinds)
        self.kind.currentIndexChanged.connect(self._offer_values)
        self.choice.currentIndexChanged.connect(self._show_count)
        self.number.textChanged.connect(self._show_count)
        self.number.returnPressed.connect(self._add)

    # -- the options ---------------------------------------------------------------------
    def _offer_kinds(self) -> None:
        model = str(self.model.currentData() or "")
        names = [name for name in KINDS if model and self._applies(name, model)]
        entries = [(KINDS[name].words.replace("{0}", "").strip(" :"), name) for name in names]
        _fill(self.kind, entries)
        for place, name in enumerate(names):
            self.kind.setItemData(place, KINDS[name].help, Qt.ItemDataRole.ToolTipRole)
        self._offer_values()

    def _applies(self, kind: str, model: str) -> bool:
        """Whether this condition applies to this model."""
        if model == ALL or kind in OF_ALL:
            return model == ALL and kind in OF_ALL
        if KINDS[kind].needs == MEASURES:
            measured = self._evidence.measured() if self._evidence else ()
            return model == ANY or model in measured
        return model != ANY

    def _offer_values(self) -> None:
        kind = str(self.kind.currentData() or "")
        value = KINDS[kind].value if kind else ""
        _fill(self.choice, self._values(value))
        self.choice.setVisible(value in (CLASS, MODEL, VERDICT))
        self.number.setVisible(value == NUMBER)
        self.kind.setToolTip(KINDS[kind].help if kind else "The condition that samples must meet")
        self.number.setToolTip(self.kind.toolTip())
        self._show_count()

    def _values(self, value: str) -> Entries:
        if value == CLASS:
            return [(name, str(number)) for number, name in enumerate(self._classes)]
        if value == VERDICT:
            return [(VERDICTS[one], VERDICTS[one]) for one in (RESIDUAL, UNDECIDED, NONE)]
        if value != MODEL or self._evidence is None:
            return []
        others = [name for name in self._evidence.models if name != self.model.currentData()]
        return [(filters.subject(name, self._labels), name) for name in others]

    # -- the condition --------------------------------------------------------------------
    def _condition(self) -> Condition | None:
        """The condition in the row, None while it is incomplete."""
        model, kind = self.model.currentData(), self.kind.currentData()
        if not model or not kind:
            return None
        number = KINDS[kind].value == NUMBER
        value = self.number.text().strip() if number else str(self.choice.currentData() or "")
        try:
            return filters.validated_condition(Condition(str(model), str(kind), value))
        except SpecError:
            return None

    def _show_count(self) -> None:
        condition = self._condition()
        self.add.setEnabled(condition is not None)
        mask = None
        if condition is not None and self._evidence is not None:
            mask = filters.mask(condition, self._evidence)
        self.add.setText("Add" if mask is None else f"Add ({int(mask.sum()):,})")

    def _add(self) -> None:
        condition = self._condition()
        if condition is not None:
            self.added.emit(str(condition))


def _fill(combo: QComboBox, entries: Entries) -> None:
    """List the entries; the current one stays selected if it is still offered."""
    before = combo.currentData()
    with QSignalBlocker(combo):
        combo.clear()
        for text, data in entries:
            combo.addItem(text, data)
        combo.setCurrentIndex(max(0, combo.findData(before)) if entries else -1)
