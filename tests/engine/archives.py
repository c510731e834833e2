"""Files of torch.save that no torch.save would write, built from what they say of themselves."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


@dataclass(eq=False)
class Data:
    """A storage that says it has `count` numbers under a key. part: (key, start, count) within."""

    count: int
    key: str = "0"
    kind: Any = torch.FloatStorage
    part: tuple[str, int, int] | None = None


class Call:
    """What calling a function makes, once it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._how = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._how


def view(data: Data, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> Call:
    """A tensor of a shape and strides that somebody says it has."""
    hooks: OrderedDict[str, Any] = OrderedDict()
    return Call(torch._utils._rebuild_tensor_v2, data, offset, size, stride, False, hooks)


class _Pickler(pickle.Pickler):
    def __init__(self, out: io.BytesIO, old: bool) -> None:
        super().__init__(out, 2)
        self._old = old

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Data):
            return None
        mark = ("storage", value.kind, value.key, "cpu", value.count)
        return (*mark, value.part) if self._old else mark


def pickled(value: Any, old: bool = False) -> bytes:
    out = io.BytesIO()
    _Pickler(out, old).dump(value)
    return out.getvalue()


def archived(
    path: Path, value: Any, data: Mapping[str, bytes] | None = None, packed: bool = False
) -> Path:
    """A zip archive; `value` is a pickle already where it is bytes."""
    how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    content = value if isinstance(value, bytes) else pickled(value)
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("x/data.pkl", content)
        archive.writestr("x/version", b"3\n")
        for key, numbers in (data or {}).items():
            archive.writestr(f"x/data/{key}", numbers)
    return path


def in_old_form(path: Path, value: Any, data: Mapping[str, tuple[int, bytes]]) -> Path:
    """The form before torch 1.6. data: key -> (how many numbers it says follow, what follows)."""
    heads = [MAGIC, PROTOCOL, {"little_endian": True}]
    with path.open("wb") as file:
        for head in heads:
            file.write(pickle.dumps(head, 2))
        file.write(value if isinstance(value, bytes) else pickled(value, old=True))
        file.write(pickle.dumps(list(data), 2))
        for count, numbers in data.values():
            file.write(count.to_bytes(8, "little") + numbers)
    return path
