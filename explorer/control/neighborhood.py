"""The current sample's neighborhood, with a cache and prefetched neighbors. No widgets."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QObject

from engine.forget_sets.sample_names import sample_label
from engine.results import Neighborhood
from engine.spec import RunSpec
from explorer.control.slice import SampleProbe
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs, Points
from explorer.state.app_state import AppState

MEMORY = 200_000_000  # bytes of perturbed copies in the cache
ADJACENT = 2  # norms to prefetch on either side of the shown one
PATIENCE_S = 2.0  # no prefetching if one neighborhood takes longer


class NeighborhoodCache:
    """A least-recently-used cache of one study's neighborhoods, of at most `MEMORY` bytes."""

    def __init__(self) -> None:
        self._spec: RunSpec | None = None
        self._entries: OrderedDict[tuple[int, tuple[str, float]], Neighborhood] = OrderedDict()

    def get(self, target: SampleProbe) -> Neighborhood | None:
        """The cached neighborhood of a probe, or None."""
        if target.spec != self._spec:
            return None
        result = self._entries.get((target.sample, target.probe))
        if result is not None:
            self._entries.move_to_end((target.sample, target.probe))
        return result

    def put(self, target: SampleProbe, result: Neighborhood) -> None:
        """Add one; the oldest are evicted, and those of another study are dropped."""
        if target.spec != self._spec:
            self._spec = target.spec
            self._entries.clear()
        self._entries[target.sample, target.probe] = result
        while len(self._entries) > 1 and self._bytes() > MEMORY:
            self._entries.popitem(last=False)

    def _bytes(self) -> int:
        return sum(neighborhood.copies.nbytes for neighborhood in self._entries.values())


class NeighborhoodControl(QObject):
    """Requests neighborhoods on the probe lane; the latest request wins.

    Cached ones are shown in the same turn of the event loop. While idle, the adjacent norms are
    prefetched, one job at a time; any request stops that.
    """

    def __init__(
        self, state: AppState, jobs: Jobs, target: Callable[[], SampleProbe | None], parent: QObject
    ) -> None:
        """`target()` returns the current probe, None while there is nothing to show."""
        super().__init__(parent)
        self._state, self._jobs, self._target = state, jobs, target
        self._cache = NeighborhoodCache()
        self._requested: SampleProbe | None = None
        self._prefetch: tuple[SampleProbe, Job] | None = None
        self._taus: tuple[float, ...] = ()
        self._held = False
        self._started, self._duration = 0.0, 0.0
        for changed in (state.selection_changed, state.probe_changed, state.models_changed):
            changed.connect(self.look)

    def prepare(self, taus: tuple[float, ...]) -> None:
        """Prefetch the adjacent norms of the shown one on this grid; () for none."""
        self._taus = taus
        if not taus:
            self._stop_prefetch()
        elif self._state.neighborhood is not None:
            self._prefetch_next()

    def hold_prefetch(self, held: bool) -> None:
        """Prefetch nothing while `held`, such as until torch is imported."""
        self._held = held
        if self._state.neighborhood is not None:
            self._prefetch_next()

    def look(self) -> None:
        """Show the current probe's neighborhood, requesting it if it is not cached."""
        target = self._target()
        if target == self._requested and target is not None:
            return
        self._stop_prefetch()
        self._requested = target
        self._state.set_problem("neighborhood", "")
        if target is None:
            self._state.neighborhood = None
            return
        result = self._cache.get(target)
        if result is None:
            self._started = time.monotonic()
            self._submit(target)
        else:
            self._state.neighborhood = result
            self._prefetch_next()

    def _submit(self, target: SampleProbe) -> None:
        self._jobs.submit(
            Job(
                f"Computing the neighborhood of {sample_label(target.sample, self._state.dataset)}",
                functools.partial(probe_tasks.compute_neighborhood, *target),
                PROBE,
                "neighborhood",
                points=functools.partial(self._on_points, target),
                done=functools.partial(self._on_done, target),
                failed=functools.partial(self._on_failed, target),
                cancelled=functools.partial(self._on_cancelled, target),
            )
        )

    def _on_points(self, target: SampleProbe, batch: Points) -> None:
        """Show the result of the first copies."""
        parts = [data for channel, data in batch if channel == "neighborhood"]
        if parts and target == self._requested:
            self._state.neighborhood = parts[-1]

    def _on_done(self, target: SampleProbe, result: Neighborhood) -> None:
        self._add_to_cache(target, result)
        if target == self._requested:
            self._duration = time.monotonic() - self._started
            self._state.neighborhood = result
            self._prefetch_next()

    def _on_failed(self, target: SampleProbe, sentence: str) -> None:
        if target == self._requested:
            self._state.neighborhood = None
            self._state.set_problem("neighborhood", sentence)

    def _on_cancelled(self, target: SampleProbe) -> None:
        """The user stopped the whole lane: the next `look` requests it again."""
        if target == self._requested:
            self._requested = None

    # -- prefetching ----------------------------------------------------------------------
    def _prefetch_next(self) -> None:
        """Prefetch the nearest norm that is not cached, unless another one is in progress."""
        shown = self._requested
        busy = self._held or self._prefetch is not None
        if shown is None or busy or self._duration > PATIENCE_S:
            return
        target = next(
            (neighbor for neighbor in self._neighbors(shown) if self._cache.get(neighbor) is None),
            None,
        )
        if target is None:
            return
        job = Job(
            f"Preparing neighborhoods of {sample_label(target.sample, self._state.dataset)}",
            functools.partial(probe_tasks.compute_neighborhood, *target),
            PROBE,
            "neighborhood-beside",
            done=functools.partial(self._on_prefetched, target),
        )
        self._prefetch = (target, job)
        self._jobs.submit(job)

    def _neighbors(self, shown: SampleProbe) -> Iterator[SampleProbe]:
        """The same sample at the adjacent norms, nearest first."""
        if not self._taus:
            return
        kind, tau = shown.probe
        place = int(np.argmin(np.abs(np.array(self._taus) - tau)))
        for distance in range(1, ADJACENT + 1):
            for index in (place + distance, place - distance):
                if 0 <= index < len(self._taus):
                    yield shown._replace(probe=(kind, self._taus[index]))

    def _on_prefetched(self, target: SampleProbe, result: Neighborhood) -> None:
        self._add_to_cache(target, result)
        if self._prefetch is not None and self._prefetch[0] is target:
            self._prefetch = None
            self._prefetch_next()

    def _stop_prefetch(self) -> None:
        """Stop prefetching."""
        if self._prefetch is not None:
            self._prefetch[1].reporter.cancel()
            self._prefetch = None

    def _add_to_cache(self, target: SampleProbe, result: Neighborhood) -> None:
        """Cache it, unless another study is shown by now."""
        if self._requested is not None and target.spec == self._requested.spec:
            self._cache.put(target, result)
