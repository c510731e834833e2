"""Conversion of settings to JSON data and back, and the keys of results.

`key` alone defines when two results are the same; the store files results under it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any, TypeVar

from engine.errors import unknown
from engine.fields import hints_of, is_transient, validate

T = TypeVar("T")
SCALARS = frozenset({bool, int, float, str, type(None)})


def to_plain(spec: Any, *, keyed: bool = False) -> Any:
    """The spec as dicts, lists and scalars; `keyed` omits what cannot change a result."""
    if dataclasses.is_dataclass(spec) and not isinstance(spec, type):
        return {
            item.name: to_plain(getattr(spec, item.name), keyed=keyed)
            for item in dataclasses.fields(spec)
            if not is_transient(item) and (not keyed or _enters_key(item, getattr(spec, item.name)))
        }
    if isinstance(spec, (tuple, list)):
        if SCALARS.issuperset(map(type, spec)):  # a fast path for thousands of forget indices
            return list(spec)
        return [to_plain(value, keyed=keyed) for value in spec]
    if isinstance(spec, dict):
        return {str(name): to_plain(value, keyed=keyed) for name, value in spec.items()}
    return spec


def _enters_key(item: dataclasses.Field[Any], value: Any) -> bool:
    before = item.metadata.get("before", MISSING)
    if before is not MISSING:
        return bool(value != before)
    how = item.metadata.get("key", True)
    return bool(value != item.default if how == "changed" else how)


def canonical(spec: Any) -> str:
    """The spec as JSON with sorted names: equal specs have equal text."""
    return json.dumps(to_plain(spec), sort_keys=True, separators=(",", ":"), allow_nan=False)


def key(*parts: Any) -> str:
    """20 hexadecimal digits, shared by two results exactly if they are the same result."""
    plain = [to_plain(part, keyed=True) for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def restored(kind: type[T], plain: Mapping[str, Any], where: str = "") -> T:
    """The settings dataclass of `kind` read from `plain` data of a file, validated.

    Settings missing from the file take their `before` value or default, see `fields.setting`.
    Raises SpecError for an unknown name or a value out of range, TypeError where a required field
    is missing.
    """
    fields = [item for item in dataclasses.fields(kind) if not is_transient(item)]  # type: ignore[arg-type]
    for name in plain:
        if name not in {item.name for item in fields}:
            raise unknown(f"parameter of {where.rstrip('.') or 'this'}", name, hints_of(kind))  # type: ignore[arg-type]
    earlier = {
        item.name: item.metadata["before"]
        for item in fields
        if item.metadata.get("before", MISSING) is not MISSING
    }
    return validate(kind(**{**earlier, **plain}), where)
