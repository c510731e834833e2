"""Results on disk: one HDF5 file per result, written aside and renamed, so that a file is whole
or absent.

Layout: `<store>/<kind>/<key>.h5`; attributes `schema, kind, key, spec, versions, device, seed,
seconds, created, complete` and whatever the kind adds; arrays as (nested) datasets. Checkpoints
lie in `<store>/checkpoints/<key>.pt`, interrupted trainings in `<store>/partial/<key>.pt`; while
something is made, `<store>/locks` says by whom. What came from elsewhere lies apart, in
`<store>/imported`, which is built alike (`Imported`).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import platform
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import engine
from engine.errors import StoreError
from engine.runtime.progress import Reporter
from engine.storage import atomic_files, hdf5, origins, schema
from engine.storage.bounds import World
from engine.storage.locks import Locks
from engine.storage.paths import is_file, is_folder, place
from engine.storage.record import SCHEMA, Record, check_content, check_facts, read

__all__ = [
    "PASSING", "SCHEMA", "SIGHTS", "Imported", "Record", "Store", "check_content", "check_facts",
    "default_store", "read", "versions",
]  # fmt: skip

PASSING = {  # errors that say nothing of the file: it must not be taken for damaged
    errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN,
    errno.ESTALE, errno.ENOLCK, errno.EBUSY, errno.EINTR,
}  # fmt: skip
SIGHTS = frozenset({"embeddings", "neighborhoods", "recognitions", "similarities", "slices"})


def default_store() -> Path:
    """$RK_EXPLORER_STORE, or the folder for user data of this platform."""
    named = os.environ.get("RK_EXPLORER_STORE")
    if named:
        return place(named)
    from platformdirs import user_data_path

    return user_data_path("rk-explorer", appauthor=False) / "store"


class Store:
    """A folder of results. Several processes may read and write it at once.

    One that may not be written to can be read. What is quickly computed (`SIGHTS`) is then handed
    out without being kept; whoever makes anything else gets a StoreError before the work begins.
    """

    def __init__(self, root: Path, say: Callable[[str], None] | None = None) -> None:
        """Open or create the store; StoreError if it can neither be made nor read.

        say: hears, once each, of files that are damaged or cannot be read now.
        """
        self.root = Path(root)
        self._say = say or (lambda message: None)
        self._told: set[str] = set()
        self._locks = Locks(self.root / "locks")
        self._refusal = _refusal(self.root)
        self._imported: Imported | None = None
        if self.writable:
            self._sweep()

    @property
    def imported(self) -> Store:
        """What came from elsewhere, and what was computed from it: a store apart from this one."""
        if self._imported is None:
            self._imported = Imported(self)
        return self._imported

    @property
    def writable(self) -> bool:
        """Whether results can be put into it, as far as was seen when it was opened."""
        return not self._refusal

    @property
    def refusal(self) -> str:
        """For whoever looks at a store that may not be written to: a sentence; '' if it may."""
        if self.writable:
            return ""
        return (
            f"The store {self.root} cannot be written ({self._refusal}): what it holds can be "
            "looked at, and nothing new is kept."
        )

    def require_writable(self) -> None:
        """StoreError unless results can be put into it; to be asked before they are computed."""
        if not self.writable:
            raise StoreError(
                f"The store {self.root} cannot be written ({self._refusal}), and what was asked "
                "for is not in it. Name another folder with --store, or make this one writable."
            )

    def tell(self, sentence: str) -> None:
        """Say it, unless it was said before."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._say(sentence)

    def path(self, kind: str, key: str, suffix: str = ".h5") -> Path:
        """Where the result of this kind and key lies or would lie."""
        return self.root / kind / f"{key}{suffix}"

    def has(self, kind: str, key: str) -> bool:
        """Whether a file is there; it may still turn out damaged."""
        return is_file(self.path(kind, key))

    def get(
        self,
        kind: str,
        key: str,
        *,
        arrays: bool = True,
        needs: Mapping[str, schema.Shape] | None = None,
        world: World | None = None,
    ) -> Record | None:
        """The result, or None if there is none; a damaged file is set aside, said, and None.

        needs: arrays that it must have beside what every result of its kind has, and their shapes;
        world: the samples and classes that it may speak of.
        """
        path = self.path(kind, key)
        try:
            if not _is_there(path):
                return None
            found = read(path, arrays=arrays)
            schema.require(found.arrays, needs or {})
            if world is not None:
                world.check(kind, found.attributes, found.arrays)
            return self._admitted(found)
        except (StoreError, OSError, KeyError, ValueError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno in PASSING:
                raise StoreError(
                    f"{path} cannot be read now ({os.strerror(error.errno or 0)}). See to that and "
                    "try again; the file stays as it is."
                ) from error
            if is_file(path):  # else somebody deleted it meanwhile
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
        """Write a result whole, replacing any of the same key; StoreError if that fails.

        A store that may not be written to hands back what is one of `SIGHTS`.
        """
        facts: dict[str, Any] = {
            **self._mark(),
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
        record = Record(kind, key, {**facts, "complete": True}, dict(arrays))
        if self.writable or kind not in SIGHTS:
            self.adopt(record)
        return record

    def adopt(self, record: Record) -> None:
        """Write a record as it is, whole, replacing any of the same key; StoreError as `put`."""
        group = hdf5.Group(record.attributes, record.arrays)
        facts = {**record.attributes, hdf5.HASH: hdf5.digest(group)}
        with self.replacing(self.path(record.kind, record.key)) as aside:
            hdf5.write(aside, [("", hdf5.Group(facts, record.arrays))])

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path beside `path`, which it takes or vanishes: see `asides.replacing`.

        A folder that lies in the way is set aside like a damaged file.
        """
        if path.is_dir():
            self.set_aside(path, "it is a folder")
        with atomic_files.replacing(path) as aside:
            yield aside

    def keys(self, kind: str) -> list[str]:
        """Keys of all results of this kind, newest first; StoreError if they cannot be listed."""
        names = [name for name in _names(self.root / kind) if not name.startswith(".")]
        files = [self.root / kind / name for name in names if name.endswith(".h5")]
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
        if not self.writable:
            self.tell(f"{path} is damaged ({why}), and stays: the store cannot be written.")
            return
        target = self._damaged(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            done = f"it was moved to {target} and will be recomputed."
        except OSError as error:
            done = f"it cannot be moved away ({error.strerror}), and will be recomputed."
        self.tell(f"{path} is damaged ({why}); {done}")

    @contextlib.contextmanager
    def making(self, kind: str, keys: Sequence[str], what: str, report: Reporter) -> Iterator[None]:
        """Be the only one, in any process, who makes these results.

        Waits for whoever is at it, so look again at what is in the store. Raises Cancelled while
        waiting, StoreError where the store cannot be written and this is none of `SIGHTS`.
        """
        if not self.writable and kind in SIGHTS:
            yield
            return
        self.require_writable()
        with self._locks.held([f"{kind}-{key}" for key in keys], what, report):
            yield

    def idle(self, kind: str, key: str) -> bool:
        """Whether nobody makes this result now."""
        return self._locks.free(f"{kind}-{key}")

    def _damaged(self, path: Path) -> Path:
        """Where a damaged file goes; nothing takes the place of a folder, nor a folder's any."""
        first = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        names = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
        free = (one for one in itertools.chain([first], names) if not one.exists())
        return next(free) if path.is_dir() or first.is_dir() else first

    def _admitted(self, found: Record) -> Record | None:
        """A record as it may be used here: None where it came from elsewhere."""
        if origins.MARK not in found.attributes:
            return found
        self.tell(
            f"{self.path(found.kind, found.key)} was not made here "
            f"({origins.sentence(origins.origins_of(found.attributes))}), and is not used."
        )
        return None

    def _mark(self) -> dict[str, Any]:
        """What everything that is put here says of where it came from."""
        return {}

    def _sweep(self) -> None:
        """Remove what killed processes left half-written or locked."""
        self._locks.sweep()
        for folder in [self.root, *filter(Path.is_dir, self.root.iterdir())]:
            atomic_files.sweep(folder)


class Imported(Store):
    """What came into a store from elsewhere, and what was computed from it: never mixed with it.

    Everything in it is marked (`engine.storage.origins`). The folder is made when something comes
    in.
    """

    def __init__(self, own: Store) -> None:
        self.root = own.root / origins.FOLDER
        self._say, self._told = own._say, own._told
        self._locks = Locks(self.root / "locks")
        self._refusal = own._refusal
        self._imported = self
        if self.writable and self.root.is_dir():
            self._sweep()

    def _damaged(self, path: Path) -> Path:
        return self.root.parent / "damaged" / f"imported-{path.parent.name}-{path.name}"

    def _admitted(self, found: Record) -> Record | None:
        if origins.MARK in found.attributes:
            return found
        return replace(found, attributes=origins.marked(found.attributes, origins.UNKNOWN))

    def _mark(self) -> dict[str, Any]:
        return origins.marked({}, origins.derived())


def versions() -> dict[str, str]:
    """Versions of this program and of what its results depend on."""
    found = {"rk-explorer": engine.__version__, "python": platform.python_version()}
    for name in ("torch", "torchvision", "torchattacks", "numpy", "umap-learn", "h5py"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _refusal(root: Path) -> str:
    """Why nothing can be written into the store there; '' if it can. StoreError if it has none."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = atomic_files.aside_of(root / "probe")
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:  # ValueError: no path at all
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        if os.access(root, os.R_OK | os.X_OK) and is_folder(root):
            return why
        raise StoreError(
            f"The store {root} cannot be written ({why}), nor is there anything to read. Name "
            "another folder with --store, or free this one."
        ) from error
    return ""


def _names(folder: Path) -> list[str]:
    """What lies in a folder of a store; nothing where there is no folder."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be read ({error.strerror}). See to that and try again."
        ) from error


def _is_there(path: Path) -> bool:
    """Whether it is a file; OSError where that cannot be found out."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # vanished between listing and asking
        return 0.0
