"""Check of the global heaps in HDF5 files, before the HDF5 library reads them.

Variable-length texts are stored in heaps, one after another, each after its size. If a size is
damaged so that a text starts at itself again, HDF5's reader loops forever, in C code that cannot be
interrupted.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import StoreError
from engine.storage import plain_files

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAP = b"GCOL\x01"  # the signature of a heap, in its only version
TEXT = struct.Struct("<HHIQ")  # before each text: index (0: free space), references, reserved, size
WIDTHS = b"\x08\x08"  # bytes of an offset and of a length; h5py writes no others
WINDOW = 1 << 22  # bytes searched at a time
MOST = 1_000_000  # texts
LARGEST = 1 << 36  # bytes; as many as all arrays of a file may have once unpacked


def check(path: Path) -> None:
    """StoreError for a file that could make HDF5 loop forever; OSError if it is unreadable.

    OSError also if it is not a plain file. An unchanged file is not checked again.
    """
    info = plain_files.check_plain(path, LARGEST)
    _check(path, info.st_mtime_ns, info.st_size, info.st_ino)


@functools.lru_cache(maxsize=4096)
def _check(path: Path, *version: int) -> None:
    with plain_files.open_plain(path) as file:
        head = file.read(16)
        if head[:8] != SIGNATURE:
            raise StoreError("it is not an HDF5 file")
        widths = (
            head[13:15] if head[8] < 2 else head[9:11]
        )  # the position depends on the format version
        if widths != WIDTHS:
            raise StoreError("its offsets have a width that no store writes")
        left = MOST
        for start in _heaps(file):
            left -= _texts(file, start, version[1], left)


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Offsets where a heap may begin; the file may be read elsewhere in between."""
    offset, rest = 0, b""
    while file.seek(offset) == offset and (block := file.read(WINDOW)):
        part = rest + block
        index = part.find(HEAP)
        while index >= 0:
            yield offset - len(rest) + index
            index = part.find(HEAP, index + 1)
        offset, rest = offset + len(block), part[1 - len(HEAP) :]


def _texts(file: BinaryIO, start: int, end: int, most: int) -> int:
    """Number of texts in the heap at `start`; StoreError unless each follows the one before."""
    file.seek(start + 8)
    stop = start + int.from_bytes(file.read(8), "little")
    if stop > end:
        return 0  # HDF5 refuses to read it
    offset, count = start + 16, 0
    while offset + TEXT.size <= stop:
        file.seek(offset)
        number, _, _, size = TEXT.unpack(file.read(TEXT.size))
        taken = TEXT.size + -(-size // 8) * 8 if number else size
        count += 1
        if taken < TEXT.size or offset + taken > stop or count > most:
            raise StoreError("the texts in it have impossible sizes")
        offset += taken
    return count
