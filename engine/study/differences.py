"""What two studies were set to, and where they differ: plain specs as they are stored, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.metrics import UNSTATED
from engine.spec import to_plain

UNSAID: Mapping[str, Mapping[str, Any]] = {  # by studies older than the setting
    "train": {"precision": "float32"},
    "data": {"validation": 0.0},
}
NAMED = ("methods", "foreign", "measures")  # lists of things with a name and settings of their own
NONE = "none"
SHOWN = 5  # samples that only one forget set has


@dataclass(frozen=True)
class Difference:
    """One setting, such as 'rurk.tau', and what it is in the first and in the second study."""

    setting: str
    first: str
    second: str


def settings_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Every setting of a plain spec in words: 'data.name', 'train.lr', 'rurk.tau', 'forget' ...

    spec: what `to_plain` made of a RunSpec; a list of named things becomes the list of their
    names, and their settings one entry each. How a study was measured is told even where it does
    not say so itself; which of the measures every study has is not.
    """
    found = _measured(spec.get("measures", ()))
    for name, value in spec.items():
        if name == "forget":
            found[name] = _samples(value)
        elif name in NAMED:
            names = (one["name"] for one in value)
            found[name] = ", ".join(one for one in names if one not in UNSTATED) or NONE
            for one in value:
                found |= dict(_leaves(one["name"], one.get("config", _unnamed(one))))
        else:
            found |= dict(_leaves(name, {**UNSAID[name], **value} if name in UNSAID else value))
    return found


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """The settings in which two plain specs differ, in the order of the first.

    Settings of a method that only one of the two has are left out: 'methods' tells of it.
    """
    one, two = settings_of(first), settings_of(second)
    one["forget"], two["forget"] = _apart(first["forget"], second["forget"])
    return [
        Difference(name, one.get(name, NONE), two.get(name, NONE))
        for name in dict.fromkeys([*one, *two])
        if one.get(name, NONE) != two.get(name, NONE) and _in_both(name, one, two)
    ]


def as_text(found: Sequence[Difference], titles: tuple[str, str]) -> str:
    """The differences as tab-separated lines for a spreadsheet, under the titles of the studies."""
    rows = [("setting", *titles), *((one.setting, one.first, one.second) for one in found)]
    return "\n".join("\t".join(row) for row in rows) + "\n"


def _measured(stated: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """How measures were set that a study does not state, as an older version had them."""
    missing = set(UNSTATED) - {one["name"] for one in stated}
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


def _unnamed(one: Mapping[str, Any]) -> dict[str, Any]:
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
    """Whether both studies have what this setting belongs to."""
    owner, dot, _ = name.partition(".")
    start = owner + dot
    return not dot or all(any(other.startswith(start) for other in found) for found in (one, two))


def _apart(first: Sequence[int], second: Sequence[int]) -> tuple[str, str]:
    """Two forget sets in words, which are the same words for the same samples alone."""
    return _against(first, second), _against(second, first)


def _against(indices: Sequence[int], other: Sequence[int]) -> str:
    own = sorted(set(indices) - set(other))
    if not own:
        return _samples(indices)
    shown = ", ".join(map(str, own[:SHOWN]))
    return f"{_samples(indices)}, {len(own):,} only here: {shown}{' ...' * (len(own) > SHOWN)}"
