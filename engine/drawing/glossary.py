"""The glossary of assets/glossary.toml: what the terms of the window and the README mean."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Term:
    """One entry. also: other words it is searched by; see: names of related entries.

    formula and source are '' where there is none.
    """

    name: str
    text: str
    formula: str = ""
    source: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


@functools.cache
def terms() -> tuple[Term, ...]:
    """Every term, by name."""
    text = (files("assets") / "glossary.toml").read_text(encoding="utf-8")
    return tuple(sorted(map(_term, tomllib.loads(text)["term"]), key=_order))


def search(text: str, among: Sequence[Term]) -> list[Term]:
    """The terms that hold every word of `text`: those with it in their name first, then those
    with it in another word for them, then the rest; all of them where `text` is empty.

    Case and hyphens do not matter: 'retrain' finds 'Re-train'.
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
    """0 where the name holds all words, 1 where one of `also` does, 2 where they lie apart."""
    name, others = _plain(term.name), [_plain(one) for one in term.also]
    if all(word in name for word in words):
        return 0
    if any(all(word in one for word in words) for one in others):
        return 1
    whole = _plain(" ".join([*term.also, term.name, term.text, term.formula, term.source]))
    return 2 if all(word in whole for word in words) else None


def _plain(text: str) -> str:
    return text.casefold().replace("-", "")
