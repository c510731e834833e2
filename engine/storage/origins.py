"""Where a result came from that was not made in this store: a mark among its attributes, for good.

The mark is part of what the hash of a record covers, and grows by an entry whenever the record
goes from one store to another. What carries it lies apart, in `<store>/imported`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.provenance import Origin
from engine.storage import plain_files

MARK = "imported"  # the attribute
FOLDER = "imported"  # in a store, and again a store
PARTS = ("source", "digest", "date")
LONGEST, MOST = 200, 20  # characters of a text, entries of a mark


DERIVED = "computed here from imported models"
UNKNOWN = Origin("an unknown place", "", "")


def origin_of_file(path: Path, source: str = "") -> Origin:
    """Of what comes in this file now; source: what to call it. OSError where it cannot be read."""
    with plain_files.opened(path) as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=10)).hexdigest()
    return Origin(_line(source or path.name), digest, _now())


def derived() -> Origin:
    """Of what is computed now in this store, from models that came from elsewhere."""
    return Origin(DERIVED, "", _now())


def marked(attributes: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    """The attributes of a record that comes from `origin`; what marked it before stays."""
    way = (*origins_of(attributes)[-MOST + 1 :], origin)
    return {**attributes, MARK: json.dumps([asdict(one) for one in way])}


def origins_of(attributes: Mapping[str, Any]) -> tuple[Origin, ...]:
    """The way of a record, the last step last; () where it was made in its own store.

    A stranger may have written it: what is no such way is one step from an unknown place.
    """
    if MARK not in attributes:
        return ()
    try:
        found = [Origin(**{part: _line(one[part]) for part in PARTS}) for one in _steps(attributes)]
    except (TypeError, ValueError, KeyError, RecursionError):
        found = []
    return tuple(found[-MOST:]) or (UNKNOWN,)


def _steps(attributes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    steps: list[Mapping[str, Any]] = json.loads(attributes[MARK])
    return steps


def sentence(way: Sequence[Origin]) -> str:
    """Where something came from, for a line of text; '' where it was made here."""
    return f"imported: {' > '.join(map(str, way))}" if way else ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _line(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("no text")
    return "".join(one if one.isprintable() else "?" for one in text[:LONGEST])
