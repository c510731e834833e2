"""Forms generated from setting descriptions: words, units, ranges, help and what is recommended.

A new method needs no dialog code: its fields describe the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.state.catalog import Field
from explorer.widgets import setting_editors as editors
from explorer.widgets.number_editors import SEVERAL
from explorer.widgets.setting_editors import Editor
from explorer.widgets.setting_row import SettingRow
from explorer.widgets.term import TermLabel


class FieldsForm(QWidget):
    """One row per field that applies: its word, an editor limited to its range, and its unit.

    Fields for experts are folded, except those that are not as recommended.
    """

    changed = Signal()

    def __init__(
        self, fields: Sequence[Field], about: str = "", parent: QWidget | None = None
    ) -> None:
        """`about`: a sentence shown above the rows."""
        super().__init__(parent)
        self._rows = {item.name: SettingRow(item, self) for item in fields}
        self.more = QCheckBox("Settings for experts", self)
        self.more.setToolTip("Show settings that hardly anybody changes")
        layout = QGridLayout(self)
        layout.setHorizontalSpacing(10)
        layout.setVerticalSpacing(3)
        layout.setColumnStretch(1, 1)
        if about:
            layout.addWidget(styled_label(about, "muted"), 0, 0, 1, 3)
        usual = [row for row in self._rows.values() if not row.item.expert]
        expert = [row for row in self._rows.values() if row.item.expert]
        for row in usual:
            row.place(layout)
        if expert:
            layout.addWidget(self.more, layout.rowCount(), 0, 1, 3)
        for row in expert:
            row.place(layout)
        layout.setRowStretch(layout.rowCount(), 1)
        for row in self._rows.values():
            row.changed.connect(self._follow)
        self.more.setVisible(bool(expert))
        self.more.toggled.connect(self._show_rows)
        self._show_rows()

    def values(self) -> dict[str, Any]:
        """The current values, by field."""
        return {name: row.value for name, row in self._rows.items()}

    def changes(self) -> dict[str, Any]:
        """The fields that differ from the recommended values."""
        return {
            name: row.value
            for name, row in self._rows.items()
            if not editors.same(row.value, row.item.default)
        }

    def several(self) -> dict[str, tuple[Any, ...]]:
        """The values of every field that has more than one."""
        several = {name: editors.several(row.editor) for name, row in self._rows.items()}
        return {name: values for name, values in several.items() if values}

    def show_values(
        self, changes: Mapping[str, Any], several: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """Show the recommended values with these changes; unknown names are ignored.

        several: the fields that have more than one value.
        """
        for name, row in self._rows.items():
            editors.write(row.editor, row.item, changes.get(name, row.item.default))
            values = (several or {}).get(name, ())
            if len(values) > 1:
                editors.write_several(row.editor, values)
        self._show_rows()

    def reset(self) -> None:
        """Restore the recommended values."""
        self.show_values({})

    def problem(self) -> str:
        """A sentence about the first value that is not a number in its range; '' if all are."""
        return next((row.problem for row in self._rows.values() if row.problem), "")

    def show_problem(self) -> None:
        """Give the first field with a problem the keyboard focus."""
        wrong = next((row for row in self._rows.values() if row.problem), None)
        if wrong is not None:
            wrong.editor.setFocus()

    def reveal(self, name: str) -> None:
        """Give a setting the keyboard focus; unfold those for experts if it is one."""
        self.more.setChecked(self.more.isChecked() or self._rows[name].item.expert)
        self._rows[name].editor.setFocus()

    def marked(self) -> list[str]:
        """The names of the fields that are marked as not recommended."""
        return [name for name, row in self._rows.items() if row.differs]

    def applies(self, name: str) -> bool:
        """Whether a field has any effect with the current values of the others."""
        need = self._rows[name].item.only_if
        if need is None or need[0] not in self._rows:
            return True
        return self._rows[need[0]].value in need[1] and self.applies(need[0])

    def row(self, name: str) -> SettingRow:
        """The row of one field."""
        return self._rows[name]

    def editor(self, name: str) -> Editor:
        """The editor of one field."""
        return self._rows[name].editor

    def _follow(self) -> None:
        self._show_rows()
        self.changed.emit()

    def _show_rows(self) -> None:
        for name, row in self._rows.items():
            applies = self.applies(name)
            folded = row.item.expert and not (self.more.isChecked() or row.differs)
            row.set_visible(applies and not folded, applies)


class FormDialog(QDialog):
    """Forms in tabs, with OK, Cancel and a button that restores the recommended values."""

    def __init__(self, title: str, forms: Mapping[str, FieldsForm], parent: QWidget | None) -> None:
        """`forms`: tab title -> form."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(600, 640)
        self.forms = dict(forms)
        self._tabs = QTabWidget()
        for name, form in self.forms.items():
            area = QScrollArea(widgetResizable=True)
            area.setWidget(form)
            self._tabs.addTab(area, name)
        self._error = styled_label("", "danger")
        self._error.hide()
        self._size = styled_label("", "muted")
        for form in self.forms.values():
            form.changed.connect(self._show_size)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.RestoreDefaults
        )
        self._reset = buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        self._reset.setText("All recommended")
        self._reset.setToolTip("Put back the recommended values of this page")
        self._reset.clicked.connect(self.reset)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for part in (self._tabs, self._size, self._error, buttons):
            layout.addWidget(part)
        self._show_size()

    def studies(self) -> int:
        """The number of studies Run would start with these settings."""
        return 1

    def _show_size(self) -> None:
        size = self.studies()
        self._size.setText(f"Run will start {size:,} studies." if size > 1 else f"{SEVERAL}.")
        for place, (name, form) in enumerate(self.forms.items()):
            changed = len(form.marked())
            self._tabs.setTabText(place, f"{name} ({changed} changed)" if changed else name)
        self._reset.setEnabled(any(form.marked() for form in self.forms.values()))

    def problem(self) -> str:
        """A sentence about the first invalid value; '' if all are valid."""
        for place, (name, form) in enumerate(self.forms.items()):
            if problem := form.problem():
                self._tabs.setCurrentIndex(place)
                form.show_problem()
                return f"{name}: {problem}"
        return ""

    def show_field(self, page: str, name: str) -> None:
        """Show a page and give one of its settings the keyboard focus; nothing if unknown."""
        form = self.forms.get(page)
        if form is None:
            return
        place = list(self.forms).index(page)
        self._tabs.setCurrentIndex(place)
        if name in form.values():
            form.reveal(name)
            area = self._tabs.widget(place)
            if isinstance(area, QScrollArea):
                area.ensureWidgetVisible(form.editor(name))

    def refuse(self) -> bool:
        """Show the first invalid value; return whether there was one."""
        self._error.setText(self.problem())
        self._error.setVisible(bool(self._error.text()))
        return bool(self._error.text())

    def accept(self) -> None:
        """Close, unless a value is invalid: then show which."""
        if not self.refuse():
            super().accept()

    def reset(self) -> None:
        """Reset the current page to the recommended values."""
        list(self.forms.values())[self._tabs.currentIndex()].reset()
        self._error.hide()


def styled_label(text: str, role: str, *, wrap: bool = True) -> QLabel:
    """A label in one of the style sheet's roles: 'muted', 'danger' or 'empty'; no markup.

    Terms of the glossary are underlined.
    """
    label = TermLabel(text)
    label.setWordWrap(wrap)
    label.setObjectName(role)
    return label
