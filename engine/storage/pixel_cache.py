"""Decoded images, kept in the store, so that large folders are decoded only once.

What is kept belongs to exactly these files: names, sizes, and times of change, which the system
sets at every write and nobody can set back. Where the system has no such time, and on every doubt,
files are read. So an image that was changed is never answered from the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import operator
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import PIL

from engine.errors import StoreError
from engine.runtime.progress import Reporter
from engine.storage import pixel_files, plain_files
from engine.storage.pixel_files import SUFFIX, PixelFileError, PixelWriter
from engine.storage.store import Store

KIND = "images"  # folder of the store
FINGERPRINTS = ".fingerprints"  # suffix of the files with those of datasets, in the same folder
LONGEST_FINGERPRINTS = 1 << 16  # bytes
FINGERPRINT = re.compile("[0-9a-f]{20}")
FORMAT = 1  # increased whenever images are decoded differently
LEAST_FILES, LEAST_BYTES = 1000, 4 << 20  # files that are decoded quickly are not kept
SETTLED_S = 2.0  # a file changed later than that before it is read may change again unnoticed
LARGE_BYTES = 1 << 30  # images that are worth waiting for until their files have settled
FACTS = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
HAS_CHANGE_TIME = os.name == "posix"  # elsewhere `st_ctime` is the time of creation


class Sink(Protocol):
    """Where decoded images go."""

    def put(self, row: int, images: np.ndarray) -> None:
        """Take images (m, C, H, W) uint8 as the rows from `row` on."""


Decode = Callable[[Sink], tuple[str, ...]]  # puts every image, and returns notes on them


@dataclass(frozen=True, eq=False)
class Pictures:
    """pixels: (n, C, side, side) uint8; notes: sentences on how they were read.

    mapped: the name of the cache's file they are mapped from; '' if they are in memory.
    """

    pixels: np.ndarray
    notes: tuple[str, ...]
    mapped: str = ""


@dataclass(frozen=True)
class Listing:
    """The state of image files: a digest of it, their last change (s), and their bytes."""

    digest: str
    changed: float
    size: int

    @property
    def settled(self) -> bool:
        """Whether a further change of a file would be seen in its times."""
        return time.time() - self.changed > SETTLED_S


class PixelCache:
    """The decoded images in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pictures(
        self, paths: Sequence[Path], shape: tuple[int, ...], decode: Decode, report: Reporter
    ) -> Pictures | None:
        """The images (*shape) of these files, decoded now if they are not there.

        None if they cannot be kept, and are to be decoded into memory.
        """
        listing = listed(paths)
        if listing is not None and not listing.settled and math.prod(shape) > LARGE_BYTES:
            time.sleep(max(0.0, SETTLED_S))  # they may have no room in memory
            listing = listed(paths)
        if listing is None or (len(paths) < LEAST_FILES and listing.size < LEAST_BYTES):
            return None
        path = self._store.path(KIND, key_of(listing, shape), SUFFIX)
        kept = self._kept(path, shape, report)
        if kept is not None or not self._store.writable or not listing.settled:
            return kept
        try:
            with self._store.making(KIND, [path.stem], "the images of this folder", report):
                kept = self._kept(path, shape, report)  # another process may just have decoded them
                return kept or self._decoded(path, listing, paths, shape, decode)
        except (StoreError, OSError, PixelFileError) as error:
            self._store.tell(f"The decoded images are not kept: {error}")
            return None

    def _kept(self, path: Path, shape: tuple[int, ...], report: Reporter) -> Pictures | None:
        """The images in a file of the cache, None if it is missing, damaged or cannot be read."""
        try:
            file = pixel_files.read(path)
            if file.pixels.shape != shape:
                raise PixelFileError("it holds other images")
        except FileNotFoundError:
            return None
        except (OSError, PixelFileError) as error:
            why = plain_files.error_reason(error)
            self._store.tell(
                f"The decoded images in {path} cannot be used ({why}): the image files are decoded "
                "again."
            )
            return None
        if self._store.writable:
            pixel_files.mark_used(path)
        report.forgo(len(file.pixels))
        return Pictures(file.pixels, file.notes, path.stem)

    def _decoded(
        self,
        path: Path,
        listing: Listing,
        paths: Sequence[Path],
        shape: tuple[int, ...],
        decode: Decode,
    ) -> Pictures | None:
        """Decode into a file; None if there is no room, or the images changed meanwhile.

        Raises the errors of decoding, and StoreError, OSError or PixelFileError.
        """
        try:
            with contextlib.ExitStack() as stack:
                temporary = stack.enter_context(self._store.replacing(path))
                if not pixel_files.make_room(path.parent, math.prod(shape)):
                    raise _NotKept
                writer = stack.enter_context(PixelWriter(temporary, shape))
                notes = decode(writer)
                if listed(paths) != listing:
                    raise _NotKept
                writer.finish(notes)
        except _NotKept:
            return None
        return Pictures(pixel_files.read(path).pixels, notes, path.stem)

    def fingerprint(self, mapped: str, rest: str, of_all: Callable[[], str]) -> str:
        """The fingerprint of a dataset whose images are mapped from a large file of the cache.

        It is computed once, since that takes longer than anything else at a later opening. rest:
        the fingerprint of its other arrays.
        """
        path = self._store.path(KIND, mapped, FINGERPRINTS)
        known = _fingerprints(path)
        if rest not in known:
            known[rest] = of_all()
            with contextlib.suppress(OSError, StoreError), self._store.replacing(path) as temporary:
                temporary.write_text(json.dumps(known), encoding="ascii")
        return known[rest]


class _NotKept(Exception):
    """The images are not kept."""


def _fingerprints(path: Path) -> dict[str, str]:
    """The fingerprints in a file of the cache, by that of the other arrays; {} on any doubt."""
    try:
        with plain_files.open_plain(path) as file:
            known = json.loads(file.read(LONGEST_FINGERPRINTS))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {rest: one for rest, one in known.items() if FINGERPRINT.fullmatch(str(one))}


_in_use: ContextVar[PixelCache | None] = ContextVar("pixel_cache", default=None)


@contextlib.contextmanager
def using(cache: PixelCache) -> Iterator[None]:
    """Keep the images that are decoded within the block, in this thread."""
    token = _in_use.set(cache)
    try:
        yield
    finally:
        _in_use.reset(token)


def in_use() -> PixelCache | None:
    """The cache of this thread; None outside of `using`."""
    return _in_use.get()


def key_of(listing: Listing, shape: tuple[int, ...]) -> str:
    """The key of the images of these files; other decoders may decode them differently."""
    text = repr((FORMAT, listing.digest, shape, PIL.__version__, np.__version__))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def listed(paths: Sequence[Path]) -> Listing | None:
    """The state of these files; None if one of them cannot be read or is not a plain file."""
    names = list(map(os.fspath, paths))
    digest = hashlib.blake2b(digest_size=16)
    try:
        facts = list(map(os.stat, names))
        if not all(stat.S_ISREG(one.st_mode) for one in facts):
            return None
        for path in () if HAS_CHANGE_TIME else paths:
            with plain_files.open_plain(path) as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    except (OSError, ValueError):
        return None
    digest.update(repr(list(map(operator.attrgetter(*FACTS), facts))).encode())
    digest.update(_below_common_prefix(names).encode("utf-8", "surrogatepass"))
    changed = max(one.st_ctime for one in facts)
    return Listing(digest.hexdigest(), changed, sum(one.st_size for one in facts))


def _below_common_prefix(names: Sequence[str]) -> str:
    """The names without the letters they all begin with: it is no matter where the folder lies."""
    first, last = min(names), max(names)
    pairs = enumerate(zip(first, last, strict=False))
    length = next((place for place, (a, b) in pairs if a != b), min(len(first), len(last)))
    return "\0".join(name[length:] for name in names)
