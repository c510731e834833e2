"""Heaps of texts in HDF5 files, looked through before HDF5 is let near them.

Texts lie in heaps, one behind the other, each behind its size. Where sizes are harmed so that one
text begins where it began, HDF5's own reader goes round for ever, in C code that nothing can stop.
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
HEAP = b"GCOL\x01"  # a heap, in the only version there is
TEXT = struct.Struct("<HHIQ")  # before each: its number (0: what is free), uses, nothing, its size
WIDTHS = b"\x08\x08"  # bytes of a place and of a size; h5py writes no others
WINDOW = 1 << 22  # bytes that are searched at a time
MOST = 1_000_000  # texts
LARGEST = 1 << 36  # bytes, as many as all arrays of a file may take once unpacked


def check(path: Path) -> None:
    """StoreError for a file whose texts HDF5 might read for ever; OSError where it is unreadable.

    OSError also for what is no plain file. A file that is as it was is not looked through again.
    """
    facts = plain_files.look(path, LARGEST)
    _check(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@functools.lru_cache(maxsize=4096)
def _check(path: Path, *version: int) -> None:
    with plain_files.opened(path) as file:
        head = file.read(16)
        if head[:8] != SIGNATURE:
            raise StoreError("it does not begin as an HDF5 file does")
        widths = head[13:15] if head[8] < 2 else head[9:11]  # elsewhere in its older formats
        if widths != WIDTHS:
            raise StoreError("its sizes are of a width that no store writes")
        left = MOST
        for place in _heaps(file):
            left -= _texts(file, place, version[1], left)


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Where heaps may begin; the file may be read elsewhere in between."""
    at, kept = 0, b""
    while file.seek(at) == at and (block := file.read(WINDOW)):
        part = kept + block
        found = part.find(HEAP)
        while found >= 0:
            yield at - len(kept) + found
            found = part.find(HEAP, found + 1)
        at, kept = at + len(block), part[1 - len(HEAP) :]


def _texts(file: BinaryIO, place: int, end: int, most: int) -> int:
    """How many texts the heap there holds; StoreError unless each lies behind the one before."""
    file.seek(place + 8)
    stop = place + int.from_bytes(file.read(8), "little")
    if stop > end:
        return 0  # which HDF5 refuses to read
    at, count = place + 16, 0
    while at + TEXT.size <= stop:
        file.seek(at)
        number, _, _, size = TEXT.unpack(file.read(TEXT.size))
        taken = TEXT.size + -(-size // 8) * 8 if number else size
        count += 1
        if taken < TEXT.size or at + taken > stop or count > most:
            raise StoreError("the texts in it have impossible sizes")
        at += taken
    return count
