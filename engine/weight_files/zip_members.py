"""What lies where in a zip archive, from its list alone: nothing is unpacked to find that out."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from engine.errors import shown
from engine.runtime.memory import said
from engine.weight_files.tensor_views import Damaged, Refused

LARGEST_LIST = 1 << 23  # bytes of the list of members
MOST_TIMES = 8  # that an archive may unpack to its own size
ALLOWED = 1 << 24  # bytes that it may unpack to besides, as small ones do
HEAD = struct.Struct("<4s22xHH")  # mark, ..., lengths of name and more before a member's bytes
FAULTS = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error,
    OverflowError, KeyError, IndexError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file in an archive. size: its bytes; packed: those it takes in the archive, from `start`.

    deflated: whether the two are not the same.
    """

    start: int
    size: int
    packed: int
    deflated: bool


class _Sparing(io.RawIOBase):
    """A file of which nothing longer than a list of members is read at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_LIST:
            raise Refused(f"its archive lists more than {said(LARGEST_LIST)} of names")
        return self._file.read(LARGEST_LIST if size < 0 else size)


def names(file: IO[bytes]) -> list[str]:
    """The names in the archive; Damaged where it has no list that can be read."""
    return [one.filename for one in _listed(file)]


def members(file: IO[bytes]) -> Mapping[str, Member]:
    """The members by name, none inside another; Damaged or Refused for an archive that is odd."""
    size = file.seek(0, 2)
    listed = sorted(_listed(file), key=lambda one: one.header_offset)
    _check_sizes(listed, size)
    found = {}
    ends = [*(one.header_offset for one in listed), size][1:]
    for one, end in zip(listed, ends, strict=True):
        start = _start(file, one)
        if start + one.compress_size > end:
            raise Refused(f"its member {shown(one.filename)} overlaps another")
        if one.filename in found:
            raise Refused(f"its archive holds {shown(one.filename)} twice")
        deflated = one.compress_type == zipfile.ZIP_DEFLATED
        found[one.filename] = Member(start, one.file_size, one.compress_size, deflated)
    return found


def content(file: IO[bytes], member: Member) -> bytes:
    """The bytes of a member; Damaged where they are others than the list says."""
    file.seek(member.start)
    raw = file.read(member.packed)
    if member.deflated:
        try:
            raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, member.size + 1)
        except zlib.error as error:
            raise Damaged(str(error)) from error
    if len(raw) != member.size:
        raise Damaged("a member of its archive is not whole")
    return raw


def fill(file: IO[bytes], member: Member, buffer: memoryview) -> None:
    """Put the bytes of a member, as many as its size, into `buffer`; Damaged as `content`."""
    if member.deflated:
        buffer[:] = content(file, member)
        return
    file.seek(member.start)
    read_into(file, buffer)


def read_into(file: IO[bytes], buffer: memoryview) -> None:
    """Fill `buffer` with what follows in the file; Damaged where that is too little."""
    at = 0
    while at < len(buffer):
        count = file.readinto(buffer[at:])  # type: ignore[attr-defined]
        if not count:
            raise Damaged("its data are not whole")
        at += count


def _listed(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    file.seek(0)
    try:
        with zipfile.ZipFile(_Sparing(file)) as archive:
            return archive.infolist()
    except Damaged:
        raise
    except FAULTS as error:
        raise Damaged(str(error)) from error


def _check_sizes(listed: list[zipfile.ZipInfo], size: int) -> None:
    """Refused for members of any but the two usual kinds, or that unpack to far too much."""
    for one in listed:
        stored = one.compress_type == zipfile.ZIP_STORED
        if one.flag_bits & 1 or not (stored or one.compress_type == zipfile.ZIP_DEFLATED):
            raise Refused(f"its member {shown(one.filename)} is encrypted or packed in a rare way")
        if stored and one.compress_size != one.file_size:
            raise Damaged("a member of its archive has two sizes")
    whole = sum(one.file_size for one in listed)
    if whole > MOST_TIMES * size + ALLOWED:
        raise Refused(f"its archive of {said(size)} unpacks to {said(whole)}")


def _start(file: IO[bytes], one: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin."""
    if one.header_offset < 0:
        raise Damaged("a member of its archive lies nowhere")
    file.seek(one.header_offset)
    head = file.read(HEAD.size)
    if len(head) < HEAD.size or not head.startswith(b"PK\x03\x04"):
        raise Damaged("a member of its archive lies nowhere")
    _, name, more = HEAD.unpack(head)
    return one.header_offset + HEAD.size + int(name) + int(more)
