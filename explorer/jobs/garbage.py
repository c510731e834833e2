"""Cyclic garbage collection in the GUI thread only, while there are worker threads."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 50  # interval of checks: the objects of 50 ms are scanned quickly
FULL_EVERY_S = 300.0  # interval of full collections


class Collector(QObject):
    """Keeps worker threads from collecting cycles; lives in the GUI thread.

    A cycle may hold widgets, such as those of a closed dialog; a worker that destroys them crashes
    the program.
    """

    _at_work: ClassVar[int] = 0  # active collectors in the process
    _loading: ClassVar[int] = 0  # threads that are importing modules
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._full = time.monotonic()

    def begin(self) -> None:
        """Take over collection from all threads."""
        if not self._timer.isActive():
            Collector._at_work += 1
            gc.disable()
            self._timer.start()

    def end(self) -> None:
        """Return collection to Python: the worker threads have ended."""
        if self._timer.isActive():
            self._timer.stop()
            Collector._at_work -= 1
            if not Collector._at_work:
                gc.unfreeze()
                gc.enable()

    @classmethod
    @contextmanager
    def loading(cls) -> Iterator[None]:
        """Suspend collection during an import of torch, and exempt its objects afterwards.

        Scanning its third of a million permanent objects would freeze the window for 200 ms.
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
        """Collect as Python would, except for the oldest generation."""
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
