"""What a pickle of weights describes, built without running or importing anything it names.

The instructions are those of torch's unpickler for weights alone (protocol 2). Tensors and their
data stay descriptions, those of `engine.weight_files.tensor_views`.
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
    STRANGE,
    SUBCLASS,
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

MOST_STEPS = 3_000_000  # instructions of one pickle, and values that one of them copies
CONTAINER_STEPS = 4  # that an empty container costs, which takes more memory than its instruction
KEY_STEPS = 300  # that a tuple costs as a key: unlike a text it can be made to collide


@dataclass(frozen=True)
class Pickle:
    """What a pickle describes. storages: all that it speaks of, by key, each of them whole."""

    value: Any
    storages: Mapping[str, Storage]


def run(data: IO[bytes]) -> Pickle:
    """What the next pickle in `data` describes; Damaged or Refused where it is none of weights."""
    machine = _Machine()
    try:
        for name, argument in instructions(data, KNOWN):
            machine.take(name, argument)
        return machine.result()
    except Damaged:
        raise
    except (ValueError, IndexError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise Damaged(str(error)) from error


class _Machine:
    """The stack and the memory that instructions work on."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # stacks below each open mark
        self._memo: dict[int, Any] = {}
        self._steps = 0
        self._storages: dict[str, Storage] = {}

    def result(self) -> Pickle:
        """The only value, once all instructions were taken."""
        require(len(self._stack) == 1 and not self._outer)
        return Pickle(self._stack[0], self._storages)

    def take(self, name: str, argument: Any) -> None:
        """One instruction."""
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
                "its values lie too deep in each other, or are too many: more than "
                f"{MOST_STEPS:,} steps make them"
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
        """A value that may be a key: its hash takes no time, and collides with few others."""
        if type(value) is tuple:
            self._charge(KEY_STEPS)
            require(len(value) <= MOST_SIDES and all(map(_is_short, value)))
            return value
        require(_is_short(value), "a key in it is no name")
        return value

    # -- what is made of names ----------------------------------------------------------------
    def _global(self, argument: Any) -> None:
        name = argument.replace(" ", ".").replace("__builtin__.", "builtins.", 1)
        self._stack.append(Global(name))

    def _persistent(self, _: Any) -> None:
        self._stack.append(self._storage(self._stack.pop()))

    def _storage(self, mark: Any) -> Storage:
        """('storage', type, key, device, count), in old files with a part (key, start, count)."""
        require(type(mark) is tuple and len(mark) in (5, 6) and mark[0] == "storage")
        kind, key, count = kind_of_storage(mark[1]), mark[2], mark[4]
        require(type(key) is str and is_size(count))
        whole = self._storages.setdefault(key, Storage(key, kind, count, 0, count))
        if (whole.kind, whole.count) != (kind, count):
            raise Refused(f"its data {key[:40]} are of two types or sizes")
        part = mark[5] if len(mark) == 6 else None
        if part is None:
            return whole
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
        self._stack[-1] = self._made(name_of(self._stack[-1]), arguments)

    def _made(self, name: str, given: tuple[Any, ...]) -> Any:
        """What a function of that name makes of these; Damaged for one that is none of weights."""
        module, _, last = name.rpartition(".")
        if name in PARAMETERS:
            return tensor_of(given[0])
        if name == SUBCLASS:
            return self._subclass(*given)
        if module == "torch._utils" and last in STRANGE:
            return Unreadable(STRANGE[last])
        if module == "torch._utils" and last in VIEWS:
            return VIEWS[last](*given)
        require(name in _PLAIN, f"it calls {name[:80]}")
        for one in given:
            self._charge(len(one) if hasattr(one, "__len__") else 1)
        return _PLAIN[name](self, *given)

    def _subclass(self, function: Any, kind: Any, given: Any, *_: Any) -> Any:
        require(type(given) is tuple and name_of(function) != SUBCLASS)
        require(name_of(kind) in PLAIN_CLASSES, "it holds tensors of a class of their own")
        return tensor_of(self._made(name_of(function), given))

    def _build(self, _: Any) -> None:
        """Attributes of what was made: those of a dict or a tensor are none of its values."""
        self._stack.pop()
        require(isinstance(self._stack[-1], (dict, View, Unreadable)))

    # -- plain values -------------------------------------------------------------------------
    def _dict(self, items: Any = ()) -> dict[Any, Any]:
        pairs = items.items() if type(items) is dict else items
        return {self._key(key): value for key, value in pairs}

    def _set(self, items: Any = ()) -> set[Any]:
        require(type(items) in (list, tuple))
        return {self._key(one) for one in items}

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
    "PROTO": lambda one, _: None, "STOP": lambda one, _: None, "MARK": _Machine._mark,
    "BINPUT": _Machine._put, "LONG_BINPUT": _Machine._put, "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get, "TUPLE": _Machine._tuple,
    "TUPLE1": lambda one, _: one._last(1), "TUPLE2": lambda one, _: one._last(2),
    "TUPLE3": lambda one, _: one._last(3), "APPEND": _Machine._append,
    "APPENDS": _Machine._appends, "SETITEM": _Machine._set_item, "SETITEMS": _Machine._set_items,
    "GLOBAL": _Machine._global, "BINPERSID": _Machine._persistent, "NEWOBJ": _Machine._new,
    "REDUCE": _Machine._reduce, "BUILD": _Machine._build,
}  # fmt: skip
KNOWN = {*_VALUES, *_CONSTANTS, *_CONTAINERS, *_STEPS}
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _Machine._dict, "collections.Counter": _Machine._dict,
    "builtins.set": _Machine._set, "_codecs.encode": _Machine._bytes,
    "builtins.bytearray": _Machine._bytearray, "builtins.complex": _Machine._complex,
    "torch.Size": _Machine._size, "torch.device": _Machine._text,
    "torch.serialization._get_layout": _Machine._text,
}  # fmt: skip


def _is_short(value: Any) -> bool:
    """Whether a key, or a part of one: text, or a number of at most eight bytes."""
    if type(value) is int:
        return abs(value) < 1 << 64
    return value is None or type(value) in (str, bytes, bool, float)
