"""Reading files that a user named or received: plain files only, and of bounded size.

Reading a pipe may block forever, a device may never end, and opening some devices has side effects.
So a path is checked before it is opened, and the open file is checked again, when nothing can be
put in its place any more.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path

KINDS = (  # of files that are not plain, and may never end
    (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip
UNBOUNDED = 1 << 62  # bytes


class NotPlain(OSError):
    """The path is a pipe, a socket or a device.

    Its message, and `strerror`, is a clause: 'it is a socket, and ...'.
    """

    def __str__(self) -> str:
        return str(self.strerror)


class TooLarge(NotPlain):
    """The file is larger than allowed."""


class PlainFile(io.BufferedReader):
    """A plain file, open for reading bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; b'' where the system has none yet, as for /proc/kmsg."""
        return super().read(size) or b""


def open_plain(path: Path, largest: int = UNBOUNDED) -> PlainFile:
    """The file, open for reading bytes; at most `largest` bytes long.

    Raises NotPlain, TooLarge, other OSErrors if it cannot be opened, and ValueError for an invalid
    path.
    """
    check_plain(path, largest)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(io.FileIO(path, "rb", opener=_without_waiting))
        file = stack.enter_context(PlainFile(raw))
        _check(path, os.fstat(file.fileno()), largest)
        stack.pop_all()
    return file


def check_plain(path: Path, largest: int = UNBOUNDED) -> os.stat_result:
    """The stat result of the file, without opening it; errors as in `open_plain`."""
    facts = os.stat(path)
    _check(path, facts, largest)
    return facts


def read_bytes(path: Path, largest: int) -> bytes:
    """The content of the file; errors as in `open_plain`."""
    with open_plain(path, largest) as file:
        content = file.read(largest + 1)
    if len(content) > largest:  # the size that stat reports may be 0
        raise _too_large(path, largest)
    return content


def read_text(path: Path, largest: int, encoding: str = "utf-8") -> str:
    """The content as text with '\\n' line ends; ValueError if it cannot be decoded."""
    text = read_bytes(path, largest).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def error_reason(error: Exception) -> str:
    """The reason of an error, for a message that names the file."""
    return str(getattr(error, "strerror", None) or error)


def _check(path: Path, facts: os.stat_result, largest: int) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(facts.st_mode):
        kind = next((name for is_kind, name in KINDS if is_kind(facts.st_mode)), "not a file")
        raise NotPlain(errno.EINVAL, f"it is {kind}, and only plain files are read", str(path))
    if facts.st_size > largest:
        raise _too_large(path, largest)


def _too_large(path: Path, largest: int) -> TooLarge:
    size = f"{largest >> 20:,} MiB" if largest >= 1 << 20 else f"{largest:,} bytes"
    return TooLarge(errno.EFBIG, f"it is larger than {size}, the limit", str(path))


def _without_waiting(path: str, flags: int) -> int:
    """Open without blocking on a pipe and without acquiring a controlling terminal."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
