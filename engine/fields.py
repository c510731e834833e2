"""Fields of settings: unit, range and help of each, and validation of their values."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field
from typing import Any, TypeVar

from engine.errors import SpecError, unknown

T = TypeVar("T")
Names = tuple[str, ...] | Callable[[], tuple[str, ...]]
Need = tuple[str, Names]  # another setting, and its values


def setting(
    default: Any = MISSING,
    *,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Names | None = None,
    exclusive_low: bool = False,
    key: bool | str = True,
    before: Any = MISSING,
    once: bool = False,
    label: str = "",
    words: Mapping[str, str] | None = None,
    only_if: Need | None = None,
    expert: bool = False,
) -> Any:
    """A dataclass field with the metadata that forms, the command line and validation need.

    `low` and `high` are inclusive unless `exclusive_low`. `key=False` leaves the field out of
    `key`, for settings that cannot change a result; `key='changed'` includes it only where it
    differs from the default, so that results stored before the setting existed still match.
    `before`: the value with which results were made before the setting existed, where the default
    has changed since; this value is left out of `key` and is assumed where a file lacks the
    setting. `choices`: the allowed values, or a function that returns them (names that plug-ins
    may extend). `once`: the user decides anew each time; the setting is never written to a file,
    and a file that contains it is refused.

    For forms: `label`, what people call the setting; `words`, what they call its choices;
    `only_if`, the setting and those of its values with which this one has any effect; `expert`,
    whether hardly anybody changes it.
    """
    facts = {
        "help": help,
        "unit": unit,
        "low": low,
        "high": high,
        "choices": choices,
        "exclusive_low": exclusive_low,
        "key": key,
        "before": before,
        "once": once,
        "label": label,
        "words": dict(words or {}),
        "only_if": only_if,
        "expert": expert,
    }
    if default is MISSING:
        return field(metadata=facts)
    return field(default=default, metadata=facts)


def setting_of(spec: type[Any], name: str, default: Any) -> Any:
    """The field `name` of another settings dataclass, with its own default."""
    facts = next(item for item in dataclasses.fields(spec) if item.name == name).metadata
    return field(default=default, metadata=facts)


def validate(spec: T, where: str = "") -> T:
    """A copy of a settings dataclass with values converted; SpecError names the first bad field.

    `where` prefixes the field in the message, e.g. 'rurk.' for `rurk.tau`.
    """
    hints = hints_of(type(spec))  # type: ignore[arg-type]
    changed = {}
    for item in dataclasses.fields(spec):  # type: ignore[arg-type]
        value, name = getattr(spec, item.name), f"{where}{item.name}"
        kind = hints[item.name]
        if kind in (int, float, bool, str):
            value = convert(value, kind, name)
            _check_range(value, item.metadata, name)
        changed[item.name] = value
    return dataclasses.replace(spec, **changed)  # type: ignore[type-var]


@functools.cache
def hints_of(kind: type) -> Mapping[str, Any]:
    """Type hints of a settings dataclass, cached because resolving them dominates validation."""
    return typing.get_type_hints(kind)


def convert(value: Any, kind: type, name: str) -> Any:
    """`value`, possibly text, converted to `kind`; SpecError if it cannot be."""
    try:
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if kind is int:
            return _whole(value)
        if kind is float:
            return float(value)
        return str(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise SpecError(f"{name} must be {words[kind]}, but is '{value}'.") from None


def _whole(value: Any) -> int:
    """The whole number in an int, a float (3.0) or text ('3', '1e3'); ValueError otherwise."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value):
        return int(value)  # not via float, which rounds seeds above 2**53
    if isinstance(value, int):
        return int(value)
    number = float(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _check_range(value: Any, facts: typing.Mapping[str, Any], name: str) -> None:
    choices = choices_of(facts)
    if choices and value not in choices:
        raise unknown(f"choice for {name}", str(value), choices)
    low, high = facts.get("low"), facts.get("high")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    unit = f" {facts['unit']}" if facts.get("unit") else ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{name} must be a finite number, but is {value}.")
    if low is not None and (value < low or (facts.get("exclusive_low") and value == low)):
        bound = "more than" if facts.get("exclusive_low") else "at least"
        raise SpecError(f"{name} must be {bound} {low:g}{unit}, but is {shown}.")
    if high is not None and value > high:
        raise SpecError(f"{name} must be at most {high:g}{unit}, but is {shown}.")


def amend(config: T, changes: typing.Mapping[str, Any], where: str = "") -> T:
    """`config` with `changes` applied and validated; SpecError names an unknown field."""
    known = {item.name for item in dataclasses.fields(config)}  # type: ignore[arg-type]
    for name in changes:
        if name not in known:
            raise unknown(f"parameter of {where.rstrip('.') or 'this'}", name, known)
    return validate(dataclasses.replace(config, **changes), where)  # type: ignore[type-var]


def choices_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The allowed values of a field with these facts (its metadata); () if any value is."""
    choices = facts.get("choices") or ()
    return tuple(choices() if callable(choices) else choices)


def need_of(facts: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """The other setting, and its values, that a field with these facts depends on, if any."""
    need = facts.get("only_if")
    if need is None:
        return None
    name, values = need
    return name, tuple(values() if callable(values) else values)


def is_transient(item: dataclasses.Field[Any]) -> bool:
    """Whether the user decides this setting anew each time, so that no file contains it."""
    return bool(item.metadata.get("once", False))


def field_kind(config: type[Any], name: str) -> type:
    """int, float, bool or str: the type of a field of this settings dataclass."""
    kind = hints_of(config)[name]  # type: ignore[arg-type]
    if isinstance(kind, types.UnionType):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    return typing.cast(type, kind)


def parse_settings(texts: typing.Iterable[str]) -> dict[str, dict[str, str]]:
    """`['rurk.tau=0.1', ...]` as `{'rurk': {'tau': '0.1'}}`; SpecError for malformed text."""
    settings: dict[str, dict[str, str]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        owner, dot, name = path.strip().partition(".")
        if not (equals and dot and owner and name and value.strip()):
            raise SpecError(
                f"'{text}' is not a setting. Write method.parameter=value, e.g. rurk.tau=0.1."
            )
        settings.setdefault(owner, {})[name] = value.strip()
    return settings
