"""How soon the tau slider shows the copies there: `python -m tests.benchmarks.slider`.

Digits with the recommended network. Measured is the time from a step of the slider to the
neighborhood at that norm, drawn: computed (its first ten copies, then all), from the store, and at
hand because the neighbors were made ready meanwhile.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from explorer.app import Explorer
from explorer.views.neighborhood.view import NeighborhoodView
from tests.benchmarks.harness import circumstances, summary, with_window

SAMPLES, ROUNDS = 6, 2
SETTLE_MS = 400  # between two steps where neighbors may be made ready


class Slides:
    """Runs the study, then moves the slider over its whole range for some forget samples."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer, self._view = explorer, NeighborhoodView
        self._first: list[float] = []
        self._times: dict[str, list[float]] = {"computed": [], "from the store": [], "at hand": []}
        self._left: list[tuple[str, int, int]] = []
        self._kind, self._asked, self._seen = "", 0.0, False
        explorer.jobs.idle.connect(self._begin)
        explorer.controller.run()

    def _begin(self) -> None:
        state = self._explorer.state
        if state.study is None or self._explorer.jobs.busy():
            return
        self._explorer.jobs.idle.disconnect(self._begin)
        samples = state.study.forget[:SAMPLES].tolist()
        steps = range(len(state.study.residual.taus))
        for kind in ("computed", "from the store"):
            self._left += [(kind, sample, step) for sample in samples for step in steps]
        self._left += [("at hand", samples[0], step) for _ in range(ROUNDS) for step in steps]
        state.neighborhood_changed.connect(self._shown)
        QTimer.singleShot(SETTLE_MS, self._step)

    def _step(self) -> None:
        explorer, state = self._explorer, self._explorer.state
        if not self._left:
            self._tell()
            return
        self._kind, sample, step = self._left.pop(0)
        if self._kind != "at hand":
            explorer.controller.look_beside(())  # nothing is made ready
            explorer.controller._neighborhood._cache._kept.clear()
        assert state.residual is not None
        tau = float(state.residual.taus[step])
        self._wanted = (sample, tau)
        explorer.controller.choice.set_current(sample)
        before = state.neighborhood
        self._asked, self._seen = time.perf_counter(), False
        explorer.controller.set_probe(state.residual.perturbation, tau)
        if state.neighborhood is before and before is not None and before.tau == tau:
            QTimer.singleShot(0, self._step)

    def _shown(self) -> None:
        found = self._explorer.state.neighborhood
        if found is None or (found.sample, found.tau) != self._wanted:
            return
        QApplication.processEvents()
        spent = (time.perf_counter() - self._asked) * 1000
        draws = self._explorer.state.residual.draws if self._explorer.state.residual else 0
        if len(found.copies) < draws:
            self._first.append(spent)
            return
        self._times[self._kind].append(spent)
        QTimer.singleShot(SETTLE_MS if self._kind == "at hand" else 0, self._step)

    def _tell(self) -> None:
        if self._first:
            print(f"first ten copies, computed: {summary(self._first, 'ms')}")
        for kind, values in self._times.items():
            print(f"all copies, {kind}: {summary(values, 'ms')}")
        self._explorer.window.close()


def main() -> None:
    """Print the median, the 99th percentile and the worst of each."""
    print(circumstances())
    started: list[Slides] = []

    def begin(explorer: Explorer) -> None:
        if not started:
            started.append(Slides(explorer))

    with_window(begin)


if __name__ == "__main__":
    main()
