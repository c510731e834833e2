"""One editor per kind of setting, and how its value is read from it and written to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox

from engine.errors import SpecError
from explorer.state.catalog import GRID, Field
from explorer.state.number_text import grid_spec, grid_text, number_of, text_of
from explorer.widgets.number_editors import IntegerBox, NumbersValidator, parts_of

LARGEST = 2**31 - 1  # maximum of a QSpinBox
Editor = QCheckBox | QComboBox | QLineEdit | QSpinBox


def make(item: Field) -> Editor:
    """An editor for a field, limited to its range or choices."""
    if item.choices:
        combo = QComboBox()
        for choice in item.choices:
            combo.addItem(item.word(choice), choice)
        return combo
    if item.kind == "bool":
        return QCheckBox()
    if item.kind == "int":
        return _spin_box(item)
    line = QLineEdit()
    if item.kind == "float":
        line.setValidator(_validator(item, line))
    return line


def read(editor: Editor, item: Field) -> Any:
    """The value in an editor; the recommended one if it is not a number."""
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, QComboBox):
        return editor.currentData()
    if isinstance(editor, QSpinBox):
        return editor.value()
    text = editor.text().strip()
    if item.kind == GRID:
        return _read_grid(text, item)
    if item.kind != "float":
        return text
    number = number_of(parts_of(text)[0]) if editor.hasAcceptableInput() else item.default
    return item.default if same(number, item.default) else number


def write(editor: Editor, item: Field, value: Any) -> None:
    """Show a value in an editor."""
    if isinstance(editor, QCheckBox):
        editor.setChecked(bool(value))
    elif isinstance(editor, QComboBox):
        editor.setCurrentIndex(editor.findData(value))
    elif isinstance(editor, QSpinBox):
        editor.setValue(int(value))
    else:
        editor.setText(shown(item, value))
        editor.setCursorPosition(0)


def shown(item: Field, value: Any) -> str:
    """A value as a person writes it."""
    if item.kind == "bool":
        return "on" if value else "off"
    if item.kind == GRID:
        return grid_text(str(value))
    if item.kind == "float":
        return text_of(float(value))
    return item.word(str(value))


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal to ten digits."""
    if isinstance(first, float) or isinstance(second, float):
        return f"{float(first):.10g}" == f"{float(second):.10g}"
    return bool(first == second)


def several(editor: Editor) -> tuple[Any, ...]:
    """The values of an editor that has more than one."""
    if isinstance(editor, IntegerBox):
        return editor.several
    if not isinstance(editor, QLineEdit) or not isinstance(editor.validator(), NumbersValidator):
        return ()
    parts = parts_of(editor.text()) if editor.hasAcceptableInput() else []
    values = tuple(dict.fromkeys(map(number_of, parts)))
    return values if len(values) > 1 else ()


def write_several(editor: Editor, values: Sequence[Any]) -> None:
    """Show several values in an editor."""
    if isinstance(editor, IntegerBox):
        editor.show_several(tuple(int(value) for value in values))
    elif isinstance(editor, QLineEdit):
        editor.setText(", ".join(text_of(float(value)) for value in values))
        editor.setCursorPosition(0)


def problem(editor: Editor, item: Field) -> str:
    """What is wrong with the text of an editor; '' if nothing is."""
    if not isinstance(editor, QLineEdit):
        return ""
    if item.kind == GRID:
        try:
            grid_spec(editor.text())
        except SpecError as error:
            return str(error)
    elif not editor.hasAcceptableInput():
        return f"{item.title} must be a number {range_of(item)}, not '{editor.text()}'."
    return ""


def changed(editor: Editor) -> SignalInstance:
    """The signal that an editor emits when its value changes."""
    if isinstance(editor, QCheckBox):
        return editor.toggled
    if isinstance(editor, QComboBox):
        return editor.currentIndexChanged
    if isinstance(editor, QSpinBox):
        return editor.lineEdit().textChanged
    return editor.textChanged


def range_of(item: Field) -> str:
    """The range of a number in words, with its unit; '' if there is none."""
    if item.low is None and item.high is None:
        return ""
    parts = []
    if item.low is not None:
        parts.append(f"{'above' if item.exclusive_low else 'from'} {_limit(item.low)}")
    if item.high is not None:
        parts.append(f"up to {_limit(item.high)}")
    return " ".join([*parts, item.unit]).strip()


def _limit(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _read_grid(text: str, item: Field) -> str:
    """The grid as `parse_taus` reads it; the recommended one if it is the same or wrong."""
    try:
        spec = grid_spec(text)
        usual = grid_spec(grid_text(str(item.default)))
    except SpecError:
        return str(item.default)
    return str(item.default) if grid_text(spec) == grid_text(usual) else spec


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
