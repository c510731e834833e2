"""Made-up inputs: real ones, bent a little, so that they get past the first check of a parser."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

WORDS = (
    "", " ", "0", "-1", "1", "7", "1e3", "1e309", "nan", "inf", "-inf", "0.5", "50%", "9" * 30,
    "9" * 5000, "0x10", "1_000", "³", "٣", ":", ",", ";", "-", "–", "=", ".", "..", "../../x", "/",
    "\\", "'", '"', "\n", "\r", "\t", "\0", "\x1b[2J", "\u202e", "\u200d", "\ud800", "é", "e\u0301",
    "<script>", "<b>", "&lt;", "=cmd()", "+1", "@x", "$HOME", "`id`", "%s", "{}", "{0}", "[", "]",
    "{", "}", "null", "true", "#", "--", "--help", "class:1", "random:10%", "indices:", "any",
    "all", "x" * 10_000, "[" * 3000,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("inf"),
    float("nan"), "", "x", "x" * 10_000, "../../x", "<b>", "\0", "\u202e", [], [[]], [0], [None],
    ["a"], {}, {"a": 1},
    {"": {}},
)  # fmt: skip
ALPHABET = st.characters(exclude_categories=())  # every one there is, lone surrogates too


def text(rng: Random, seeds: Sequence[str], words: Sequence[str] = ()) -> str:
    """A seed after one to four changes."""
    found = rng.choice(seeds)
    for _ in range(rng.randint(1, 4)):
        found = rng.choice(CHANGES)(rng, found, rng.choice([*WORDS, *words, *seeds]))
    return found


def data(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """A file after one to eight changes of its bytes."""
    found = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(found) or 1)
        how = rng.random()
        if how < 0.5 and found:
            found[at] ^= 1 << rng.randrange(8)
        elif how < 0.7:
            found[at : at + 8] = rng.choice((b"\xff" * 8, bytes(8), rng.randbytes(8)))
        elif how < 0.8:
            del found[at : at + rng.choice((1, 8, 512))]
        elif how < 0.9:
            found[at:at] = rng.randbytes(rng.choice((1, 8, 64)))
        elif how < 0.95:
            found[at:at] = found[: rng.randrange(64)]
        else:
            del found[at:]
    return bytes(found)


def plain(rng: Random, seed: Any) -> Any:
    """JSON data after one to three changes anywhere within."""
    found = copy.deepcopy(seed)
    for _ in range(rng.randint(1, 3)):
        found = _bent(rng, found)
    return found


def json_text(rng: Random, seeds: Sequence[Any]) -> str:
    """The text of changed JSON data, one time in four changed itself."""
    found = json.dumps(plain(rng, rng.choice(seeds)))
    return text(rng, [found]) if rng.random() < 0.25 else found


def anything() -> st.SearchStrategy[str]:
    """Texts without a seed."""
    return st.one_of(st.text(ALPHABET, max_size=60), st.sampled_from(WORDS))


def _bent(rng: Random, value: Any) -> Any:
    """The value, or one within it, replaced, removed, doubled or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(list(value))
        how = rng.random()
        if how < 0.1:
            del value[name]
        elif how < 0.2:
            value[rng.choice(WORDS)] = value.pop(name)
        else:
            value[name] = _bent(rng, value[name])
        return value
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        value[at] = _bent(rng, value[at])
        return value * rng.choice((1, 1, 1, 2))
    return copy.deepcopy(rng.choice(VALUES))


def _cut(rng: Random, one: str, other: str) -> str:
    start = rng.randrange(len(one) + 1)
    return one[:start] + one[start + rng.randint(0, 4) :]


def _inserted(rng: Random, one: str, other: str) -> str:
    at = rng.randrange(len(one) + 1)
    return one[:at] + other + one[at:]


def _replaced(rng: Random, one: str, other: str) -> str:
    at = rng.randrange(len(one) + 1)
    return one[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x11000)))) + one[at + 1 :]


def _spliced(rng: Random, one: str, other: str) -> str:
    return one[: rng.randrange(len(one) + 1)] + other[rng.randrange(len(other) + 1) :]


def _doubled(rng: Random, one: str, other: str) -> str:
    return (one + other) * rng.choice((1, 2, 2, 50)) if len(one) < 2000 else one


CHANGES: tuple[Callable[[Random, str, str], str], ...] = (
    _cut, _inserted, _inserted, _replaced, _replaced, _spliced, _doubled,
)  # fmt: skip
