"""Editors for one number or several: '0.01' or '0.01, 0.03'.

Hand-written because superqt's box takes a single integer without a unit, accepts '--5' and '²' as
numbers, and raises ValueError when it loses focus.
"""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QLocale
from PySide6.QtGui import QDoubleValidator, QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from explorer.state.number_text import number_of

SEVERAL = "Separate several values with commas to run one study for each"
State = QValidator.State


def parts_of(text: str) -> list[str]:
    """The distinct values in a text, as written."""
    return list(dict.fromkeys(part.strip() for part in text.split(",")))


class NumbersValidator(QDoubleValidator):
    """Numbers in a range, separated by commas, with a decimal point in every locale.

    A number may be a fraction, such as 2/255. For a text field rather than a spin box, because a
    learning rate may be 1e-05.
    """

    def __init__(self, low: float, high: float, parent: QWidget) -> None:
        super().__init__(low, high, 20, parent)
        locale = QLocale.c()
        locale.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator)
        self.setLocale(locale)

    def validate(self, text: str, place: int) -> tuple[State, str, int]:
        """Acceptable if every part is; an incomplete part is Intermediate."""
        states = [self._state_of(part) for part in text.split(",")]
        return min(states, key=lambda state: state.value), text, place

    def _state_of(self, part: str) -> State:
        above, slash, below = part.strip().partition("/")
        if not slash:
            result = super().validate(above, 0)
            return State(result[0])  # type: ignore[index]  # the stub declares a State only
        if not below.strip():
            return State.Intermediate
        with contextlib.suppress(ValueError):
            inside = self.bottom() <= number_of(part) <= self.top()
            return State.Acceptable if inside else State.Intermediate
        return State.Invalid


class IntegerBox(QSpinBox):
    """A spin box that also accepts '2, 5, 10'; `several` has all values, `value` the first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._several: tuple[int, ...] = ()

    @property
    def several(self) -> tuple[int, ...]:
        """The values, if there is more than one."""
        return self._several if self._several[:1] == (self.value(),) else ()

    def show_several(self, values: tuple[int, ...]) -> None:
        """Show these values."""
        self._several = values if len(values) > 1 else ()
        self.setValue(values[0])
        self.lineEdit().setText(self.textFromValue(values[0]))

    def validate(self, text: str, place: int) -> tuple[State, str, int]:
        """Acceptable if every part is an integer in the range."""
        states = [self._state_of(part) for part in text.split(",")]
        return min(states, key=lambda state: state.value), text, place

    def valueFromText(self, text: str) -> int:
        """The first of the values."""
        parts = [part for part in parts_of(text) if self._state_of(part) == State.Acceptable]
        values = tuple(dict.fromkeys(map(int, parts)))
        self._several = values if len(values) > 1 else ()
        return values[0] if values else self.value()

    def textFromValue(self, value: int) -> str:
        """All values if `value` is the first of them, else `value`."""
        if len(self._several) > 1 and self._several[0] == value:
            return ", ".join(map(str, self._several))
        return str(value)

    def _state_of(self, part: str) -> State:
        text = part.strip()
        if text in ("", "-"):
            return State.Intermediate
        if not text.removeprefix("-").isdecimal():
            return State.Invalid
        if self.minimum() <= int(text) <= self.maximum():
            return State.Acceptable
        return State.Intermediate if abs(int(text)) <= self.maximum() else State.Invalid
