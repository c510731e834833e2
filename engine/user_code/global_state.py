"""Settings of a whole process or thread that other people's code may change, and their return.

A computation depends on more than its inputs: the default type of numbers, the precision of
matrix products, whether gradients are taken. `restored` gives back what imported code changed;
`undone` says what a single call changed, and gives it back.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from engine.user_code.global_settings import IN_A_PASS, WHEN_MADE, Setting

_lock = threading.RLock()  # while code is imported, settings are its own


@contextlib.contextmanager
def restored(settings: Sequence[Setting] = WHEN_MADE) -> Iterator[None]:
    """Give these settings back, whatever is done within; nobody looks at them meanwhile.

    SpecError where that is impossible.
    """
    with _lock:
        before = [_read(one) for one in settings]
        try:
            yield
        finally:
            _give_back(settings, before)


def values(settings: Sequence[Setting] = IN_A_PASS) -> list[Any]:
    """What these are now, but not while another thread imports a network."""
    with _lock:
        return [_read(one) for one in settings]


def undone(before: Sequence[Any], settings: Sequence[Setting] = IN_A_PASS) -> list[str]:
    """The names of those that are no longer as `values` said; they are given back."""
    now = values(settings)
    if now == before:
        return []
    with _lock:
        _give_back(settings, before)
    return [one.name for one, a, b in zip(settings, before, now, strict=True) if a != b]


def _read(one: Setting) -> Any:
    """Its value; torch's own words where one precision was set in two ways that contradict."""
    try:
        return one.read()
    except RuntimeError as error:
        return str(error)


def _give_back(settings: Sequence[Setting], before: Sequence[Any]) -> None:
    for one, value in zip(settings, before, strict=True):  # in order: some change those behind
        if _read(one) != value:
            one.write(value)
