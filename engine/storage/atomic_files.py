"""Atomic writes: temporary files beside their target, and removal of abandoned ones.

The name of a temporary file states the process that writes it, so that the files of killed
processes can be recognized and removed.
"""

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

_swept: set[Path] = set()  # folders that this process has already swept
LONGEST = 80  # characters of the target's name, so that the temporary name does not get too long
ABANDONED_AFTER = 24 * 3600.0  # seconds after which a temporary file counts as abandoned
NAME = re.compile(r"\..*\.(?P<place>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.tmp", re.DOTALL)
OLD_NAME = re.compile(r"\..*\.\d+-[0-9a-f]{8}\.tmp", re.DOTALL)  # the form used by earlier versions


def temporary_path(path: Path) -> Path:
    """A unique temporary path beside `path`, for this process to write to."""
    suffix = f"{processes.place_id()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{path.name[:LONGEST]}.{suffix}.tmp")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path that replaces `path` at the end of the block, or is removed on errors.

    Abandoned temporary files in the folder are removed first, once per process and folder.
    StoreError if the file cannot be written.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:
            _swept.add(path.parent)
            sweep(path.parent)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path} ({error.strerror or error}). Free some space or name another "
            "folder (a store: with --store); what was stored before is intact."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files whose writers have ended; return the removed paths."""
    removed = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.name.endswith(".tmp") and _is_abandoned(entry):
                with contextlib.suppress(OSError):
                    _remove(entry)
                    removed.append(Path(entry.path))
    return removed


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


def _sync(path: Path) -> None:
    """Flush the file to disk, so that after a power cut a renamed file is not empty."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    """Whether the writer of this file has ended, or the file is too old to be still written."""
    match = NAME.fullmatch(entry.name)
    if match is None and OLD_NAME.fullmatch(entry.name) is None:
        return False
    local = match is not None and match["place"] == processes.place_id()
    if match is not None and local and not processes.exists(int(match["process"])):
        return True
    try:
        return time.time() - entry.stat().st_mtime > ABANDONED_AFTER
    except OSError:  # removed in the meantime
        return False
