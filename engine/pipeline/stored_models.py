"""The models of studies as the store has them: their outputs, and where their weights lie."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.errors import DataError, SpecError
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.records import labels_of, model_of
from engine.pipeline.stored_results import StoredResults
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import GIVEN, RunSpec
from engine.storage.store import Record
from engine.study.plan import Plan


class StoredModels:
    """Reads models of studies from the store."""

    def __init__(self, datasets: LoadedDatasets, results: StoredResults) -> None:
        self._datasets, self._results = datasets, results

    def models(self, plan: Plan) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        outputs = self._outputs(plan.spec)
        records = {name: self._record(plan, name, outputs) for name in plan.models}
        labels = labels_of(plan.spec)
        return {n: model_of(one, n, labels[n]) for n, one in records.items() if one is not None}

    def under(self, spec: RunSpec, name: str, key: str) -> ModelResult | None:
        """The model of that name and key of the study `spec`, None if it is not in the store."""
        record = self._results.shelf(spec).get("models", key, needs=self._outputs(spec))
        return None if record is None else model_of(record, name, labels_of(spec).get(name, name))

    def made(self, plan: Plan, name: str) -> bool:
        """Whether this model is in the store, with its weights."""
        stored = self._results.shelf(plan.spec).has("models", plan.models[name])
        return stored and self.weights_of(plan, name).is_file()

    def record(self, plan: Plan, name: str) -> Record | None:
        """The record of this model; None unless it is in the store, with weights if it has any."""
        record = self._record(plan, name, self._outputs(plan.spec))
        whole = plan.spec.model.name == GIVEN or self.weights_of(plan, name).is_file()
        return record if whole else None

    def weights_of(self, plan: Plan, name: str) -> Path:
        """The checkpoint of this model, whether or not it exists."""
        return self._results.shelf(plan.spec).path("checkpoints", plan.models[name], ".pt")

    def _record(self, plan: Plan, name: str, outputs: dict[str, tuple[int, int]]) -> Record | None:
        return self._results.shelf(plan.spec).get("models", plan.models[name], needs=outputs)

    def _outputs(self, spec: RunSpec) -> dict[str, tuple[int, int]]:
        """The shapes of outputs on this study's data; {} if the data are missing."""
        with contextlib.suppress(DataError, SpecError):
            dataset = self._datasets.load(spec.data, Reporter())
            parts = {"train": dataset.train_y, "test": dataset.test_y}
            classes = len(dataset.classes)
            return {f"outputs/{part}": (len(labels), classes) for part, labels in parts.items()}
        return {}
