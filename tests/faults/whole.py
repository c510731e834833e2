"""What must be true of a store, whatever happened to those who wrote to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.storage import hdf5, store
from engine.storage.store import Store
from engine.training import checkpoints

TIMES = ("seconds",)  # what no two runs have in common


def opened(root: Path) -> Store:
    """The store, which opens without finding anything damaged or leaving anything half-written."""
    said: list[str] = []
    made = Store(root, said.append)
    for kind in sorted({path.parent.name for path in results(root)}):
        for key in made.keys(kind):
            made.get(kind, key)
    assert said == [], said
    assert not (root / "damaged").exists()
    left = [*root.rglob("*.tmp"), *root.glob("locks/*")]
    assert left == [], left
    return made


def results(root: Path) -> Iterator[Path]:
    """Every file that is taken for a result."""
    for path in sorted(root.glob("*/*")):
        if path.suffix in (".h5", ".pt") and not path.name.startswith("."):
            yield path


def marks(root: Path) -> dict[str, str]:
    """File -> hash of all its content, once it was seen that the file matches its own."""
    return {str(path.relative_to(root)): _mark(path) for path in results(root)}


def lost(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Results that were whole before and are gone or changed, but for trainings that went on."""
    finished = {name: mark for name, mark in before.items() if not _goes_on(name)}
    return [name for name, mark in finished.items() if now.get(name) != mark]


def answers(root: Path) -> dict[str, str]:
    """File -> hash of its arrays or weights: what two runs of one study have in common."""
    return {str(path.relative_to(root)): _answer(path) for path in results(root)}


def figures(text: str) -> Any:
    """A study's JSON without the times that it took."""
    return _timeless(json.loads(text))


def _goes_on(name: str) -> bool:
    return name.startswith(("partial/", "counts/"))  # the next epoch, more draws


def _mark(path: Path) -> str:
    if path.suffix == ".h5":
        record = store.read(path)
        assert record.attributes[hdf5.HASH] == hdf5.digest(
            hdf5.GroupContent(record.attributes, record.arrays)
        ), path
        return str(record.attributes[hdf5.HASH])
    content = checkpoints.read(path)
    assert checkpoints.HASH in content and checkpoints.hash_matches(content), path
    return str(content[checkpoints.HASH])


def _answer(path: Path) -> str:
    if path.suffix == ".h5":
        arrays = store.read(path).arrays
        return hdf5.digest(hdf5.GroupContent({}, arrays))
    content = checkpoints.read(path)
    return checkpoints.fingerprint(content["state_dict"])


def _timeless(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _timeless(one) for name, one in found.items() if name not in TIMES}
    return found


def text_of(path: Path) -> str:
    """Hash of a file's bytes."""
    return hashlib.blake2b(path.read_bytes(), digest_size=10).hexdigest()
