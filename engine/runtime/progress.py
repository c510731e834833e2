"""The engine's channel to its caller: progress, intermediate results, log lines, cancellation."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from engine.errors import Cancelled

MIN_INTERVAL = 0.05  # seconds between two progress reports; more would only burden the listener


@dataclass(frozen=True)
class Progress:
    """Progress of a job: `fraction` in [0, 1], `left` in seconds (None while unknown)."""

    stage: str
    fraction: float
    left: float | None


class Reporter:
    """Silent by default; the command line and the explorer override the `on_*` methods.

    Work is counted in sample passes (one sample forward = 1, forward and backward = 3), so
    that training and measurement share one meaningful bar.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._total = 0.0
        self._done = 0.0
        self._started = time.monotonic()
        self._reported = 0.0
        self._stage = ""

    # -- listeners override these ---------------------------------------------------------
    def on_progress(self, progress: Progress) -> None:
        """Called at most every `MIN_INTERVAL` seconds, and at each change of stage."""

    def on_point(self, channel: str, data: Any) -> None:
        """Called with intermediate results, e.g. channel 'loss' or 'residual'."""

    def on_log(self, message: str) -> None:
        """Called with messages for the user."""

    # -- the engine calls these -----------------------------------------------------------
    @property
    def current_stage(self) -> str:
        """Name of the current stage, such as 'original' or 'rurk'."""
        return self._stage

    def expect(self, units: float) -> None:
        """Add expected work (sample passes)."""
        self._total += units

    def forgo(self, units: float) -> None:
        """Subtract expected work that turned out to be in the store already."""
        self._total = max(self._done, self._total - units)

    def stage(self, name: str) -> None:
        """Begin the stage of this name."""
        self._stage = name
        self._emit()

    def advance(self, units: float) -> None:
        """Report finished work; Cancelled if `cancel` was called."""
        self._done += units
        if time.monotonic() - self._reported >= MIN_INTERVAL:
            self._emit()
        self.check()

    def point(self, channel: str, data: Any) -> None:
        """Pass on an intermediate result."""
        self.on_point(channel, data)

    def log(self, message: str) -> None:
        """Pass on a message for the user."""
        self.on_log(message)

    def check(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._stop.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop at its next check; callable from any thread."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._stop.is_set()

    def _emit(self) -> None:
        now = time.monotonic()
        self._reported = now
        total = max(self._total, self._done)
        fraction = self._done / total if total else 0.0
        elapsed = now - self._started
        left = elapsed * (1 - fraction) / fraction if fraction > 0.01 and elapsed > 0.5 else None
        self.on_progress(Progress(self._stage, fraction, left))
