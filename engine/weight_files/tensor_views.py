"""Descriptions of tensors and their data in a file: names, types, offsets, shapes and strides.

No tensor is created here. `engine.weight_files.torch_files` checks the descriptions against the
file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import shown

MOST_SIDES = 32  # dimensions of a tensor
MOST_TENSORS = 20_000
LONGEST_NAME = 1000  # characters of a tensor's name
MOST_PARTS = 100  # parts of a tensor's name, between dots
LARGEST = 1 << 62  # largest number in a shape
SIZES = {  # bytes per element of the types that weights have
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
UNREADABLE_KINDS = {  # functions that build tensors of unsupported kinds
    "_rebuild_qtensor": "quantized", "_rebuild_sparse_tensor": "sparse",
    "_rebuild_nested_tensor": "nested", "_rebuild_meta_tensor_no_storage": "without values",
    "_rebuild_wrapper_subclass": "of a custom class",
}  # fmt: skip
PARAMETERS = {
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
}  # fmt: skip
SUBCLASS = "torch._tensor._rebuild_from_type_v2"
PLAIN_CLASSES = ("torch.Tensor", "torch.nn.parameter.Parameter")


class Damaged(ValueError):
    """Not a pickle of weights only, or not a complete one; the message is a clause."""


class Refused(Damaged):
    """Content that no weight file needs; the message is a clause about the file."""


@dataclass(frozen=True, eq=False)
class Global:
    """A class or function by its full name, never imported."""

    name: str


@dataclass(frozen=True, eq=False)
class Storage:
    """A flat range of elements: `count` of them, from element `start` of the data under `key`.

    kind: a key of SIZES or RARE_SIZES; total: number of all elements under `key`.
    """

    key: str
    kind: str
    count: int
    start: int
    total: int


@dataclass(frozen=True, eq=False)
class View:
    """A strided tensor in a storage; offset and stride count elements of its type `kind`."""

    storage: Storage
    kind: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Unreadable:
    """Stands for a tensor that cannot be a weight. kind: 'sparse', 'complex' ..."""

    kind: str


def require(holds: bool, why: str = "its opcodes are inconsistent") -> None:
    """Damaged with this message unless `holds`."""
    if not holds:
        raise Damaged(why)


def check_name(name: str) -> None:
    """Refused for a tensor name longer than any network's, which would be slow to process."""
    if len(name) > LONGEST_NAME or name.count(".") > MOST_PARTS:
        raise Refused(f"the name of a tensor in it is too long: {shown(name)}")


def _view(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> View | Unreadable:
    """A tensor of its storage's type; rest: requires_grad, hooks, and optional metadata."""
    require(isinstance(storage, Storage))
    return _plain_view(storage, storage.kind, (offset, size, stride), rest[2:])


def _typed_view(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> View | Unreadable:
    """A tensor of another type than its storage; rest: requires_grad, hooks, type, metadata."""
    require(isinstance(storage, Storage) and len(rest) > 2)
    match = DTYPE.fullmatch(name_of(rest[2]))
    require(match is not None, "a tensor in it has an unknown type")
    assert match is not None
    return _plain_view(storage, match[1], (offset, size, stride), rest[3:])


def _plain_view(
    storage: Storage, kind: str, place: tuple[Any, Any, Any], rest: Sequence[Any]
) -> View | Unreadable:
    offset, size, stride = place[0], sizes(place[1]), sizes(place[2])
    require(is_size(offset) and len(size) == len(stride))
    for element in (kind, storage.kind):
        if element not in SIZES:
            return Unreadable(_unreadable_kind(element))
    if rest and isinstance(rest[0], dict) and any(rest[0].values()):
        return Unreadable("negated or conjugate views")
    return View(storage, kind, offset, size, stride)


def _unreadable_kind(kind: str) -> str:
    """The kind of a tensor whose type weights do not have."""
    if kind.startswith("complex"):
        return "complex"
    return "quantized" if kind.startswith("q") else f"of type {kind}"


def _on_cpu(data: Any, *_: Any) -> View | Unreadable:
    return tensor_of(data)


VIEWS: Mapping[str, Callable[..., View | Unreadable]] = {
    "_rebuild_tensor": _view, "_rebuild_tensor_v2": _view, "_rebuild_tensor_v3": _typed_view,
    "_rebuild_device_tensor_from_cpu_tensor": _on_cpu,
}  # fmt: skip


def tensor_of(value: Any) -> View | Unreadable:
    """The value; Damaged if it is not a tensor."""
    require(isinstance(value, (View, Unreadable)))
    view: View | Unreadable = value
    return view


def kind_of_storage(value: Any) -> str:
    """The element type of a storage class: a key of SIZES or RARE_SIZES."""
    match = STORAGE.fullmatch(name_of(value))
    require(match is not None and match[1] in STORAGES, "its data have an unknown type")
    assert match is not None
    return STORAGES[match[1]]


def name_of(value: Any) -> str:
    """The name of a class or function; Damaged if it is neither."""
    require(isinstance(value, Global), "it calls something that is not a function")
    return str(value.name)


def sizes(value: Any) -> tuple[int, ...]:
    """The value as a shape or strides; Damaged if it is neither."""
    require(type(value) in (tuple, list) and len(value) <= MOST_SIDES)
    require(all(map(is_size, value)), "a tensor in it has an invalid shape")
    return tuple(value)


def is_size(value: Any) -> bool:
    """Whether this is a valid number in a shape."""
    return type(value) is int and 0 <= value < LARGEST
