"""What the window remembers from run to run: JSON with a schema number, written atomically."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from explorer import forget_sets
from explorer.controller import Session
from explorer.state import AppState, Selection, StudyForm

SCHEMA = 1
FILE = "explorer.json"


@dataclass
class Settings:
    """What is kept of a session.

    geometry, layout: Qt's own bytes as base64; views: name -> what that view keeps; forget_sets:
    fingerprint of a dataset -> name -> indices.
    """

    theme: str = "system"
    geometry: str = ""
    layout: str = ""
    form: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    current: int | None = None
    chosen: list[int] = field(default_factory=list)
    forget: list[int] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    forget_sets: dict[str, Any] = field(default_factory=dict)


def file_in(store: Path | None) -> Path:
    """Where the settings lie: in the named store, else in this platform's folder for them."""
    if store is not None:
        return store / FILE
    from platformdirs import user_config_path

    return user_config_path("rk-explorer", appauthor=False) / FILE


def load(path: Path) -> Settings:
    """The settings in `path`; the defaults where it is missing, damaged or of another schema."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(kept, dict) or kept.get("schema") != SCHEMA:
        return Settings()
    return Settings(**_fitting(asdict(Settings()), kept))


def save(path: Path, settings: Settings) -> None:
    """Write the settings; OSError where that is impossible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": SCHEMA, **asdict(settings)}, indent=1)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(aside, path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise


def keep(settings: Settings, state: AppState) -> None:
    """Put the form, the selection, the forget set and the saved ones into the settings."""
    form = asdict(state.form)
    settings.form = {**form, "methods": list(form["methods"])}
    settings.fingerprint = state.dataset.spec.fingerprint if state.dataset else ""
    settings.current = state.selection.current
    settings.chosen = sorted(state.selection.chosen)
    settings.forget = list(state.forget)
    settings.forget_sets = forget_sets.as_plain(state.forget_sets)


def session_of(settings: Settings) -> Session:
    """The session that the settings describe; what does not fit is left out."""
    plain = asdict(StudyForm())
    form = _fitting({**plain, "methods": list(plain["methods"])}, settings.form)
    names = tuple(str(name) for name in form.pop("methods"))
    chosen = frozenset(_whole(settings.chosen))
    return Session(
        StudyForm(**form, methods=names or StudyForm().methods),
        settings.fingerprint,
        Selection(settings.current, chosen),
        tuple(sorted(_whole(settings.forget))),
    )


def _whole(values: list[Any]) -> set[int]:
    return {value for value in values if isinstance(value, int)}


def _fitting(defaults: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults` with those values of `kept` that are of the same type."""
    found = dict(defaults)
    for name, default in defaults.items():
        value = kept.get(name)
        if isinstance(value, int if default is None else type(default)):
            found[name] = value
    return found
