"""Makes a lane's engine, in the lane's thread: torch and h5py are imported there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.jobs.garbage import Collector
from explorer.jobs.lanes import Say

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline


class EngineFactory:
    """Makes a lane's engine, in the lane's thread: torch and h5py are imported there."""

    def __init__(self, store: Path | None, device: str, warn: Callable[[str], object]) -> None:
        """`warn` hears, once and in a lane's thread, of a store that may not be written to."""
        self._store, self._device, self._warn = store, device, warn
        self._warned = threading.Lock()  # taken by whoever warns, and never given back

    def __call__(self, say: Say) -> Pipeline:
        """A pipeline on the store, which leaves a core to the window.

        StoreError or SpecError where that is impossible.
        """
        from engine.runtime.device import preload_torch

        preload_torch()
        with Collector.loading():
            from engine.pipeline.pipeline import Pipeline
            from engine.storage.store import Store, default_store

        store = Store(self._store or default_store(), say)
        if store.refusal and self._warned.acquire(blocking=False):
            self._warn(store.refusal)
        return Pipeline(store, self._device, spare_cores=1)
