"""The settings of stored studies and their differences, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.metrics import UNSTATED
from engine.spec import to_plain

IMPLICIT: Mapping[str, Mapping[str, Any]] = {  # defaults for studies older than the setting
    "train": {"precision": "float32"},
    "data": {"validation": 0.0, "columns": "", "test_share": 0.2, "encoder": ""},
}
NAMED = ("methods", "foreign", "measures")  # lists of entries with a name and settings
NONE = "none"
SHOWN = 5  # samples shown that only one of the forget sets has


@dataclass(frozen=True)
class Difference:
    """One setting, such as 'rurk.tau', and its values in the first and the second study."""

    setting: str
    first: str
    second: str


def settings_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Every setting of a plain spec as text: 'data.name', 'train.lr', 'rurk.tau', 'forget' ...

    spec: a RunSpec converted by `to_plain`; a list of named entries becomes the list of their
    names, and each of their settings an entry. Implicit settings of measures are included; the
    names of the measures that every study has are not.
    """
    settings = _implicit_measures(spec.get("measures", ()))
    for name, value in spec.items():
        if name == "forget":
            settings[name] = _samples(value)
        elif name in NAMED:
            names = (entry["name"] for entry in value)
            settings[name] = ", ".join(entry for entry in names if entry not in UNSTATED) or NONE
            for entry in value:
                settings |= dict(_leaves(entry["name"], entry.get("config", _without_name(entry))))
        else:
            settings |= dict(
                _leaves(name, {**IMPLICIT[name], **value} if name in IMPLICIT else value)
            )
    return settings


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """The settings in which two plain specs differ, in the order of the first.

    Settings of a method that only one of the two has are omitted, since 'methods' differs.
    """
    one, two = settings_of(first), settings_of(second)
    one["forget"], two["forget"] = _forget_texts(first["forget"], second["forget"])
    return [
        Difference(name, one.get(name, NONE), two.get(name, NONE))
        for name in dict.fromkeys([*one, *two])
        if one.get(name, NONE) != two.get(name, NONE) and _in_both(name, one, two)
    ]


def differences_as_text(differences: Sequence[Difference], titles: tuple[str, str]) -> str:
    """The differences as tab-separated lines for a spreadsheet, under the titles of the studies."""
    rows = [
        ("setting", *titles),
        *((difference.setting, difference.first, difference.second) for difference in differences),
    ]
    return "\n".join("\t".join(row) for row in rows) + "\n"


def _implicit_measures(stated: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Settings of measures that a study does not state: the defaults of an older version."""
    missing = set(UNSTATED) - {measure["name"] for measure in stated}
    return {
        path: text
        for name in sorted(missing)
        for path, text in _leaves(name, to_plain(UNSTATED[name]))
    }


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for inner, part in value.items():
            yield from _leaves(f"{name}.{inner}", part)
    else:
        yield name, _text(value)


def _without_name(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "name"}


def _text(value: Any) -> str:
    if value is None or value in ("", []):
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _samples(indices: Sequence[int]) -> str:
    return f"{len(indices):,} sample" if len(indices) == 1 else f"{len(indices):,} samples"


def _in_both(name: str, one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    """Whether both studies have the owner of this setting."""
    owner, dot, _ = name.partition(".")
    start = owner + dot
    return not dot or all(
        any(name_in_study.startswith(start) for name_in_study in settings)
        for settings in (one, two)
    )


def _forget_texts(first: Sequence[int], second: Sequence[int]) -> tuple[str, str]:
    """Two forget sets as text; the texts are equal only for equal sets."""
    return _forget_text(first, second), _forget_text(second, first)


def _forget_text(indices: Sequence[int], other: Sequence[int]) -> str:
    exclusive = sorted(set(indices) - set(other))
    if not exclusive:
        return _samples(indices)
    shown = ", ".join(map(str, exclusive[:SHOWN]))
    more = " ..." if len(exclusive) > SHOWN else ""
    return f"{_samples(indices)}, {len(exclusive):,} only here: {shown}{more}"
