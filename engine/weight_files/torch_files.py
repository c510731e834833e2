"""Files of torch.save, read as weights alone: all is held against the file before it is made.

Zip archives (torch 1.6 and later) and the older form of pickles that follow each other. A tensor of
no plain kind becomes an `Unreadable`; types of classes, layouts and devices become text.
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
from engine.weight_files.pickle_machine import Pickle, run
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

DEEPEST = 50  # containers in each other
MOST_VALUES = 3_000_000  # in all containers of a file, shared ones counted each time
LARGEST_COPY = 1 << 20  # bytes of a tensor that repeats numbers, as `expand` makes them
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # that the older form begins with
START = b"PK\x03\x04"
LONGEST_LINE = 1000  # bytes, of the name of a class
COUNT = 8  # bytes that say how many numbers follow, in the older form


def read(file: IO[bytes], what: str) -> Any:
    """What torch.load gives with weights only, tensors on the CPU without gradients.

    `what` begins the sentence where it does not fit into memory. Raises Damaged for a file that is
    none of weights alone, Refused for one that asks for more than it holds, and OutOfMemory.
    """
    size = file.seek(0, 2)
    file.seek(0)
    is_zip = file.read(len(START)) == START
    try:
        tree, places, swapped = (_of_archive if is_zip else _of_pickles)(file, size)
        survey = _Survey(MOST_TIMES * size + ALLOWED)
        survey.look(tree)
        wanted = [_checked_size(one, places) for one in survey.storages.values()]
        memory.require(sum(wanted), what)
        return _Maker(places, swapped).made(tree)
    except Damaged:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise Damaged(str(error)) from error


@dataclass(frozen=True)
class _Place:
    """Where the numbers of a storage lie: how many bytes, and what puts them into a buffer."""

    size: int
    fill: Callable[[memoryview], None]


Places = Mapping[str, _Place]
NOWHERE = _Place(0, lambda buffer: None)  # of a storage without numbers


class _Sparing(io.RawIOBase):
    """The first `size` bytes of a file: whatever is asked for, no more than those are read."""

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
    """(values, places by key, whether the bytes of numbers are in the other order)."""
    members = zip_members.members(file)
    heads = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    require(len(heads) == 1 and heads[0].count("/") == 1, "it has no data.pkl")
    head = heads[0]
    require(f"{head}constants.pkl" not in members, "it is TorchScript")
    data, order = members[f"{head}data.pkl"], members.get(f"{head}byteorder")
    if data.size > LONGEST:
        raise Refused(f"its values take {memory.said(data.size)} besides the tensors")
    big = order is not None and order.size < 10 and zip_members.content(file, order) == b"big"
    start = f"{head}data/"
    places = {
        name.removeprefix(start): _Place(one.size, partial(zip_members.fill, file, one))
        for name, one in members.items()
        if name.startswith(start)
    }
    return run(io.BytesIO(zip_members.content(file, data))).value, places, big


def _of_pickles(file: IO[bytes], size: int) -> tuple[Any, Places, bool]:
    """The older form: a number, the version, the system, the values, keys, and the numbers."""
    file.seek(0)
    data = cast(IO[bytes], _Sparing(file, min(size, LONGEST)))
    require(run(data).value == MAGIC and run(data).value == PROTOCOL, "it is no file of torch")
    run(data)
    values, keys = run(data), run(data).value
    require(type(keys) is list and all(type(key) is str for key in keys), "its keys are no texts")
    places, at = {}, data.tell()
    for key in keys:
        place = _next_place(file, at, key, values)
        at += COUNT + place.size
        if at > size:
            raise Refused(f"its data {shown(key)} should have {place.size:,} bytes, and have less")
        places[key] = place
    return values.value, places, False


def _next_place(file: IO[bytes], at: int, key: str, values: Pickle) -> _Place:
    """The place of a storage whose count of numbers stands at `at`."""
    require(key in values.storages, "its keys are none of its data")
    storage = values.storages[key]
    file.seek(at)
    count = int.from_bytes(file.read(COUNT), "little")
    require(count == storage.whole, "its data have two sizes")
    length = count * (SIZES | RARE_SIZES)[storage.kind]
    return _Place(length, partial(_fill, file, at + COUNT))


def _fill(file: IO[bytes], at: int, buffer: memoryview) -> None:
    file.seek(at)
    zip_members.read_into(file, buffer)


# -- what is asked for ----------------------------------------------------------------------------


class _Survey:
    """Counts values, and looks at every tensor; nothing that is shared is walked twice."""

    def __init__(self, allowed: int) -> None:
        self.storages: dict[str, Storage] = {}
        self._allowed = allowed  # bytes of all tensors, were each written out
        self._tensors = 0
        self._known: dict[int, tuple[int, int]] = {}

    def look(self, value: Any, level: int = 0) -> tuple[int, int]:
        """(values in it, shared ones counted each time; containers in each other); Refused."""
        if isinstance(value, View):
            self._take("", value)
        if type(value) not in (dict, list, tuple):
            return 1, 0
        if level > DEEPEST:
            self._refuse_depth()
        if id(value) not in self._known:
            self._known[id(value)] = self._container(value, level)
        count, height = self._known[id(value)]
        if level + height > DEEPEST + 1 or count > MOST_VALUES:
            self._refuse_depth()
        return count, height

    def _container(self, value: Any, level: int) -> tuple[int, int]:
        items = value.items() if type(value) is dict else enumerate(value)
        count, height = 1, 0
        for name, one in items:
            if isinstance(one, View):
                self._take(name, one)
                count += 1
                continue
            inner, inner_height = self.look(one, level + 1)
            count, height = count + inner, max(height, inner_height)
        return count, height + 1

    def _refuse_depth(self) -> None:
        raise Refused("its values lie too deep in each other, or are too many")

    def _take(self, name: Any, view: View) -> None:
        """Note one tensor; Refused for one that is not in the file as it says."""
        text = name if isinstance(name, str) else str(name)
        check_name(text)
        self._tensors += 1
        self._allowed -= _checked_bytes(shown(text), view)
        if self._tensors > MOST_TENSORS:
            raise Refused(f"it holds more than {MOST_TENSORS:,} tensors")
        if self._allowed < 0:
            raise Refused("its tensors are far larger together than the file")
        self.storages[view.storage.key] = view.storage


def _checked_bytes(name: str, view: View) -> int:
    """Bytes of a tensor, were it written out; Refused where it is larger than its storage."""
    storage, item = view.storage, SIZES[view.kind]
    there = storage.count * SIZES[storage.kind] // item
    if math.prod(max(1, side) for side in view.size) > LARGEST:
        raise Refused(f"its tensor {name} is of the shape {_times(view.size)}")
    count = math.prod(view.size)
    reach = sum((n - 1) * step for n, step in zip(view.size, view.stride, strict=True))
    if count and view.offset + reach >= there:
        raise Refused(f"its tensor {name} of {_times(view.size)} reaches out of its data")
    if _repeats(view) and count * item > LARGEST_COPY:
        raise Refused(
            f"its tensor {name} of {_times(view.size)} repeats the same few numbers "
            "(as expand makes it; .clone() writes them out)"
        )
    return count * item


def _repeats(view: View) -> bool:
    """Whether two places of a tensor may be the same number in the file."""
    reach = 0
    for step, side in sorted(zip(view.stride, view.size, strict=True)):
        if side > 1 and step <= reach:
            return True
        reach += (side - 1) * step if side else 0
    return False


def _checked_size(storage: Storage, places: Places) -> int:
    """Bytes of a storage; Refused where the file has more or less of them than it says."""
    place, wanted = places.get(storage.key, NOWHERE), storage.whole * SIZES[storage.kind]
    if place.size != wanted:
        raise Refused(
            f"its data {shown(storage.key)} should have {wanted:,} bytes, and have {place.size:,}"
        )
    return wanted


def _times(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size)) or "a single number"


# -- tensors --------------------------------------------------------------------------------------


class _Maker:
    """Makes the values that were described; what was shared is shared."""

    def __init__(self, places: Places, swapped: bool) -> None:
        self._places = places
        self._swapped = swapped
        self._bytes: dict[str, Tensor] = {}
        self._made: dict[int, Any] = {}

    def made(self, value: Any) -> Any:
        """The value with tensors in the places of their descriptions."""
        if isinstance(value, Storage):
            return Unreadable("storages")
        if isinstance(value, Global):
            match = DTYPE.fullmatch(value.name)
            return getattr(torch, match[1], value.name) if match else value.name
        if type(value) not in (dict, list, tuple, View):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = self._new(value)
        return self._made[id(value)]

    def _new(self, value: Any) -> Any:
        if isinstance(value, View):
            return self._tensor(value)
        if isinstance(value, dict):
            return {name: self.made(one) for name, one in value.items()}
        return type(value)(self.made(one) for one in value)

    def _tensor(self, view: View) -> Tensor:
        storage, item = view.storage, SIZES[view.kind]
        width = SIZES[storage.kind]
        raw = self._numbers(storage).narrow(0, storage.start * width, storage.count * width)
        raw = raw[: len(raw) // item * item]
        flat = raw != 0 if view.kind == "bool" else raw.view(getattr(torch, view.kind))
        return flat.as_strided(view.size, view.stride, flat.storage_offset() + view.offset)

    def _numbers(self, storage: Storage) -> Tensor:
        """All bytes under a storage's key."""
        if storage.key not in self._bytes:
            place = self._places.get(storage.key, NOWHERE)
            found = torch.empty(place.size, dtype=torch.uint8)
            place.fill(found.numpy().data)
            if self._swapped:
                found.untyped_storage().byteswap(getattr(torch, storage.kind))
            self._bytes[storage.key] = found
        return self._bytes[storage.key]
