"""How long the event loop is kept waiting while a study runs: `python -m tests.benchmarks.stalls`.

The study is digits with the small CNN: training, unlearning, measuring and the first embedding.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer

from engine.bench.row import BenchRow
from explorer.app import Explorer
from tests.benchmarks.harness import circumstances, show, with_window, within

TICK_MS = 5
LONGEST = 5  # stalls that are named with their time


class Stalls:
    """Runs the study and notes by how much each tick of a precise timer came late, in ms."""

    def __init__(self, explorer: Explorer) -> None:
        self.late: list[float] = []
        self.said = "not finished"
        self.longest: list[tuple[float, float]] = []  # (ms late, seconds after the start)
        self._explorer = explorer
        self._timer = QTimer(explorer)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        explorer.jobs.idle.connect(self._end)
        explorer.controller.opening.change_form(model="cnn")
        explorer.controller.run()
        self._last = self._started = time.perf_counter()
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        late = max(0.0, (now - self._last) * 1000 - TICK_MS)
        self.late.append(late)
        self.longest = sorted([*self.longest, (late, now - self._started)])[-LONGEST:]
        self._last = now

    def _end(self) -> None:
        if self._explorer.state.study is None or self._explorer.jobs.busy():
            return
        self._timer.stop()
        seconds = time.perf_counter() - self._started
        when = ", ".join(f"{late:.0f} ms at {at:.1f} s" for late, at in reversed(self.longest))
        self.said = f"during {seconds:.0f} s; longest: {when}"
        self._explorer.window.close()


def rows() -> Iterator[BenchRow]:
    """What 99 % of the ticks kept to, and the worst of them."""
    started: list[Stalls] = []

    def begin(explorer: Explorer) -> None:
        if not started:
            started.append(Stalls(explorer))

    with_window(begin)
    late, said = started[0].late, started[0].said
    yield within("event loop late while a study runs, p99", 33, late, "ms", 0.99, said)
    yield within("event loop late while a study runs, worst", 150, late, "ms", 1.0)


if __name__ == "__main__":
    print(circumstances())
    show(rows())
