"""What must fit between two frames: `python -m tests.benchmarks.frames`.

Stamping 60,000 points, moving the threshold of a membership attack on 2,400 samples, and looking
whether the session has changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.bench.row import BenchRow
from explorer.app import Explorer
from explorer.points.canvas import Canvas
from explorer.points.points import point_radius
from explorer.points.stamps import CIRCLE, stamp
from explorer.state.app_state import AppState
from explorer.state.selection import REPLACE
from explorer.views.attack.view import AttackView
from tests.benchmarks.harness import application, circumstances, show, with_window, within

sys.path.insert(0, str(Path(__file__).parents[1]))  # synthetic.py
sys.path.insert(0, str(Path(__file__).parents[1] / "explorer"))  # stand_ins.py

import stand_ins
import synthetic

POINTS, SAMPLES, CHOSEN, ROUNDS = 60_000, 2400, 150, 30
FRAME = 16  # ms
GLANCE = 30  # ms, which nobody notices


def times(action: Callable[[], object]) -> list[float]:
    """Milliseconds of each round but the first, which warms up."""
    found = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        action()
        found.append((time.perf_counter() - started) * 1000)
    return found[1:]


def stamped() -> BenchRow:
    """All points of a cloud, stamped on a canvas."""
    rng = np.random.default_rng(0)
    xy, color = rng.uniform(0, 600, (POINTS, 2)), rng.integers(0, 10, POINTS)
    mark = stamp(CIRCLE, point_radius(POINTS))
    values = mark.values(rng.uniform(0, 255, (10, 3)), (0, 0, 0))

    def draw() -> None:
        Canvas(800, 600, 16).stamp(xy, color, mark, values)

    return within(f"{POINTS:,} points: stamp", FRAME, times(draw), "ms")


def moved() -> BenchRow:
    """One step of the threshold in the attack view."""
    state, dataset = AppState(), synthetic.images(SAMPLES)
    few = slice(SAMPLES - 200)
    dataset = replace(dataset, test_x=dataset.train_x[few], test_y=dataset.train_y[few])
    state.dataset, state.models = dataset, synthetic.models(dataset)
    state.attack = synthetic.membership(dataset, members="retain")
    view = AttackView(state, stand_ins.Asked(state))
    view.resize(640, 480)
    view.show()
    QApplication.processEvents()
    found = times(lambda: QTest.keyClick(view.scores.plot, Qt.Key.Key_Right))
    view.close()
    return within(f"{SAMPLES:,} samples: move the threshold", FRAME, found, "ms")


def looked() -> BenchRow:
    """One look whether the session is another than the one that was written last."""
    found: list[float] = []

    def begin(explorer: Explorer) -> None:
        explorer.controller.choice.select(list(range(CHOSEN)), REPLACE)
        explorer.keeper.look()
        QApplication.processEvents()
        found.extend(times(explorer.keeper.look))
        explorer.window.close()

    with_window(begin)
    return within("look whether the session changed", GLANCE, found, "ms")


def rows() -> Iterator[BenchRow]:
    """One row for each."""
    application()
    yield stamped()
    yield moved()
    yield looked()


if __name__ == "__main__":
    print(circumstances())
    show(rows())
