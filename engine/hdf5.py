"""HDF5 files as plain Python: attributes and arrays in groups. The only file that imports h5py.

What is read may come from a stranger: only groups and arrays of numbers that lie in the file
itself are taken, within bounds that are checked before anything is decompressed.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from engine import memory
from engine.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

HASH = "content"  # the attribute that says the digest of all the others and of the arrays
COMPRESS_ABOVE = 4096  # bytes; below, compression costs more than it saves
NUMBERS = "biuf"  # kinds of array elements that are read
DEEPEST = 16
LONGEST_NAME = 250  # characters of one group's or array's name
WIDEST = 8  # bytes of one number
LARGEST_CHUNK = 1 << 27  # bytes that are unpacked at a time
MOST_PACKED = 1032  # deflate never makes anything smaller than that
PACKINGS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))
MOST_FACTS = 1000  # attributes of one group
MOST_BYTES = 1 << 36
MOST_ITEMS = 200_000
MOST_TEXT = 1 << 26  # bytes of one attribute


@dataclass(frozen=True, eq=False)
class Group:
    """One group: attributes (text, numbers) and arrays by name ('part/name' where nested)."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What a file may hold at most: bytes of all arrays once unpacked, and groups and arrays."""

    size: int = MOST_BYTES
    items: int = MOST_ITEMS


def write(path: Path, groups: Iterable[tuple[str, Group]]) -> None:
    """Write the groups ('' is the file itself) to a new file, one after another.

    OSError where that is impossible.
    """
    with path.open("w+b", buffering=0) as below:
        sink = _Sink(below)
        try:
            with h5py.File(sink, "w", libver=("v108", "latest")) as file:  # older: text of 64 KiB
                for name, group in groups:
                    _add(file.require_group(name) if name else file, group)
                    sink.check()
        finally:
            sink.check()  # tells of the disk, rather than of what a file with holes leads to


def digest(group: Group) -> str:
    """20 hexadecimal digits of all names, types and values of a group, but for its `HASH`."""
    mark = hashlib.blake2b(digest_size=10)
    for name in sorted(group.attributes.keys() - {HASH}):
        value = group.attributes[name]
        plain = value if isinstance(value, str) else np.asarray(value).tolist()  # as it is read
        mark.update(f"{name}={plain!r}\0".encode())
    for name in sorted(group.arrays):
        array = np.ascontiguousarray(group.arrays[name])
        mark.update(f"{name}{group.arrays[name].shape}{array.dtype.str}\0".encode())
        mark.update(array.reshape(-1).view(np.uint8).data)
    return mark.hexdigest()


def read(
    path: Path, under: str = "", *, arrays: bool = True, limits: Limits | None = None
) -> Group:
    """The attributes of the group `under` ('': the file's own), and all arrays within it.

    Raises StoreError for what no such file may contain, OutOfMemory where it is too large to be
    read here, and h5py's own OSError, KeyError, ValueError or RuntimeError for a damaged one.
    """
    with h5py.File(path, "r") as file:
        place = file[under] if under else file
        items = dict(_walk(place, "", 0, _Budget(limits or Limits()))) if arrays else {}
        chosen = {
            name: item for name, item in items.items() if arrays and isinstance(item, h5py.Dataset)
        }
        memory.require(sum(item.nbytes for item in chosen.values()), f"Reading {path.name}")
        return Group(_attributes(place), {name: item[()] for name, item in chosen.items()})


def names(path: Path, limits: Limits | None = None) -> list[str]:
    """The paths of all groups and arrays, once all of them were checked; errors as `read`."""
    with h5py.File(path, "r") as file:
        return [name for name, _ in _walk(file, "", 0, _Budget(limits or Limits()))]


class _Sink(io.RawIOBase):
    """A file for HDF5 that takes everything, and keeps the first error for whoever asks.

    The library does not survive an error of the disk under it: it raises here and there, and ends
    the process when it tidies up.
    """

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the error there was."""
        if self._error is not None:
            raise self._error

    def write(self, data: ReadableBuffer, /) -> int:
        """All of `data`, as far as anybody is told."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self._error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._error = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Make the file as long as that, as far as anybody is told."""
        length = self.tell() if size is None else size
        try:
            self._file.truncate(length)
        except OSError as error:
            self._error = self._error or error
        return length

    def readinto(self, target: WriteableBuffer, /) -> int:
        """Fill `target`: with zeros past the end, where nothing could be written."""
        view = memoryview(target).cast("B")
        count = self._file.readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Where the next byte goes."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._file.tell()

    def flush(self) -> None:
        """Nothing waits: the file below has no buffer."""


def _add(place: h5py.Group, group: Group) -> None:
    for label, array in group.arrays.items():
        large = array.nbytes > COMPRESS_ABOVE
        place.create_dataset(
            label, data=array, compression="gzip" if large else None,
            compression_opts=1 if large else None, shuffle=large,
        )  # fmt: skip
    place.attrs.update(group.attributes)


class _Budget:
    """Counts what a file holds against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits
        self._seen: set[int] = set()

    def meet(self, name: str, item: h5py.Group | h5py.Dataset) -> None:
        """StoreError where the item was met before: linked twice, it could be its own part."""
        place = h5py.h5o.get_info(item.id).addr
        if place in self._seen:
            raise StoreError(f"'{name[:60]}' is there twice, under two names")
        self._seen.add(place)

    def take(self, name: str, size: int, parts: int = 1) -> None:
        """Count `parts` of `size` bytes in all; StoreError beyond the limits."""
        left = Limits(self._left.size - size, self._left.items - parts)
        if left.size < 0 or left.items < 0:
            raise StoreError(
                f"it claims to hold more than is sensible (at '{name[:60]}'): "
                f"{size:,} bytes more, or too many parts"
            )
        self._left = left


def _walk(
    group: h5py.Group, prefix: str, depth: int, budget: _Budget
) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    if depth > DEEPEST:
        raise StoreError(f"its groups are nested too deeply (at '{prefix[:60]}')")
    for name in group:
        path = f"{prefix}{name}"
        budget.take(path, 0)
        if not isinstance(name, str) or not name.isprintable() or len(name) > LONGEST_NAME:
            raise StoreError(f"a part of it has no proper name ({path[:60]!r})")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise StoreError(f"'{path[:60]}' is a link out of its place, which is never followed")
        item = group[name]
        if not isinstance(item, (h5py.Group, h5py.Dataset)):
            raise StoreError(f"'{path[:60]}' is neither a group nor an array")
        budget.meet(path, item)
        if isinstance(item, h5py.Dataset):
            _check(path, item, budget)
        yield path, item
        if isinstance(item, h5py.Group):
            yield from _walk(item, f"{path}/", depth + 1, budget)


def _check(name: str, item: h5py.Dataset, budget: _Budget) -> None:
    kind = item.dtype
    if kind.kind not in NUMBERS or kind.subdtype or kind.itemsize > WIDEST or not kind.isnative:
        raise StoreError(f"the array '{name[:60]}' holds {item.dtype}, not plain numbers")
    if item.external or item.is_virtual:
        raise StoreError(f"the array '{name[:60]}' lies in another file, which is never opened")
    if item.shape is None:
        raise StoreError(f"the array '{name[:60]}' has no shape")
    size = int(item.size) * item.dtype.itemsize
    budget.take(name, size, 0)
    _check_packing(name, item, budget)
    if size > MOST_PACKED * item.id.get_storage_size():
        raise StoreError(f"the array '{name[:60]}' claims {size:,} bytes, which are not there")


def _check_packing(name: str, item: h5py.Dataset, budget: _Budget) -> None:
    """StoreError unless the array is packed as stores pack them, in parts of sensible size."""
    plan = item.id.get_create_plist()
    used = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if len(used) > len(set(used)) or not PACKINGS.issuperset(used):
        raise StoreError(f"the array '{name[:60]}' is packed in a way that no store packs")
    if item.chunks is None:
        return
    sides = zip(item.shape, item.chunks, strict=True)
    budget.take(name, 0, math.prod(-(-side // chunk) for side, chunk in sides))
    if math.prod(item.chunks) * item.dtype.itemsize > LARGEST_CHUNK:
        raise StoreError(f"the array '{name[:60]}' would be unpacked in too large parts")


def _attributes(place: h5py.Group) -> dict[str, Any]:
    if len(place.attrs) > MOST_FACTS:
        raise StoreError(f"it has {len(place.attrs):,} attributes")
    return {name: _attribute(place.attrs, name) for name in place.attrs}


def _attribute(attributes: h5py.AttributeManager, name: str) -> Any:
    """One text or number; StoreError for anything else, lists of them too."""
    found = attributes.get_id(name)
    text = h5py.check_string_dtype(found.dtype)
    if text is None and found.dtype.kind not in NUMBERS:
        raise StoreError(f"the attribute '{name[:60]}' is {found.dtype}, not text or a number")
    if found.shape != () or found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise StoreError(f"the attribute '{name[:60]}' is a list, or nothing")
    value = _plain(attributes[name])
    if text is None:
        return value
    if not isinstance(value, str) or len(value) > MOST_TEXT or not _is_unicode(value):
        raise StoreError(f"the attribute '{name[:60]}' is no text of sensible length")
    return value


def _is_unicode(text: str) -> bool:
    """Whether it can be written again: what was no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    scalar = isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0
    return value.item() if scalar else value
