"""Functions and classes of libraries that other people's code put its own in place of."""

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
OF_TORCH = ("torch.Tensor", "torch.nn", "torch.optim")  # whose classes are looked into
PLAIN = (bool, int, float, str, type(None))
_GONE = object()

Home = Any  # a module or a class


@contextlib.contextmanager
def unpatched(name: str, folder: Path) -> Iterator[None]:
    """Give back what code that lies in `folder` replaces in libraries and in this program.

    name: of the network. NetworkError where it replaces a function or class, on which it may rely.
    """
    before = [(home, dict(vars(home))) for home in _homes()]
    try:
        yield
    finally:
        replaced = [name for home, old in before for name in _given_back(home, old, folder)]
    if replaced:
        raise NetworkError(
            name,
            f"replaces {replaced[0]}, which the whole program uses. Write what it needs as a "
            "function or class of its own.",
        )


def _homes() -> list[Home]:
    own = [name for name in sys.modules if name.partition(".")[0] == "engine"]
    found: list[Home] = [sys.modules[name] for name in (*WATCHED, *own) if name in sys.modules]
    torch = sys.modules["torch"]
    layers = (*vars(torch.nn).values(), *vars(torch.optim).values(), torch.Tensor)
    own_classes = (one for home in found for one in vars(home).values() if _is_own(one))
    return [*found, *{one for one in (*layers, *own_classes) if inspect.isclass(one)}]


def _is_own(one: object) -> bool:
    return inspect.isclass(one) and _is_engine(one)


def _is_engine(home: Home) -> bool:
    name = home.__module__ if inspect.isclass(home) else home.__name__
    return str(name).partition(".")[0] == "engine"


def _given_back(home: Home, old: dict[str, Any], folder: Path) -> Iterator[str]:
    """The names of functions and classes of `home` that were replaced; all is put back."""
    now = dict(vars(home))
    names = old.keys() | (now.keys() if inspect.isclass(home) else ())
    for name in names:
        before, after = old.get(name, _GONE), now.get(name, _GONE)
        if before is after or inspect.ismodule(before) or inspect.ismodule(after):
            continue
        if isinstance(before, PLAIN) and isinstance(after, PLAIN):
            if not _is_engine(home):  # whose own numbers may change
                setattr(home, name, before)
        elif _is_of(after, folder) and (callable(after) or callable(before)):
            _put(home, name, before)
            yield f"{getattr(home, '__module__', '')}.{home.__name__}.{name}".lstrip(".")


def _put(home: Home, name: str, value: Any) -> None:
    if value is _GONE:
        delattr(home, name)
    else:
        setattr(home, name, value)


def _is_of(value: Any, folder: Path) -> bool:
    """Whether this was made by code in `folder`; what cannot tell is held to be."""
    value = getattr(value, "__func__", value)
    if isinstance(value, property):
        value = value.fget
    code = getattr(value, "__code__", None)
    if code is not None:
        return lies_in(code.co_filename, folder)
    if not inspect.isclass(value):
        return value is not _GONE
    home = getattr(sys.modules.get(value.__module__), "__file__", None)
    return home is None or lies_in(home, folder)


def lies_in(file: str, folder: Path) -> bool:
    """Whether this is a person's own file there, and none of an installed package."""
    if not file.startswith(str(folder)) or not Path(file).is_relative_to(folder):
        return False
    parts = Path(file).relative_to(folder).parts
    return not {"site-packages", "dist-packages"} & {*parts}
