"""Progress on a terminal: a bar with the remaining time, and log lines above it."""

from __future__ import annotations

import math
import sys
from types import TracebackType

from engine.runtime.progress import Progress, Reporter

BAR = 30  # characters


class ConsoleReporter(Reporter):
    """A progress bar on a terminal, nothing elsewhere; log lines go to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._live = sys.stderr.isatty()

    def __enter__(self) -> ConsoleReporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def on_progress(self, progress: Progress) -> None:
        """Draw the bar."""
        if self._live:
            full = round(BAR * progress.fraction)
            left = f"{duration(progress.left)} left" if progress.left is not None else ""
            bar = "█" * full + "·" * (BAR - full)
            text = f"{bar} {100 * progress.fraction:3.0f} %  {progress.stage}  {left}"
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def on_log(self, message: str) -> None:
        """Print the message above the bar."""
        self._clear()
        print(f"rk-engine: {message}", file=sys.stderr)

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """Seconds in readable units: 8 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
