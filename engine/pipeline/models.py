"""The models of a study: read from the store, and made or loaded as networks on demand."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from engine.errors import SpecError
from engine.external.network_spec import ANSWERS_ALONE
from engine.pipeline.compute_device import ComputeDevice, Loading
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.loaded_models import LoadedModels
from engine.pipeline.stored_models import StoredModels
from engine.pipeline.stored_results import StoredResults
from engine.results import ModelResult
from engine.runtime.batching import free_cache
from engine.runtime.progress import Reporter
from engine.spec import GIVEN, RunSpec
from engine.storage.store import Store
from engine.study.keys import foreign_model
from engine.study.plan import Plan

if TYPE_CHECKING:
    import torch

    from engine.models.base import Classifier
    from engine.pipeline.model_maker import ModelMaker
    from engine.pipeline.model_making import ModelMaking, WatchFactory
    from engine.pipeline.pretraining import Pretraining


class StudyModels:
    """Trains missing models and caches data and models in use. For use by one thread."""

    def __init__(
        self,
        store: Store,
        device: str = "auto",
        spare_cores: int = 0,
        loading: Loading = contextlib.nullcontext,
    ) -> None:
        """SpecError if the device is missing. spare_cores, loading: as for `ComputeDevice`."""
        self.store = store
        self._compute, self._spare_cores = ComputeDevice(device, spare_cores, loading), spare_cores
        self.datasets = LoadedDatasets(store, self._compute)
        self.results = StoredResults(store, self.datasets, self._compute)
        self._stored = StoredModels(self.datasets, self.results)
        self._models = LoadedModels()

    @property
    def device(self) -> torch.device:
        """The device that models are on; imports torch."""
        return self._compute()

    @property
    def pretraining(self) -> Pretraining:
        """Trains the networks that models start from; imports torch."""
        return self._making.pretraining

    @property
    def maker(self) -> ModelMaker:
        """Makes networks; imports torch."""
        return self._making.maker

    @functools.cached_property
    def _making(self) -> ModelMaking:
        device = self.device
        from engine.pipeline.model_making import ModelMaking

        return ModelMaking(
            self.store, self.datasets, self.results, self._stored, self._models, device,
            self._spare_cores,
        )  # fmt: skip

    def warm_up(self) -> None:
        """Import torch and what makes models."""
        assert self._making

    def free_cache(self) -> None:
        """Release the memory that the device's allocator has cached."""
        if self._compute.chosen:
            free_cache(self.device)

    def keep_only(self, fingerprint: str) -> bool:
        """Drop networks and data but those of this dataset; whether there were others."""
        dropped = self.datasets.keep_only(fingerprint)
        if dropped:
            self._models.clear()
        return dropped

    def models(self, plan: Plan) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        return self._stored.models(plan)

    def under(self, spec: RunSpec, name: str, key: str) -> ModelResult | None:
        """The stored model of that name and key of the study `spec`, or None."""
        return self._stored.under(spec, name, key)

    def made(self, plan: Plan, name: str) -> bool:
        """Whether this model is in the store, with its weights."""
        return self._stored.made(plan, name)

    def model(
        self, plan: Plan, name: str, report: Reporter, watching: WatchFactory | None = None
    ) -> ModelResult:
        """One model of the study, from the store or trained now, with `watching` if given."""
        return self._making.model(plan, name, report, watching)

    def retrains(self, plan: Plan, report: Reporter) -> list[ModelResult]:
        """Missing Re-trains that are made side by side now; the others are left to `model`.

        Each is the model that `model` makes, in a share of the time.
        """
        missing = [
            name
            for name in plan.models
            if name.startswith("retrain-")
            and foreign_model(plan.spec, name) is None
            and not self.made(plan, name)
        ]
        return self._making.retrains(plan, missing, report) if len(missing) > 1 else []

    def again(
        self, plan: Plan, name: str, report: Reporter, watching: WatchFactory
    ) -> tuple[float, bool]:
        """Make a stored model once more to watch it; the stored one is unchanged.

        Returns the seconds it took, excluding the watching, and whether the weights are identical.
        """
        return self._making.again(plan, name, report, watching)

    def loaded(self, plan: Plan, name: str, report: Reporter | None = None) -> Classifier:
        """The network on the device, in eval mode; callers must not modify it.

        A model whose checkpoint is missing or damaged is trained again. SpecError for one that is
        known by its answers alone.
        """
        if plan.spec.model.name == GIVEN:
            raise SpecError(ANSWERS_ALONE)
        return self._making.loaded(plan, name, report)
