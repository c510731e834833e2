"""The contents of files that somebody named or sent: of plain files alone, and of bounded size.

A pipe is waited for without end, a device never ends, and opening some devices does something. So
a path is looked at before it is opened, and what was opened is looked at again: nobody can put
anything else in its place any more.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path

KINDS = (  # of what is no plain file, and may never end
    (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip
UNBOUNDED = 1 << 62  # bytes


class NotPlain(OSError):
    """What was named is a pipe, a socket or a device.

    Its message, and `strerror`, is the end of a sentence: 'it is a socket, and ...'.
    """

    def __str__(self) -> str:
        return str(self.strerror)


class TooLarge(NotPlain):
    """What was named has more bytes than it may have."""


class PlainFile(io.BufferedReader):
    """A file open for reading bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; none where the system has nothing to say yet, as of its own log."""
        return super().read(size) or b""


def opened(path: Path, largest: int = UNBOUNDED) -> PlainFile:
    """The file, open for reading bytes; it may have up to `largest` of them.

    NotPlain for what is no plain file, TooLarge, other OSErrors where it cannot be opened, and
    ValueError where there can be no such path.
    """
    look(path, largest)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(io.FileIO(path, "rb", opener=_without_waiting))
        file = stack.enter_context(PlainFile(raw))
        _check(path, os.fstat(file.fileno()), largest)
        stack.pop_all()
    return file


def look(path: Path, largest: int = UNBOUNDED) -> os.stat_result:
    """What the system says of the file; errors as `opened`, which nothing was opened for."""
    facts = os.stat(path)
    _check(path, facts, largest)
    return facts


def read_bytes(path: Path, largest: int) -> bytes:
    """All of the file; errors as `opened`."""
    with opened(path, largest) as file:
        content = file.read(largest + 1)
    if len(content) > largest:  # of some files the system does not know the size
        raise _too_large(path, largest)
    return content


def read_text(path: Path, largest: int, encoding: str = "utf-8") -> str:
    """All of the file as text with plain ends of lines; ValueError where it is none."""
    text = read_bytes(path, largest).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def why(error: Exception) -> str:
    """What is wrong with a file, to be put into a sentence that names it."""
    return str(getattr(error, "strerror", None) or error)


def _check(path: Path, facts: os.stat_result, largest: int) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(facts.st_mode):
        kind = next((name for is_one, name in KINDS if is_one(facts.st_mode)), "no file")
        raise NotPlain(errno.EINVAL, f"it is {kind}, and only plain files are read", str(path))
    if facts.st_size > largest:
        raise _too_large(path, largest)


def _too_large(path: Path, largest: int) -> TooLarge:
    size = f"{largest >> 20:,} MiB" if largest >= 1 << 20 else f"{largest:,} bytes"
    return TooLarge(errno.EFBIG, f"it has more than {size}, the most that is read", str(path))


def _without_waiting(path: str, flags: int) -> int:
    """Open for a pipe too that nobody writes to, and without taking over a terminal."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
