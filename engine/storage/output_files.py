"""Output files that a user named: written atomically, through links, keeping their mode.

A plain file is replaced at the end, once it is complete. Devices, pipes and standard output ('-',
/dev/stdout) are written through; a link is kept and its target is written. The store writes its own
files with `atomic_files.atomic_write`, which follows no links.
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

STANDARD = Path("-")  # standard output, in place of a file
STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/(?:fd/(\d+)|(std\w+))")
LOST = "some of the output is lost. Computed results are in the store."
MOST_LINKS = 40  # as many as Linux follows
_standard: ContextVar[IO[Any] | None] = ContextVar("standard output", default=None)


@contextlib.contextmanager
def output(path: Path) -> Iterator[Path]:
    """A temporary path whose content replaces `path` at the end; on errors nothing changes.

    StoreError if the file cannot be written.
    """
    if path == STANDARD or _descriptor(path) is not None or _is_special(target(path)):
        with _through(path) as temporary:
            yield temporary
        return
    destination = target(path)
    with atomic_files.atomic_write(destination) as temporary:
        yield temporary
        _keep_mode(destination, temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; see `output`."""
    with output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check(*paths: Path | None) -> None:
    """SpecError unless all can be written and are distinct; called before long computations."""
    named = [path for path in paths if path is not None]
    for path in named:
        if path != STANDARD and _descriptor(path) is None:
            _check_place(path, target(path))
    places = [path if path == STANDARD else target(path) for path in named]
    duplicate = next((place for place in places if places.count(place) > 1), None)
    if duplicate is not None and not _is_special(duplicate):
        name = "standard output" if duplicate == STANDARD else str(duplicate)
        raise SpecError(f"Two results cannot both be written to {name}. Name a file for each.")


@contextlib.contextmanager
def messages_to_stderr(paths: Sequence[Path | None]) -> Iterator[None]:
    """If one of the paths is '-', redirect printed messages to standard error."""
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
def checked_stdout() -> Iterator[None]:
    """StoreError if standard output cannot be written inside the block.

    Python itself is silent when it is closed, and ends in a traceback when the disk is full.
    """
    if sys.stdout is None:
        yield
        raise StoreError(f"Standard output is closed, so {LOST}")
    stream = _Stream(sys.stdout)
    with contextlib.redirect_stdout(stream):
        yield
        stream.flush()


class _Stream:
    """A text stream that raises StoreError on write errors; a broken pipe passes through."""

    def __init__(self, plain: IO[str]) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def write(self, text: str) -> int:
        """Write the text; StoreError on failure."""
        with self._translated_errors():
            return self._plain.write(text)

    def flush(self) -> None:
        """Flush the stream; StoreError on failure."""
        with self._translated_errors():
            self._plain.flush()

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            discard_stdout()
            reason = _reason(error)
            raise StoreError(f"Standard output cannot be written ({reason}), so {LOST}") from error


def discard_stdout() -> None:
    """Redirect remaining output to the null device, since nobody reads it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def target(path: Path) -> Path:
    """The target of `path` behind all links; StoreError for circular links."""
    for _ in range(MOST_LINKS):
        if _descriptor(path) is not None or not path.is_symlink():
            return path
        path = path.parent / os.readlink(path)
    raise StoreError(f"Cannot write {path}: its links are circular.")


def _descriptor(path: Path) -> int | None:
    """The file descriptor that a path such as /dev/stdout or /dev/fd/3 denotes, or None."""
    match = DESCRIPTOR.fullmatch(os.fspath(path))
    if match is None or os.name != "posix":
        return None
    return int(match[1]) if match[1] else STREAMS.get(match[2])


def _is_special(path: Path) -> bool:
    """Whether this exists and is neither a plain file nor a folder: a device, pipe or socket."""
    if _descriptor(path) is not None:
        return True
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


@contextlib.contextmanager
def _through(path: Path) -> Iterator[Path]:
    """A temporary file that is copied into `path` once it is complete."""
    with tempfile.TemporaryDirectory(prefix="rk-output-") as folder:
        temporary = Path(folder) / f"output{path.suffix}"
        yield temporary
        try:
            with open(temporary, "rb") as content, _opened(path) as stream:
                shutil.copyfileobj(content, stream)
                stream.flush()
        except OSError as error:
            raise StoreError(f"Cannot write {path} ({_reason(error)}).") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream into standard output, an open descriptor, a device or a pipe."""
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
    handle = os.open(
        place, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)
    )  # do not block on a pipe without a reader
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
        return "the pipe has no reader, or the device does not exist"
    return error.strerror or str(error)


def _keep_mode(path: Path, temporary: Path) -> None:
    """Give the new file the mode, and if possible the owner, of the file it replaces."""
    with contextlib.suppress(FileNotFoundError):
        facts = path.stat()
        with contextlib.suppress(OSError, AttributeError):  # not permitted, or Windows
            os.chown(temporary, facts.st_uid, facts.st_gid)
        os.chmod(temporary, stat.S_IMODE(facts.st_mode))


def _check_place(path: Path, target_path: Path) -> None:
    folder = target_path.absolute().parent
    reachable = os.access(target_path if _is_special(target_path) else folder, os.W_OK)
    if target_path.is_dir() or not folder.is_dir() or not reachable:
        raise SpecError(
            f"Cannot write {path}: name a file in a folder that exists and is writable, or - for "
            "standard output."
        )
