"""The current sample's neighborhood, with a cache and prefetched neighbors. No widgets."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QObject

from engine.forget_sets.sample_names import called
from engine.results import Neighborhood
from engine.spec import RunSpec
from explorer.control.slice import Sight
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs, Points
from explorer.state.app_state import AppState

MEMORY = 200_000_000  # bytes of perturbed copies in the cache
BESIDE = 2  # norms to prefetch on either side of the shown one
PATIENCE_S = 2.0  # no prefetching if one neighborhood takes longer


class NeighborhoodCache:
    """A least-recently-used cache of one study's neighborhoods, of at most `MEMORY` bytes."""

    def __init__(self) -> None:
        self._spec: RunSpec | None = None
        self._kept: OrderedDict[tuple[int, tuple[str, float]], Neighborhood] = OrderedDict()

    def get(self, sight: Sight) -> Neighborhood | None:
        """The cached neighborhood of a probe, or None."""
        if sight.spec != self._spec:
            return None
        found = self._kept.get((sight.sample, sight.probe))
        if found is not None:
            self._kept.move_to_end((sight.sample, sight.probe))
        return found

    def put(self, sight: Sight, found: Neighborhood) -> None:
        """Add one; the oldest are evicted, and those of another study are dropped."""
        if sight.spec != self._spec:
            self._spec = sight.spec
            self._kept.clear()
        self._kept[sight.sample, sight.probe] = found
        while len(self._kept) > 1 and self._bytes() > MEMORY:
            self._kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(one.copies.nbytes for one in self._kept.values())


class NeighborhoodControl(QObject):
    """Requests neighborhoods on the probe lane; the latest request wins.

    Cached ones are shown in the same turn of the event loop. While idle, the adjacent norms are
    prefetched, one job at a time; any request stops that.
    """

    def __init__(
        self, state: AppState, jobs: Jobs, under: Callable[[], Sight | None], parent: QObject
    ) -> None:
        """`target()` returns the current probe, None while there is nothing to show."""
        super().__init__(parent)
        self._state, self._jobs, self._under = state, jobs, under
        self._cache = NeighborhoodCache()
        self._asked: Sight | None = None
        self._beside: tuple[Sight, Job] | None = None
        self._taus: tuple[float, ...] = ()
        self._since, self._took = 0.0, 0.0
        for changed in (state.selection_changed, state.probe_changed, state.models_changed):
            changed.connect(self.look)

    def prepare(self, taus: tuple[float, ...]) -> None:
        """Prefetch the adjacent norms of the shown one on this grid; () for none."""
        self._taus = taus
        if not taus:
            self._rest()
        elif self._state.neighborhood is not None:
            self._make_ready()

    def look(self) -> None:
        """Show the current probe's neighborhood, requesting it if it is not cached."""
        sight = self._under()
        if sight == self._asked and sight is not None:
            return
        self._rest()
        self._asked = sight
        self._state.set_problem("neighborhood", "")
        if sight is None:
            self._state.neighborhood = None
            return
        found = self._cache.get(sight)
        if found is None:
            self._since = time.monotonic()
            self._submit(sight)
        else:
            self._state.neighborhood = found
            self._make_ready()

    def _submit(self, sight: Sight) -> None:
        self._jobs.submit(
            Job(
                f"Computing the neighborhood of {called(sight.sample, self._state.dataset)}",
                functools.partial(probe_tasks.look_around, *sight),
                PROBE,
                "neighborhood",
                points=functools.partial(self._on_points, sight),
                done=functools.partial(self._on_found, sight),
                failed=functools.partial(self._on_failed, sight),
                cancelled=functools.partial(self._on_cancelled, sight),
            )
        )

    def _on_points(self, sight: Sight, batch: Points) -> None:
        """Show the result of the first copies."""
        parts = [data for channel, data in batch if channel == "neighborhood"]
        if parts and sight == self._asked:
            self._state.neighborhood = parts[-1]

    def _on_found(self, sight: Sight, found: Neighborhood) -> None:
        self._keep(sight, found)
        if sight == self._asked:
            self._took = time.monotonic() - self._since
            self._state.neighborhood = found
            self._make_ready()

    def _on_failed(self, sight: Sight, sentence: str) -> None:
        if sight == self._asked:
            self._state.neighborhood = None
            self._state.set_problem("neighborhood", sentence)

    def _on_cancelled(self, sight: Sight) -> None:
        """The user stopped the whole lane: the next `look` requests it again."""
        if sight == self._asked:
            self._asked = None

    # -- prefetching ----------------------------------------------------------------------
    def _make_ready(self) -> None:
        """Prefetch the nearest norm that is not cached, unless another one is in progress."""
        shown = self._asked
        if shown is None or self._beside is not None or self._took > PATIENCE_S:
            return
        sight = next((one for one in self._neighbors(shown) if self._cache.get(one) is None), None)
        if sight is None:
            return
        job = Job(
            f"Preparing neighborhoods of {called(sight.sample, self._state.dataset)}",
            functools.partial(probe_tasks.look_around, *sight),
            PROBE,
            "neighborhood-beside",
            done=functools.partial(self._on_ready, sight),
        )
        self._beside = (sight, job)
        self._jobs.submit(job)

    def _neighbors(self, shown: Sight) -> Iterator[Sight]:
        """The same sample at the adjacent norms, nearest first."""
        if not self._taus:
            return
        kind, tau = shown.probe
        place = int(np.argmin(np.abs(np.array(self._taus) - tau)))
        for away in range(1, BESIDE + 1):
            for other in (place + away, place - away):
                if 0 <= other < len(self._taus):
                    yield shown._replace(probe=(kind, self._taus[other]))

    def _on_ready(self, sight: Sight, found: Neighborhood) -> None:
        self._keep(sight, found)
        if self._beside is not None and self._beside[0] is sight:
            self._beside = None
            self._make_ready()

    def _rest(self) -> None:
        """Stop prefetching."""
        if self._beside is not None:
            self._beside[1].reporter.cancel()
            self._beside = None

    def _keep(self, sight: Sight, found: Neighborhood) -> None:
        """Cache it, unless another study is shown by now."""
        if self._asked is not None and sight.spec == self._asked.spec:
            self._cache.put(sight, found)
