"""The perturbed copies of the neighborhoods shown last, kept beside the store's results.

A record holds what the models predict on the copies. The copies follow from seed and sample, but
drawing them takes torch, which showing stored results does not need otherwise. A file holds float32
pixels and their digest; it is written again if it is missing or damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import StoreError
from engine.storage import plain_files
from engine.storage.store import Store

FOLDER, SUFFIX = "copies", ".pixels"
MOST_FILES = 16  # those written last
LARGEST = 2 << 20  # bytes of a file
DIGEST = 16  # bytes


class CopyCache:
    """Reads and writes the copies of neighborhoods, by the keys of their records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def path(self, key: str) -> Path:
        """The file of this neighborhood's copies, whether or not it exists."""
        return self._store.path(FOLDER, key, SUFFIX)

    def get(self, key: str, shape: Sequence[int]) -> np.ndarray | None:
        """The copies (c, *shape) of a neighborhood; None if they are not there."""
        size = 4 * math.prod(shape)
        with contextlib.suppress(OSError, ValueError):
            content = plain_files.read_bytes(self.path(key), LARGEST)
            pixels, digest = content[:-DIGEST], content[-DIGEST:]
            if len(pixels) == size and digest == _digest(pixels):
                return np.frombuffer(pixels, "<f4").reshape(shape).astype(np.float32)
        return None

    def adopt(self, name: str, content: bytes) -> None:
        """Keep a file of such a cache; it is checked when it is read."""
        if self._store.writable:
            path = self.path(name.removesuffix(SUFFIX))
            with contextlib.suppress(StoreError, OSError), self._store.replacing(path) as aside:
                aside.write_bytes(content)

    def put(self, key: str, copies: np.ndarray) -> None:
        """Keep the copies of a neighborhood, unless they are large or the store is read-only."""
        pixels = copies.astype("<f4").tobytes()
        if not self._store.writable or len(pixels) + DIGEST > LARGEST:
            return
        with contextlib.suppress(StoreError, OSError):
            with self._store.replacing(self.path(key)) as aside:
                aside.write_bytes(pixels + _digest(pixels))
            self._evict()

    def _evict(self) -> None:
        files = sorted(self.path("").parent.glob(f"*{SUFFIX}"), key=lambda one: one.stat().st_mtime)
        for path in files[:-MOST_FILES]:
            path.unlink(missing_ok=True)


def _digest(pixels: bytes) -> bytes:
    return hashlib.blake2b(pixels, digest_size=DIGEST).digest()
