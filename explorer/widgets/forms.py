"""Forms generated from setting descriptions: units, ranges, tooltips and a reset button.

A new method needs no dialog code: its fields describe the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.state.catalog import Field
from explorer.widgets.number_editors import SEVERAL, IntegerBox, NumbersValidator, parts_of
from explorer.widgets.term import TermLabel

LARGEST = 2**31 - 1  # maximum of a QSpinBox
EDITOR_HEIGHT = 26  # px, so that all kinds of editors line up
Editor = QCheckBox | QComboBox | QLineEdit | QSpinBox


class FieldsForm(QWidget):
    """One row per field: its name, an editor limited to its range, and its unit."""

    changed = Signal()

    def __init__(
        self, fields: Sequence[Field], about: str = "", parent: QWidget | None = None
    ) -> None:
        """`about`: a sentence shown above the rows."""
        super().__init__(parent)
        self._fields = tuple(fields)
        self._editors: dict[str, Editor] = {}
        layout = QFormLayout(self)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        if about:
            layout.addRow(styled_label(about, "muted"))
        for item in self._fields:
            self._add(item, layout)

    def values(self) -> dict[str, Any]:
        """The current values, by field."""
        return {item.name: _read(self._editors[item.name], item) for item in self._fields}

    def changes(self) -> dict[str, Any]:
        """The fields that differ from the recommended values."""
        values = self.values()
        return {item.name: values[item.name] for item in self._fields if self._differs(item)}

    def several(self) -> dict[str, tuple[Any, ...]]:
        """The values of every field that has more than one."""
        several = {item.name: _several(self._editors[item.name]) for item in self._fields}
        return {name: values for name, values in several.items() if values}

    def show_values(
        self, changes: Mapping[str, Any], several: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """Show the recommended values with these changes; unknown names are ignored.

        several: the fields that have more than one value.
        """
        for item in self._fields:
            editor = self._editors[item.name]
            _write(editor, item, changes.get(item.name, item.default))
            values = (several or {}).get(item.name, ())
            if len(values) > 1:
                _write_several(editor, values)

    def reset(self) -> None:
        """Restore the recommended values."""
        self.show_values({})

    def problem(self) -> str:
        """A sentence about the first value that is not a number in its range; '' if all are."""
        for item in self._fields:
            editor = self._editors[item.name]
            if isinstance(editor, QLineEdit) and not editor.hasAcceptableInput():
                return f"{item.name} must be a number {_range(item)}, not '{editor.text()}'."
        return ""

    def editor(self, name: str) -> Editor:
        """The editor of one field."""
        return self._editors[name]

    def _differs(self, item: Field) -> bool:
        return bool(_read(self._editors[item.name], item) != item.default)

    def _add(self, item: Field, layout: QFormLayout) -> None:
        editor = _make(item)
        editor.setObjectName(item.name)
        editor.setAccessibleName(item.name)
        tip = _tip(item)
        editor.setToolTip(tip)
        editor.setMinimumHeight(EDITOR_HEIGHT)
        self._editors[item.name] = editor
        _write(editor, item, item.default)
        _changed(editor).connect(self.changed)
        label = QLabel(item.name.replace("_", " "))
        label.setToolTip(tip)
        label.setBuddy(editor)
        layout.addRow(label, _with_unit(editor, item.unit))


class FormDialog(QDialog):
    """Forms in tabs, with OK, Cancel and a button that restores the recommended values."""

    def __init__(self, title: str, forms: Mapping[str, FieldsForm], parent: QWidget | None) -> None:
        """`forms`: tab title -> form."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(460, 560)
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
        self._reset.setText("Recommended")
        self._reset.setToolTip("Reset this page to the recommended values")
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

    def problem(self) -> str:
        """A sentence about the first invalid value; '' if all are valid."""
        for place, (name, form) in enumerate(self.forms.items()):
            if problem := form.problem():
                self._tabs.setCurrentIndex(place)
                return f"{name}: {problem}"
        return ""

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


def _make(item: Field) -> Editor:
    if item.choices:
        combo = QComboBox()
        combo.addItems(list(item.choices))
        return combo
    if item.kind == "bool":
        return QCheckBox()
    if item.kind == "int":
        return _spin_box(item)
    line = QLineEdit()
    if item.kind == "float":
        line.setValidator(_validator(item, line))
    return line


def _spin_box(item: Field) -> IntegerBox:
    box = IntegerBox()
    low = -LARGEST if item.low is None else int(item.low)
    box.setRange(low, LARGEST if item.high is None else int(min(item.high, LARGEST)))
    return box


def _validator(item: Field, parent: QLineEdit) -> NumbersValidator:
    """A validator for the field's range; text rather than a spin box, for values such as 1e-05."""
    low = -float("inf") if item.low is None else item.low
    smallest = 1e-12 if item.exclusive_low and low == 0 else low
    high = float("inf") if item.high is None else item.high
    return NumbersValidator(smallest, high, parent)


def _read(editor: Editor, item: Field) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, QComboBox):
        return editor.currentText()
    if isinstance(editor, QSpinBox):
        return editor.value()
    text = editor.text().strip()
    if item.kind != "float":
        return text
    number = float(parts_of(text)[0]) if editor.hasAcceptableInput() else item.default
    return item.default if _text(number) == _text(item.default) else number


def _write(editor: Editor, item: Field, value: Any) -> None:
    if isinstance(editor, QCheckBox):
        editor.setChecked(bool(value))
    elif isinstance(editor, QComboBox):
        editor.setCurrentText(str(value))
    elif isinstance(editor, QSpinBox):
        editor.setValue(int(value))
    else:
        editor.setText(_text(value) if item.kind == "float" else str(value))
        editor.setCursorPosition(0)


def _several(editor: Editor) -> tuple[Any, ...]:
    if isinstance(editor, IntegerBox):
        return editor.several
    if not isinstance(editor, QLineEdit) or not isinstance(editor.validator(), NumbersValidator):
        return ()
    parts = parts_of(editor.text()) if editor.hasAcceptableInput() else []
    values = tuple(dict.fromkeys(map(float, parts)))
    return values if len(values) > 1 else ()


def _write_several(editor: Editor, values: Sequence[Any]) -> None:
    if isinstance(editor, IntegerBox):
        editor.show_several(tuple(int(value) for value in values))
    elif isinstance(editor, QLineEdit):
        editor.setText(", ".join(map(_text, values)))
        editor.setCursorPosition(0)


def _text(value: Any) -> str:
    return f"{float(value):.10g}"


def _changed(editor: Editor) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.toggled
    if isinstance(editor, QComboBox):
        return editor.currentTextChanged
    if isinstance(editor, QSpinBox):
        return editor.lineEdit().textChanged
    return editor.textChanged


def _with_unit(editor: Editor, unit: str) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(editor, 1)
    if unit:
        layout.addWidget(styled_label(unit, "muted", wrap=False))
    return row


def _range(item: Field) -> str:
    if item.low is None and item.high is None:
        return ""
    parts = []
    if item.low is not None:
        parts.append(f"{'above' if item.exclusive_low else 'from'} {item.low:g}")
    if item.high is not None:
        parts.append(f"up to {item.high:g}")
    return " ".join([*parts, item.unit]).strip()


def _tip(item: Field) -> str:
    help_text = item.help[:1].upper() + item.help[1:]
    default = _text(item.default) if item.kind == "float" else str(item.default)
    if item.kind == "bool":
        default = "on" if item.default else "off"
    lines = [help_text, _range(item).capitalize(), f"Recommended: {default}" if default else ""]
    return "\n".join(line for line in lines if line)
