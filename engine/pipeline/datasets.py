"""The datasets of studies: loaded once, found again where they moved to, put on the device."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import torch

from engine.datasets import base
from engine.datasets.base import Dataset
from engine.errors import DataError, LinkError, SpecError
from engine.pipeline import bundled_data
from engine.runtime.batching import SMALLER, fitting
from engine.runtime.device_samples import Sample, Samples
from engine.runtime.progress import Reporter
from engine.spec import FOLLOW, DataSpec, to_plain
from engine.storage.bounds import World
from engine.storage.paths import absolute, exists, is_relative
from engine.storage.store import Record, Store

LOADED = 2  # datasets that stay in memory
PLACES = "places"  # kind of records: where a person said that data lie
RELATIVE = (
    "The study was kept with the relative folder '{}': go to the folder it was made in, or say "
    "where the data are now (File > Find the data)."
)


class LoadedDatasets:
    """Loads datasets and remembers those in use. Serves one thread."""

    def __init__(self, store: Store, device: torch.device) -> None:
        """store: where it is kept that a dataset moved, and datasets that came in bundles."""
        self._store, self._device = store, device
        self._datasets: OrderedDict[DataSpec, Dataset] = OrderedDict()
        self._samples: dict[str, tuple[Samples, Samples]] = {}

    def load(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError where that is impossible or its content changed.

        What is not where the spec says is looked for where a person said it moved to, and among
        the datasets that came in bundles.
        """
        expected, named = spec.fingerprint, spec.root
        spec = replace(spec, fingerprint="", root=absolute(named))
        for known in self._datasets.values():
            if known.spec.fingerprint == expected:
                base.tell(known, report)
                return known
        if expected and spec.root and not exists(Path(spec.root)):
            there = self._elsewhere(expected, spec, report)
            if there is not None:  # before a dataset that can be downloaded is, into that folder
                return there
        try:
            return self._same(spec, expected, report)
        except (DataError, SpecError) as error:
            found = self._elsewhere(expected, spec, report)
            if found is None and expected and is_relative(named):
                raise DataError(f"{error} {RELATIVE.format(named)}") from error
            if found is None:
                raise
            return found

    def move(self, spec: DataSpec, root: str, report: Reporter) -> Dataset:
        """The dataset of `spec`, which lies in `root` on this machine; that is remembered.

        DataError where other data lie there.
        """
        root = absolute(root)
        there = replace(spec, root=root, fingerprint="")
        found = self._same(there, spec.fingerprint, report)
        self._store.put(
            PLACES, found.spec.fingerprint, {}, spec=to_plain(spec), seed=spec.seed, seconds=0.0,
            device="", root=root,
        )  # fmt: skip
        return found

    def _same(self, spec: DataSpec, expected: str, report: Reporter) -> Dataset:
        """The dataset of `spec` and of this fingerprint, '' for any; DataError otherwise.

        One that a study here knows already is read through links as it was then: they can show
        nothing else.
        """
        try:
            found = self._loaded(spec, report)
        except LinkError:
            if not expected:
                raise
            found = self._loaded(replace(spec, links=FOLLOW), report)
        return _expected(found, expected)

    def _loaded(self, spec: DataSpec, report: Reporter) -> Dataset:
        if spec not in self._datasets:
            self._hold(spec, base.load(spec, report))
        base.tell(self._datasets[spec], report)
        return self._datasets[spec]

    def _hold(self, spec: DataSpec, dataset: Dataset) -> None:
        self._datasets[spec] = dataset
        while len(self._datasets) > LOADED:
            self._datasets.popitem(last=False)
            self._samples.clear()

    def _elsewhere(self, expected: str, spec: DataSpec, report: Reporter) -> Dataset | None:
        """The dataset of this fingerprint where it moved to, or as it came in a bundle."""
        moved = self._store.get(PLACES, expected) if expected else None
        if moved is not None:
            with contextlib.suppress(DataError, SpecError):
                there = replace(spec, root=str(moved.attributes["root"]))
                return self._same(there, expected, report)
        record = self._sent(expected) if expected else None
        if record is None:
            return None
        found = bundled_data.dataset_of(record)
        self._hold(found.spec, found)  # with its fingerprint: no spec of a folder is like it
        base.tell(found, report)
        return found

    def _sent(self, fingerprint: str) -> Record | None:
        """The samples as they came in a bundle; the fingerprint is of them, whoever sent them."""
        shelves = (self._store, self._store.imported)  # earlier versions kept both in one
        found = (shelf.get(bundled_data.KIND, fingerprint) for shelf in shelves)
        return next((one for one in found if one is not None), None)

    def world(self, fingerprint: str) -> World | None:
        """The samples and classes of a dataset that was loaded before, None of any other."""
        known = (one for one in self._datasets.values() if one.spec.fingerprint == fingerprint)
        found = next(known, None)
        return found.world if found is not None else None

    def on_device(self, dataset: Dataset) -> tuple[Samples, Samples]:
        """(training, test) samples on the device."""
        mark = dataset.spec.fingerprint
        if mark not in self._samples:
            n = len(dataset.classes)
            with fitting(f"The dataset {dataset.label}", self._device, SMALLER):
                self._samples = {
                    mark: (
                        Samples.on(self._device, dataset.train_x, dataset.train_y, n),
                        Samples.on(self._device, dataset.test_x, dataset.test_y, n),
                    )
                }
        return self._samples[mark]

    def sample(self, dataset: Dataset, index: int) -> Sample:
        """One sample on the device; SpecError where there is none of this number."""
        dataset.require(index)
        train, test = self.on_device(dataset)
        n = len(train)
        return train.one(index) if index < n else test.one(index - n, index)

    def located(self, spec: DataSpec) -> DataSpec:
        """The same data where it was loaded from in this session, if it was."""
        for known, dataset in self._datasets.items():
            if dataset.spec.fingerprint == spec.fingerprint:
                return replace(known, fingerprint=spec.fingerprint)  # which keys depend on
        return spec


def _expected(found: Dataset, fingerprint: str) -> Dataset:
    """The dataset; DataError where it is not the one of this fingerprint ('': any is)."""
    spec = found.spec
    if fingerprint and spec.fingerprint != fingerprint:
        raise DataError(
            f"The data of '{spec.name}' {f'in {spec.root} ' if spec.root else ''}are not those "
            "this study was made with. Put the old files back, start a new study, or say in "
            "RK Explorer's window where they are now (File > Find the data)."
        )
    return found
