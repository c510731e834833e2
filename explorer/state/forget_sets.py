"""Saved forget sets, by dataset and name: plain data for undo, sessions and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import SpecError
from explorer.state.selection import Selection

LONGEST_NAME = 60  # characters; more than fits in the toolbar

Sets = Mapping[str, tuple[int, ...]]  # name -> sorted indices into the training set
Library = Mapping[str, Sets]  # fingerprint of a dataset -> its sets


def with_set(library: Library, fingerprint: str, name: str, indices: tuple[int, ...]) -> Library:
    """The library with `indices` saved under `name`, replacing any set of that name."""
    return {**library, fingerprint: {**library.get(fingerprint, {}), name: indices}}


def without_set(library: Library, fingerprint: str, name: str) -> Library:
    """The library without the set `name`; a dataset left without sets is removed too."""
    rest = {
        other: indices for other, indices in library.get(fingerprint, {}).items() if other != name
    }
    others = {other: sets for other, sets in library.items() if other != fingerprint}
    return {**others, fingerprint: rest} if rest else others


def with_sets(library: Library, fingerprint: str, sets: Sets) -> Library:
    """The library with these sets added; a number is appended where a name is taken."""
    result = dict(library.get(fingerprint, {}))
    for name, indices in sets.items():
        names = [name, *(f"{name[: LONGEST_NAME - 6]} ({number})" for number in range(2, 1000))]
        if all(result.get(candidate) != indices for candidate in names):
            result[next(candidate for candidate in names if candidate not in result)] = indices
    return {**library, fingerprint: result} if result else library


def merge(base: Library, mine: Library, theirs: Library) -> Library:
    """Merge the changes two windows made to `base`; where both changed a name, mine wins."""
    result: Library = {}
    for fingerprint in {**theirs, **mine}:
        before, ours, others = (library.get(fingerprint, {}) for library in (base, mine, theirs))
        changed = {name for name in {**before, **others} if others.get(name) != before.get(name)}
        untouched = {name for name in changed if ours.get(name) == before.get(name)}
        sets = {name: indices for name, indices in ours.items() if name not in untouched}
        sets |= {name: others[name] for name in untouched if name in others}
        result = {**result, fingerprint: sets} if sets else result
    return result


def combine(current: tuple[int, ...], saved_set: tuple[int, ...], mode: str) -> tuple[int, ...]:
    """The current forget set combined with a saved one (see `Selection.combine`), sorted."""
    return tuple(sorted(Selection(None, frozenset(current)).combine(saved_set, mode).chosen))


def name_of(sets: Sets, indices: tuple[int, ...]) -> str:
    """The first name under which exactly these samples are saved, or ''."""
    return next((name for name, saved_set in sets.items() if saved_set == indices), "")


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
    return {
        fingerprint: {name: list(indices) for name, indices in sets.items()}
        for fingerprint, sets in library.items()
    }


def read(plain: Mapping[str, Any]) -> Library:
    """The inverse of `as_plain`, without anything that is not a named list of indices.

    `check_forget` checks that indices lie in the training set when a set is used.
    """
    library = {
        fingerprint: {
            str(name): tuple(sorted(set(indices)))
            for name, indices in sets.items()
            if _fits(name, indices)
        }
        for fingerprint, sets in plain.items()
        if isinstance(sets, dict)
    }
    return {fingerprint: sets for fingerprint, sets in library.items() if sets}


def _fits(name: str, indices: Any) -> bool:
    try:
        right = checked_name(name) == name
    except SpecError:
        return False
    return right and isinstance(indices, list) and bool(indices) and all(map(_index, indices))


def _index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
