"""The result store: one HDF5 file per result, written atomically.

Layout: `<store>/<kind>/<key>.h5`; attributes `schema, kind, key, spec, versions, device, seed,
seconds, created, complete` and whatever the kind adds; arrays as (nested) datasets. Checkpoints
are `<store>/checkpoints/<key>.pt`, interrupted trainings `<store>/partial/<key>.pt`; the locks in
`<store>/locks` name the processes at work. Imported results are kept apart, in `<store>/imported`,
which has the same layout (`Imported`).
"""

from __future__ import annotations

import contextlib
import errno
import functools
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
from engine.storage.bounds import DatasetBounds
from engine.storage.locks import Locks
from engine.storage.paths import is_file, is_folder, typed_path
from engine.storage.record import SCHEMA, Record, check_content, check_facts, read

__all__ = [
    "INEXPENSIVE_KINDS",
    "SCHEMA",
    "TRANSIENT_ERRORS",
    "Imported",
    "Record",
    "Store",
    "check_content",
    "check_facts",
    "default_store",
    "read",
    "versions",
]  # fmt: skip

TRANSIENT_ERRORS = {  # transient errors, which do not mean that the file is damaged
    errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN,
    errno.ESTALE, errno.ENOLCK, errno.EBUSY, errno.EINTR,
}  # fmt: skip
INEXPENSIVE_KINDS = frozenset(
    {"embeddings", "neighborhoods", "recognitions", "similarities", "slices"}
)


def default_store() -> Path:
    """$RK_EXPLORER_STORE, or the folder for user data of this platform."""
    folder = os.environ.get("RK_EXPLORER_STORE")
    if folder:
        return typed_path(folder)
    from platformdirs import user_data_path

    return user_data_path("rk-explorer", appauthor=False) / "store"


class Store:
    """A folder of results. Several processes may read and write it at once.

    One that may not be written to can be read. What is quickly computed (`INEXPENSIVE_KINDS`) is
    then handed out without being kept; whoever makes anything else gets a StoreError before the
    work begins.
    """

    def __init__(self, root: Path, say: Callable[[str], None] | None = None) -> None:
        """Open or create the store; StoreError if it can neither be created nor read.

        say: called with each distinct message about damaged or unreadable files.
        """
        self.root = Path(root)
        self._say = say or (lambda message: None)
        self._messages: set[str] = set()
        self._locks = Locks(self.root / "locks")
        self._refusal = _refusal(self.root)
        self._imported: Imported | None = None
        if self.writable:
            self._sweep()

    @property
    def imported(self) -> Store:
        """The separate store of imported results and of results computed from them."""
        if self._imported is None:
            self._imported = Imported(self)
        return self._imported

    @property
    def writable(self) -> bool:
        """Whether results can be stored, as determined when the store was opened."""
        return not self._refusal

    @property
    def refusal(self) -> str:
        """A message about a read-only store, for its viewers; '' if it is writable."""
        if self.writable:
            return ""
        return (
            f"The store {self.root} is read-only ({self._refusal}): its results can be viewed, "
            "but new ones are not saved."
        )

    def require_writable(self) -> None:
        """StoreError unless results can be stored; called before they are computed."""
        if not self.writable:
            raise StoreError(
                f"The store {self.root} is read-only ({self._refusal}) and does not contain the "
                "requested result. Name another folder with --store, or make this one writable."
            )

    def tell(self, sentence: str) -> None:
        """Pass on a message, once."""
        if sentence not in self._messages:
            self._messages.add(sentence)
            self._say(sentence)

    def path(self, kind: str, key: str, suffix: str = ".h5") -> Path:
        """The path of the result of this kind and key, whether or not it exists."""
        return self.root / kind / f"{key}{suffix}"

    def has(self, kind: str, key: str) -> bool:
        """Whether the file exists; it may still turn out to be damaged."""
        return is_file(self.path(kind, key))

    def get(
        self,
        kind: str,
        key: str,
        *,
        arrays: bool = True,
        needs: Mapping[str, schema.Shape] | None = None,
        world: DatasetBounds | None = None,
    ) -> Record | None:
        """The result, or None if there is none; a damaged file is set aside with a message.

        needs: arrays required beyond those of every result of its kind, with their shapes;
        world: bounds of the sample and class numbers in it.
        """
        path = self.path(kind, key)
        try:
            if not _is_existing_file(path):
                return None
            record = read(path, arrays=arrays)
            schema.require(record.arrays, needs or {})
            if world is not None:
                world.check(kind, record.attributes, record.arrays)
            return self._admitted(record)
        except (StoreError, OSError, KeyError, ValueError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno in TRANSIENT_ERRORS:
                raise StoreError(
                    f"{path} cannot be read now ({os.strerror(error.errno or 0)}). Resolve this "
                    "and try again; the file is left unchanged."
                ) from error
            if is_file(path):  # otherwise it was deleted in the meantime
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
        """Write a result atomically, replacing any of the same key; StoreError on failure.

        A read-only store returns results of the kinds in `INEXPENSIVE_KINDS` without writing them.
        """
        facts: dict[str, Any] = {
            **self._origin_attributes(),
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
        if self.writable or kind not in INEXPENSIVE_KINDS:
            self.adopt(record)
        return record

    def adopt(self, record: Record) -> None:
        """Write a record unchanged, replacing any of the same key; StoreError as in `put`."""
        group = hdf5.GroupContent(record.attributes, record.arrays)
        facts = {**record.attributes, hdf5.HASH: hdf5.digest(group)}
        with self.replacing(self.path(record.kind, record.key)) as temporary:
            hdf5.write(temporary, [("", hdf5.GroupContent(facts, record.arrays))])

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path that replaces `path` at the end; see `atomic_files.atomic_write`.

        A folder of that name is set aside like a damaged file.
        """
        if path.is_dir():
            self.set_aside(path, "it is a folder")
        with atomic_files.atomic_write(path) as temporary:
            yield temporary

    def keys(self, kind: str) -> list[str]:
        """Keys of all results of this kind, newest first; StoreError if they cannot be listed."""
        names = [name for name in _names(self.root / kind) if not name.startswith(".")]
        files = [self.root / kind / name for name in names if name.endswith(".h5")]
        return [path.stem for path in sorted(files, key=_modified, reverse=True)]

    def find(self, kind: str, start: str) -> str:
        """The unique key that begins with `start`; StoreError if none or several do."""
        matches = [key for key in self.keys(kind) if key.startswith(start)] if start else []
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise StoreError(f"'{start}' matches {len(matches)} results; write more of the key.")
        raise StoreError(
            f"No result in {self.root} has the key '{start}'. `rk-engine ls` lists them."
        )

    def set_aside(self, path: Path, why: str) -> None:
        """Move a damaged file away, with a message; its result is recomputed when next needed."""
        if not self.writable:
            self.tell(f"{path} is damaged ({why}) and is left in place: the store is read-only.")
            return
        target = self._damaged(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            outcome = f"it was moved to {target} and will be recomputed."
        except OSError as error:
            outcome = f"it cannot be moved away ({error.strerror}), and will be recomputed."
        self.tell(f"{path} is damaged ({why}); {outcome}")

    @contextlib.contextmanager
    def making(self, kind: str, keys: Sequence[str], what: str, report: Reporter) -> Iterator[None]:
        """Hold the locks of these results, across all processes, while they are computed.

        Waits for other owners, so check the store again afterwards. Raises Cancelled while
        waiting, and StoreError if the store is read-only and `kind` is not one of
        `INEXPENSIVE_KINDS`.
        """
        if not self.writable and kind in INEXPENSIVE_KINDS:
            yield
            return
        self.require_writable()
        with self._locks.held([f"{kind}-{key}" for key in keys], what, report):
            yield

    def idle(self, kind: str, key: str) -> bool:
        """Whether this result is not being computed at the moment."""
        return self._locks.free(f"{kind}-{key}")

    def _damaged(self, path: Path) -> Path:
        """The target of a damaged file; a folder neither replaces anything nor is replaced."""
        first = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        names = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
        free = (target for target in itertools.chain([first], names) if not target.exists())
        return next(free) if path.is_dir() or first.is_dir() else first

    def _admitted(self, record: Record) -> Record | None:
        """The record if it may be used in this store; None if it was imported."""
        if origins.ORIGIN_ATTRIBUTE not in record.attributes:
            return record
        self.tell(
            f"{self.path(record.kind, record.key)} was not computed in this store "
            f"({origins.sentence(origins.origins_of(record.attributes))}) and is not used."
        )
        return None

    def _origin_attributes(self) -> dict[str, Any]:
        """Attributes added to every result put here, stating its origin."""
        return {}

    def _sweep(self) -> None:
        """Remove temporary files and locks of processes that were killed."""
        self._locks.sweep()
        for folder in [self.root, *filter(Path.is_dir, self.root.iterdir())]:
            atomic_files.sweep(folder)


class Imported(Store):
    """The separate store of imported results and of results computed from them.

    Every record states its origin (`engine.storage.origins`). The folder is created on the first
    import.
    """

    def __init__(self, own: Store) -> None:
        self.root = own.root / origins.FOLDER
        self._say, self._messages = own._say, own._messages
        self._locks = Locks(self.root / "locks")
        self._refusal = own._refusal
        self._imported = self
        if self.writable and self.root.is_dir():
            self._sweep()

    def _damaged(self, path: Path) -> Path:
        return self.root.parent / "damaged" / f"imported-{path.parent.name}-{path.name}"

    def _admitted(self, record: Record) -> Record | None:
        if origins.ORIGIN_ATTRIBUTE in record.attributes:
            return record
        return replace(record, attributes=origins.with_origin(record.attributes, origins.UNKNOWN))

    def _origin_attributes(self) -> dict[str, Any]:
        return origins.with_origin({}, origins.derived_origin())


def versions() -> dict[str, str]:
    """Versions of this program and of the packages that its results depend on."""
    result = {"rk-explorer": engine.__version__, "python": platform.python_version()}
    for name in ("torch", "torchvision", "torchattacks", "numpy", "umap-learn", "h5py"):
        if found := _version(name):
            result[name] = found
    return result


@functools.cache
def _version(package: str) -> str:
    """The version of an installed package, '' if it is missing; reading that takes a millisecond.

    A process keeps the packages it has imported, so that this does not change.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _refusal(root: Path) -> str:
    """Why the store is read-only; '' if it is writable. StoreError if it is not readable either."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = atomic_files.temporary_path(root / "probe")
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:  # ValueError: an invalid path
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        if os.access(root, os.R_OK | os.X_OK) and is_folder(root):
            return why
        raise StoreError(
            f"The store {root} can be neither written ({why}) nor read. Name another folder with "
            "--store, or make this one accessible."
        ) from error
    return ""


def _names(folder: Path) -> list[str]:
    """Names of the entries of a folder; empty if it does not exist."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be read ({error.strerror}). Resolve this and try again."
        ) from error


def _is_existing_file(path: Path) -> bool:
    """Whether this is a file; OSError if that cannot be determined."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed in the meantime
        return 0.0
