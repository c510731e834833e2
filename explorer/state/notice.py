"""A message to the user: news or an error, with an optional action. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NEWS, ERROR = "news", "error"


@dataclass(frozen=True, eq=False)
class Notice:
    """A message. action: label of a button that calls `do`, such as 'Undo'; '' for none;
    stays: whether it waits for an answer instead of fading; seconds: how long it is shown at
    least."""

    kind: str
    sentence: str
    action: str = ""
    do: Callable[[], object] | None = None
    stays: bool = False
    seconds: float = 0.0
