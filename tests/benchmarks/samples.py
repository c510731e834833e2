"""How fast 60,000 samples scroll, sort and filter: `python -m tests.benchmarks.samples`.

A view of 50,000 training and 10,000 test images of 32 x 32 pixels in ten classes, with results of
seven models and of 5,000 forget samples. A frame is one step of the scroll bar and its painting; a
sort or filter is everything from the change of a control to the painted grid. "first" computes
losses, verdicts and the like, "again" finds them known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
from PySide6.QtWidgets import QApplication

from engine.analysis.filters import parse
from engine.bench.row import BenchRow
from engine.datasets.base import Dataset, Recommended
from engine.residual import posterior
from engine.results import Curve, ModelResult, Recognition, Residual
from engine.spec import DataSpec, TrainSpec
from explorer.state.app_state import AppState
from explorer.state.selection import Selection
from explorer.views.samples.sort_keys import INDEX, KEYS, LOSS
from explorer.views.samples.subsets import ALL, SHOW
from explorer.views.samples.view import SamplesView
from tests.benchmarks.harness import application, circumstances, show, within

TRAINED, TESTED, FORGOTTEN, CLASSES, DRAWS = 50_000, 10_000, 5_000, 10, 100
MODELS = ("original", "retrain-0", "retrain-1", "retrain-2", "rurk", "gd", "ga")
FRAMES = 200
FILTERS = (
    ["original right", "gd wrong"], ["all disagree"], ["gd confidence < 0.5"], ["any r > 1.5"],
    ["any verdict residual"], ["gd tau < 0.1"], [],
)  # fmt: skip


def dataset(rng: np.random.Generator) -> Dataset:
    """As large as CIFAR-10."""
    x = rng.integers(0, 256, (TRAINED + TESTED, 3, 32, 32), dtype=np.uint8)
    y = rng.integers(0, CLASSES, TRAINED + TESTED)
    names = tuple(f"class {number}" for number in range(CLASSES))
    advised = Recommended("resnet18", TrainSpec(), "class:1:0.5")
    return Dataset(
        DataSpec("cifar10"), "Samples", names, x[:TRAINED], y[:TRAINED], x[TRAINED:], y[TRAINED:],
        advised,
    )  # fmt: skip


def model(name: str, rng: np.random.Generator) -> ModelResult:
    """Logits without a meaning."""
    logits = rng.normal(size=(TRAINED + TESTED, CLASSES)).astype(np.float32)
    return ModelResult(name, name, name, 1.0, (), logits[:TRAINED], logits[TRAINED:])


def residual(rng: np.random.Generator) -> Residual:
    """Counts without a meaning."""
    taus = np.linspace(0, 0.03, 11)
    counts = {name: rng.integers(0, DRAWS, (FORGOTTEN, 11)) for name in MODELS}
    judged = [name for name in MODELS if not name.startswith("retrain")]
    flat = np.ones(11)
    curves = {name: Curve(flat, flat, flat, flat, flat, flat) for name in judged}
    above = {name: rng.random((FORGOTTEN, 11)) for name in judged}
    rows = np.arange(FORGOTTEN)
    return Residual("gaussian", taus, DRAWS, rows, counts, curves, flat, flat, above)


def milliseconds(do: Callable[[], object]) -> float:
    """How long it takes until what it changes is painted."""
    start = time.perf_counter()
    do()
    QApplication.processEvents()
    return (time.perf_counter() - start) * 1000


class Bench:
    """The view, and what is done to it."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        state = AppState()
        do = SimpleNamespace(look=_ignore, look_away=_ignore, set_current=_ignore, select=_ignore)
        state.dataset = dataset(rng)
        state.models = {name: model(name, rng) for name in MODELS}
        state.residual = residual(rng)
        posterior.warm_up(state.residual)  # as a worker does once a study is shown
        taus = rng.random(FORGOTTEN)
        state.recognition = Recognition("gd", "gaussian", 20, 1.0, np.arange(FORGOTTEN), taus)
        state.forget = tuple(range(FORGOTTEN))
        self.state = state
        self.view = SamplesView(state, do)  # type: ignore[arg-type]
        self.view.resize(900, 800)
        self.view.show()
        QApplication.processEvents()

    def scroll(self, key: str) -> list[float]:
        """Milliseconds of frames through the whole length, in the order of `key`."""
        self.view.order.sort.setCurrentText(key)
        QApplication.processEvents()
        bar, viewport = self.view.grid.verticalScrollBar(), self.view.grid.viewport()
        times = []
        for step in range(FRAMES):
            start = time.perf_counter()
            bar.setValue(step * bar.maximum() // FRAMES)
            viewport.repaint()
            times.append((time.perf_counter() - start) * 1000)
        return times

    @property
    def cells(self) -> int:
        """Thumbnails that can be scrolled to."""
        return len(self.view.model.shown)

    def sort(self) -> None:
        """Every order, first and again, over all samples."""
        self.view.scope.sets.setCurrentText(ALL)
        self.view.order._wanted[False] = "gd"
        for when in ("first", "again"):
            for key in KEYS:
                self.view.order.sort.setCurrentText(INDEX)
                QApplication.processEvents()
                spent = milliseconds(lambda key=key: self.view.order.sort.setCurrentText(key))
                print(f"sort by {key}, {when}: {spent:.0f} ms")

    def filter(self) -> None:
        """Filters and sets over all samples."""
        rows = self.view.filters
        for texts in FILTERS:
            asked = [parse(text) for text in texts]
            spent = milliseconds(lambda asked=asked: rows.set_conditions(asked))
            print(f"filter by {' and '.join(texts) or 'nothing'}: {spent:.0f} ms")
        for what in SHOW:
            spent = milliseconds(lambda what=what: self.view.scope.sets.setCurrentText(what))
            print(f"show {what}: {spent:.0f} ms")

    def select(self) -> None:
        """A click, and the selection of everything."""
        for chosen in (frozenset([7]), frozenset(range(TRAINED + TESTED))):
            spent = milliseconds(lambda chosen=chosen: self._choose(chosen))
            print(f"select {len(chosen):,} samples: {spent:.0f} ms")

    def _choose(self, chosen: frozenset[int]) -> None:
        self.state.selection = Selection(min(chosen), chosen)


def _ignore(*words: object) -> None:
    """Nobody is there to ask."""


def rows() -> Iterator[BenchRow]:
    """A frame of the grid while it is scrolled, in two orders."""
    application()
    bench = Bench()
    for key in (INDEX, LOSS):
        times = bench.scroll(key)
        yield within(f"a frame of {bench.cells:,} thumbnails, by {key}", 16, times, "ms")
    bench.view.close()


def main() -> None:
    """Print every time; nothing passes or fails."""
    print(circumstances())
    show(rows())
    bench = Bench()
    bench.sort()
    bench.filter()
    bench.select()
    bench.view.close()


if __name__ == "__main__":
    main()
