"""Fields of untrusted JSON data, read with a check of type and size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from engine.errors import SpecError

T = TypeVar("T")
MOST_SAMPLES = 5_000_000
MOST_NAMES = 1000  # of views, methods, settings
LONGEST_PATH = 4096  # characters
LONGEST_TEXT = 100_000
WRONG = "This session cannot be opened: {}. Open another one, or start a new one."


class Fields:
    """A JSON object whose fields are checked for type and size; SpecError names a wrong one."""

    def __init__(self, plain: Any, where: str) -> None:
        if not isinstance(plain, dict):
            raise SpecError(WRONG.format(f"{where} is not an object with fields"))
        if len(plain) > MOST_NAMES:
            raise SpecError(WRONG.format(f"{where} has {len(plain):,} fields"))
        self.names: list[str] = list(plain)
        self.plain, self._where = plain, where

    def get(self, name: str) -> Any:
        """The field unchecked, None if it is missing."""
        return self.plain.get(name)

    def part(self, name: str) -> Fields:
        """A nested object; empty if it is missing."""
        return Fields(self.plain.get(name, {}), f"'{name[:40]}'")

    def text(self, name: str, longest: int, default: str = "") -> str:
        """A text field of at most `longest` characters."""
        return self.checked(
            name, default, lambda value: isinstance(value, str) and len(value) <= longest
        )

    def natural(self, name: str, default: int, largest: int = 10**18) -> int:
        """A field with a non-negative integer."""
        return self.checked(name, default, lambda value: is_natural(value) and value <= largest)

    def number(self, name: str, default: float) -> float:
        """A field with a finite number."""
        return float(self.checked(name, default, _finite))

    def indices(self, name: str) -> list[int]:
        """A field with a list of sample indices."""
        return self.checked(name, [], _indices)

    def values(self, name: str) -> dict[str, Any]:
        """A field of settings: names with numbers, text, booleans, or lists of these."""
        part = self.part(name)
        return {item: part.checked(item, None, _value) for item in part.names}

    def checked(self, name: str, default: T, fits: Callable[[Any], bool]) -> T:
        """A field that satisfies `fits`, or the default if it is missing."""
        value = self.plain.get(name, default)
        if not fits(value) and name in self.plain:
            raise SpecError(WRONG.format(f"'{name[:40]}' in {self._where} has the wrong type"))
        result: T = value
        return result


def is_natural(value: Any) -> bool:
    """Whether the value is a non-negative integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e15 and math.isfinite(value)


def _indices(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_SAMPLES
        and all(is_natural(index) and index < 2**31 for index in value)
    )


def is_text_list(value: Any) -> bool:
    """Whether the value is a short list of short texts."""
    return (
        isinstance(value, list)
        and len(value) <= MOST_NAMES
        and all(isinstance(text, str) and len(text) <= 200 for text in value)
    )


def _scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_PATH
    return value is None or isinstance(value, bool) or _finite(value)


def _value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_NAMES and all(map(_scalar, value))
    return _scalar(value)
