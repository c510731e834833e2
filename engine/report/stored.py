"""Stored embeddings and slices of a study: a report shows them, but never computes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.errors import SpecError
from engine.results import FINE
from engine.storage.store import Record, Store
from engine.study import compose


def embedded(store: Store, key: str) -> tuple[str, str] | None:
    """The models of the study's newest embedding; None without one."""
    for record in _records(store, "embeddings", key):
        models = compose.model_keys(compose.from_plain(record.plain("spec")))
        names = [name for name in models if f"xy/{name}" in record.arrays]
        if names:
            return names[0], names[-1]
    return None


def cut(store: Store, key: str) -> dict[str, Any] | None:
    """The options of the study's newest fine slice; None without one."""
    for record in _records(store, "slices", key):
        facts = record.attributes
        if len(record.arrays.get("steps", ())) == FINE:
            found = {name: str(facts[name]) for name in ("directions", "perturbation")}
            towards = int(facts["other"]) if found["directions"] == "chosen" else -1
            numbers = {"sample": int(facts["sample"]), "tau": float(facts["tau"])}
            return {**found, **numbers, "towards": towards}
    return None


def _records(store: Store, kind: str, key: str) -> Iterator[Record]:
    """The results of this kind that belong to the study, newest first."""
    for mark in store.keys(kind):
        head = store.get(kind, mark, arrays=False)
        with contextlib.suppress(SpecError):  # of a version that this one cannot read
            if head is not None and _study_of(head) == key:
                found = store.get(kind, mark)
                if found is not None:
                    yield found


def _study_of(record: Record) -> str:
    return compose.study_key(compose.from_plain(record.plain("spec")))
