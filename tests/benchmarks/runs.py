"""How fast 500 studies are listed, ranked and drawn: `python -m tests.benchmarks.runs`.

A grid of 500 studies of 70 forget samples, three models and eleven norms, in a store on disk and in
the Runs view of 1000 x 800 pixels. "first" computes the measures, "again" reads them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from engine.bench.row import BenchRow
from engine.pipeline.records import study_arrays, study_attributes
from engine.pipeline.studies import StudyCatalog
from engine.residual import posterior
from engine.results import Curve, Residual, Study
from engine.runtime.progress import Progress
from engine.storage.store import Store
from explorer.state.app_state import AppState
from explorer.state.queued_run import RUNNING, Order, QueuedRun
from explorer.state.study_form import StudyForm
from explorer.views.runs.pages import PARALLEL, TABLE
from explorer.views.runs.view import RunsView
from tests.benchmarks.harness import application, circumstances, show, within

STUDIES, SAMPLES, DRAWS = 500, 70, 30
TAUS = np.linspace(0, 0.4, 11)
MODELS = ("original", "retrain-0", "retrain-1", "rurk", "gd")


def study(number: int, rng: np.random.Generator) -> Study:
    """One study of the grid: ten seeds, ten and five values of two settings."""
    shape = (SAMPLES, len(TAUS))
    counts = {name: rng.integers(0, DRAWS, shape).astype(np.int32) for name in MODELS}
    predictions = {name: rng.integers(0, 10, (*shape, DRAWS), np.uint8) for name in MODELS}
    judged = [name for name in MODELS if not name.startswith("retrain")]
    r = 1 + 0.2 * rng.normal(size=len(TAUS))
    curves = {name: Curve(r, r - 0.1, r + 0.1, r, 0 * r, 50 * r) for name in judged}
    above = {name: rng.random(shape) for name in judged}
    samples = np.arange(SAMPLES)
    residual = Residual(
        "gaussian", TAUS, DRAWS, samples, counts, curves, 0.9 + 0 * r, 1.1 + 0 * r, above,
        predictions,
    )  # fmt: skip
    names = ("retain_acc", "unlearn_acc", "test_acc", "mia_acc", "seconds")
    metrics = {
        name: dict(zip(names, map(float, 90 + 10 * rng.random(5)), strict=True))
        for name in ("original", "retrain", "rurk", "gd")
    }
    seed = number % 10
    spec = {
        "data": {"name": "digits", "root": "", "seed": seed, "side": 0, "fingerprint": str(seed)},
        "model": {"name": "mlp"},
        "train": {"epochs": 20, "lr": 0.1, "batch": 64, "momentum": 0.9},
        "forget": samples.tolist(),
        "methods": [
            {"name": "rurk", "config": {"tau": 0.01 * (number // 10 % 10), "epochs": 2}},
            {"name": "gd", "config": {"lr": 0.1 * (number // 100), "epochs": 2}},
        ],
        "retrains": 2,
        "seed": seed,
        "probe": {"perturbation": "gaussian", "taus": TAUS.tolist(), "draws": DRAWS, "seed": seed},
    }
    labels = {name: name for name in metrics}
    return Study(f"{number:020x}", spec, samples, metrics, labels, residual)


def filled(root: Path) -> Store:
    """A store of these studies."""
    store, rng = Store(root), np.random.default_rng(0)
    for number in range(STUDIES):
        one = study(number, rng)
        facts = {"spec": one.spec, "seed": number % 10, "seconds": 1.0, "device": "cpu"}
        store.put("studies", one.key, study_arrays(one), **facts, **study_attributes(one))
    return store


def milliseconds(do: Callable[[], object]) -> float:
    """How long it takes until what it changes is painted."""
    start = time.perf_counter()
    do()
    QApplication.processEvents()
    return (time.perf_counter() - start) * 1000


def _ignore(*words: object) -> None:
    """Nobody is there to ask."""


def rows() -> Iterator[BenchRow]:
    """Listing and measuring on disk, then the view."""
    application()
    posterior.warm_up(study(0, np.random.default_rng(1)).residual)
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        catalog = StudyCatalog(filled(Path(folder)), SimpleNamespace(world=_ignore))  # type: ignore[arg-type]
        times = [milliseconds(catalog.summaries) for _ in range(3)]
        yield within(f"{STUDIES} stored studies listed", 3000, times, "ms")
        studies = catalog.summaries()
        for when, limit in (("first", 30.0), ("again", 8.0)):
            times = [milliseconds(lambda key=one.key: catalog.measures(key)) for one in studies]
            yield within(f"the measures of one of them, {when}", limit, times, "ms")
        yield from _view(tuple(studies), {one.key: catalog.measures(one.key) for one in studies})


def _view(studies: tuple[object, ...], measures: dict[str, object]) -> Iterator[BenchRow]:
    state = AppState()
    do = SimpleNamespace(
        stored=SimpleNamespace(measure=_ignore, look=_ignore, annotate=_ignore), follow=_ignore
    )
    view = RunsView(state, do)  # type: ignore[arg-type]
    view.resize(1000, 800)
    view.show()
    QApplication.processEvents()

    def fill() -> None:
        with state.at_once():
            state.studies, state.measures = studies, measures  # type: ignore[assignment]

    yield within(f"{STUDIES} studies shown first", 600, [milliseconds(fill)], "ms")
    order = Order(StudyForm(), (1, 5), "", "Digits")
    run = QueuedRun(1, order, RUNNING, progress=Progress("rurk", 0.0, 10.0))
    state.runs = (run,)
    QApplication.processEvents()
    ticks = [
        milliseconds(lambda share=share: _tick(state, run, share))
        for share in np.linspace(0, 1, 30)
    ]
    yield within("a step of progress of a run beside them", 33, ticks, "ms")
    orders = (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder)
    sorts = [milliseconds(lambda order=order: view.table.sort_by("measure:avg_gap", order))
             for order in orders * 3]  # fmt: skip
    yield within("sorted by a measure", 150, sorts, "ms")
    texts = ("seed=3", "gap<4", "rurk.r<1 -seed=3", "digits", "")
    filters = [milliseconds(lambda text=text: view.filter.setText(text)) for text in texts * 3]
    yield within("filtered", 150, filters, "ms")
    shown = [milliseconds(lambda page=page: view.pages.setCurrentIndex(page))
             for page in (PARALLEL, TABLE) * 3]  # fmt: skip
    yield within("from the table to parallel coordinates or back", 250, shown, "ms")
    view.pages.setCurrentIndex(PARALLEL)
    plot = view.parallel.plot
    name = plot.lines.axes[-1].name
    low, high = plot.lines.axes[-1].range
    brushes = [milliseconds(lambda share=share: _brush(view, name, low, low + share * (high - low)))
               for share in np.linspace(0.1, 1, 20)]  # fmt: skip
    yield within("a step of a brush", 100, brushes, "ms")
    view.close()


def _tick(state: AppState, run: QueuedRun, share: float) -> None:
    state.runs = (replace(run, progress=Progress("rurk", share, 5.0)),)


def _brush(view: RunsView, name: str, low: float, high: float) -> None:
    view.parallel.plot.set_brushes({name: (low, high)})
    view.parallel.brushed.emit()


if __name__ == "__main__":
    print(circumstances())
    show(rows())
