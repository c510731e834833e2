"""One stored result in memory, and the checks it must pass when read from a file."""

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
        """The value of an attribute stored as JSON."""
        return json.loads(self.attributes[name])


def read(path: Path, *, arrays: bool = True) -> Record:
    """The record in a file of a store; KeyError and the errors of `hdf5.read` if it is invalid.

    With its arrays it is also compared with its stored hash, if it has one.
    """
    group = hdf5.read(path, arrays=arrays)
    check_facts(group.attributes, path.parent.name, path.stem)
    if arrays:
        check_content(group)
    schema.check(path.parent.name, group.attributes, group.arrays if arrays else None)
    return Record(path.parent.name, path.stem, group.attributes, group.arrays)


def check_facts(attributes: Mapping[str, Any], kind: str, key: str) -> None:
    """KeyError unless a record is complete, of this schema, and matches its file name."""
    if not attributes.get("complete") or attributes.get("schema") != SCHEMA:
        raise KeyError("incomplete, or of another schema")
    if attributes.get("kind") != kind or attributes.get("key") != key:
        raise KeyError("not the result that its name states")


def check_content(group: hdf5.GroupContent) -> None:
    """KeyError unless a record matches its hash; those of earlier versions have none."""
    if group.attributes.get(hdf5.HASH, "") not in ("", hdf5.digest(group)):
        raise KeyError("its content does not match its hash")
