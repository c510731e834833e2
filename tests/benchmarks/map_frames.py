"""Times panning and hovering over a map of 50,000 points; driven by `tests.benchmarks.map`.

Reads one word a line, 'pan', 'zoom' or 'hover', does it once, and writes the milliseconds. It uses
only what earlier versions of the view offer too, so that two versions can be compared.
"""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from engine.datasets.base import Dataset, Recommended
from engine.results import FORGET, RETAIN, TEST, Curve, Embedding, ModelResult, Residual
from engine.spec import DataSpec, TrainSpec
from explorer import theme
from explorer.state.app_state import AppState
from explorer.state.selection import Selection
from explorer.views.embedding.view import EmbeddingView

TRAINED, TESTED, FORGOTTEN, CLASSES = 45_000, 5_000, 500, 10
MODELS = ("original", "gd")
SIZE = (842, 598)  # logical pixels: the canvas of Explore at 1280x800, with its title


def dataset(rng: np.random.Generator) -> Dataset:
    """Images without a meaning, in ten classes."""
    count = TRAINED + TESTED
    x = rng.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)
    y = rng.integers(0, CLASSES, count)
    names = tuple(f"class {number}" for number in range(CLASSES))
    advised = Recommended("small-cnn", TrainSpec(), "class:1:0.5")
    return Dataset(
        DataSpec("fashion"), "Points", names, x[:TRAINED], y[:TRAINED], x[TRAINED:], y[TRAINED:],
        advised,
    )  # fmt: skip


def embedding(data: Dataset, rng: np.random.Generator) -> Embedding:
    """Ten round clusters, one a class; every model's is moved a little."""
    count = len(data)
    kind = np.where(np.arange(count) < TRAINED, RETAIN, TEST)
    kind[:FORGOTTEN] = FORGET
    angle = 2 * np.pi * data.labels / CLASSES
    middle = 8 * np.stack([np.cos(angle), np.sin(angle)], 1)
    places = middle + rng.normal(size=(count, 2)) * 1.4
    xy = {name: (places + 0.1 * i).astype(np.float32) for i, name in enumerate(MODELS)}
    losses = {name: rng.random(count).astype(np.float32) for name in MODELS}
    return Embedding(
        xy, np.arange(count), kind, data.labels, np.zeros(count),
        dict.fromkeys(MODELS, data.labels), losses,
    )  # fmt: skip


def residual(rng: np.random.Generator) -> Residual:
    """Counts without a meaning."""
    taus = np.linspace(0, 0.4, 11)
    names = (*MODELS, "retrain-0", "retrain-1")
    counts = {name: rng.integers(1, 100, (FORGOTTEN, 11)) for name in names}
    flat = np.ones(11)
    curves = {name: Curve(flat, flat, flat, flat, flat, flat) for name in MODELS}
    above = {name: rng.random((FORGOTTEN, 11)) for name in MODELS}
    rows = np.arange(FORGOTTEN)
    return Residual("gaussian", taus, 100, rows, counts, curves, flat, flat, above)


class MapFrames:
    """The view, and what a hand does to it."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        state, ignore = AppState(), lambda *_: None
        do = SimpleNamespace(
            look=ignore, look_away=ignore, rank_by=ignore, forget_set=SimpleNamespace(
                replace_by_selection=ignore, add_selection=ignore, remove_selection=ignore,
            ),
        )  # fmt: skip
        state.dataset = data = dataset(rng)
        logits = rng.normal(size=(len(data), CLASSES)).astype(np.float32)
        state.models = {
            name: ModelResult(name, name, name, 1.0, (), logits[:TRAINED], logits[TRAINED:])
            for name in MODELS
        }
        state.residual, state.embedding = residual(rng), embedding(data, rng)
        state.selection = Selection(3)
        self.view = EmbeddingView(state, do)  # type: ignore[arg-type]
        self.view.resize(*SIZE)
        self.view.show()
        QApplication.processEvents()
        self._turn, self._rng = 0, rng

    def pan(self) -> None:
        """Move the view by 12 pixels, and paint what is seen."""
        self._turn += 1
        pane = self.view.right.pane
        unit = pane.box.viewPixelSize()[0]
        pane.box.translateBy(x=(12 if self._turn // 20 % 2 else -12) * unit, y=0.0)
        self._paint()

    def zoom(self) -> None:
        """Turn the wheel by one step, and paint what is seen."""
        self._turn += 1
        factor = 1.1 if self._turn // 8 % 2 else 1 / 1.1
        self.view.right.pane.box.scaleBy((factor, factor))
        self._paint()

    def hover(self) -> None:
        """Move the mouse onto some point, and paint what is said of it."""
        pane = self.view.right.pane
        view = pane.box.viewRect()
        xy = pane.points.xy
        inside = np.flatnonzero((xy > [view.left(), view.top()]).all(1)
                                & (xy < [view.right(), view.bottom()]).all(1))  # fmt: skip
        x, y = xy[self._rng.choice(inside)].tolist()
        start = time.perf_counter()
        pane.plot.scene().sigMouseMoved.emit(pane.box.mapViewToScene(QPointF(x, y)))
        QApplication.processEvents()
        self._paint()
        self.spent = (time.perf_counter() - start) * 1000

    def _paint(self) -> None:
        for side in self.view.sides:
            if side.pane.isVisible():
                side.pane.plot.viewport().repaint()


def main() -> None:
    """Answer until the input ends."""
    app = QApplication([])
    theme.apply(app, theme.LIGHT)
    frames = MapFrames()
    print("ready", flush=True)
    for word in map(str.strip, sys.stdin):
        start = time.perf_counter()
        getattr(frames, word)()
        spent = (time.perf_counter() - start) * 1000
        print(frames.spent if word == "hover" else spent, flush=True)


if __name__ == "__main__":
    main()
