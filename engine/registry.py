"""The plug-in registry of datasets, models, methods, metrics and perturbations.

A built-in lives in `engine/<kind>s/<name>.py` ('-' becomes '_') and registers itself when it is
imported, which happens on first use: listing names imports nothing. Other distributions add theirs
through the entry-point groups `rk_explorer.datasets`, `.models`, `.methods`, `.metrics` and
`.perturbations`.

A plug-in may stand for a family, whose members are named NAME:MEMBER, such as 'mlp:256,128': its
fact `family` is a `Family`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from engine.errors import SpecError, unknown
from engine.runtime.libraries import torchvision_importable

MEMBER = ":"  # between the name of a family and that of a member
KINDS = ("dataset", "model", "method", "metric", "perturbation")


@dataclass(frozen=True)
class Registration:
    """One registered plug-in: its function, its display label, and facts specific to its kind."""

    kind: str
    name: str
    make: Callable[..., Any]
    label: str
    help: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> type[Any] | None:
        """The frozen dataclass of its settings, if it has any."""
        return self.facts.get("config")


@dataclass(frozen=True)
class Family:
    """The members of a plug-in, NAME:MEMBER.

    member: makes the entry of a member, of its full name, from what follows the colon; SpecError
    if there is none. It is called for display as well, so it must not import torch. help: what to
    write after the colon; example: the full name of one; alone: whether NAME is one by itself.
    """

    member: Callable[[str], Registration]
    help: str
    example: str
    alone: bool = False


_entries: dict[tuple[str, str], Registration] = {}
_failed: set[tuple[str, str]] = set()  # plug-ins that failed to load: `find` does not retry them
_locks: dict[str, threading.RLock] = {}  # one per kind: labels need not wait for torch to load


def register(
    kind: str, name: str, *, label: str = "", help: str = "", **facts: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: register a function under (kind, name)."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        _entries[kind, name] = Registration(kind, name, function, label or name, help, facts)
        return function

    return decorate


def names(kind: str) -> list[str]:
    """Every known name of this kind, sorted, without importing any of them."""
    registered = list(_entries)  # a copy: another thread may be registering
    known = {name for group, name in registered if group == kind}
    known |= set(_builtin(kind)) | set(_external(kind))
    return sorted(known)


def get(kind: str, name: str) -> Registration:
    """The entry of that name; SpecError with the nearest name if it is unknown."""
    name, colon, member = name.partition(MEMBER)
    entry = _get(kind, name)
    if not colon:
        return entry
    family = entry.facts.get("family")
    if family is None:
        raise unknown(kind, f"{name}{MEMBER}{member}", names(kind))
    made: Registration = family.member(member)
    return made


def _get(kind: str, name: str) -> Registration:
    with _locks.setdefault(kind, threading.RLock()):
        if (kind, name) not in _entries:
            if name in _builtin(kind):
                importlib.import_module(_builtin(kind)[name])
            elif name in _external(kind):
                _load_external(kind, _external(kind)[name])
        try:
            return _entries[kind, name]
        except KeyError:
            raise unknown(kind, name, names(kind)) from None


def find(kind: str, name: str) -> Registration | None:
    """The entry of that name, for display; None if it is unknown or cannot be loaded."""
    if (kind, name) in _entries:
        return _entries[kind, name]
    base = name.partition(MEMBER)[0]
    if (kind, name) in _failed or not (base in _builtin(kind) or base in _external(kind)):
        return None
    try:
        return get(kind, name)
    except SpecError:
        _failed.add((kind, name))
        return None


def at_hand(kind: str, name: str) -> Registration | None:
    """The entry of that name if built in or already loaded: runs no third-party code."""
    base = name.partition(MEMBER)[0]
    return find(kind, name) if base in _builtin(kind) else _entries.get((kind, name))


def built_in(kind: str) -> list[str]:
    """The names of this kind that ship with the program, sorted."""
    return sorted(_builtin(kind))


def all_of(kind: str) -> list[Registration]:
    """Every entry of this kind that can be loaded; a failing plug-in is skipped with a warning."""
    entries = []
    for name in names(kind):
        try:
            entries.append(get(kind, name))
        except SpecError as error:
            warnings.warn(str(error), stacklevel=2)
    return entries


@functools.cache
def _builtin(kind: str) -> dict[str, str]:
    package = f"engine.{kind}s"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {
        info.name.replace("_", "-"): f"{package}.{info.name}"
        for info in pkgutil.iter_modules(spec.submodule_search_locations)
        if not info.name.startswith("_") and info.name != "base"
    }


@functools.cache
def _external(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"rk_explorer.{kind}s")}


def _load_external(kind: str, point: EntryPoint) -> None:
    try:
        with torchvision_importable():  # for a plug-in that imports it
            point.load()
    except Exception as error:  # third-party code may raise anything; only this plug-in is lost
        raise SpecError(
            f"The {kind} plug-in '{point.name}' could not be loaded: {error}"
        ) from error
    if (kind, point.name) not in _entries:
        raise SpecError(
            f"The {kind} plug-in '{point.name}' ({point.value}) registers no {kind} with that name."
        )
