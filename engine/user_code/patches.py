"""Detection and removal of monkey patches that user code applies to libraries."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import NetworkError

WATCHED = (
    "builtins", "math", "numpy", "numpy.linalg", "numpy.random", "os", "PIL.Image",
    "PIL.ImageFile", "random", "time", "torch", "torch.autograd", "torch.linalg", "torch.nn",
    "torch.nn.functional", "torch.nn.init", "torch.optim", "torch.serialization",
)  # fmt: skip
OF_TORCH = ("torch.Tensor", "torch.nn", "torch.optim")  # modules whose classes are checked as well
PLAIN = (bool, int, float, str, type(None))
_ABSENT = object()

Home = Any  # a module or a class


@contextlib.contextmanager
def reverted_patches(name: str, folder: Path) -> Iterator[None]:
    """Restore what code in `folder` replaces in libraries and in this program.

    name: of the network. NetworkError if it replaced a function or class, since it may rely on it.
    """
    before = [(home, dict(vars(home))) for home in _homes()]
    try:
        yield
    finally:
        replaced = [name for home, old in before for name in _restored_names(home, old, folder)]
    if replaced:
        raise NetworkError(
            name,
            f"replaces {replaced[0]}, which the whole program uses. Define a function or class "
            "of its own instead.",
        )


def _homes() -> list[Home]:
    own = [name for name in sys.modules if name.partition(".")[0] == "engine"]
    homes: list[Home] = [sys.modules[name] for name in (*WATCHED, *own) if name in sys.modules]
    torch = sys.modules["torch"]
    layers = (*vars(torch.nn).values(), *vars(torch.optim).values(), torch.Tensor)
    own_classes = (
        member for home in homes for member in vars(home).values() if _is_engine_class(member)
    )
    return [*homes, *{member for member in (*layers, *own_classes) if inspect.isclass(member)}]


def _is_engine_class(member: object) -> bool:
    return inspect.isclass(member) and _is_engine(member)


def _is_engine(home: Home) -> bool:
    name = home.__module__ if inspect.isclass(home) else home.__name__
    return str(name).partition(".")[0] == "engine"


def _restored_names(home: Home, old: dict[str, Any], folder: Path) -> Iterator[str]:
    """Restore `home`; yields the names of its functions and classes that were replaced."""
    now = dict(vars(home))
    names = old.keys() | (now.keys() if inspect.isclass(home) else ())
    for name in names:
        before, after = old.get(name, _ABSENT), now.get(name, _ABSENT)
        if before is after or inspect.ismodule(before) or inspect.ismodule(after):
            continue
        if isinstance(before, PLAIN) and isinstance(after, PLAIN):
            if not _is_engine(home):  # whose own constants may change
                setattr(home, name, before)
        elif _is_defined_in(after, folder) and (callable(after) or callable(before)):
            _assign(home, name, before)
            yield f"{getattr(home, '__module__', '')}.{home.__name__}.{name}".lstrip(".")


def _assign(home: Home, name: str, value: Any) -> None:
    if value is _ABSENT:
        delattr(home, name)
    else:
        setattr(home, name, value)


def _is_defined_in(value: Any, folder: Path) -> bool:
    """Whether this was defined by code in `folder`; True if that cannot be determined."""
    value = getattr(value, "__func__", value)
    if isinstance(value, property):
        value = value.fget
    code = getattr(value, "__code__", None)
    if code is not None:
        return lies_in(code.co_filename, folder)
    if not inspect.isclass(value):
        return value is not _ABSENT
    home = getattr(sys.modules.get(value.__module__), "__file__", None)
    return home is None or lies_in(home, folder)


def lies_in(file: str, folder: Path) -> bool:
    """Whether this is a user's file in `folder`, not one of an installed package."""
    if not file.startswith(str(folder)) or not Path(file).is_relative_to(folder):
        return False
    parts = Path(file).relative_to(folder).parts
    return not {"site-packages", "dist-packages"} & {*parts}
