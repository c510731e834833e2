"""The glossary of assets/glossary.toml: definitions of the terms in the window and the README."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Term:
    """One entry. also: synonyms for the search; see: names of related entries.

    mark: the words that stand for it in a sentence. formula and source are '' if there are none.
    """

    name: str
    text: str
    formula: str = ""
    source: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    mark: tuple[str, ...] = ()


class Mention(NamedTuple):
    """A term in a sentence: the place of its first letter, its length in letters, and the term."""

    start: int
    length: int
    term: Term


@functools.cache
def terms() -> tuple[Term, ...]:
    """All terms, sorted by name."""
    text = (files("assets") / "glossary.toml").read_text(encoding="utf-8")
    return tuple(sorted(map(_term, tomllib.loads(text)["term"]), key=_order))


def term(name: str) -> Term | None:
    """The term of this name, if there is one."""
    return next((one for one in terms() if one.name == name), None)


def mentions(sentence: str) -> list[Mention]:
    """The terms in a sentence, each only where it stands first.

    >>> [one.term.name for one in mentions("r lies above the null band, far above the null band")]
    ['Residual knowledge', 'Null band']
    """
    pattern, owners = _marks()
    result: dict[str, Mention] = {}
    for match in pattern.finditer(sentence):
        owner = owners.get(match[1]) or owners[_lower_first(match[1])]
        result.setdefault(owner.name, Mention(match.start(), len(match[0]), owner))
    return list(result.values())


def term_in(*texts: str) -> Term | None:
    """The first term that one of these texts mentions; if none does, one that is named so."""
    for text in texts:
        if mentioned := mentions(text):
            return min(mentioned).term
    known = {_plain(word): one for one in terms() for word in (*one.also, one.name)}
    return next((known[_plain(text)] for text in texts if _plain(text) in known), None)


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
    marks = tuple(entry.get("mark", (_lower_first(entry["name"]),)))
    return Term(**{**entry, **lists, "mark": marks})


@functools.cache
def _marks() -> tuple[re.Pattern[str], Mapping[str, Term]]:
    """A pattern of all marks, the longest first, and the term of each."""
    owners = {word: one for one in terms() for word in one.mark}
    longest = sorted(owners, key=len, reverse=True)
    words = "|".join(map(_either_case, longest))
    return re.compile(rf"(?<![\w.-])({words})s?(?![\w-])"), owners


def _either_case(word: str) -> str:
    first, rest = word[0], re.escape(word[1:])
    return f"[{first}{first.upper()}]{rest}" if first.islower() and rest else re.escape(word)


def _lower_first(word: str) -> str:
    return word[0].lower() + word[1:]


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
