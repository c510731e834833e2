"""How soon a click on a sample shows: `python -m tests.benchmarks.clicks`.

Digits with the recommended network. Measured are the turn of the event loop that follows a change
of the current sample in every view, and the time until its neighborhood is there: first computed,
then answered from the store.
"""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from explorer.app import Explorer
from tests.benchmarks.harness import circumstances, summary, with_window

CLICKS = 40
SETTLE_MS = 500  # between the end of the study and the first click


class Clicks:
    """Runs the study, then makes one sample after another the current one, all of them twice."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._turns: list[float] = []
        self._waits: list[float] = []
        self._left: list[int] = []
        self._sample, self._clicked = -1, 0.0
        explorer.jobs.idle.connect(self._begin)
        explorer.controller.run()

    def _begin(self) -> None:
        state = self._explorer.state
        if state.study is None or self._explorer.jobs.busy():
            return
        self._explorer.jobs.idle.disconnect(self._begin)
        assert state.dataset is not None
        rng = np.random.default_rng(0)
        samples = rng.choice(len(state.dataset.train_y), CLICKS, replace=False).tolist()
        self._left = samples + samples
        state.neighborhood_changed.connect(self._shown)
        QTimer.singleShot(SETTLE_MS, self._click)

    def _click(self) -> None:
        if not self._left:
            self._tell()
            return
        self._sample, self._clicked = self._left.pop(0), time.perf_counter()
        self._explorer.controller.set_current(self._sample)
        QApplication.processEvents()
        self._turns.append((time.perf_counter() - self._clicked) * 1000)

    def _shown(self) -> None:
        found = self._explorer.state.neighborhood
        if found is not None and found.sample == self._sample:
            self._waits.append((time.perf_counter() - self._clicked) * 1000)
            QTimer.singleShot(0, self._click)

    def _tell(self) -> None:
        print(f"turn of the event loop: {summary(self._turns, 'ms')}")
        print(f"neighborhood, computed: {summary(self._waits[:CLICKS], 'ms')}")
        print(f"neighborhood, from the store: {summary(self._waits[CLICKS:], 'ms')}")
        self._explorer.window.close()


def main() -> None:
    """Print the median, the 99th percentile and the worst of each."""
    print(circumstances())
    started: list[Clicks] = []

    def begin(explorer: Explorer) -> None:
        if not started:
            started.append(Clicks(explorer))

    with_window(begin)


if __name__ == "__main__":
    main()
