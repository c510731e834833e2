"""Tensors and their data as a file describes them: names, types, places, shapes and strides.

Nothing is made here. What a description asks for is held against the file by
`engine.weight_files.torch_files`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import shown

MOST_SIDES = 32  # dimensions of a tensor
MOST_TENSORS = 20_000
LONGEST_NAME = 1000  # letters of a tensor's name
MOST_PARTS = 100  # of a tensor's name, between dots
LARGEST = 1 << 62  # of the numbers in a shape
SIZES = {  # bytes of one number of the types that weights have
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2,
    "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip
RARE_SIZES = {
    "complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1,
    "quint2x4": 1,
}  # fmt: skip
STORAGES = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool", "Untyped": "uint8", "_Untyped": "uint8", "ComplexFloat": "complex64",
    "ComplexDouble": "complex128", "QInt8": "qint8", "QUInt8": "quint8", "QInt32": "qint32",
    "QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4",
}  # fmt: skip
STORAGE = re.compile(r"torch(?:\.cuda|\.storage)?\.(\w+)Storage")
DTYPE = re.compile(r"torch\.((?:u?int|q?u?int|float|bfloat|complex|bits)\d\w*|bool)")
STRANGE = {  # what makes tensors that are no plain ones
    "_rebuild_qtensor": "quantized", "_rebuild_sparse_tensor": "sparse",
    "_rebuild_nested_tensor": "nested", "_rebuild_meta_tensor_no_storage": "without values",
    "_rebuild_wrapper_subclass": "of a class of their own",
}  # fmt: skip
PARAMETERS = {
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
}  # fmt: skip
SUBCLASS = "torch._tensor._rebuild_from_type_v2"
PLAIN_CLASSES = ("torch.Tensor", "torch.nn.parameter.Parameter")


class Damaged(ValueError):
    """No pickle of weights alone, or not a whole one."""


class Refused(Damaged):
    """What no file of weights needs; the message is a clause about the file."""


@dataclass(frozen=True, eq=False)
class Global:
    """A class or function by its full name, never looked up."""

    name: str


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers in a row: `count` of a type, from number `start` of those under `key` in the file.

    kind: a name of SIZES, or what else they are; whole: how many there are under `key`.
    """

    key: str
    kind: str
    count: int
    start: int
    whole: int


@dataclass(frozen=True, eq=False)
class View:
    """A tensor: where its numbers lie in a storage, in numbers of its type `kind`."""

    storage: Storage
    kind: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Unreadable:
    """In the place of a tensor that no weight can be. kind: 'sparse', 'complex' ..."""

    kind: str


def require(holds: bool, why: str = "its instructions do not fit each other") -> None:
    """Damaged unless something holds."""
    if not holds:
        raise Damaged(why)


def check_name(name: str) -> None:
    """Refused for a tensor's name that no network gives: it would take for ever to look at."""
    if len(name) > LONGEST_NAME or name.count(".") > MOST_PARTS:
        raise Refused(f"a tensor's name in it is too long: {shown(name)}")


def _view(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> View | Unreadable:
    """A tensor of its storage's type; rest: whether it learns, its hooks, and what it is beside."""
    require(isinstance(storage, Storage))
    return _plain_view(storage, storage.kind, (offset, size, stride), rest[2:])


def _typed_view(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> View | Unreadable:
    """A tensor of another type than its storage; rest: as above, with the type."""
    require(isinstance(storage, Storage) and len(rest) > 2)
    match = DTYPE.fullmatch(name_of(rest[2]))
    require(match is not None, "a tensor in it is of no type")
    assert match is not None
    return _plain_view(storage, match[1], (offset, size, stride), rest[3:])


def _plain_view(
    storage: Storage, kind: str, place: tuple[Any, Any, Any], rest: Sequence[Any]
) -> View | Unreadable:
    offset, size, stride = place[0], sizes(place[1]), sizes(place[2])
    require(is_size(offset) and len(size) == len(stride))
    for one in (kind, storage.kind):
        if one not in SIZES:
            return Unreadable(_strangeness(one))
    if rest and isinstance(rest[0], dict) and any(rest[0].values()):
        return Unreadable("negated or conjugate views")
    return View(storage, kind, offset, size, stride)


def _strangeness(kind: str) -> str:
    """What a tensor of a type is that no weights have."""
    if kind.startswith("complex"):
        return "complex"
    return "quantized" if kind.startswith("q") else f"of the type {kind}"


def _on_cpu(data: Any, *_: Any) -> View | Unreadable:
    return tensor_of(data)


VIEWS: Mapping[str, Callable[..., View | Unreadable]] = {
    "_rebuild_tensor": _view, "_rebuild_tensor_v2": _view, "_rebuild_tensor_v3": _typed_view,
    "_rebuild_device_tensor_from_cpu_tensor": _on_cpu,
}  # fmt: skip


def tensor_of(value: Any) -> View | Unreadable:
    """The value; Damaged where it is no tensor."""
    require(isinstance(value, (View, Unreadable)))
    found: View | Unreadable = value
    return found


def kind_of_storage(value: Any) -> str:
    """A name of SIZES or RARE_SIZES."""
    match = STORAGE.fullmatch(name_of(value))
    require(match is not None and match[1] in STORAGES, "its data are of no type")
    assert match is not None
    return STORAGES[match[1]]


def name_of(value: Any) -> str:
    """The name of a class or function; Damaged where it is none."""
    require(isinstance(value, Global), "it calls what is no function")
    return str(value.name)


def sizes(value: Any) -> tuple[int, ...]:
    """A shape or strides; Damaged where it is none."""
    require(type(value) in (tuple, list) and len(value) <= MOST_SIDES)
    require(all(map(is_size, value)), "a tensor in it has no proper shape")
    return tuple(value)


def is_size(value: Any) -> bool:
    """Whether it may stand in a shape."""
    return type(value) is int and 0 <= value < LARGEST
