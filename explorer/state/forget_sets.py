"""Saved forget sets, by dataset and name: plain data for undo, sessions and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import SpecError
from explorer.state.selection import Selection

LONGEST_NAME = 60  # characters; more than fits in the toolbar

Sets = Mapping[str, tuple[int, ...]]  # name -> sorted indices into the training set
Library = Mapping[str, Sets]  # fingerprint of a dataset -> its sets


def saved(library: Library, fingerprint: str, name: str, indices: tuple[int, ...]) -> Library:
    """The library with `indices` saved under `name`, replacing any set of that name."""
    return {**library, fingerprint: {**library.get(fingerprint, {}), name: indices}}


def deleted(library: Library, fingerprint: str, name: str) -> Library:
    """The library without the set `name`; a dataset left without sets is removed too."""
    left = {other: one for other, one in library.get(fingerprint, {}).items() if other != name}
    others = {mark: sets for mark, sets in library.items() if mark != fingerprint}
    return {**others, fingerprint: left} if left else others


def joined(library: Library, fingerprint: str, sets: Sets) -> Library:
    """The library with these sets added; a number is appended where a name is taken."""
    mine = dict(library.get(fingerprint, {}))
    for name, indices in sets.items():
        names = [name, *(f"{name[: LONGEST_NAME - 6]} ({number})" for number in range(2, 1000))]
        if all(mine.get(one) != indices for one in names):
            mine[next(one for one in names if one not in mine)] = indices
    return {**library, fingerprint: mine} if mine else library


def merged(base: Library, mine: Library, theirs: Library) -> Library:
    """Merge the changes two windows made to `base`; where both changed a name, mine wins."""
    found: Library = {}
    for mark in {**theirs, **mine}:
        was, here, there = (one.get(mark, {}) for one in (base, mine, theirs))
        changed = {name for name in {**was, **there} if there.get(name) != was.get(name)}
        untouched = {name for name in changed if here.get(name) == was.get(name)}
        kept = {name: one for name, one in here.items() if name not in untouched}
        kept |= {name: there[name] for name in untouched if name in there}
        found = {**found, mark: kept} if kept else found
    return found


def combined(current: tuple[int, ...], named: tuple[int, ...], mode: str) -> tuple[int, ...]:
    """The current forget set combined with a saved one (see `Selection.combine`), sorted."""
    return tuple(sorted(Selection(None, frozenset(current)).combine(named, mode).chosen))


def name_of(sets: Sets, indices: tuple[int, ...]) -> str:
    """The first name under which exactly these samples are saved, or ''."""
    return next((name for name, one in sets.items() if one == indices), "")


def checked_name(text: str) -> str:
    """The name without surrounding white space; SpecError if it is invalid."""
    name = text.strip()
    if not name:
        raise SpecError("Enter a name for the forget set.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise SpecError(
            f"The name of a forget set must have 1 to {LONGEST_NAME} printable characters, "
            f"but '{name[:20]}' ... has {len(name)}."
        )
    return name


def as_plain(library: Library) -> dict[str, dict[str, list[int]]]:
    """The library as JSON data."""
    return {mark: {name: list(one) for name, one in sets.items()} for mark, sets in library.items()}


def read(kept: Mapping[str, Any]) -> Library:
    """The inverse of `as_plain`, without anything that is not a named list of indices.

    `check_forget` checks that indices lie in the training set when a set is used.
    """
    found = {
        mark: {str(name): tuple(sorted(set(one))) for name, one in sets.items() if _fits(name, one)}
        for mark, sets in kept.items()
        if isinstance(sets, dict)
    }
    return {mark: sets for mark, sets in found.items() if sets}


def _fits(name: str, indices: Any) -> bool:
    try:
        right = checked_name(name) == name
    except SpecError:
        return False
    return right and isinstance(indices, list) and bool(indices) and all(map(_index, indices))


def _index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
