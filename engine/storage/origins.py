"""Origin of results that were not made in this store: a permanent attribute of the record.

The attribute is covered by the hash of a record, and grows by one entry whenever the record is
copied from one store to another. Records with it are kept apart, in `<store>/imported`.
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

ORIGIN_ATTRIBUTE = "imported"  # the attribute
FOLDER = "imported"  # in a store; itself a store
PARTS = ("source", "digest", "date")
LONGEST, MOST = 200, 20  # characters of a text, entries of the attribute


DERIVED = "computed here from imported models"
UNKNOWN = Origin("an unknown place", "", "")


def origin_of_file(path: Path, source: str = "") -> Origin:
    """Origin of records imported now from this file; source: its name. OSError if unreadable."""
    with plain_files.open_plain(path) as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=10)).hexdigest()
    return Origin(_line(source or path.name), digest, _now())


def derived_origin() -> Origin:
    """The origin of results computed now in this store from imported models."""
    return Origin(DERIVED, "", _now())


def with_origin(attributes: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    """The attributes of a record with `origin` added to its earlier origins."""
    history = (*origins_of(attributes)[-MOST + 1 :], origin)
    return {**attributes, ORIGIN_ATTRIBUTE: json.dumps([asdict(entry) for entry in history])}


def origins_of(attributes: Mapping[str, Any]) -> tuple[Origin, ...]:
    """The origins of a record, the latest last; () if it was made in its own store.

    The attribute is untrusted: an invalid one counts as a single unknown origin.
    """
    if ORIGIN_ATTRIBUTE not in attributes:
        return ()
    try:
        history = [
            Origin(**{part: _line(step[part]) for part in PARTS}) for step in _steps(attributes)
        ]
    except (TypeError, ValueError, KeyError, RecursionError):
        history = []
    return tuple(history[-MOST:]) or (UNKNOWN,)


def _steps(attributes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    steps: list[Mapping[str, Any]] = json.loads(attributes[ORIGIN_ATTRIBUTE])
    return steps


def sentence(history: Sequence[Origin]) -> str:
    """The origins as one line of text; '' if made in this store."""
    return f"imported: {' > '.join(map(str, history))}" if history else ""


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _line(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("not a text")
    return "".join(character if character.isprintable() else "?" for character in text[:LONGEST])
