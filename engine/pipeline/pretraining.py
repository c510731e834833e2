"""Pre-training on other data, from which Original and Re-trains may start."""

from __future__ import annotations

import torch

from engine.datasets.base import Dataset
from engine.errors import CheckpointError
from engine.external.network import network
from engine.models.base import Classifier
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.loaded_models import LoadedModels, cache_key
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import derive, generator
from engine.spec import ModelSpec, PretrainSpec, to_plain
from engine.storage.store import Store
from engine.study import compose
from engine.training import checkpoints
from engine.training.costs import cost_of_training
from engine.training.sgd import train_from_scratch


class Pretraining:
    """Trains the networks that models start from, and stores them as checkpoints."""

    def __init__(
        self, store: Store, datasets: LoadedDatasets, models: LoadedModels, device: torch.device
    ) -> None:
        self._store, self._datasets, self._models = store, datasets, models
        self._device = device

    def network(
        self, model: ModelSpec, spec: PretrainSpec, report: Reporter, *, imported: bool = False
    ) -> Classifier:
        """The network that Original and Re-trains start from, from the store or trained now.

        It is stored as a checkpoint without any other result; imported: among the imported models.
        Raises what training raises.
        """
        key = compose.pretrained_key(model, spec)
        place = cache_key(key, imported)
        shelf = self._store.imported if imported else self._store
        if place not in self._models:
            with shelf.making("models", [key], "pre-training", report):
                self._models.put(place, self._obtain(model, spec, key, shelf, report).eval())
        return self._models[place]

    def cost(self, model: ModelSpec, spec: PretrainSpec) -> float:
        """Remaining sample passes; 0 if the result is in the store."""
        if self._store.path("checkpoints", compose.pretrained_key(model, spec), ".pt").is_file():
            return 0.0
        return cost_of_training(spec.train, len(self._datasets.load(spec.data, Reporter()).pool))

    def _obtain(
        self, model: ModelSpec, spec: PretrainSpec, key: str, shelf: Store, report: Reporter
    ) -> Classifier:
        """The network from its checkpoint, or else trained and stored."""
        dataset = self._datasets.load(spec.data, report)
        net = network(model, dataset, generator(spec.seed, "weights", "pretrained"))
        net = net.to(self._device)
        path = shelf.path("checkpoints", key, ".pt")
        if path.is_file():
            try:
                checkpoints.load_into(net, checkpoints.load(path)[0], str(path))
                return net
            except CheckpointError as error:
                shelf.set_aside(path, str(error))
        epoch = checkpoints.EpochCheckpoint(shelf.path("partial", key, ".pt"), shelf.replacing)
        self._train(net, dataset, spec, epoch, report)
        facts = {"key": key, "model": "pretrained", "spec": to_plain(spec), "seed": spec.seed}
        facts |= checkpoints.training_environment(self._device)
        checkpoints.save(path, net, facts, shelf.replacing)
        epoch.discard()
        return net

    def _train(
        self,
        net: Classifier,
        dataset: Dataset,
        spec: PretrainSpec,
        epoch: checkpoints.EpochCheckpoint,
        report: Reporter,
    ) -> None:
        report.stage("pre-training")
        report.expect(cost_of_training(spec.train, len(dataset.pool)))
        samples = Samples.on(self._device, dataset.train_x, dataset.train_y, len(dataset.classes))
        every = torch.from_numpy(dataset.pool).to(self._device)
        seed = derive(spec.seed, "pretrained")
        try:
            train_from_scratch(
                net, samples, every, spec.train, seed=seed, report=report, resume=epoch
            )
        except BaseException:  # cancelled, failed or interrupted: store what was learned
            epoch.flush()
            raise
