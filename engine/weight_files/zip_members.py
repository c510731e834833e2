"""Members of a zip archive and their offsets, from its directory alone, without unpacking."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from engine.errors import shown
from engine.runtime.memory import format_size
from engine.weight_files.tensor_views import Damaged, Refused

LARGEST_LIST = 1 << 23  # bytes of the central directory
MOST_TIMES = 8  # limit of unpacked size / size of the archive
ALLOWED = 1 << 24  # bytes allowed in addition, for small archives
HEAD = struct.Struct("<4s22xHH")  # signature, ..., lengths of the name and of the extra field
FAULTS = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error,
    OverflowError, KeyError, IndexError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file in an archive. size: in bytes; packed: its bytes in the archive, from offset `start`.

    deflated: whether it is compressed.
    """

    start: int
    size: int
    packed: int
    deflated: bool


class _BoundedReader(io.RawIOBase):
    """A file of which no more than the largest allowed directory is read at once."""

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
            raise Refused(
                f"the directory of its archive is larger than {format_size(LARGEST_LIST)}"
            )
        return self._file.read(LARGEST_LIST if size < 0 else size)


def names(file: IO[bytes]) -> list[str]:
    """The names in the archive; Damaged if its directory cannot be read."""
    return [info.filename for info in _directory(file)]


def members(file: IO[bytes]) -> Mapping[str, Member]:
    """The members by name, without overlap; Damaged or Refused for an invalid archive."""
    size = file.seek(0, 2)
    listed = sorted(_directory(file), key=lambda info: info.header_offset)
    _check_sizes(listed, size)
    result = {}
    ends = [*(info.header_offset for info in listed), size][1:]
    for info, end in zip(listed, ends, strict=True):
        start = _start(file, info)
        if start + info.compress_size > end:
            raise Refused(f"its member {shown(info.filename)} overlaps another")
        if info.filename in result:
            raise Refused(f"its archive holds {shown(info.filename)} twice")
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        result[info.filename] = Member(start, info.file_size, info.compress_size, deflated)
    return result


def content(file: IO[bytes], member: Member) -> bytes:
    """The bytes of a member; Damaged if their number is not that of the directory."""
    file.seek(member.start)
    raw = file.read(member.packed)
    if member.deflated:
        try:
            raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, member.size + 1)
        except zlib.error as error:
            raise Damaged(str(error)) from error
    if len(raw) != member.size:
        raise Damaged("a member of its archive is incomplete")
    return raw


def fill(file: IO[bytes], member: Member, buffer: memoryview) -> None:
    """Copy the bytes of a member into `buffer`, which has its size; Damaged as in `content`."""
    if member.deflated:
        buffer[:] = content(file, member)
        return
    file.seek(member.start)
    read_into(file, buffer)


def read_into(file: IO[bytes], buffer: memoryview) -> None:
    """Fill `buffer` with the next bytes of the file; Damaged if there are too few."""
    at = 0
    while at < len(buffer):
        count = file.readinto(buffer[at:])  # type: ignore[attr-defined]
        if not count:
            raise Damaged("its data are incomplete")
        at += count


def _directory(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    file.seek(0)
    try:
        with zipfile.ZipFile(_BoundedReader(file)) as archive:
            return archive.infolist()
    except Damaged:
        raise
    except FAULTS as error:
        raise Damaged(str(error)) from error


def _check_sizes(listed: list[zipfile.ZipInfo], size: int) -> None:
    """Refused for encrypted or unusually compressed members, or far too large an unpacked size."""
    for info in listed:
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.flag_bits & 1 or not (stored or info.compress_type == zipfile.ZIP_DEFLATED):
            raise Refused(
                f"its member {shown(info.filename)} is encrypted or uses an unsupported compression"
            )
        if stored and info.compress_size != info.file_size:
            raise Damaged("a member of its archive has two sizes")
    total = sum(info.file_size for info in listed)
    if total > MOST_TIMES * size + ALLOWED:
        raise Refused(f"its archive of {format_size(size)} unpacks to {format_size(total)}")


def _start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The offset of a member's bytes."""
    if info.header_offset < 0:
        raise Damaged("a member of its archive has an invalid offset")
    file.seek(info.header_offset)
    head = file.read(HEAD.size)
    if len(head) < HEAD.size or not head.startswith(b"PK\x03\x04"):
        raise Damaged("a member of its archive has an invalid offset")
    _, name, more = HEAD.unpack(head)
    return info.header_offset + HEAD.size + int(name) + int(more)
