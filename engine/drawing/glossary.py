"""The glossary of assets/glossary.toml: definitions of the terms in the window and the README."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Term:
    """One entry. also: synonyms for the search; see: names of related entries.

    formula and source are '' if there are none.
    """

    name: str
    text: str
    formula: str = ""
    source: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


@functools.cache
def terms() -> tuple[Term, ...]:
    """All terms, sorted by name."""
    text = (files("assets") / "glossary.toml").read_text(encoding="utf-8")
    return tuple(sorted(map(_term, tomllib.loads(text)["term"]), key=_order))


def search(text: str, among: Sequence[Term]) -> list[Term]:
    """The terms that contain every word of `text`; all terms if `text` is empty.

    Matches in the name come first, then matches in synonyms, then the rest. Case and hyphens are
    ignored: 'retrain' finds 'Re-train'.
    """
    words = _plain(text).split()
    places = [(_place(words, one), one) for one in among]
    return [one for place, one in sorted(places, key=_rank) if place is not None]


def _term(entry: Mapping[str, Any]) -> Term:
    lists = {name: tuple(entry.get(name, ())) for name in ("also", "see")}
    return Term(**{**entry, **lists})


def _order(term: Term) -> str:
    return term.name.casefold()


def _rank(placed: tuple[int | None, Term]) -> tuple[int, str]:
    return (placed[0] or 0, _order(placed[1]))


def _place(words: Sequence[str], term: Term) -> int | None:
    """Rank: 0 if the name contains all words, 1 if a synonym does, 2 if the entry does, or None."""
    name, synonyms = _plain(term.name), [_plain(synonym) for synonym in term.also]
    if all(word in name for word in words):
        return 0
    if any(all(word in synonym for word in words) for synonym in synonyms):
        return 1
    entry_text = _plain(" ".join([*term.also, term.name, term.text, term.formula, term.source]))
    return 2 if all(word in entry_text for word in words) else None


def _plain(text: str) -> str:
    return text.casefold().replace("-", "")
