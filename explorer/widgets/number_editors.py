"""Editors that take one number or several: '0.01' or '0.01, 0.03'.

By hand, because superqt has a box for one whole number alone, without units, which takes '--5' and
'²' for numbers and raises ValueError when it is left.
"""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QDoubleValidator, QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

SEVERAL = "Several values, separated by commas, run one study each"
State = QValidator.State


def parts_of(text: str) -> list[str]:
    """The values in a text, each once, as they are written."""
    return list(dict.fromkeys(part.strip() for part in text.split(",")))


class NumbersValidator(QDoubleValidator):
    """Numbers in a range, separated by commas, with a decimal point on every machine.

    For text, not a spin box, because a learning rate may be 1e-05.
    """

    def __init__(self, low: float, high: float, parent: QWidget) -> None:
        super().__init__(low, high, 20, parent)
        locale = QLocale.c()
        locale.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator)
        self.setLocale(locale)

    def validate(self, text: str, place: int) -> tuple[State, str, int]:
        """Acceptable if each part is; a part that is not finished yet may become so."""
        states = [self._state_of(part) for part in text.split(",")]
        return min(states, key=lambda state: state.value), text, place

    def _state_of(self, part: str) -> State:
        found = super().validate(part.strip(), 0)
        return State(found[0])  # type: ignore[index]  # its stub promises a State alone


class WholeBox(QSpinBox):
    """A spin box that also takes '2, 5, 10'; `several` has them, its value is the first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._several: tuple[int, ...] = ()

    @property
    def several(self) -> tuple[int, ...]:
        """The values, if there are more than one."""
        return self._several if self._several[:1] == (self.value(),) else ()

    def show_several(self, values: tuple[int, ...]) -> None:
        """Show these values."""
        self._several = values if len(values) > 1 else ()
        self.setValue(values[0])
        self.lineEdit().setText(self.textFromValue(values[0]))

    def validate(self, text: str, place: int) -> tuple[State, str, int]:
        """Acceptable if each part is a whole number in the range."""
        states = [self._state_of(part) for part in text.split(",")]
        return min(states, key=lambda state: state.value), text, place

    def valueFromText(self, text: str) -> int:
        """The first of the values."""
        parts = [part for part in parts_of(text) if self._state_of(part) == State.Acceptable]
        values = tuple(dict.fromkeys(map(int, parts)))
        self._several = values if len(values) > 1 else ()
        return values[0] if values else self.value()

    def textFromValue(self, value: int) -> str:
        """All values, as long as `value` is the first of them."""
        if len(self._several) > 1 and self._several[0] == value:
            return ", ".join(map(str, self._several))
        return str(value)

    def _state_of(self, part: str) -> State:
        found = part.strip()
        if found in ("", "-"):
            return State.Intermediate
        if not found.removeprefix("-").isdecimal():
            return State.Invalid
        if self.minimum() <= int(found) <= self.maximum():
            return State.Acceptable
        return State.Intermediate if abs(int(found)) <= self.maximum() else State.Invalid
