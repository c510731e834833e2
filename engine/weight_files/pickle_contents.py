"""Names and texts in the pickles of a file, read from their opcodes without executing them."""

from __future__ import annotations

import io
import itertools
import pickletools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

LONGEST = 1 << 26  # bytes read of a file
MOST_STEPS = 1_000_000  # opcodes read of one pickle
MOST = 4  # consecutive pickles, as in files of torch before 1.6
LINES = {
    "STRING": 1,
    "PERSID": 1,
    "GLOBAL": 2,
    "INST": 2,
}  # read verbatim: unusual escapes would warn
STEPS = {opcode.code: opcode for opcode in pickletools.opcodes}
CONTAINERS = ("builtins.dict", "collections.OrderedDict")
HARMLESS = {
    "collections.OrderedDict", "collections.Counter", "_codecs.encode", "builtins.set",
    "builtins.bytearray", "builtins.complex", "torch.Size", "torch.Tensor", "torch.device",
    "torch.nn.parameter.Parameter", "torch._tensor._rebuild_from_type_v2", "builtins.dict",
}  # fmt: skip


@dataclass
class PickleSummary:
    """What the opcodes of a pickle mention.

    first: the class or container built first; classes: all classes and functions; entries: text ->
    the class or container after it, which in a dict is its value; texts: all texts; number: the
    value of a pickle that is a single number.
    """

    first: str = ""
    classes: list[str] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    number: int | None = None

    @property
    def strange(self) -> list[str]:
        """The classes and functions that a pure weight file does not need."""
        return [name for name in dict.fromkeys(self.classes) if not _is_harmless(name)]


def read_pickles(file: IO[bytes]) -> list[PickleSummary]:
    """Summaries of the next pickles in a file, as far as they can be read."""
    data = io.BytesIO(file.read(LONGEST))
    summaries = []
    for _ in range(MOST):
        summary = _pickle(data)
        if not (summary.classes or summary.texts or summary.number is not None or summary.first):
            break
        summaries.append(summary)
    return summaries


def instructions(
    data: IO[bytes], allowed: Collection[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """(name, argument) of each opcode of the next pickle.

    ValueError for an invalid opcode, one not in `allowed` (None: all), or a truncated pickle.
    """
    name = ""
    while name != "STOP":
        code = data.read(1).decode("latin-1")
        if code not in STEPS or not (allowed is None or STEPS[code].name in allowed):
            raise ValueError(f"{code!r} is not a valid opcode here")
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


def _pickle(data: IO[bytes]) -> PickleSummary:
    """Summary of the next pickle, as far as it can be read."""
    reader = _Reader()
    try:
        for name, argument in itertools.islice(instructions(data), MOST_STEPS):
            reader.take(name, argument)
    except (ValueError, KeyError, IndexError, EOFError, TypeError, OverflowError, MemoryError):
        return reader.summary  # not a pickle, or truncated: what was read so far
    return reader.summary


class _Reader:
    """Collects the texts and names of a pickle."""

    def __init__(self) -> None:
        self.summary = PickleSummary()
        self._memo: dict[int, str] = {}
        self._texts: list[str] = []  # the last ones, with no other opcode in between
        self._last = ""  # what the last opcode pushed: a text, a class or a container

    def take(self, name: str, argument: object) -> None:
        """Process one opcode."""
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            number = argument if isinstance(argument, int) else len(self._memo)
            self._memo[number] = self._last
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            value = self._memo.get(argument, "") if isinstance(argument, int) else ""
            self._text(value) if value in self.summary.texts else self._value(value)
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
        self.summary.texts.add(value)
        self._texts = [*self._texts[-2:], value]
        self._last = value

    def _class(self, name: str) -> None:
        plain = name.replace("__builtin__.", "builtins.", 1)
        self.summary.classes.append(plain)
        self._value(plain)

    def _value(self, name: str) -> None:
        """A class or a container; a text before it may be its key."""
        self.summary.first = self.summary.first or name
        if name and self._texts and self._texts[-1]:
            self.summary.entries.setdefault(self._texts[-1], name)
        self._texts, self._last = [], name

    def _other(self, name: str, argument: object) -> None:
        if isinstance(argument, int) and name.startswith(("LONG", "BININT", "INT")):
            self.summary.number = argument
        if name not in ("PROTO", "FRAME", "MARK"):
            self._texts, self._last = [], ""


def _is_harmless(name: str) -> bool:
    module, _, last = name.rpartition(".")
    if name in HARMLESS or (module == "torch" and (last.endswith("Storage") or last.islower())):
        return True
    if module == "torch.storage":
        return last != "_load_from_bytes"
    return module == "torch._utils" and last.startswith("_rebuild")
