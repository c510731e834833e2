"""How soon every kind of click shows: `python -m tests.benchmarks.clicks`.

Digits with the recommended network and three methods, in the real window. Measured is the time
from the event to the first useful paint: what the state says is there and is drawn. A sample, a
norm, or a slice is clicked twice: computed (from c = 10 on), then cached. The limits are 300 ms
computed and 100 ms cached.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QTabWidget, QWidget

from engine.results import FORGET, RETAIN
from explorer.app import Explorer
from explorer.views.attack.view import AttackView
from explorer.views.compare.view import CompareView
from explorer.views.curves.view import CurvesView
from explorer.views.embedding.view import EmbeddingView
from explorer.views.live.view import LiveView
from explorer.views.metrics import MetricsView
from explorer.views.neighborhood.view import NeighborhoodView
from explorer.views.samples.view import SamplesView
from explorer.window.docks import DOCKS
from tests.benchmarks.harness import circumstances, percentile, with_window

SAMPLES = 30
SETTLE_MS = 500  # between the end of the study and the first click
REST_S = 0.15  # between clicks, for what is made ready meanwhile
PATIENCE_S = 20.0
COMPUTED, CACHED = "computed", "cached"
LIMITS = {COMPUTED: 300.0, CACHED: 100.0}  # ms
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Walk:
    """Runs the study, then clicks through every view, and prints a table."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer, self._state = explorer, explorer.state
        self._times: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._own: dict[tuple[str, str], list[float]] = defaultdict(list)  # of the GUI thread
        explorer.jobs.idle.connect(self._begin)
        explorer.controller.run()

    def _begin(self) -> None:
        if self._state.study is None or self._explorer.jobs.busy():
            return
        self._explorer.jobs.idle.disconnect(self._begin)
        QTimer.singleShot(SETTLE_MS, self._walk)

    def _walk(self) -> None:
        views = (
            self._samples, self._points, self._norms, self._curves, self._slices, self._tabs,
            self._compare, self._threshold, self._epochs, self._sorts, self._docks,
        )  # fmt: skip
        for walk in views:
            walk()
        self._tell()
        self._explorer.window.close()

    # -- what is measured -----------------------------------------------------------------
    def _time(
        self, kind: str, how: str, click: Callable[[], object], done: Callable[[], bool]
    ) -> None:
        begun, own = time.perf_counter(), time.thread_time()
        click()
        QApplication.processEvents()
        while not done() and time.perf_counter() - begun < PATIENCE_S:
            QApplication.processEvents()
        QApplication.processEvents()  # paints what arrived last
        self._times[kind, how].append((time.perf_counter() - begun) * 1000)
        self._own[kind, how].append((time.thread_time() - own) * 1000)

    def _rest(self) -> None:
        end = time.perf_counter() + REST_S
        while self._explorer.jobs.busy() or time.perf_counter() < end:
            QApplication.processEvents()

    def _view(self, name: str) -> QWidget:
        self._explorer.window.go_to(name)
        self._rest()
        return self._explorer.window.docks[name].widget()

    def _near(self, sample: int) -> bool:
        found = self._state.neighborhood
        return found is not None and found.sample == sample

    # -- views ----------------------------------------------------------------------------
    def _samples(self) -> None:
        view = self._view("samples")
        assert isinstance(view, SamplesView)
        for how in (COMPUTED, CACHED):
            for place in range(SAMPLES):
                view.grid.scrollTo(view.grid.model().index(0, 0))
                at = view.grid.place_rect(place).center()
                self._time(
                    "sample clicked", how,
                    partial(_click, view.grid.viewport(), at),
                    partial(self._near, place),
                )  # fmt: skip
                self._rest()

    def _points(self) -> None:
        view, cloud = self._view("embedding"), self._state.embedding
        assert isinstance(view, EmbeddingView) and cloud is not None
        pane = view.right.pane
        own = (cloud.kind == RETAIN) | (cloud.kind == FORGET)
        rows = np.random.default_rng(0).permutation(np.flatnonzero(own))
        places = [
            pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(*map(float, pane.points.xy[i]))))
            for i in rows[:SAMPLES]
        ]
        for how in (COMPUTED, CACHED):
            for at in places:
                before = self._state.selection.current
                self._time(
                    "point clicked", how,
                    partial(_click, pane.plot.viewport(), at),
                    partial(self._looked, before),
                )  # fmt: skip
                self._rest()

    def _looked(self, before: int | None) -> bool:
        current = self._state.selection.current
        return current == before or (current is not None and self._near(current))

    def _norms(self) -> None:
        view, residual = self._view("neighborhood"), self._state.residual
        assert isinstance(view, NeighborhoodView) and residual is not None
        self._explorer.controller.choice.set_current(int(residual.samples[0]))
        self._rest()
        steps = list(range(len(residual.taus)))
        for how in (COMPUTED, CACHED):
            for step in [*steps, *reversed(steps[:-1])] if how == CACHED else steps:
                tau = float(residual.taus[step])
                self._time(
                    "tau slider", how, partial(view.slider.setValue, step),
                    partial(self._at, tau),
                )  # fmt: skip
                self._rest()

    def _at(self, tau: float) -> bool:
        found = self._state.neighborhood
        return found is not None and bool(np.isclose(found.tau, tau))

    def _curves(self) -> None:
        view, residual = self._view("curves"), self._state.residual
        assert isinstance(view, CurvesView) and residual is not None
        view.grab()
        chart = view.charts[0]
        box = chart.plot.getViewBox()
        for curve in chart.curves.values():
            for x, y in zip(*curve.getData(), strict=True):
                if not np.isfinite(y):
                    continue
                at = chart.plot.mapFromScene(box.mapViewToScene(QPointF(float(x), float(y))))
                self._time(
                    "curve clicked", CACHED,
                    partial(_click, chart.plot.viewport(), at),
                    _at_once,
                )  # fmt: skip
                self._rest()

    def _slices(self) -> None:
        self._view("slice")
        assert self._state.study is not None
        forget = self._state.study.forget[:8].tolist()
        for how in (COMPUTED, CACHED):
            for sample in forget:
                self._time(
                    "slice of a sample", how,
                    partial(self._explorer.controller.choice.set_current, sample),
                    partial(self._cut, sample),
                )  # fmt: skip
                self._rest()

    def _cut(self, sample: int) -> bool:
        found = self._state.slice
        return found is not None and found.sample == sample

    def _tabs(self) -> None:
        for name in ("curves", "comparison", "metrics"):
            view = self._view(name)
            tabs: QTabWidget = view.tabs  # type: ignore[attr-defined]
            bar = tabs.tabBar()
            order = [*range(1, tabs.count()), *range(tabs.count())]
            for tab in [*order, *order]:
                at = bar.tabRect(tab).center()
                self._time(
                    f"tab of {view.title}", CACHED,  # type: ignore[attr-defined]
                    partial(_click, bar, at),
                    partial(_shows, tabs, tab),
                )  # fmt: skip
                self._rest()

    def _compare(self) -> None:
        view = self._view("comparison")
        assert isinstance(view, CompareView)
        self._choose("model chooser (Compare)", view.a)
        view.tabs.setCurrentIndex(0)
        rows = view.classes.rows
        self._press("class bar", rows.viewport(), [rows.place_of(i).center() for i in range(8)])
        view.tabs.setCurrentIndex(1)
        matrix = view.predictions.matrix
        halves = [matrix.place_of(i, i).center() - QPoint(4, 0) for i in range(8)]
        self._press("cell of predictions", matrix.viewport(), halves)

    def _choose(self, kind: str, box: QComboBox) -> None:
        for step in range(2 * box.count()):
            key = Qt.Key.Key_Down if step < box.count() - 1 else Qt.Key.Key_Up
            self._time(kind, CACHED, partial(_press, box, key), _at_once)
            self._rest()

    def _press(self, kind: str, widget: QWidget, places: list[QPoint]) -> None:
        for at in places:
            self._time(
                kind, CACHED,
                partial(_click, widget, at), _at_once,
            )  # fmt: skip
            self._rest()

    def _threshold(self) -> None:
        view = self._view("attack")
        assert isinstance(view, AttackView)
        for key in [Qt.Key.Key_Right] * 10 + [Qt.Key.Key_Left] * 10:
            self._time(
                "threshold moved", CACHED,
                partial(_press, view.scores.plot, key), _at_once,
            )  # fmt: skip
        self._choose("model chooser (Attack)", view.options.a)

    def _epochs(self) -> None:
        view = self._view("epochs")
        assert isinstance(view, LiveView)
        for epoch in [*range(view.transport.slider.maximum() + 1)] * 2:
            self._time(
                "epoch slider", CACHED,
                partial(view.transport.slider.setValue, epoch), _at_once,
            )  # fmt: skip

    def _sorts(self) -> None:
        samples, metrics = self._view("samples"), self._view("metrics")
        assert isinstance(samples, SamplesView) and isinstance(metrics, MetricsView)
        self._choose("samples sorted", samples.order.sort)
        metrics.tabs.setCurrentIndex(0)
        header = metrics.table.horizontalHeader()
        for section in range(4):
            at = QPoint(header.sectionViewportPosition(section) + 12, header.height() // 2)
            self._press("table sorted", header.viewport(), [at, at])

    def _docks(self) -> None:
        for dock in [*DOCKS, *DOCKS]:
            box = self._explorer.window.docks[dock.name]
            self._time(
                "dock by shortcut", CACHED,
                partial(self._explorer.window.go_to, dock.name),
                partial(_in_front, box),
            )  # fmt: skip
            self._rest()

    # -- the table ------------------------------------------------------------------------
    def _tell(self) -> None:
        heads = ("n", "median", "p95", "worst", "GUI CPU")
        print(f"{'click':26} {'':9}" + "".join(f"{head:>9}" for head in heads) + "   limit, ms")
        for (kind, how), values in self._times.items():
            share = sum(value <= LIMITS[how] for value in values) / len(values)
            numbers = (
                statistics.median(values), percentile(values, 0.95), max(values),
                statistics.median(self._own[kind, how]),
            )  # fmt: skip
            print(
                f"{kind:26} {how:9}{len(values):9}"
                + "".join(f"{number:9.1f}" for number in numbers)
                + f"   {LIMITS[how]:.0f} ({share:.0%} within)"
            )


def _click(widget: QWidget, at: QPoint) -> None:
    QTest.mouseClick(widget, LEFT, NONE, at)


def _press(widget: QWidget, key: Qt.Key) -> None:
    QTest.keyClick(widget, key)


def _at_once() -> bool:
    """What a click changes is drawn in the same turn of the event loop."""
    return True


def _shows(tabs: QTabWidget, tab: int) -> bool:
    return tabs.currentIndex() == tab


def _in_front(box: QWidget) -> bool:
    return not box.visibleRegion().isEmpty()


def main() -> None:
    """Print median, 95th percentile and worst of each kind of click."""
    print(circumstances())
    started: list[Walk] = []

    def begin(explorer: Explorer) -> None:
        if not started:
            started.append(Walk(explorer))

    with_window(begin)
    print(circumstances())


if __name__ == "__main__":
    main()
