"""Results on disk: one HDF5 file per result, written aside and renamed, so that a file is whole
or absent. The only file that imports h5py.

Layout: `<store>/<kind>/<key>.h5`; attributes `schema, kind, key, spec, versions, device, seed,
seconds, created, complete` and whatever the kind adds; arrays as (nested) datasets. Checkpoints
lie in `<store>/checkpoints/<key>.pt`, interrupted trainings in `<store>/partial/<key>.pt`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import engine
from engine.errors import StoreError

SCHEMA = 1
COMPRESS_ABOVE = 4096  # bytes; below, compression costs more than it saves


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


def default_store() -> Path:
    """$RK_EXPLORER_STORE, or the folder for user data of this platform."""
    named = os.environ.get("RK_EXPLORER_STORE")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("rk-explorer", appauthor=False) / "store"


class Store:
    """A folder of results. Several processes may read and write it at once."""

    def __init__(self, root: Path, say: Callable[[str], None] | None = None) -> None:
        """Open or create the store; StoreError if it cannot be written. `say` hears of damage."""
        self.root = Path(root)
        self._say = say or (lambda message: None)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".write-{uuid.uuid4().hex[:8]}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"The store {self.root} cannot be written ({error.strerror}). Name another folder "
                "with --store, or free this one."
            ) from error

    def path(self, kind: str, key: str, suffix: str = ".h5") -> Path:
        """Where the result of this kind and key lies or would lie."""
        return self.root / kind / f"{key}{suffix}"

    def has(self, kind: str, key: str) -> bool:
        """Whether a file is there; it may still turn out damaged."""
        return self.path(kind, key).is_file()

    def get(self, kind: str, key: str, *, arrays: bool = True) -> Record | None:
        """The result, or None if there is none; a damaged file is set aside, said, and None."""
        path = self.path(kind, key)
        if not path.is_file():
            return None
        try:
            with h5py.File(path, "r") as file:
                attributes = {name: _plain(value) for name, value in file.attrs.items()}
                if not attributes.get("complete") or attributes.get("schema") != SCHEMA:
                    raise KeyError("incomplete, or of another schema")
                if attributes.get("kind") != kind or attributes.get("key") != key:
                    raise KeyError("not the result its name says")
                return Record(kind, key, attributes, dict(_arrays(file)) if arrays else {})
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            self.set_aside(path, str(error))
            return None

    def put(
        self,
        kind: str,
        key: str,
        arrays: Mapping[str, np.ndarray],
        *,
        spec: Any,
        seed: int,
        seconds: float,
        device: str,
        **attributes: Any,
    ) -> Record:
        """Write a result whole, replacing any of the same key; StoreError if that fails."""
        facts: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": kind,
            "key": key,
            "spec": json.dumps(spec, sort_keys=True),
            "versions": json.dumps(versions()),
            "device": device,
            "seed": seed,
            "seconds": seconds,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **attributes,
        }
        with self.replacing(self.path(kind, key)) as aside, h5py.File(aside, "w") as file:
            for name, array in arrays.items():
                large = array.nbytes > COMPRESS_ABOVE
                file.create_dataset(
                    name, data=array, compression="gzip" if large else None,
                    compression_opts=1 if large else None, shuffle=large,
                )  # fmt: skip
            file.attrs.update({**facts, "complete": True})
        return Record(kind, key, {**facts, "complete": True}, dict(arrays))

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path beside `path` that takes its place at the end, or vanishes on errors."""
        aside = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield aside
            os.replace(aside, path)
        except OSError as error:
            raise StoreError(
                f"Cannot write {path} ({error.strerror or error}). Free some space or name "
                "another folder with --store; what was stored before is intact."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    def keys(self, kind: str) -> list[str]:
        """Keys of all results of this kind, newest first."""
        files = [path for path in (self.root / kind).glob("*.h5") if not path.name.startswith(".")]
        return [path.stem for path in sorted(files, key=_modified, reverse=True)]

    def find(self, kind: str, start: str) -> str:
        """The one key that begins with `start`; StoreError if none or several do."""
        found = [key for key in self.keys(kind) if key.startswith(start)] if start else []
        if len(found) == 1:
            return found[0]
        if found:
            raise StoreError(f"'{start}' is short for {len(found)} results; write more of the key.")
        raise StoreError(
            f"No result in {self.root} has the key '{start}'. `rk-engine ls` lists them."
        )

    def set_aside(self, path: Path, why: str) -> None:
        """Move a damaged file out of the way (it is recomputed when next needed) and say so."""
        target = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        self._say(f"{path} is damaged ({why}); it was moved to {target} and will be recomputed.")


def versions() -> dict[str, str]:
    """Versions of this program and of what its results depend on."""
    found = {"rk-explorer": engine.__version__, "python": platform.python_version()}
    for name in ("torch", "torchvision", "torchattacks", "numpy", "umap-learn", "h5py"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _arrays(file: h5py.File) -> Iterator[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()]))

    file.visititems(visit)
    yield from found


def _plain(value: Any) -> Any:
    return (
        value.item() if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0 else value
    )


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # vanished between listing and asking
        return 0.0
