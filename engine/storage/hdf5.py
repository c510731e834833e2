"""HDF5 files as plain Python: attributes and arrays in groups. The only file that imports h5py.

What is read may come from a stranger: only groups and arrays of numbers that lie in the file
itself are taken, within bounds that are checked before anything is decompressed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s

from engine.errors import StoreError
from engine.runtime import memory
from engine.storage import text_heaps

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


def read(path: Path, *, arrays: bool = True, limits: Limits | None = None) -> Group:
    """The attributes of the file itself, and all arrays within it.

    Raises StoreError for what no such file may contain, OutOfMemory where it is too large to be
    read here, and h5py's own OSError, KeyError, ValueError or RuntimeError for a damaged one.
    """
    text_heaps.check(path)
    with h5py.File(path, "r") as file:
        place = file["/"]
        items = _walked(place, limits) if arrays else {}
        memory.require(_size(items), f"Reading {path.name}")
        return Group(_attributes(place), _taken(items))


@contextlib.contextmanager
def opened(path: Path, limits: Limits | None = None) -> Iterator[Opened]:
    """The file, once all groups and arrays in it were checked; errors as `read`.

    OutOfMemory where all arrays are together too large to be read here.
    """
    text_heaps.check(path)
    with h5py.File(path, "r") as file:
        items = _walked(file["/"], limits)
        memory.require(_size(items), f"Reading {path.name}")
        yield Opened(file, items)


class Opened:
    """A file whose groups and arrays are all known, to read them one after another."""

    def __init__(self, file: h5py.File, items: Mapping[str, _Array | None]) -> None:
        self._file, self._items = file, items

    @property
    def names(self) -> list[str]:
        """The paths of all groups and arrays."""
        return list(self._items)

    def attributes(self) -> Mapping[str, Any]:
        """Those of the file itself; errors as `read`."""
        return _attributes(self._file["/"])

    def read(self, under: str) -> Group:
        """The attributes of the group `under`, and all arrays within it; errors as `read`."""
        start = f"{under}/"
        if self._items[under] is not None:
            raise StoreError(f"'{under[:60]}' is no group")
        within = {
            name.removeprefix(start): item
            for name, item in self._items.items()
            if name.startswith(start)
        }
        return Group(_attributes(self._file[under]), _taken(within))


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

    def meet(self, name: str, item: h5o.ObjectID) -> None:
        """StoreError where the item was met before: linked twice, it could be its own part."""
        place = h5o.get_info(item).addr
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


@dataclass(frozen=True, eq=False)
class _Array:
    """An array that was checked, and is not read yet."""

    item: h5d.DatasetID
    kind: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * self.kind.itemsize

    def read(self) -> Any:
        """All of it: a number where it has no dimensions."""
        values = np.zeros(self.shape, self.kind)  # not all of it need be there
        if values.size:
            self.item.read(h5s.ALL, h5s.ALL, values)
        return values if self.shape else values[()]


def _size(items: Mapping[str, _Array | None]) -> int:
    """Bytes that reading the arrays among these takes."""
    return sum(item.size for item in items.values() if item is not None)


def _taken(items: Mapping[str, _Array | None]) -> dict[str, np.ndarray]:
    """The arrays among these, read."""
    return {name: item.read() for name, item in items.items() if item is not None}


def _walked(place: h5py.Group, limits: Limits | None) -> dict[str, _Array | None]:
    """All groups (None) and arrays within, checked."""
    return dict(_walk(place.id, "", 0, _Budget(limits or Limits())))


def _walk(
    group: h5g.GroupID, prefix: str, depth: int, budget: _Budget
) -> Iterator[tuple[str, _Array | None]]:
    """By h5py's lower layer: its upper one takes twice as long, and a bundle has 100 parts."""
    if depth > DEEPEST:
        raise StoreError(f"its groups are nested too deeply (at '{prefix[:60]}')")
    links: list[tuple[bytes, h5l.LinkInfo]] = []
    group.links.iterate(lambda *found: links.append(found), info=True)
    for raw, link in links:
        name = raw.decode("utf-8", "surrogateescape")
        path = f"{prefix}{name}"
        if not _is_proper(name) or "/" in name:  # which would lead through other parts
            raise StoreError(f"a part of it has no proper name ({path[:60]!r})")
        budget.take(path, 0)
        if link.type != h5l.TYPE_HARD:
            raise StoreError(f"'{path[:60]}' is a link out of its place, which is never followed")
        item = h5o.open(group, raw)
        if not isinstance(item, (h5g.GroupID, h5d.DatasetID)):
            raise StoreError(f"'{path[:60]}' is neither a group nor an array")
        budget.meet(path, item)
        if isinstance(item, h5d.DatasetID):
            yield path, _checked(path, item, budget)
        else:
            yield path, None
            yield from _walk(item, f"{path}/", depth + 1, budget)


def _is_proper(name: str) -> bool:
    """Whether a group, an array or an attribute may be called that."""
    return name.isprintable() and len(name) <= LONGEST_NAME


def _checked(name: str, item: h5d.DatasetID, budget: _Budget) -> _Array:
    kind, shape, plan = item.dtype, item.shape, item.get_create_plist()
    if kind.kind not in NUMBERS or kind.subdtype or kind.itemsize > WIDEST or not kind.isnative:
        raise StoreError(f"the array '{name[:60]}' holds {kind}, not plain numbers")
    if plan.get_external_count() > 0 or plan.get_layout() == h5d.VIRTUAL:
        raise StoreError(f"the array '{name[:60]}' lies in another file, which is never opened")
    if shape is None:
        raise StoreError(f"the array '{name[:60]}' has no shape")
    found = _Array(item, kind, shape)
    budget.take(name, found.size, 0)
    used = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if len(used) > len(set(used)) or not PACKINGS.issuperset(used):
        raise StoreError(f"the array '{name[:60]}' is packed in a way that no store packs")
    if plan.get_layout() == h5d.CHUNKED:
        _check_parts(name, found, plan.get_chunk(), budget)
    if found.size > MOST_PACKED * item.get_storage_size():
        raise StoreError(
            f"the array '{name[:60]}' claims {found.size:,} bytes, which are not there"
        )
    return found


def _check_parts(name: str, found: _Array, chunk: tuple[int, ...], budget: _Budget) -> None:
    """StoreError unless the parts that the array is packed in are few, and of sensible size."""
    sides = zip(found.shape, chunk, strict=True)
    budget.take(name, 0, math.prod(-(-side // part) for side, part in sides))
    if math.prod(chunk) * found.kind.itemsize > LARGEST_CHUNK:
        raise StoreError(f"the array '{name[:60]}' would be unpacked in too large parts")


def _attributes(place: h5py.Group) -> dict[str, Any]:
    if len(place.attrs) > MOST_FACTS:
        raise StoreError(f"it has {len(place.attrs):,} attributes")
    return {name: _attribute(place.id, name) for name in place.attrs}


def _attribute(place: h5g.GroupID, name: str | bytes) -> Any:
    """One text or number; StoreError for anything else, lists of them too."""
    if not isinstance(name, str) or not _is_proper(name):  # bytes where it is no UTF-8
        raise StoreError(f"an attribute of it has no proper name ({name[:60]!r})")
    found = h5a.open(place, name.encode())
    kind, shape = found.dtype, found.shape
    text = h5py.check_string_dtype(kind)
    if text is None and kind.kind not in NUMBERS:
        raise StoreError(f"the attribute '{name[:60]}' is {kind}, not text or a number")
    if shape != ():  # None where it is nothing
        raise StoreError(f"the attribute '{name[:60]}' is a list, or nothing")
    if text is not None and text.length is not None:  # bytes
        raise StoreError(f"the attribute '{name[:60]}' is no text of sensible length")
    array = np.zeros((), kind)
    found.read(array)
    value = array.item()
    return value if text is None else _unicode(name, value)


def _unicode(name: str, value: bytes) -> str:
    """StoreError for what could not be written again: what is no UTF-8."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None or len(text) > MOST_TEXT:
        raise StoreError(f"the attribute '{name[:60]}' is no text of sensible length")
    return text
