"""Files and folders being written, beside the place they will take: named so that what a killed
process left behind is known for what it is, and removed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from engine.errors import StoreError
from engine.storage import processes

_swept: set[Path] = set()  # folders that this process has looked through
LONGEST = 80  # characters of the file's own name: with all the rest no name gets too long
FORGOTTEN = 24 * 3600.0  # seconds after which nobody can still be writing
NAMED = re.compile(r"\..*\.(?P<place>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.tmp", re.DOTALL)
OLDER = re.compile(r"\..*\.\d+-[0-9a-f]{8}\.tmp", re.DOTALL)  # as versions before named them


def aside_of(path: Path) -> Path:
    """A name of its own beside `path`, for this process to write to."""
    mark = f"{processes.place()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{path.name[:LONGEST]}.{mark}.tmp")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place at the end, or vanishes on errors.

    The folder is first rid of what killed processes left there, once while this one lives.
    StoreError where the file cannot be written.
    """
    aside = aside_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:
            _swept.add(path.parent)
            sweep(path.parent)
        yield aside
        _to_disk(aside)
        os.replace(aside, path)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path} ({error.strerror or error}). Free some space or name another "
            "folder (a store: with --store); what was stored before is intact."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def sweep(folder: Path) -> list[Path]:
    """Remove from this folder what writers left that have ended; what went."""
    gone = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.name.endswith(".tmp") and _is_left(entry):
                with contextlib.suppress(OSError):
                    _remove(entry)
                    gone.append(Path(entry.path))
    return gone


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def _to_disk(path: Path) -> None:
    """Have the system write all of the file: after a power cut a renamed one must not be empty."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Whether the writer of this file has ended, or began so long ago that it must have."""
    found = NAMED.fullmatch(entry.name)
    if found is None and OLDER.fullmatch(entry.name) is None:
        return False
    here = found is not None and found["place"] == processes.place()
    if found is not None and here and not processes.exists(int(found["process"])):
        return True
    try:
        return time.time() - entry.stat().st_mtime > FORGOTTEN
    except OSError:  # gone meanwhile
        return False
