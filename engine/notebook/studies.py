"""The studies in a store, read without computing anything: names, settings, numbers, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import SpecError, StoreError
from engine.membership.results import Attack
from engine.notebook.frames import frame
from engine.notebook.knowledge import ResidualKnowledge
from engine.notebook.places import store_of
from engine.notebook.torch_settings import restored_torch_settings
from engine.pipeline.compute_device import ComputeDevice
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.membership import infer
from engine.pipeline.models import StudyModels
from engine.pipeline.studies import StudyCatalog
from engine.results import Study, StudySummary
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.study.plan import Plan


def open(store: Store | Path | str | None = None) -> Studies:
    """The studies in a store: a folder, or the user's own by default. StoreError if unreadable.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> studies = open(folder.name)
    >>> len(studies), list(studies)
    (0, [])
    >>> folder.cleanup()
    """
    return Studies(store_of(store))


class Studies:
    """The studies in a store, newest first; `studies[key]` is one, by key or by its name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with restored_torch_settings():
            self._catalog = StudyCatalog(store, LoadedDatasets(store, ComputeDevice()))

    @property
    def summaries(self) -> tuple[StudySummary, ...]:
        """One line per study: key, data, model, methods, seed, tags and more."""
        return tuple(self._catalog.summaries())

    def __len__(self) -> int:
        return len(self.summaries)

    def __iter__(self) -> Iterator[StoredStudy]:
        """Every study, read when it is used."""
        return (StoredStudy(self._catalog, one.key, self.store) for one in self.summaries)

    def __getitem__(self, key: str) -> StoredStudy:
        """The study whose key begins with `key`, or which has this name; StoreError if there is
        none, or more than one."""
        keys = [one.key for one in self.summaries if one.name == key]
        if len(keys) > 1:
            listed = ", ".join(keys)
            raise StoreError(f"{len(keys)} studies are named '{key}'. Use a key: {listed}.")
        chosen = keys[0] if keys else self._catalog.place(key)[1]
        return StoredStudy(self._catalog, chosen, self.store)

    def to_frame(self) -> Any:
        """A pandas DataFrame with one row per study; SpecError if pandas is not installed."""
        names = ("key", "name", "dataset", "model", "forget", "methods", "perturbation", "draws",
                 "seed", "created", "seconds", "tags")  # fmt: skip
        rows = self.summaries
        return frame({name: [_cell(getattr(one, name)) for one in rows] for name in names})

    def __repr__(self) -> str:
        count = len(self)
        return f"<{count} {'study' if count == 1 else 'studies'} in {self.store.root}>"


class StoredStudy:
    """One study; `study['gd']` is the residual knowledge of that model."""

    def __init__(self, catalog: StudyCatalog, key: str, store: Store) -> None:
        self._catalog, self.key, self._store = catalog, key, store

    @cached_property
    def results(self) -> Study:
        """Everything stored in the study's file, as arrays."""
        return self._catalog.study(self.key)

    @property
    def name(self) -> str:
        """The name that somebody gave it, '' for none."""
        return self.results.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its settings as plain data: data, model, train, forget, methods, probe and more."""
        return self._catalog.provenance(self.key).spec

    @property
    def created(self) -> str:
        """When it was made, in UTC."""
        return self.results.created

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that have a curve: Original, and the unlearned ones."""
        return tuple(self.results.residual.curves)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the unlearned models alone."""
        return tuple(name for name in self.models if name != "original")

    @property
    def labels(self) -> Mapping[str, str]:
        """model -> what people call it."""
        return self.results.labels

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """model -> measure -> value; `retrain` is the mean over the Re-trains."""
        return self.results.metrics

    @property
    def forget(self) -> np.ndarray:
        """(n_f,) indices of the forget set."""
        return self.results.forget

    @property
    def taus(self) -> np.ndarray:
        """(T,) perturbation norms."""
        return self.results.residual.taus

    def __getitem__(self, model: str) -> ResidualKnowledge:
        """The residual knowledge of a model, by its name or label; SpecError without a curve."""
        names = {label: name for name, label in self.labels.items()} | {n: n for n in self.models}
        if names.get(model) not in self.models:
            listed = ", ".join(self.models)
            raise SpecError(f"This study has no curve of '{model}', but of {listed}.")
        return ResidualKnowledge(self.results.residual, names[model], self.labels)

    def __iter__(self) -> Iterator[str]:
        """The names of `models`."""
        return iter(self.models)

    def verdicts(self) -> dict[str, np.ndarray]:
        """model -> (n_f,) 'residual', 'none' or 'undecided' of each forget sample."""
        return {name: self[name].verdicts() for name in self.models}

    def membership(
        self,
        model: str,
        beside: str = "retrain-0",
        *,
        score: str = "confidence",
        members: str = "forget",
        matched: bool = True,
    ) -> Attack:
        """Membership inference on `model`, and on the model `beside` it as the baseline.

        score: confidence, loss, ..., or per sample u-lira or rmia, which also read the stored
        studies of other seeds; members: 'forget' or 'retain'; matched: whether non-members have the
        members' classes. `per_sample()` of the answer lists the score of every sample. SpecError
        for an unknown name and for too few models to compare with, DataError if the data are gone.
        """
        spec, names = self._catalog.spec_under(self.key), dict.fromkeys((model, beside))
        with restored_torch_settings():
            return infer(
                StudyModels(self._store), Plan.of(spec), names, Reporter(),
                score=score, members=members, matched=matched,
            )  # fmt: skip

    def to_frame(self) -> Any:
        """The metrics as a pandas DataFrame, one row per model; SpecError without pandas."""
        measures = dict.fromkeys(name for row in self.metrics.values() for name in row)
        columns = {
            name: [row.get(name, np.nan) for row in self.metrics.values()] for name in measures
        }
        return frame({"model": list(self.metrics), **columns})

    def __repr__(self) -> str:
        called = f" '{self.name}'" if self.name else ""
        return f"<study {self.key}{called}: {', '.join(self.models)}>"


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
