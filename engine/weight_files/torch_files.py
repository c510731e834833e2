"""Files of torch.save, read as weights only: sizes are checked before tensors are created.

Zip archives (torch 1.6 and later) and the older form of consecutive pickles. A tensor of an
unsupported kind becomes an `Unreadable`; classes, layouts and devices become text.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

import torch
from torch import Tensor

from engine.errors import shown
from engine.runtime import memory
from engine.weight_files import zip_members
from engine.weight_files.pickle_contents import LONGEST
from engine.weight_files.pickle_machine import PickleValue, run
from engine.weight_files.tensor_views import (
    DTYPE,
    LARGEST,
    MOST_TENSORS,
    RARE_SIZES,
    SIZES,
    Damaged,
    Global,
    Refused,
    Storage,
    Unreadable,
    View,
    check_name,
    require,
)
from engine.weight_files.zip_members import ALLOWED, MOST_TIMES

DEEPEST = 50  # nested containers
MOST_VALUES = 3_000_000  # in all containers of a file, shared ones counted every time
LARGEST_COPY = 1 << 20  # bytes of a tensor that repeats elements, as `expand` makes them
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # at the beginning of the older form
START = b"PK\x03\x04"
LONGEST_LINE = 1000  # bytes, for the name of a class
COUNT = 8  # bytes with the number of elements that follow, in the older form


def read(file: IO[bytes], what: str) -> Any:
    """The result of torch.load with weights_only: tensors on the CPU without gradients.

    `what` begins the message of OutOfMemory. Raises Damaged for a file that is not of weights only,
    Refused for one that describes more data than it holds, and OutOfMemory.
    """
    size = file.seek(0, 2)
    file.seek(0)
    is_zip = file.read(len(START)) == START
    try:
        tree, places, swapped = (_of_archive if is_zip else _of_pickles)(file, size)
        survey = _Survey(MOST_TIMES * size + ALLOWED)
        survey.look(tree)
        lengths = [_checked_size(storage, places) for storage in survey.storages.values()]
        memory.require(sum(lengths), what)
        return _Builder(places, swapped).build(tree)
    except Damaged:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise Damaged(str(error)) from error


@dataclass(frozen=True)
class _Place:
    """The data of a storage in the file: size in bytes, and a function that fills a buffer."""

    size: int
    fill: Callable[[memoryview], None]


Places = Mapping[str, _Place]
NOWHERE = _Place(0, lambda buffer: None)  # of an empty storage


class _PrefixReader(io.RawIOBase):
    """The first `size` bytes of a file, with lines of bounded length."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        return self._file.read(min(left, size) if size >= 0 else left)

    def readline(self, size: int | None = -1) -> bytes:
        return self._file.readline(LONGEST_LINE)


# -- the two forms --------------------------------------------------------------------------------


def _of_archive(file: IO[bytes], size: int) -> tuple[Any, Places, bool]:
    """(values, places by key, whether the data are big-endian)."""
    members = zip_members.members(file)
    heads = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    require(len(heads) == 1 and heads[0].count("/") == 1, "it has no data.pkl")
    head = heads[0]
    require(f"{head}constants.pkl" not in members, "it is TorchScript")
    data, order = members[f"{head}data.pkl"], members.get(f"{head}byteorder")
    if data.size > LONGEST:
        raise Refused(f"its values take {memory.format_size(data.size)} besides the tensors")
    big = order is not None and order.size < 10 and zip_members.content(file, order) == b"big"
    start = f"{head}data/"
    places = {
        name.removeprefix(start): _Place(member.size, partial(zip_members.fill, file, member))
        for name, member in members.items()
        if name.startswith(start)
    }
    return run(io.BytesIO(zip_members.content(file, data))).value, places, big


def _of_pickles(file: IO[bytes], size: int) -> tuple[Any, Places, bool]:
    """The older form: magic number, version, system, values, storage keys, and the data."""
    file.seek(0)
    data = cast(IO[bytes], _PrefixReader(file, min(size, LONGEST)))
    require(run(data).value == MAGIC and run(data).value == PROTOCOL, "it is not a torch file")
    run(data)
    values, keys = run(data), run(data).value
    require(
        type(keys) is list and all(type(key) is str for key in keys),
        "its storage keys are not texts",
    )
    places, at = {}, data.tell()
    for key in keys:
        place = _next_place(file, at, key, values)
        at += COUNT + place.size
        if at > size:
            raise Refused(f"its data {shown(key)} should have {place.size:,} bytes, but have fewer")
        places[key] = place
    return values.value, places, False


def _next_place(file: IO[bytes], at: int, key: str, values: PickleValue) -> _Place:
    """The place of a storage whose number of elements is stored at offset `at`."""
    require(key in values.storages, "its storage keys do not match its data")
    storage = values.storages[key]
    file.seek(at)
    count = int.from_bytes(file.read(COUNT), "little")
    require(count == storage.total, "its data have two sizes")
    length = count * (SIZES | RARE_SIZES)[storage.kind]
    return _Place(length, partial(_fill, file, at + COUNT))


def _fill(file: IO[bytes], at: int, buffer: memoryview) -> None:
    file.seek(at)
    zip_members.read_into(file, buffer)


# -- checks before creation -----------------------------------------------------------------------


class _Survey:
    """Counts values and checks every tensor description; shared containers are walked once."""

    def __init__(self, allowed: int) -> None:
        self.storages: dict[str, Storage] = {}
        self._allowed = allowed  # bytes left for all tensors, each counted in full
        self._tensors = 0
        self._counts: dict[int, tuple[int, int]] = {}

    def look(self, value: Any, level: int = 0) -> tuple[int, int]:
        """(number of values, shared ones counted every time; nesting depth); Refused."""
        if isinstance(value, View):
            self._take("", value)
        if type(value) not in (dict, list, tuple):
            return 1, 0
        if level > DEEPEST:
            self._refuse_depth()
        if id(value) not in self._counts:
            self._counts[id(value)] = self._container(value, level)
        count, height = self._counts[id(value)]
        if level + height > DEEPEST + 1 or count > MOST_VALUES:
            self._refuse_depth()
        return count, height

    def _container(self, value: Any, level: int) -> tuple[int, int]:
        items = value.items() if type(value) is dict else enumerate(value)
        count, height = 1, 0
        for name, item in items:
            if isinstance(item, View):
                self._take(name, item)
                count += 1
                continue
            inner, inner_height = self.look(item, level + 1)
            count, height = count + inner, max(height, inner_height)
        return count, height + 1

    def _refuse_depth(self) -> None:
        raise Refused("its values are nested too deeply, or too many")

    def _take(self, name: Any, view: View) -> None:
        """Register one tensor; Refused if its description does not match the file."""
        text = name if isinstance(name, str) else str(name)
        check_name(text)
        self._tensors += 1
        self._allowed -= _checked_bytes(shown(text), view)
        if self._tensors > MOST_TENSORS:
            raise Refused(f"it holds more than {MOST_TENSORS:,} tensors")
        if self._allowed < 0:
            raise Refused("its tensors together are far larger than the file")
        self.storages[view.storage.key] = view.storage


def _checked_bytes(name: str, view: View) -> int:
    """Bytes of a tensor in full; Refused if it reaches beyond its storage."""
    storage, item = view.storage, SIZES[view.kind]
    available = storage.count * SIZES[storage.kind] // item
    if math.prod(max(1, side) for side in view.size) > LARGEST:
        raise Refused(f"its tensor {name} has the shape {_times(view.size)}")
    count = math.prod(view.size)
    reach = sum((n - 1) * step for n, step in zip(view.size, view.stride, strict=True))
    if count and view.offset + reach >= available:
        raise Refused(f"its tensor {name} of {_times(view.size)} reaches beyond its data")
    if _repeats(view) and count * item > LARGEST_COPY:
        raise Refused(
            f"its tensor {name} of {_times(view.size)} repeats the same few elements "
            "(as expand makes it; .clone() writes them out)"
        )
    return count * item


def _repeats(view: View) -> bool:
    """Whether two elements of a tensor may share the same data in the file."""
    reach = 0
    for step, side in sorted(zip(view.stride, view.size, strict=True)):
        if side > 1 and step <= reach:
            return True
        reach += (side - 1) * step if side else 0
    return False


def _checked_size(storage: Storage, places: Places) -> int:
    """Bytes of a storage; Refused if the file has more or fewer of them."""
    place, expected = places.get(storage.key, NOWHERE), storage.total * SIZES[storage.kind]
    if place.size != expected:
        raise Refused(
            f"its data {shown(storage.key)} should have {expected:,} bytes, but have {place.size:,}"
        )
    return expected


def _times(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size)) or "a single number"


# -- tensors --------------------------------------------------------------------------------------


class _Builder:
    """Builds the described values; shared values stay shared."""

    def __init__(self, places: Places, swapped: bool) -> None:
        self._places = places
        self._swapped = swapped
        self._bytes: dict[str, Tensor] = {}
        self._built: dict[int, Any] = {}

    def build(self, value: Any) -> Any:
        """The value with tensors in place of their descriptions."""
        if isinstance(value, Storage):
            return Unreadable("storages")
        if isinstance(value, Global):
            match = DTYPE.fullmatch(value.name)
            return getattr(torch, match[1], value.name) if match else value.name
        if type(value) not in (dict, list, tuple, View):
            return value
        if id(value) not in self._built:
            self._built[id(value)] = self._new(value)
        return self._built[id(value)]

    def _new(self, value: Any) -> Any:
        if isinstance(value, View):
            return self._tensor(value)
        if isinstance(value, dict):
            return {name: self.build(item) for name, item in value.items()}
        return type(value)(self.build(item) for item in value)

    def _tensor(self, view: View) -> Tensor:
        storage, item = view.storage, SIZES[view.kind]
        width = SIZES[storage.kind]
        raw = self._numbers(storage).narrow(0, storage.start * width, storage.count * width)
        raw = raw[: len(raw) // item * item]
        flat = raw != 0 if view.kind == "bool" else raw.view(getattr(torch, view.kind))
        return flat.as_strided(view.size, view.stride, flat.storage_offset() + view.offset)

    def _numbers(self, storage: Storage) -> Tensor:
        """All bytes of the data under a storage's key."""
        if storage.key not in self._bytes:
            place = self._places.get(storage.key, NOWHERE)
            buffer = torch.empty(place.size, dtype=torch.uint8)
            place.fill(buffer.numpy().data)
            if self._swapped:
                buffer.untyped_storage().byteswap(getattr(torch, storage.kind))
            self._bytes[storage.key] = buffer
        return self._bytes[storage.key]
