"""Files of decoded images: read through a memory map, so that they may be larger than memory.

A file holds the pixels (n, C, H, W) uint8, then facts about them as JSON, then a fixed tail that
says where the facts begin. It is complete or it is not a pixel file: whoever writes one calls
`PixelWriter.finish` on a temporary file, which is renamed afterwards (`atomic_files`).
"""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import os
import platform
import shutil
import struct
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from engine.runtime.cores import cores
from engine.storage import plain_files

SUFFIX = ".pixels"
MAGIC = b"RKPIXEL1"
TAIL = struct.Struct("<QI8s")  # bytes of the facts, their checksum, MAGIC
LONGEST_FACTS = 1 << 24  # bytes
CHUNK = 1 << 24  # bytes of pixels with one checksum
ALWAYS_CHECKED = 1 << 30  # bytes of pixels; larger files are checked if they were touched since
LARGEST_CACHE = 64 << 30  # bytes of all files in a folder
SHARE_OF_DISK = 0.5  # of what is free or taken by the folder
NANO = 10**9
NO_RESERVE = 0x4000  # MAP_NORESERVE, which Python names from 3.13 on
PLAIN_FLAGS = ("x86_64", "AMD64", "aarch64", "arm64", "riscv64")  # machines that number it so


class PixelFileError(Exception):
    """A file that is not a complete pixel file; the message is a clause: 'it is too short'."""


@dataclass(frozen=True)
class Facts:
    """What a file says about itself; written: even seconds since 1970, its time of modification."""

    shape: tuple[int, ...]
    notes: tuple[str, ...]
    checksums: tuple[int, ...]
    written: int

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Facts:
        """The facts from JSON; PixelFileError unless they are complete."""
        try:
            shape, sums = (tuple(map(int, plain[name])) for name in ("shape", "checksums"))
            facts = cls(shape, tuple(map(str, plain["notes"])), sums, int(plain["written"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PixelFileError("what it says about itself is incomplete") from error
        if len(shape) != 4 or min(shape) < 1:
            raise PixelFileError("it has no images")
        return facts


@dataclass(frozen=True, eq=False)
class PixelFile:
    """pixels: (n, C, H, W) uint8, mapped; notes: sentences on how they were read.

    Writing to the pixels changes this process's copy only. The file may be removed while mapped.
    """

    pixels: np.ndarray
    notes: tuple[str, ...]


class PixelWriter:
    """Writes the images of one file, in any order; `path` is written in place."""

    def __init__(self, path: Path, shape: Sequence[int]) -> None:
        """Reserve the space at once, so that a full disk is noticed before the work; OSError."""
        self._shape = tuple(shape)
        self._row = math.prod(shape[1:])
        self._path = path
        self._file = path.open("w+b")
        try:
            reserve(self._file.fileno(), self._row * shape[0])
        except OSError:
            self._file.close()
            raise

    def put(self, row: int, images: np.ndarray) -> None:
        """Write images (m, C, H, W) uint8 to the rows from `row` on."""
        self._file.seek(row * self._row)
        self._file.write(np.ascontiguousarray(images, np.uint8).data)

    def finish(self, notes: Sequence[str]) -> None:
        """Write the facts; without them the file is not a pixel file."""
        self._file.flush()
        size = self._row * self._shape[0]
        written = int(time.time()) // 2 * 2  # every file system can store an even second
        sums = tuple(checksums(np.frombuffer(_mapping(self._file.fileno(), size), np.uint8)))
        text = json.dumps(asdict(Facts(self._shape, tuple(notes), sums, written))).encode()
        self._file.seek(size)
        self._file.write(text + TAIL.pack(len(text), zlib.crc32(text), MAGIC))
        self._file.close()
        os.utime(self._path, ns=(time.time_ns(), written * NANO))

    def __enter__(self) -> PixelWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def read(path: Path) -> PixelFile:
    """Map a pixel file; PixelFileError if it is incomplete or damaged, and OSError.

    Every byte is compared with its checksum, except in files of more than `ALWAYS_CHECKED` bytes
    that have not been written to since they were finished, by their time of modification.
    """
    with plain_files.open_plain(path) as file:
        facts = _facts(file)
        size = math.prod(facts.shape)
        pixels = np.frombuffer(_mapping(file.fileno(), size), np.uint8, size)
        untouched = os.fstat(file.fileno()).st_mtime_ns == facts.written * NANO
    if not (untouched and size > ALWAYS_CHECKED) and checksums(pixels) != list(facts.checksums):
        raise PixelFileError("its checksums differ")
    return PixelFile(pixels.reshape(facts.shape), facts.notes)


def checksums(pixels: np.ndarray) -> list[int]:
    """The CRC-32 of each `CHUNK` of these bytes (n,) uint8, computed on all cores."""
    chunks = [pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK)]
    with ThreadPoolExecutor(cores(), thread_name_prefix="checksum") as pool:
        return list(pool.map(zlib.crc32, chunks))


def mark_used(path: Path) -> None:
    """Note that a file was used just now; the least recently used are removed first."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def make_room(folder: Path, size: int) -> bool:
    """Remove the least recently used files until one of `size` bytes fits; whether it does.

    The folder never takes more than `LARGEST_CACHE`, nor than `SHARE_OF_DISK`.
    """
    files = usage(folder)
    used = sum(facts.st_size for facts in files.values())
    limit = min(LARGEST_CACHE, SHARE_OF_DISK * (shutil.disk_usage(folder).free + used))
    if size > limit:
        return False
    for path in sorted(files, key=lambda path: files[path].st_atime_ns):
        if used + size <= limit:
            break
        with contextlib.suppress(OSError):  # in use, on Windows
            path.unlink()
            used -= files[path].st_size
    return used + size <= limit


def usage(folder: Path) -> dict[Path, os.stat_result]:
    """The pixel files in a folder; none if it cannot be read."""
    found = {}
    with contextlib.suppress(OSError):
        for path in folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # removed in the meantime
                found[path] = path.stat()
    return found


def reserve(handle: int, size: int) -> None:
    """Make an open file `size` bytes long, and claim the space where the system can; OSError."""
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


def _mapping(handle: int, size: int) -> mmap.mmap:
    """Map the first bytes of an open file, such that writing changes a private copy.

    Linux would count a private mapping as memory in use, and refuse one larger than memory.
    """
    if sys.platform == "linux" and platform.machine() in PLAIN_FLAGS:
        flags = mmap.MAP_PRIVATE | NO_RESERVE
        return mmap.mmap(handle, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return mmap.mmap(handle, size, access=mmap.ACCESS_COPY)


def _facts(file: plain_files.PlainFile) -> Facts:
    """The facts at the end of a file; PixelFileError if they do not fit it."""
    size = file.seek(0, os.SEEK_END)
    if size < TAIL.size:
        raise PixelFileError("it is too short")
    file.seek(size - TAIL.size)
    length, checksum, magic = TAIL.unpack(file.read(TAIL.size))
    if magic != MAGIC or length > min(LONGEST_FACTS, size - TAIL.size):
        raise PixelFileError("it does not end like a complete one")
    file.seek(size - TAIL.size - length)
    text = file.read(length)
    if zlib.crc32(text) != checksum:
        raise PixelFileError("what it says about itself is damaged")
    facts = Facts.of(json.loads(text))
    if size != math.prod(facts.shape) + length + TAIL.size:
        raise PixelFileError("it has the wrong size")
    return facts
