"""Suggestions for the forget set in words: 'half of Shirt (class:Shirt:0.5)'."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

SHARES = {"": "all", "1": "all", "0.5": "half"}


def in_words(spec: str, classes: Sequence[str]) -> str:
    """What a forget spec takes, followed by the spec; the spec alone if it is of another kind.

    >>> in_words("class:1:0.5", ["Trouser", "Shirt"]), in_words("random:10%", [])
    ('half of Shirt (class:1:0.5)', '10 % at random (random:10%)')
    >>> in_words("class:8", list("0123456789")), in_words("indices:a.csv", [])
    ('all of class 8 (class:8)', 'indices:a.csv')
    """
    kind, _, rest = spec.partition(":")
    words = ""
    if kind == "class":
        name, _, share = rest.rpartition(":") if rest.count(":") else (rest, "", "")
        words = f"{_share(share)} of {_class(name, classes)}"
    elif kind == "random" and rest:
        words = f"{rest.replace('%', ' %')} at random"
    return f"{words} ({spec})" if words else spec


def _share(text: str) -> str:
    if text in SHARES:
        return SHARES[text]
    with contextlib.suppress(ValueError):
        return f"{float(text):.3g} samples" if float(text) > 1 else f"{100 * float(text):.3g} %"
    return text


def _class(name: str, classes: Sequence[str]) -> str:
    number = int(name) if name.isdecimal() else -1
    label = classes[number] if 0 <= number < len(classes) and name not in classes else name
    return f"class {label}" if label.isdecimal() else label
