"""HDF5 files as plain Python: attributes and arrays in groups. The only module that imports h5py.

Files may be untrusted: only groups and arrays of numbers stored in the file itself are read,
within limits that are checked before anything is decompressed.
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

HASH = "content"  # the attribute with the digest of all the others and of the arrays
COMPRESS_ABOVE = 4096  # bytes; below, compression costs more than it saves
NUMBERS = "biuf"  # kinds of array elements that are read
DEEPEST = 16
LONGEST_NAME = 250  # characters of a group's, array's or attribute's name
WIDEST = 8  # bytes of one number
LARGEST_CHUNK = 1 << 27  # bytes of one chunk, unpacked
MAX_RATIO = 1032  # the highest compression ratio of deflate
FILTERS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))
MOST_ATTRIBUTES = 1000  # attributes of one group
MOST_BYTES = 1 << 36
MOST_ITEMS = 200_000
MOST_TEXT = 1 << 26  # bytes of one attribute


@dataclass(frozen=True, eq=False)
class GroupContent:
    """One group: attributes (text, numbers) and arrays by name ('part/name' where nested)."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Limits of a file: size in bytes of all arrays once unpacked; number of groups and arrays."""

    size: int = MOST_BYTES
    items: int = MOST_ITEMS


def write(path: Path, groups: Iterable[tuple[str, GroupContent]]) -> None:
    """Write the groups ('' is the root group) to a new file, one after another.

    OSError if the file cannot be written.
    """
    with path.open("w+b", buffering=0) as below:
        sink = _Sink(below)
        try:
            with h5py.File(
                sink, "w", libver=("v108", "latest")
            ) as file:  # earlier: at most 64 KiB of text
                for name, group in groups:
                    _add(file.require_group(name) if name else file, group)
                    sink.check()
        finally:
            sink.check()  # report the disk error rather than its consequences in HDF5


def digest(group: GroupContent) -> str:
    """20 hexadecimal digits of all names, types and values of a group, except its `HASH`."""
    state = hashlib.blake2b(digest_size=10)
    for name in sorted(group.attributes.keys() - {HASH}):
        value = group.attributes[name]
        plain = (
            value if isinstance(value, str) else np.asarray(value).tolist()
        )  # as it will be read
        state.update(f"{name}={plain!r}\0".encode())
    for name in sorted(group.arrays):
        array = np.ascontiguousarray(group.arrays[name])
        state.update(f"{name}{group.arrays[name].shape}{array.dtype.str}\0".encode())
        state.update(array.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def read(path: Path, *, arrays: bool = True, limits: Limits | None = None) -> GroupContent:
    """The attributes of the root group, and all arrays of the file.

    Raises StoreError for content that is not allowed, OutOfMemory if the arrays do not fit into
    memory, and h5py's OSError, KeyError, ValueError or RuntimeError for a damaged file.
    """
    text_heaps.check(path)
    with h5py.File(path, "r") as file:
        place = file["/"]
        items = _checked_items(place, limits) if arrays else {}
        memory.require(_size(items), f"Reading {path.name}")
        return GroupContent(_attributes(place), _read_arrays(items))


@contextlib.contextmanager
def open_checked(path: Path, limits: Limits | None = None) -> Iterator[OpenFile]:
    """The file, with all groups and arrays checked; errors as in `read`.

    OutOfMemory if all arrays together do not fit into memory.
    """
    text_heaps.check(path)
    with h5py.File(path, "r") as file:
        items = _checked_items(file["/"], limits)
        memory.require(_size(items), f"Reading {path.name}")
        yield OpenFile(file, items)


class OpenFile:
    """A checked file whose groups can be read one by one."""

    def __init__(self, file: h5py.File, items: Mapping[str, _Array | None]) -> None:
        self._file, self._items = file, items

    @property
    def names(self) -> list[str]:
        """The paths of all groups and arrays."""
        return list(self._items)

    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the root group; errors as in `read`."""
        return _attributes(self._file["/"])

    def read(self, under: str) -> GroupContent:
        """The attributes of the group `under`, and all arrays within it; errors as in `read`."""
        start = f"{under}/"
        if self._items[under] is not None:
            raise StoreError(f"'{under[:60]}' is not a group")
        within = {
            name.removeprefix(start): item
            for name, item in self._items.items()
            if name.startswith(start)
        }
        return GroupContent(_attributes(self._file[under]), _read_arrays(within))


class _Sink(io.RawIOBase):
    """A file object for HDF5 that accepts every write and keeps the first error for `check`.

    HDF5 does not survive an I/O error: it raises in various places, and aborts the process when it
    cleans up.
    """

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the first error, if any."""
        if self._error is not None:
            raise self._error

    def write(self, data: ReadableBuffer, /) -> int:
        """Write `data`; always reports success."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self._error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._error = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Resize the file; always reports success."""
        length = self.tell() if size is None else size
        try:
            self._file.truncate(length)
        except OSError as error:
            self._error = self._error or error
        return length

    def readinto(self, target: WriteableBuffer, /) -> int:
        """Fill `target`, with zeros past the end of the file."""
        view = memoryview(target).cast("B")
        count = self._file.readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """The position in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position in the file."""
        return self._file.tell()

    def flush(self) -> None:
        """Do nothing: the underlying file is unbuffered."""


def _add(place: h5py.Group, group: GroupContent) -> None:
    for label, array in group.arrays.items():
        large = array.nbytes > COMPRESS_ABOVE
        place.create_dataset(
            label, data=array, compression="gzip" if large else None,
            compression_opts=1 if large else None, shuffle=large,
        )  # fmt: skip
    place.attrs.update(group.attributes)


class _Budget:
    """Counts the contents of a file against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits
        self._addresses: set[int] = set()

    def meet(self, name: str, item: h5o.ObjectID) -> None:
        """StoreError if the item was met before: linked twice, it could contain itself."""
        place = h5o.get_info(item).addr
        if place in self._addresses:
            raise StoreError(f"'{name[:60]}' appears twice, under two names")
        self._addresses.add(place)

    def take(self, name: str, size: int, parts: int = 1) -> None:
        """Count `parts` items of `size` bytes in all; StoreError beyond the limits."""
        left = Limits(self._left.size - size, self._left.items - parts)
        if left.size < 0 or left.items < 0:
            raise StoreError(
                f"it claims to hold more than the limit (at '{name[:60]}'): "
                f"{size:,} bytes more, or too many parts"
            )
        self._left = left


@dataclass(frozen=True, eq=False)
class _Array:
    """An array that was checked but not read yet."""

    item: h5d.DatasetID
    kind: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * self.kind.itemsize

    def read(self) -> Any:
        """The values; a number if the array has no dimensions."""
        values = np.zeros(self.shape, self.kind)  # parts missing in the file stay 0
        if values.size:
            self.item.read(h5s.ALL, h5s.ALL, values)
        return values if self.shape else values[()]


def _size(items: Mapping[str, _Array | None]) -> int:
    """Size in bytes of the arrays among these."""
    return sum(item.size for item in items.values() if item is not None)


def _read_arrays(items: Mapping[str, _Array | None]) -> dict[str, np.ndarray]:
    """Read the arrays among these."""
    return {name: item.read() for name, item in items.items() if item is not None}


def _checked_items(place: h5py.Group, limits: Limits | None) -> dict[str, _Array | None]:
    """All groups (None) and arrays in `place`, checked, by path."""
    return dict(_walk(place.id, "", 0, _Budget(limits or Limits())))


def _walk(
    group: h5g.GroupID, prefix: str, depth: int, budget: _Budget
) -> Iterator[tuple[str, _Array | None]]:
    """Uses h5py's low-level API: the high-level one takes twice as long."""
    if depth > DEEPEST:
        raise StoreError(f"its groups are nested too deeply (at '{prefix[:60]}')")
    links: list[tuple[bytes, h5l.LinkInfo]] = []
    group.links.iterate(lambda *link: links.append(link), info=True)
    for raw, link in links:
        name = raw.decode("utf-8", "surrogateescape")
        path = f"{prefix}{name}"
        if not _is_valid_name(name) or "/" in name:  # a slash would lead through other groups
            raise StoreError(f"one of its parts has an invalid name ({path[:60]!r})")
        budget.take(path, 0)
        if link.type != h5l.TYPE_HARD:
            raise StoreError(f"'{path[:60]}' is a link, which is never followed")
        item = h5o.open(group, raw)
        if not isinstance(item, (h5g.GroupID, h5d.DatasetID)):
            raise StoreError(f"'{path[:60]}' is neither a group nor an array")
        budget.meet(path, item)
        if isinstance(item, h5d.DatasetID):
            yield path, _checked_array(path, item, budget)
        else:
            yield path, None
            yield from _walk(item, f"{path}/", depth + 1, budget)


def _is_valid_name(name: str) -> bool:
    """Whether this is a valid name of a group, an array or an attribute."""
    return name.isprintable() and len(name) <= LONGEST_NAME


def _checked_array(name: str, item: h5d.DatasetID, budget: _Budget) -> _Array:
    kind, shape, plan = item.dtype, item.shape, item.get_create_plist()
    if kind.kind not in NUMBERS or kind.subdtype or kind.itemsize > WIDEST or not kind.isnative:
        raise StoreError(f"the array '{name[:60]}' holds {kind}, not plain numbers")
    if plan.get_external_count() > 0 or plan.get_layout() == h5d.VIRTUAL:
        raise StoreError(
            f"the array '{name[:60]}' is stored in another file, which is never opened"
        )
    if shape is None:
        raise StoreError(f"the array '{name[:60]}' has no shape")
    array = _Array(item, kind, shape)
    budget.take(name, array.size, 0)
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if len(filters) > len(set(filters)) or not FILTERS.issuperset(filters):
        raise StoreError(f"the array '{name[:60]}' uses a compression that no store uses")
    if plan.get_layout() == h5d.CHUNKED:
        _check_chunks(name, array, plan.get_chunk(), budget)
    if array.size > MAX_RATIO * item.get_storage_size():
        raise StoreError(
            f"the array '{name[:60]}' claims {array.size:,} bytes, which are not in the file"
        )
    return array


def _check_chunks(name: str, array: _Array, chunk: tuple[int, ...], budget: _Budget) -> None:
    """StoreError unless the chunks of the array are few, and not too large."""
    sides = zip(array.shape, chunk, strict=True)
    budget.take(name, 0, math.prod(-(-side // part) for side, part in sides))
    if math.prod(chunk) * array.kind.itemsize > LARGEST_CHUNK:
        raise StoreError(f"the array '{name[:60]}' has chunks that are too large")


def _attributes(place: h5py.Group) -> dict[str, Any]:
    if len(place.attrs) > MOST_ATTRIBUTES:
        raise StoreError(f"it has {len(place.attrs):,} attributes")
    return {name: _attribute(place.id, name) for name in place.attrs}


def _attribute(place: h5g.GroupID, name: str | bytes) -> Any:
    """One text or number; StoreError for anything else, including lists."""
    if not isinstance(name, str) or not _is_valid_name(name):  # bytes if not UTF-8
        raise StoreError(f"one of its attributes has an invalid name ({name[:60]!r})")
    attribute = h5a.open(place, name.encode())
    kind, shape = attribute.dtype, attribute.shape
    text = h5py.check_string_dtype(kind)
    if text is None and kind.kind not in NUMBERS:
        raise StoreError(f"the attribute '{name[:60]}' is {kind}, not text or a number")
    if shape != ():  # None for an empty attribute
        raise StoreError(f"the attribute '{name[:60]}' is a list, or empty")
    if text is not None and text.length is not None:  # bytes
        raise StoreError(f"the attribute '{name[:60]}' is not a valid text, or too long")
    array = np.zeros((), kind)
    attribute.read(array)
    value = array.item()
    return value if text is None else _unicode(name, value)


def _unicode(name: str, value: bytes) -> str:
    """The text; StoreError if it is not UTF-8, which could not be written again."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None or len(text) > MOST_TEXT:
        raise StoreError(f"the attribute '{name[:60]}' is not a valid text, or too long")
    return text
