"""The datasets of studies: loaded once, relocated if they have moved, copied to the device."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.datasets import base
from engine.datasets.base import Dataset
from engine.errors import DataError, LinkError, SpecError
from engine.pipeline import bundled_data
from engine.pipeline.compute_device import ComputeDevice
from engine.runtime.batching import SMALLER, memory_guard
from engine.runtime.progress import Reporter
from engine.spec import FOLLOW, GIVEN, DataSpec, to_plain
from engine.storage import pixel_cache
from engine.storage.bounds import DatasetBounds
from engine.storage.paths import absolute, exists, is_relative
from engine.storage.store import Record, Store

if TYPE_CHECKING:
    from engine.runtime.device_samples import Sample, Samples

LOADED = 2  # datasets that stay in memory
PLACES = "places"  # kind of records: folders that users have located data in
RELATIVE = (
    "The study was stored with the relative folder '{}': change to the folder it was made in, or "
    "tell RK Explorer where the data are now (File > Find the data)."
)


class LoadedDatasets:
    """Loads datasets and caches those in use. For use by one thread."""

    def __init__(self, store: Store, device: ComputeDevice) -> None:
        """store: holds the new locations of moved datasets, and datasets from bundles."""
        self._store, self._device = store, device
        self._pixels = pixel_cache.PixelCache(store)
        self._datasets: OrderedDict[DataSpec, Dataset] = OrderedDict()
        self._samples: dict[str, tuple[Samples, Samples]] = {}

    def load(self, spec: DataSpec, report: Reporter, *, anew: bool = False) -> Dataset:
        """The dataset, loaded once; DataError if that is impossible or its content has changed.

        anew: read it even if it is loaded, because its files may have changed since.
        A dataset that is not where the spec says is looked up at the location that the user gave
        for it, and among the datasets from bundles.
        """
        expected, root = spec.fingerprint, spec.root
        spec = replace(spec, fingerprint="", root=absolute(root))
        if anew:
            self._datasets.pop(spec, None)
        for cached in self._datasets.values():
            if cached.spec.fingerprint == expected:
                base.tell(cached, report)
                return cached
        if expected and spec.root and not exists(Path(spec.root)):
            relocated = self._elsewhere(expected, spec, report)
            if relocated is not None:  # otherwise a downloadable dataset would be fetched into it
                return relocated
        if spec.name == GIVEN:
            return self._given(expected, spec, report)
        try:
            return self._same(spec, expected, report)
        except (DataError, SpecError) as error:
            fallback = self._elsewhere(expected, spec, report)
            if fallback is None and expected and is_relative(root):
                raise DataError(f"{error} {RELATIVE.format(root)}") from error
            if fallback is None:
                raise
            return fallback

    def move(self, spec: DataSpec, root: str, report: Reporter) -> Dataset:
        """The dataset of `spec`, now located in `root`; the new location is stored.

        DataError if `root` holds other data.
        """
        root = absolute(root)
        moved_spec = replace(spec, root=root, fingerprint="")
        dataset = self._same(moved_spec, spec.fingerprint, report)
        self._store.put(
            PLACES, dataset.spec.fingerprint, {}, spec=to_plain(spec), seed=spec.seed, seconds=0.0,
            device="", root=root,
        )  # fmt: skip
        return dataset

    def _same(self, spec: DataSpec, expected: str, report: Reporter) -> Dataset:
        """The dataset of `spec` if it has this fingerprint ('' for any); DataError otherwise.

        A dataset with an expected fingerprint may be read through links: they cannot lead to other
        content.
        """
        try:
            dataset = self._loaded(spec, expected, report)
        except LinkError:
            if not expected:
                raise
            dataset = self._loaded(replace(spec, links=FOLLOW), expected, report)
        return _expected(dataset, expected)

    def _loaded(self, spec: DataSpec, expected: str, report: Reporter) -> Dataset:
        """The dataset of `spec`; read again if it is loaded with another fingerprint."""
        loaded = self._datasets.get(spec)
        if loaded is None or (expected and loaded.spec.fingerprint != expected):
            with pixel_cache.using(self._pixels):
                self._hold(spec, base.load(spec, report))
        base.tell(self._datasets[spec], report)
        return self._datasets[spec]

    def _hold(self, spec: DataSpec, dataset: Dataset) -> None:
        self._datasets[spec] = dataset
        while len(self._datasets) > LOADED:
            self._datasets.popitem(last=False)
            self._samples.clear()

    def keep_only(self, fingerprint: str) -> bool:
        """Drop every other dataset; whether there was one."""
        others = [
            spec
            for spec, dataset in self._datasets.items()
            if dataset.spec.fingerprint != fingerprint
        ]
        for spec in others:
            del self._datasets[spec]
        for other in self._samples.keys() - {fingerprint}:
            del self._samples[other]
        return bool(others)

    def _elsewhere(self, expected: str, spec: DataSpec, report: Reporter) -> Dataset | None:
        """The dataset with this fingerprint at its new location, or from a bundle."""
        moved = self._store.get(PLACES, expected) if expected else None
        if moved is not None:
            with contextlib.suppress(DataError, SpecError):
                moved_spec = replace(spec, root=str(moved.attributes["root"]))
                return self._same(moved_spec, expected, report)
        record = self._sent(expected) if expected else None
        if record is None:
            return None
        dataset = bundled_data.dataset_of(record)
        self._hold(
            dataset.spec, dataset
        )  # with its fingerprint, so it differs from any spec of a folder
        base.tell(dataset, report)
        return dataset

    def _given(self, expected: str, spec: DataSpec, report: Reporter) -> Dataset:
        """The samples saved from Python with this fingerprint; DataError if they are lost."""
        dataset = self._elsewhere(expected, spec, report)
        if dataset is None:
            raise DataError(
                "The samples of this study were stored with it when it was saved from Python, and "
                "are not in this store. Save it again, or open its bundle."
            )
        return dataset

    def _sent(self, fingerprint: str) -> Record | None:
        """The record of a dataset from a bundle; `dataset_of` verifies its fingerprint."""
        shelves = (self._store, self._store.imported)  # earlier versions stored both in one
        records = (shelf.get(bundled_data.KIND, fingerprint) for shelf in shelves)
        return next((one for one in records if one is not None), None)

    def world(self, fingerprint: str) -> DatasetBounds | None:
        """Bounds on samples and classes of a dataset that is loaded, None for any other."""
        matches = (one for one in self._datasets.values() if one.spec.fingerprint == fingerprint)
        dataset = next(matches, None)
        return dataset.world if dataset is not None else None

    def on_device(self, dataset: Dataset) -> tuple[Samples, Samples]:
        """(training, test) samples on the device."""
        fingerprint = dataset.spec.fingerprint
        if fingerprint not in self._samples:
            n, device = len(dataset.classes), self._device()
            from engine.runtime.device_samples import Samples

            with memory_guard(f"The dataset {dataset.label}", device, SMALLER):
                self._samples = {
                    fingerprint: (
                        Samples.on(device, dataset.train_x, dataset.train_y, n),
                        Samples.on(device, dataset.test_x, dataset.test_y, n),
                    )
                }
        return self._samples[fingerprint]

    def sample(self, dataset: Dataset, index: int) -> Sample:
        """One sample on the device; SpecError if there is no sample with this index."""
        dataset.require(index)
        train, test = self.on_device(dataset)
        n = len(train)
        return train.one(index) if index < n else test.one(index - n, index)

    def located(self, spec: DataSpec) -> DataSpec:
        """The spec with the location its data were loaded from, if they are loaded."""
        for loaded_spec, dataset in self._datasets.items():
            if dataset.spec.fingerprint == spec.fingerprint:
                return replace(loaded_spec, fingerprint=spec.fingerprint)  # keys depend on it
        return spec


def _expected(dataset: Dataset, fingerprint: str) -> Dataset:
    """The dataset; DataError if its fingerprint differs from this one ('' matches any)."""
    spec = dataset.spec
    if fingerprint and spec.fingerprint != fingerprint:
        raise DataError(
            f"The data of '{spec.name}' {f'in {spec.root} ' if spec.root else ''}are not those "
            "this study was made with. Restore the old files, start a new study, or tell RK "
            "Explorer where they are now (File > Find the data)."
        )
    return dataset
