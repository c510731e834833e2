"""Termination signals as an exception, so that results are kept on the way out."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # where the system has them
SIGNALED = 128  # added to a signal's number by shells


class Interrupted(BaseException):
    """The program received a termination signal; `status` is the matching exit status."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = SIGNALED + number


@contextlib.contextmanager
def interrupt_on_signals() -> Iterator[None]:
    """Raise `Interrupted` in the main thread on a termination signal.

    Ignored signals (such as SIGHUP under nohup) stay ignored. A second signal terminates at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handlers = {
        number: handler
        for number, handler in before.items()
        if handler not in (signal.SIG_IGN, None)
    }

    def interrupt(number: int, frame: FrameType | None) -> None:
        for handled in handlers:
            signal.signal(handled, signal.SIG_DFL)
        raise Interrupted(number)

    try:
        for number in handlers:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
