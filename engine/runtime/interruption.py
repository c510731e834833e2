"""Signals that ask a program to end, as an exception: what was computed is kept on the way out."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that this system has
SIGNALED = 128  # what shells add to a signal's number


class Interrupted(BaseException):
    """Somebody asked the program to end; `status` is the exit status that says by which signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = SIGNALED + number


@contextlib.contextmanager
def by_signals() -> Iterator[None]:
    """Raise `Interrupted` in the main thread where a signal asks the program to end.

    Signals that are ignored (as SIGHUP under nohup) stay ignored. A second one ends at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    asked = {number: one for number, one in before.items() if one not in (signal.SIG_IGN, None)}

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in asked:
            signal.signal(one, signal.SIG_DFL)
        raise Interrupted(number)

    try:
        for number in asked:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in asked.items():
            signal.signal(number, handler)
