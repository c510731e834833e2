"""The results of a study: looked up in the store, or computed once and stored.

Every request follows the same five steps: the key is derived from what determines the result; the
store is queried for a record with all required arrays; if there is none, one process computes it
while others wait; the record is stored; the record is unpacked. A `Recipe` holds what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from engine.pipeline.compute_device import ComputeDevice
from engine.pipeline.datasets import LoadedDatasets
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.schema import Shape
from engine.storage.store import Record, Store
from engine.study import compose

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Product:
    """A computed result: its arrays, the seconds taken, and further attributes of its record."""

    arrays: Mapping[str, np.ndarray]
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recipe(Generic[T]):
    """One result of a study: where it is stored, what its record must hold, how it is computed.

    needs: as for `Store.get`. title: what is computed, shown to processes that wait for it.
    """

    kind: str
    key: str
    needs: Mapping[str, Shape]
    title: str
    make: Callable[[], Product]
    unpack: Callable[[Record], T]


class StoredResults:
    """Reads and writes the results of studies."""

    def __init__(self, store: Store, datasets: LoadedDatasets, device: ComputeDevice) -> None:
        self._store, self._datasets, self._device = store, datasets, device

    def shelf(self, spec: RunSpec) -> Store:
        """The store of this study's models and results; imported ones have their own."""
        return self._store.imported if spec.imported else self._store

    def get(
        self, kind: str, key: str, spec: RunSpec, needs: Mapping[str, Shape] | None = None
    ) -> Record | None:
        """A stored result, checked against this study's data, or None.

        needs: as for `Store.get`. Raises what `LoadedDatasets.load` raises.
        """
        world = self._datasets.load(spec.data, Reporter()).world
        return self.shelf(spec).get(kind, key, needs=needs, world=world)

    def obtain(self, recipe: Recipe[T], spec: RunSpec, report: Reporter) -> T:
        """The stored result, or else one computed and stored now, in one process at a time.

        Raises as `get`, `Recipe.make` and `Store.making` do.
        """
        kind, key = recipe.kind, recipe.key
        record = self.get(kind, key, spec, recipe.needs)
        if record is None:
            with self.shelf(spec).making(kind, [key], recipe.title, report):
                record = self.get(
                    kind, key, spec, recipe.needs
                )  # another process may just have made it
                if record is None:
                    self._device()  # torch is imported here, if it is not yet
                    product = recipe.make()
                    record = self.put(
                        kind, key, product.arrays, spec, product.seconds, **product.facts
                    )
        return recipe.unpack(record)

    def put(
        self,
        kind: str,
        key: str,
        arrays: Mapping[str, np.ndarray],
        spec: RunSpec,
        seconds: float,
        **facts: Any,
    ) -> Record:
        """Store a result of this study."""
        import torch

        return self.shelf(spec).put(
            kind,
            key,
            arrays,
            spec=compose.as_plain(spec),
            seed=spec.seed,
            seconds=seconds,
            device=str(self._device()),
            threads=torch.get_num_threads(),
            **facts,
        )
