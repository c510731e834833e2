"""That what is shown is not the study that was chosen. Plain data, no Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stale:
    """What a view says that shows another study than the chosen one.

    sentence: the main differences; details: all of them, a line each; key: of the chosen study, ''
    while it is unknown or if several are chosen; stored: whether that study is in the store.
    """

    sentence: str
    details: str
    key: str = ""
    stored: bool = False
