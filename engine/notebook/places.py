"""Stores as a notebook names them."""

from __future__ import annotations

import os
from pathlib import Path

from engine.storage.paths import typed_path
from engine.storage.store import Store, default_store


def store_of(place: Store | Path | str | None) -> Store:
    """The store in this folder, or the user's own for None; StoreError if it cannot be read."""
    if isinstance(place, Store):
        return place
    return Store(default_store() if place is None else typed_path(os.fspath(place)))
