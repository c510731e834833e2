"""Where Python's cycles are collected: in the GUI thread, as long as there are others."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 50  # looks whether enough was made since: what 50 ms bring is soon looked through
FULL_EVERY_S = 300.0  # the old are looked through so seldom


class Collector(QObject):
    """Keeps worker threads from collecting cycles.

    A cycle may hold widgets, such as a closed dialog's; a worker that destroys them crashes the
    program. Its own thread must be the GUI's.
    """

    _at_work: ClassVar[int] = 0  # of them, in the process
    _loading: ClassVar[int] = 0  # threads that import what stays
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._full = time.monotonic()

    def begin(self) -> None:
        """From now on no other thread collects."""
        if not self._timer.isActive():
            Collector._at_work += 1
            gc.disable()
            self._timer.start()

    def end(self) -> None:
        """There is no other thread any more."""
        if self._timer.isActive():
            self._timer.stop()
            Collector._at_work -= 1
            if not Collector._at_work:
                gc.unfreeze()
                gc.enable()

    @classmethod
    @contextmanager
    def loading(cls) -> Iterator[None]:
        """For threads that import torch: nothing is collected meanwhile, nor looked at later.

        To go through its third of a million objects, all of which stay, would stop the window for
        200 ms.
        """
        with cls._lock:
            cls._loading += 1
        try:
            yield
        finally:
            with cls._lock:
                cls._loading -= 1
                if cls._at_work and not cls._loading:
                    gc.freeze()

    def _look(self) -> None:
        """Collect as Python itself would, but for the oldest."""
        if Collector._loading:
            return
        if time.monotonic() - self._full > FULL_EVERY_S:
            self._full = time.monotonic()
            gc.collect()
            return
        young, middle, _ = gc.get_threshold()
        counts = gc.get_count()
        if counts[1] > middle:
            gc.collect(1)
        elif counts[0] > young:
            gc.collect(0)
