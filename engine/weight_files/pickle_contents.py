"""What the pickles in a file speak of, read as instructions: none of them is followed."""

from __future__ import annotations

import io
import itertools
import pickletools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

LONGEST = 1 << 26  # bytes that are read
MOST_STEPS = 1_000_000  # instructions that are read of one pickle
MOST = 4  # pickles that follow each other, as in files of torch before 1.6
LINES = {"STRING": 1, "PERSID": 1, "GLOBAL": 2, "INST": 2}  # taken as they stand: odd escapes warn
STEPS = {one.code: one for one in pickletools.opcodes}
CONTAINERS = ("builtins.dict", "collections.OrderedDict")
HARMLESS = {
    "collections.OrderedDict", "collections.Counter", "_codecs.encode", "builtins.set",
    "builtins.bytearray", "builtins.complex", "torch.Size", "torch.Tensor", "torch.device",
    "torch.nn.parameter.Parameter", "torch._tensor._rebuild_from_type_v2", "builtins.dict",
}  # fmt: skip


@dataclass
class Pickle:
    """What the instructions of a pickle speak of.

    first: what is made first; classes: all that is named; entries: text -> what follows it, the
    value under that name in a dict; texts: all texts; number: the only thing it is, if it is one.
    """

    first: str = ""
    classes: list[str] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    number: int | None = None

    @property
    def strange(self) -> list[str]:
        """The classes and functions that weights alone have no need of."""
        return [name for name in dict.fromkeys(self.classes) if not _is_harmless(name)]


def listed(file: IO[bytes]) -> list[Pickle]:
    """The pickles that a file goes on with, as far as they can be followed."""
    data = io.BytesIO(file.read(LONGEST))
    found = []
    for _ in range(MOST):
        one = _pickle(data)
        if not (one.classes or one.texts or one.number is not None or one.first):
            break
        found.append(one)
    return found


def instructions(
    data: IO[bytes], known: Collection[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """(name, argument) of each instruction of the next pickle.

    ValueError for one that is none, none of `known` (None: all are), or cut short.
    """
    name = ""
    while name != "STOP":
        code = data.read(1).decode("latin-1")
        if code not in STEPS or not (known is None or STEPS[code].name in known):
            raise ValueError(f"{code!r} is no instruction here")
        name = STEPS[code].name
        yield name, _argument(STEPS[code], data)


def _argument(step: pickletools.OpcodeInfo, data: IO[bytes]) -> Any:
    if step.name in LINES:
        return " ".join(_line(data) for _ in range(LINES[step.name])).strip("'\"")
    return step.arg.reader(data) if step.arg is not None else None


def _line(data: IO[bytes]) -> str:
    line = data.readline()
    if not line.endswith(b"\n"):
        raise ValueError("it ends within a line")
    return line[:-1].decode("utf-8", "replace")


def _pickle(data: IO[bytes]) -> Pickle:
    """What the next pickle speaks of, as far as it can be followed."""
    reader = _Reader()
    try:
        for name, argument in itertools.islice(instructions(data), MOST_STEPS):
            reader.take(name, argument)
    except (ValueError, KeyError, IndexError, EOFError, TypeError, OverflowError, MemoryError):
        return reader.found  # no pickle, or cut short: what was read of it
    return reader.found


class _Reader:
    """Follows the texts and names of a pickle."""

    def __init__(self) -> None:
        self.found = Pickle()
        self._memo: dict[int, str] = {}
        self._texts: list[str] = []  # the last ones, with nothing between them
        self._last = ""  # what the last instruction put there: a text, a class or a container

    def take(self, name: str, argument: object) -> None:
        """One instruction."""
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            number = argument if isinstance(argument, int) else len(self._memo)
            self._memo[number] = self._last
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            known = self._memo.get(argument, "") if isinstance(argument, int) else ""
            self._text(known) if known in self.found.texts else self._value(known)
        elif name == "GLOBAL" and isinstance(argument, str):
            self._class(argument.replace(" ", "."))
        elif name == "STACK_GLOBAL":
            *self._texts, module, last = ["", "", *self._texts]
            self._class(f"{module}.{last}")
        elif name == "EMPTY_DICT":
            self._value(CONTAINERS[0])
        elif isinstance(argument, str):
            self._text(argument)
        else:
            self._other(name, argument)

    def _text(self, value: str) -> None:
        self.found.texts.add(value)
        self._texts = [*self._texts[-2:], value]
        self._last = value

    def _class(self, name: str) -> None:
        plain = name.replace("__builtin__.", "builtins.", 1)
        self.found.classes.append(plain)
        self._value(plain)

    def _value(self, name: str) -> None:
        """A class or a container, which the text before it may be the key of."""
        self.found.first = self.found.first or name
        if name and self._texts and self._texts[-1]:
            self.found.entries.setdefault(self._texts[-1], name)
        self._texts, self._last = [], name

    def _other(self, name: str, argument: object) -> None:
        if isinstance(argument, int) and name.startswith(("LONG", "BININT", "INT")):
            self.found.number = argument
        if name not in ("PROTO", "FRAME", "MARK"):
            self._texts, self._last = [], ""


def _is_harmless(name: str) -> bool:
    module, _, last = name.rpartition(".")
    if name in HARMLESS or (module == "torch" and (last.endswith("Storage") or last.islower())):
        return True
    if module == "torch.storage":
        return last != "_load_from_bytes"
    return module == "torch._utils" and last.startswith("_rebuild")
