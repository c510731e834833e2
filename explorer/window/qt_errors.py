"""Workaround for a PySide crash on exceptions in methods called by Qt, on Python 3.11.

PySide 6.9 and 6.10 write the name of the method into the exception it raised if Python is waiting
for Qt (as in `widget.resize()`, which makes Qt call `resizeEvent`). Before Python 3.12 an exception
raised by C code, such as an index out of range or a division by zero, is not an object until it is
caught: PySide mistakes its message for one, which is a segmentation fault.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any
from weakref import WeakSet

import shiboken6

NEEDED = sys.version_info < (3, 12)
_done: WeakSet[type] = WeakSet()
OTHERS = (  # methods that Qt calls besides event handlers such as `paintEvent`
    "event", "eventFilter", "viewportEvent", "boundingRect", "shape", "paint", "itemChange",
    "sizeHint", "minimumSizeHint", "sizeHintForColumn", "heightForWidth", "hasHeightForWidth",
    "minimumSize", "setGeometry", "itemAt", "takeAt", "data", "rowCount", "columnCount",
    "headerData", "flags", "lessThan", "validate", "valueFromText", "textFromValue", "redo", "undo",
)  # fmt: skip


def harden() -> None:
    """Make all existing classes catch and re-raise every exception in such a method."""
    for kind in _kinds(shiboken6.Object) if NEEDED else ():
        if kind in _done:
            continue
        _done.add(kind)
        qt_methods = {name for base in kind.__mro__ if _is_qt(base) for name in vars(base)}
        for base in kind.__mro__:
            if not _is_qt(base) and base is not object:
                _harden(base, qt_methods)


def _kinds(above: type) -> Iterator[type]:
    """The subclasses of `above` written in Python."""
    below: list[type] = above.__subclasses__()
    for kind in below:
        if not _is_qt(kind):
            yield kind
        yield from _kinds(kind)


def _is_qt(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in ("PySide6", "Shiboken", "shiboken6")


def _harden(kind: type, qt_methods: set[str]) -> None:
    for name, method in [*vars(kind).items()]:
        called = name in qt_methods and (name.endswith("Event") or name in OTHERS)
        if called and isinstance(method, FunctionType) and not hasattr(method, "hardened"):
            setattr(kind, name, _hardened(method))


def _hardened(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException:  # catching makes it an object
            raise

    run.hardened = True  # type: ignore[attr-defined]
    return run
