"""One stored result in memory, and the checks that it must pass when it is read from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.storage import hdf5, schema

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Record:
    """One stored result: attributes as written, and arrays by name ('group/name' when nested)."""

    kind: str
    key: str
    attributes: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def plain(self, name: str) -> Any:
        """An attribute that was stored as JSON."""
        return json.loads(self.attributes[name])


def read(path: Path, *, arrays: bool = True) -> Record:
    """The record in a file of a store; KeyError and what `hdf5.read` raises where it is none.

    With its arrays it is also compared with the hash it was written with, if it has one.
    """
    found = hdf5.read(path, arrays=arrays)
    check_facts(found.attributes, path.parent.name, path.stem)
    if arrays:
        check_content(found)
    schema.check(path.parent.name, found.attributes, found.arrays if arrays else None)
    return Record(path.parent.name, path.stem, found.attributes, found.arrays)


def check_facts(attributes: Mapping[str, Any], kind: str, key: str) -> None:
    """KeyError unless a record is whole, of this schema, and the one its name says."""
    if not attributes.get("complete") or attributes.get("schema") != SCHEMA:
        raise KeyError("incomplete, or of another schema")
    if attributes.get("kind") != kind or attributes.get("key") != key:
        raise KeyError("not the result its name says")


def check_content(found: hdf5.Group) -> None:
    """KeyError unless a record is what was written; those of versions before have no hash."""
    if found.attributes.get(hdf5.HASH, "") not in ("", hdf5.digest(found)):
        raise KeyError("its content is not what was written")
