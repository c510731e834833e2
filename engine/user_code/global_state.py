"""Saving and restoring settings of the process or thread that user code may change.

A computation depends on more than its inputs: the default dtype, the precision of matrix products,
whether gradients are enabled. `restored_settings` reverts what imported code changed;
`revert_settings` reports and reverts what a single call changed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from engine.user_code.global_settings import BUILD_SETTINGS, FORWARD_SETTINGS, ProcessSetting

_lock = threading.RLock()  # held while user code is imported and may change settings


@contextlib.contextmanager
def restored_settings(settings: Sequence[ProcessSetting] = BUILD_SETTINGS) -> Iterator[None]:
    """Restore these settings at the end of the block; other threads cannot read them meanwhile.

    SpecError if one cannot be restored.
    """
    with _lock:
        before = [_read(setting) for setting in settings]
        try:
            yield
        finally:
            _restore(settings, before)


def setting_values(settings: Sequence[ProcessSetting] = FORWARD_SETTINGS) -> list[Any]:
    """The current values of these settings; waits while another thread imports a network."""
    with _lock:
        return [_read(setting) for setting in settings]


def revert_settings(
    before: Sequence[Any], settings: Sequence[ProcessSetting] = FORWARD_SETTINGS
) -> list[str]:
    """Restore the settings that differ from `before` (of `setting_values`); returns their names."""
    now = setting_values(settings)
    if now == before:
        return []
    with _lock:
        _restore(settings, before)
    return [
        setting.name for setting, old, new in zip(settings, before, now, strict=True) if old != new
    ]


def _read(setting: ProcessSetting) -> Any:
    """Its value; torch's error message if a precision was set in two contradictory ways."""
    try:
        return setting.read()
    except RuntimeError as error:
        return str(error)


def _restore(settings: Sequence[ProcessSetting], before: Sequence[Any]) -> None:
    for setting, value in zip(settings, before, strict=True):  # in order: some change later ones
        if _read(setting) != value:
            setting.write(value)
