"""A sentence for people: news or an error, and what can be done about it at once. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NEWS, ERROR = "news", "error"


@dataclass(frozen=True, eq=False)
class Notice:
    """What is said. action: a word such as 'Undo' for a button that calls `do`; '' for none;
    stays: whether it waits for an answer instead of fading."""

    kind: str
    sentence: str
    action: str = ""
    do: Callable[[], object] | None = None
    stays: bool = False
