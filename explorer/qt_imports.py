"""Imports beside PySide6 that take no longer than they must: of any module, and of pyqtgraph."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

WITHOUT_QT = frozenset(
    {"engine", "h5py", "numpy", "PIL", "psutil", "scipy", "torch", "torchgen", "torchvision"}
)
WITH_QT = frozenset({"explorer", "pyqtgraph", "PySide6", "shiboken6"})


def hasten() -> None:
    """Spare PySide6 from reading the sources of modules known to use it, or not to.

    Its import hook searches the source of each imported module for its own name, to decide which
    modules `from __feature__ import ...` may affect; for torch's eight hundred modules that takes a
    tenth of a second. Does nothing with a version of PySide6 that goes about it otherwise.
    """
    try:
        from shibokensupport import feature  # type: ignore[import-not-found]  # inside shiboken6
    except ImportError:
        return
    search = getattr(feature, "_mod_uses_pyside", None)
    if callable(search) and not isinstance(search, functools.partial):
        feature._mod_uses_pyside = functools.partial(_uses_qt, search)


def _uses_qt(search: Callable[[ModuleType], bool], module: ModuleType) -> bool:
    """Whether a module uses PySide6: known for these packages, else searched for in its source."""
    package = module.__name__.partition(".")[0]
    if package in WITHOUT_QT or package in sys.stdlib_module_names:
        return False
    return package in WITH_QT or search(module)


@contextmanager
def mirrors_on_demand() -> Iterator[None]:
    """While pyqtgraph is imported: let its mirrors of Qt's modules look names up when used.

    pyqtgraph copies every name of these modules, for which PySide6 has to create every class and
    enumeration of Qt: another tenth of a second.
    """
    if "pyqtgraph" in sys.modules:
        yield
        return
    originals: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets)
    listings = [vars(original).get("__dir__") for original in originals]
    for original in originals:
        name = f"pyqtgraph.Qt.{original.__name__.rpartition('.')[2]}"
        sys.modules[name] = _mirror(name, original)
        original.__dir__ = list  # type: ignore[method-assign]  # nothing to copy
    try:
        yield
    finally:
        for original, listing in zip(originals, listings, strict=True):
            if listing is None:
                del original.__dir__
            else:
                original.__dir__ = listing  # type: ignore[method-assign]


def _mirror(name: str, original: ModuleType) -> ModuleType:
    """A module that takes what it lacks from another one."""
    mirror = ModuleType(name, f"Mirror of {original.__name__}.")

    def look_up(attribute: str) -> Any:
        value = getattr(original, attribute)
        setattr(mirror, attribute, value)
        return value

    mirror.__getattr__ = look_up  # type: ignore[method-assign]
    return mirror
