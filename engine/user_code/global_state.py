"""Saving and restoring settings of the process or thread that user code may change.

A computation depends on more than its inputs: the default dtype, the precision of matrix products,
whether gradients are enabled. `restored` reverts what imported code changed; `undone` reports and
reverts what a single call changed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from engine.user_code.global_settings import IN_A_PASS, WHEN_MADE, Setting

_lock = threading.RLock()  # held while user code is imported and may change settings


@contextlib.contextmanager
def restored(settings: Sequence[Setting] = WHEN_MADE) -> Iterator[None]:
    """Restore these settings at the end of the block; other threads cannot read them meanwhile.

    SpecError if one cannot be restored.
    """
    with _lock:
        before = [_read(setting) for setting in settings]
        try:
            yield
        finally:
            _restore(settings, before)


def values(settings: Sequence[Setting] = IN_A_PASS) -> list[Any]:
    """The current values of these settings; waits while another thread imports a network."""
    with _lock:
        return [_read(setting) for setting in settings]


def undone(before: Sequence[Any], settings: Sequence[Setting] = IN_A_PASS) -> list[str]:
    """Restore the settings that differ from `before`, which `values` returned; their names."""
    now = values(settings)
    if now == before:
        return []
    with _lock:
        _restore(settings, before)
    return [
        setting.name for setting, old, new in zip(settings, before, now, strict=True) if old != new
    ]


def _read(setting: Setting) -> Any:
    """Its value; torch's error message if a precision was set in two contradictory ways."""
    try:
        return setting.read()
    except RuntimeError as error:
        return str(error)


def _restore(settings: Sequence[Setting], before: Sequence[Any]) -> None:
    for setting, value in zip(settings, before, strict=True):  # in order: some change later ones
        if _read(setting) != value:
            setting.write(value)
