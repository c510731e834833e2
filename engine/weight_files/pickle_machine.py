"""Unpickler for weights that neither runs nor imports anything that a pickle names.

It supports the opcodes of torch's weights_only unpickler (protocol 2). Tensors and their data stay
descriptions, those of `engine.weight_files.tensor_views`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from engine.weight_files.pickle_contents import instructions
from engine.weight_files.tensor_views import (
    MOST_SIDES,
    PARAMETERS,
    PLAIN_CLASSES,
    SUBCLASS,
    UNREADABLE_KINDS,
    VIEWS,
    Damaged,
    Global,
    Refused,
    Storage,
    Unreadable,
    View,
    is_size,
    kind_of_storage,
    name_of,
    require,
    sizes,
    tensor_of,
)

MOST_STEPS = 3_000_000  # opcodes of one pickle, and values that one of them copies
CONTAINER_STEPS = 4  # cost of an empty container, which takes more memory than its opcode
KEY_STEPS = 300  # cost of a tuple as a key: unlike texts, tuples can be made to collide


@dataclass(frozen=True)
class PickleValue:
    """The value that a pickle describes, and all its storages by key, each in full."""

    value: Any
    storages: Mapping[str, Storage]


def run(data: IO[bytes]) -> PickleValue:
    """Read the next pickle in `data`; Damaged or Refused if it is not one of weights only."""
    machine = _Machine()
    try:
        for name, argument in instructions(data, OPCODES):
            machine.take(name, argument)
        return machine.result()
    except Damaged:
        raise
    except (ValueError, IndexError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise Damaged(str(error)) from error


class _Machine:
    """The stack and the memo that opcodes work on."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each open mark
        self._memo: dict[int, Any] = {}
        self._steps = 0
        self._storages: dict[str, Storage] = {}

    def result(self) -> PickleValue:
        """The remaining value, after the last opcode."""
        require(len(self._stack) == 1 and not self._outer)
        return PickleValue(self._stack[0], self._storages)

    def take(self, name: str, argument: Any) -> None:
        """Execute one opcode."""
        self._charge(1)
        if name in _VALUES:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _CONTAINERS:
            self._charge(CONTAINER_STEPS)
            self._stack.append(_CONTAINERS[name]())
        else:
            _STEPS[name](self, argument)

    def _charge(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise Refused(
                "its values are nested too deeply, or too many: building them takes more than "
                f"{MOST_STEPS:,} steps"
            )

    # -- the stack ----------------------------------------------------------------------------
    def _mark(self, _: Any) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _put(self, number: Any) -> None:
        self._memo[number] = self._stack[-1]

    def _get(self, number: Any) -> None:
        self._stack.append(self._memo[number])

    def _tuple(self, _: Any) -> None:
        items = self._marked()
        self._stack.append(tuple(items))

    def _last(self, count: int) -> None:
        require(len(self._stack) >= count)
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._stack.append(items)

    # -- containers ---------------------------------------------------------------------------
    def _append(self, _: Any) -> None:
        self._extend([self._stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        require(type(self._stack[-1]) is list)
        self._stack[-1].extend(items)

    def _set_item(self, _: Any) -> None:
        value = self._stack.pop()
        self._update(self._stack.pop(-1), value)

    def _set_items(self, _: Any) -> None:
        items = self._marked()
        require(len(items) % 2 == 0)
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._update(key, value)

    def _update(self, key: Any, value: Any) -> None:
        require(type(self._stack[-1]) is dict)
        self._stack[-1][self._key(key)] = value

    def _key(self, value: Any) -> Any:
        """The value, checked to be a cheap key: quickly hashed, with few collisions."""
        if type(value) is tuple:
            self._charge(KEY_STEPS)
            require(len(value) <= MOST_SIDES and all(map(_is_short, value)))
            return value
        require(_is_short(value), "a key in it is not a name")
        return value

    # -- classes and functions -------------------------------------------------------------------
    def _global(self, argument: Any) -> None:
        name = argument.replace(" ", ".").replace("__builtin__.", "builtins.", 1)
        self._stack.append(Global(name))

    def _persistent(self, _: Any) -> None:
        self._stack.append(self._storage(self._stack.pop()))

    def _storage(self, reference: Any) -> Storage:
        """From ('storage', type, key, device, count), in old files with (key, start, count)."""
        require(type(reference) is tuple and len(reference) in (5, 6))
        require(reference[0] == "storage")
        kind, key, count = kind_of_storage(reference[1]), reference[2], reference[4]
        require(type(key) is str and is_size(count))
        full = self._storages.setdefault(key, Storage(key, kind, count, 0, count))
        if (full.kind, full.count) != (kind, count):
            raise Refused(f"its data {key[:40]} have two types or sizes")
        part = reference[5] if len(reference) == 6 else None
        if part is None:
            return full
        require(type(part) is tuple and len(part) == 3 and all(map(is_size, part[1:])))
        _, start, inner = part
        if start + inner > count:
            raise Refused(f"a part of its data {key[:40]} lies outside of them")
        return Storage(key, kind, inner, start, count)

    def _new(self, _: Any) -> None:
        arguments = self._stack.pop()
        require(name_of(self._stack[-1]) == "torch.nn.parameter.Parameter")
        self._call(arguments)

    def _reduce(self, _: Any) -> None:
        self._call(self._stack.pop())

    def _call(self, arguments: Any) -> None:
        require(type(arguments) is tuple and len(arguments) <= MOST_SIDES)
        self._stack[-1] = self._apply(name_of(self._stack[-1]), arguments)

    def _apply(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """The result of calling the function of this name; Damaged if weights do not need it."""
        module, _, last = name.rpartition(".")
        if name in PARAMETERS:
            return tensor_of(arguments[0])
        if name == SUBCLASS:
            return self._subclass(*arguments)
        if module == "torch._utils" and last in UNREADABLE_KINDS:
            return Unreadable(UNREADABLE_KINDS[last])
        if module == "torch._utils" and last in VIEWS:
            return VIEWS[last](*arguments)
        require(name in _PLAIN, f"it calls {name[:80]}")
        for argument in arguments:
            self._charge(len(argument) if hasattr(argument, "__len__") else 1)
        return _PLAIN[name](self, *arguments)

    def _subclass(self, function: Any, kind: Any, arguments: Any, *_: Any) -> Any:
        require(type(arguments) is tuple and name_of(function) != SUBCLASS)
        require(name_of(kind) in PLAIN_CLASSES, "it holds tensors of a custom class")
        return tensor_of(self._apply(name_of(function), arguments))

    def _build(self, _: Any) -> None:
        """Discard attributes set on an object: those of a dict or tensor are not its values."""
        self._stack.pop()
        require(isinstance(self._stack[-1], (dict, View, Unreadable)))

    # -- plain values -------------------------------------------------------------------------
    def _dict(self, items: Any = ()) -> dict[Any, Any]:
        pairs = items.items() if type(items) is dict else items
        return {self._key(key): value for key, value in pairs}

    def _set(self, items: Any = ()) -> set[Any]:
        require(type(items) in (list, tuple))
        return {self._key(item) for item in items}

    def _bytes(self, text: Any, encoding: Any = "latin1") -> bytes:
        require(type(text) is str and encoding in ("latin1", "latin-1", "ascii", "utf-8"))
        return bytes(text, str(encoding))

    def _bytearray(self, content: Any = b"", encoding: Any = "latin1") -> bytearray:
        plain = content if type(content) in (bytes, bytearray) else self._bytes(content, encoding)
        return bytearray(plain)

    def _complex(self, real: Any, imaginary: Any) -> complex:
        require(type(real) in (int, float) and type(imaginary) in (int, float))
        return complex(real, imaginary)

    def _size(self, sides: Any) -> tuple[int, ...]:
        return sizes(sides)

    def _text(self, text: Any, *_: Any) -> str:
        require(type(text) is str)
        return str(text)


Step = Callable[[_Machine, Any], None]
_VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_CONTAINERS: Mapping[str, Callable[[], Any]] = {
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set,
}  # fmt: skip
_STEPS: Mapping[str, Step] = {
    "PROTO": lambda machine, _: None, "STOP": lambda machine, _: None, "MARK": _Machine._mark,
    "BINPUT": _Machine._put, "LONG_BINPUT": _Machine._put, "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get, "TUPLE": _Machine._tuple,
    "TUPLE1": lambda machine, _: machine._last(1), "TUPLE2": lambda machine, _: machine._last(2),
    "TUPLE3": lambda machine, _: machine._last(3), "APPEND": _Machine._append,
    "APPENDS": _Machine._appends, "SETITEM": _Machine._set_item, "SETITEMS": _Machine._set_items,
    "GLOBAL": _Machine._global, "BINPERSID": _Machine._persistent, "NEWOBJ": _Machine._new,
    "REDUCE": _Machine._reduce, "BUILD": _Machine._build,
}  # fmt: skip
OPCODES = {*_VALUES, *_CONSTANTS, *_CONTAINERS, *_STEPS}
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _Machine._dict, "collections.Counter": _Machine._dict,
    "builtins.set": _Machine._set, "_codecs.encode": _Machine._bytes,
    "builtins.bytearray": _Machine._bytearray, "builtins.complex": _Machine._complex,
    "torch.Size": _Machine._size, "torch.device": _Machine._text,
    "torch.serialization._get_layout": _Machine._text,
}  # fmt: skip


def _is_short(value: Any) -> bool:
    """Whether this may be a key or a part of one: text, or a number of at most eight bytes."""
    if type(value) is int:
        return abs(value) < 1 << 64
    return value is None or type(value) in (str, bytes, bool, float)
