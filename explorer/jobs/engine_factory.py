"""Creation of a lane's engine in the lane's thread, where h5py and torch are imported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.jobs.garbage import Collector
from explorer.jobs.lanes import Log

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline


class EngineFactory:
    """Creates a lane's engine in the lane's thread, where h5py and torch are imported."""

    def __init__(self, store: Path | None, device: str, warn: Callable[[str], object]) -> None:
        """`warn` is called once, in a lane's thread, if the store is read-only."""
        self._store, self._device, self._warn = store, device, warn
        self._warned = threading.Lock()  # acquired by the first lane to warn, and never released

    def __call__(self, log: Log) -> Pipeline:
        """A pipeline on the store that leaves one core to the window.

        Raises StoreError or SpecError if that is impossible.
        """
        from engine.pipeline.pipeline import Pipeline
        from engine.storage.store import Store, default_store

        store = Store(self._store or default_store(), log)
        if store.refusal and self._warned.acquire(blocking=False):
            self._warn(store.refusal)
        return Pipeline(store, self._device, spare_cores=1, loading=_loading)


@contextmanager
def _loading() -> Iterator[None]:
    """The import of torch in a lane: it neither holds the GIL for long nor leaves garbage."""
    from engine.runtime.device import preload_torch

    preload_torch()
    with Collector.loading():
        yield
