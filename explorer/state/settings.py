"""Persistent settings of the window: JSON with a schema number, written atomically."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import SpecError
from engine.storage import atomic_files, plain_files
from engine.storage.paths import absolute, exists
from explorer.state import forget_sets
from explorer.state import session as sessions
from explorer.state.app_state import AppState
from explorer.state.session import Look, Session

SCHEMA = 2
FILE = "explorer.json"
LARGEST = 1 << 28  # bytes of a settings file: forget sets of many datasets, and a session


@dataclass
class Settings:
    """The settings: theme, saved forget sets of every dataset, figure format, last session.

    folders: those chosen last, by purpose; session: as returned by `session.as_plain`;
    forget_sets: fingerprint of a dataset -> name -> indices.
    """

    theme: str = "system"
    forget_sets: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] = field(default_factory=dict)  # last figure format
    session: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)


def file_in(store: Path | None) -> Path:
    """The settings file: in the given store, else in this platform's settings folder.

    A read-only store has its own subfolder of the latter.
    """
    if store is not None and (os.access(store, os.W_OK) or not exists(store)):
        return store / FILE
    from platformdirs import user_config_path

    folder = user_config_path("rk-explorer", appauthor=False)
    return folder / FILE if store is None else folder / "stores" / _mark(store) / FILE


def load(path: Path) -> Settings:
    """The settings in `path`; the defaults if it is missing, damaged or of another schema."""
    plain = read_json(path)
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        return Settings()
    return Settings(**_fitting(asdict(Settings()), plain))


def save(path: Path, settings: Settings) -> None:
    """Write the settings; raises OSError if that is impossible."""
    write_text(path, json.dumps({"schema": SCHEMA, **asdict(settings)}, indent=1))


def record_session(settings: Settings, state: AppState, look: Look | None = None) -> None:
    """Put the session and the saved forget sets into the settings."""
    settings.session = sessions.as_plain(sessions.capture(state, look or Look()))
    settings.forget_sets = forget_sets.as_plain(state.forget_sets)


def session_of(settings: Settings) -> Session:
    """The session in the settings; a new one if it cannot be read."""
    with contextlib.suppress(SpecError):
        return sessions.from_plain(settings.session)
    return Session()


def read_json(path: Path) -> Any:
    """The JSON data in one of our own files; None if it is missing or damaged."""
    try:
        return json.loads(plain_files.read_text(path, LARGEST))
    except (OSError, ValueError, RecursionError):
        return None


def write_text(path: Path, text: str) -> None:
    """Write a file atomically; raises OSError if that is impossible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.sweep(path.parent)
    aside = atomic_files.temporary_path(path)
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def _mark(store: Path) -> str:
    """A hash of this folder's path: 16 hexadecimal digits."""
    return hashlib.blake2b(absolute(str(store)).encode(), digest_size=8).hexdigest()


def _fitting(defaults: dict[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults` updated with those values of `stored` that have the same type."""
    result = dict(defaults)
    for name, default in defaults.items():
        value = stored.get(name)
        if isinstance(value, type(default)):
            result[name] = value
    return result
