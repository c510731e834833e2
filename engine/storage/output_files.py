"""Files that a person named: written whole, to where they point, in the mode they have.

A plain file is replaced at the end, when all of it is there. A device, a pipe and standard output
('-', /dev/stdout) are written through; a link stays, and what it points to is written. The store
writes its own files by `asides.replacing`, which follows no link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from engine.errors import SpecError, StoreError
from engine.storage import atomic_files

STANDARD = Path("-")  # standard output, where a file is asked for
STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/(?:fd/(\d+)|(std\w+))")
LOST = "some of what was to be printed is lost. What was computed is in the store."
MOST_LINKS = 40  # as Linux follows
_standard: ContextVar[IO[Any] | None] = ContextVar("standard output", default=None)


@contextlib.contextmanager
def output(path: Path) -> Iterator[Path]:
    """A temporary path whose content `path` gets at the end; on errors nothing changes.

    StoreError where the file cannot be written.
    """
    if path == STANDARD or _descriptor(path) is not None or _is_special(target(path)):
        with _through(path) as aside:
            yield aside
        return
    plain = target(path)
    with atomic_files.replacing(plain) as aside:
        yield aside
        _keep_mode(plain, aside)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, as `output` does."""
    with output(path) as aside:
        aside.write_text(text, encoding="utf-8")


def check(*paths: Path | None) -> None:
    """SpecError unless each can be written, and no two are one: before hours of computing."""
    named = [path for path in paths if path is not None]
    for path in named:
        if path != STANDARD and _descriptor(path) is None:
            _check_place(path, target(path))
    places = [path if path == STANDARD else target(path) for path in named]
    twice = next((one for one in places if places.count(one) > 1), None)
    if twice is not None and not _is_special(twice):
        name = "standard output" if twice == STANDARD else str(twice)
        raise SpecError(f"Two results cannot both be written to {name}. Name a file for each.")


@contextlib.contextmanager
def words_aside(paths: Sequence[Path | None]) -> Iterator[None]:
    """Where one of the paths is '-', what is printed meanwhile goes to standard error instead."""
    if STANDARD not in paths:
        yield
        return
    token = _standard.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _standard.reset(token)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """StoreError where standard output cannot take what is printed meanwhile.

    Python itself says nothing where it is closed, and ends in a traceback where it is full.
    """
    if sys.stdout is None:
        yield
        raise StoreError(f"Standard output is closed, so {LOST}")
    stream = _Stream(sys.stdout)
    with contextlib.redirect_stdout(stream):
        yield
        stream.flush()


class _Stream:
    """A stream of text whose errors are sentences; a reader that has left is none."""

    def __init__(self, plain: IO[str]) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def write(self, text: str) -> int:
        """Write the text; StoreError where that is impossible."""
        with self._sentences():
            return self._plain.write(text)

    def flush(self) -> None:
        """Send what was written on its way; StoreError where that is impossible."""
        with self._sentences():
            self._plain.flush()

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            abandon()
            reason = _reason(error)
            raise StoreError(f"Standard output cannot be written ({reason}), so {LOST}") from error


def abandon() -> None:
    """Send what is still to be printed nowhere: nobody reads it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def target(path: Path) -> Path:
    """Where the file really lies, behind all links; StoreError for links in a circle."""
    for _ in range(MOST_LINKS):
        if _descriptor(path) is not None or not path.is_symlink():
            return path
        path = path.parent / os.readlink(path)
    raise StoreError(f"Cannot write {path}: its links lead round in a circle.")


def _descriptor(path: Path) -> int | None:
    """The number of the open file that such a path means: /dev/stdout, /dev/fd/3."""
    match = DESCRIPTOR.fullmatch(os.fspath(path))
    if match is None or os.name != "posix":
        return None
    return int(match[1]) if match[1] else STREAMS.get(match[2])


def _is_special(path: Path) -> bool:
    """Whether this is there and neither a plain file nor a folder: a device, a pipe, a socket."""
    if _descriptor(path) is not None:
        return True
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


@contextlib.contextmanager
def _through(path: Path) -> Iterator[Path]:
    """A temporary file that is copied to what `path` means once it is whole."""
    with tempfile.TemporaryDirectory(prefix="rk-output-") as folder:
        aside = Path(folder) / f"output{path.suffix}"
        yield aside
        try:
            with open(aside, "rb") as content, _opened(path) as stream:
                shutil.copyfileobj(content, stream)
                stream.flush()
        except OSError as error:
            raise StoreError(f"Cannot write {path} ({_reason(error)}).") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A stream of bytes into standard output, an open descriptor, a device or a pipe."""
    if path == STANDARD:
        yield _standard_output()
        return
    place = target(path)
    number = _descriptor(place)
    if number is not None:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        with os.fdopen(os.dup(number), "wb") as copy:
            yield copy
        return
    handle = os.open(place, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe nobody reads
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as stream:
        yield stream


def _standard_output() -> IO[bytes]:
    stream: Any = _standard.get() or sys.stdout
    if stream is None:
        raise StoreError("Standard output is closed, so nothing can be written to it.")
    stream.flush()
    binary: IO[bytes] = getattr(stream, "buffer", stream)
    return binary


def _reason(error: OSError) -> str:
    if error.errno == errno.ENXIO:
        return "nobody reads this pipe, or no such device is there"
    return error.strerror or str(error)


def _keep_mode(path: Path, aside: Path) -> None:
    """Give the new file the mode, and where possible the owner, of the one it replaces."""
    with contextlib.suppress(FileNotFoundError):
        facts = path.stat()
        with contextlib.suppress(OSError, AttributeError):  # not ours to give away; not on Windows
            os.chown(aside, facts.st_uid, facts.st_gid)
        os.chmod(aside, stat.S_IMODE(facts.st_mode))


def _check_place(named: Path, place: Path) -> None:
    folder = place.absolute().parent
    reachable = os.access(place if _is_special(place) else folder, os.W_OK)
    if place.is_dir() or not folder.is_dir() or not reachable:
        raise SpecError(
            f"Cannot write {named}: name a file in a folder that exists and is writable, or - for "
            "standard output."
        )
