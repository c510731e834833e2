"""Makes the models of a study, stores them, and loads them as networks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from engine.errors import CheckpointError, TrainingError
from engine.external import weights
from engine.external.trial import check_batch_independence, check_repeatability
from engine.models.base import Classifier
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.epoch_probe import EpochWatch
from engine.pipeline.loaded_models import LoadedModels, cache_key
from engine.pipeline.model_maker import ModelMaker
from engine.pipeline.pretraining import Pretraining
from engine.pipeline.records import labels_of, model_of
from engine.pipeline.stored_models import StoredModels
from engine.pipeline.stored_results import StoredResults
from engine.results import ModelResult
from engine.runtime.batching import SMALLER, batches_of, memory_guard
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage import hdf5
from engine.storage.store import Store
from engine.study import compose
from engine.study.plan import Plan
from engine.training import checkpoints
from engine.training.ensemble import train_together
from engine.training.sgd import Resume
from engine.user_code.attribution import attributed_errors

WatchFactory = Callable[[Resume], EpochWatch]  # the watch on the epochs stored there

TOGETHER = 32  # Re-trains trained side by side: more would hardly be faster
COMPARED = 32  # samples on which a user's network is also queried one by one
EVALUATION_VALUES = 1_000_000  # input values per forward when a whole dataset is evaluated


class ModelMaking:
    """Trains missing models and loads stored ones. For use by one thread."""

    def __init__(
        self,
        store: Store,
        datasets: LoadedDatasets,
        results: StoredResults,
        stored: StoredModels,
        loaded: LoadedModels,
        device: torch.device,
        spare_cores: int = 0,
    ) -> None:
        """spare_cores: cores that torch leaves free for the interface."""
        self.store, self.datasets, self.results, self._stored = store, datasets, results, stored
        self._models, self.device = loaded, device
        self.pretraining = Pretraining(store, datasets, loaded, device)
        self.maker = ModelMaker(datasets, self.pretraining, device, spare_cores)

    def model(
        self, plan: Plan, name: str, report: Reporter, watching: WatchFactory | None = None
    ) -> ModelResult:
        """One model of the study, from the store or trained now, with `watching` if given."""
        stored = self._from_store(plan, name, report)
        if stored is not None:
            return stored
        shelf = self.results.shelf(plan.spec)
        with shelf.making("models", [plan.models[name]], name, report):
            stored = self._from_store(plan, name, report)  # another process may just have made it
            if stored is not None:
                return stored
            epoch = self._last_epoch(plan, name)
            model, seconds = self._make(plan, name, report, epoch, watching)
            if compose.foreign_model(plan.spec, name):
                seconds = math.nan  # unknown for a supplied model
            return self._finish(plan, name, model, epoch, epoch.losses, seconds)

    def retrains(self, plan: Plan, names: Sequence[str], report: Reporter) -> list[ModelResult]:
        """Those of these missing Re-trains that were trained side by side, and are stored now.

        Each is the model that `model` makes, bit for bit. Raises as `model` does.
        """
        with attributed_errors(names[0], over=True):
            if not self.maker.trains_side_by_side(plan.spec):
                return []
        made = []
        for first in range(0, len(names), TOGETHER):
            group = names[first : first + TOGETHER]
            keys = [plan.models[name] for name in group]
            with self.results.shelf(plan.spec).making("models", keys, "Re-trains", report):
                due = [name for name in group if not self._stored.made(plan, name)]
                epochs = {name: self._last_epoch(plan, name) for name in due}
                for finished in sorted({len(one.losses) for one in epochs.values()}):
                    alike = {n: one for n, one in epochs.items() if len(one.losses) == finished}
                    made += self._side_by_side(plan, alike, report)
        return made

    def again(
        self, plan: Plan, name: str, report: Reporter, watching: WatchFactory
    ) -> tuple[float, bool]:
        """Make a stored model once more to watch it; the stored one is unchanged.

        Returns the seconds it took, excluding the watching, and whether the weights are identical.
        """
        stored = checkpoints.digest(self.loaded(plan, name, report).state_dict())
        shelf = self.results.shelf(plan.spec)
        with shelf.making("models", [plan.models[name]], name, report):
            epoch = self._last_epoch(plan, name)
            model, seconds = self._make(plan, name, report, epoch, watching)
            epoch.discard()
        return seconds, checkpoints.digest(model.state_dict()) == stored

    def loaded(self, plan: Plan, name: str, report: Reporter | None = None) -> Classifier:
        """The network on the device, in eval mode; callers must not modify it.

        A model whose checkpoint is missing or damaged is trained again.
        """
        place = cache_key(plan.models[name], plan.spec.imported)
        if place not in self._models:
            path = self._stored.weights_of(plan, name)
            try:
                state, _ = checkpoints.load(path)
                with memory_guard(f"The model {name}", self.device, SMALLER):
                    model = self.maker.blank(plan.spec, name)
                checkpoints.load_into(model, state, str(path))
                self._models.put(place, model.eval())
            except CheckpointError as error:
                if path.is_file():
                    self.results.shelf(plan.spec).set_aside(path, str(error))
                self.model(plan, name, report or Reporter())
        network = self._models[place]
        self.maker.take_cores(plan.spec, network)
        _call(network, name)
        return network

    def _from_store(self, plan: Plan, name: str, report: Reporter) -> ModelResult | None:
        """The model if it is in the store with its weights, else None."""
        shelf, key = self.results.shelf(plan.spec), plan.models[name]
        record = self._stored.record(plan, name)
        if record is None:
            return None
        stored = model_of(record, name, labels_of(plan.spec)[name])
        report.forgo(self.maker.cost(plan.spec, name))
        for epoch, loss in enumerate(stored.loss, 1):
            report.point("loss", (name, epoch, loss))
        partial = shelf.path("partial", key, ".pt")
        if shelf.writable and partial.is_file() and shelf.idle("models", key):
            partial.unlink(missing_ok=True)  # left by a process killed at the very end
        return stored

    def _make(
        self,
        plan: Plan,
        name: str,
        report: Reporter,
        epoch: checkpoints.EpochCheckpoint,
        watching: WatchFactory | None,
    ) -> tuple[Classifier, float]:
        """The model, and the seconds it took, including earlier sessions, excluding watching."""
        report.stage(name)
        watch = watching(epoch) if watching else None
        started, earlier = time.monotonic(), epoch.seconds
        for number, loss in enumerate(epoch.losses, 1):
            report.point("loss", (name, number, loss))
        try:
            if watch:
                watch.begin()
            with (
                attributed_errors(name, over=True),
                memory_guard(f"{name}, with all that its training holds,", self.device, SMALLER),
            ):
                model = self.maker.make(
                    plan.spec, name, lambda: self.loaded(plan, "original"), report, watch or epoch
                )
            _call(model, name)
            if watch:
                watch.end(model)
        except BaseException:  # cancelled, failed or interrupted: store what was learned
            epoch.flush()
            raise
        seconds = earlier + time.monotonic() - started
        return model, seconds - (watch.session_seconds if watch else 0.0)

    def _side_by_side(
        self, plan: Plan, epochs: Mapping[str, checkpoints.EpochCheckpoint], report: Reporter
    ) -> list[ModelResult]:
        """Re-trains after the same number of epochs, trained to the end; [] where that differs."""
        if len(epochs) < 2:
            return []
        started, earlier = time.monotonic(), [one.seconds for one in epochs.values()]
        report.stage(f"{len(epochs)} Re-trains")
        for name, epoch in epochs.items():
            for number, loss in enumerate(epoch.losses, 1):
                report.point("loss", (name, number, loss))
        try:
            with memory_guard("The Re-trains, trained side by side,", self.device, SMALLER):
                members, samples, retain = self.maker.companions(plan.spec, epochs, report)
                spec = plan.spec.train.of_retrain()
                histories = train_together(members, samples, retain, spec, report)
        except BaseException:  # cancelled, failed or interrupted: store what was learned
            for epoch in epochs.values():
                epoch.flush()
            raise
        share = (time.monotonic() - started) / len(epochs)
        return [
            self._finish(plan, one.name, one.model, epochs[one.name], history.loss, before + share)
            for one, history, before in zip(members, histories or (), earlier, strict=False)
        ]

    def _finish(
        self,
        plan: Plan,
        name: str,
        model: Classifier,
        epoch: checkpoints.EpochCheckpoint,
        losses: Sequence[float],
        seconds: float,
    ) -> ModelResult:
        """Store a model that was just made, and remove its last epoch."""
        try:
            result = self._put(plan, name, model, losses, seconds)
        except TrainingError:  # a resumed run would fail again
            epoch.discard()
            raise
        epoch.discard()
        return result

    def _last_epoch(self, plan: Plan, name: str) -> checkpoints.EpochCheckpoint:
        """The last finished epoch of this model, from which an interrupted run resumes."""
        key = plan.models[name]
        path = self.results.shelf(plan.spec).path("partial", key, ".pt")
        facts = {"key": key, "model": name, "spec": compose.as_plain(plan.spec)}
        facts |= checkpoints.training_environment(self.device)
        return checkpoints.EpochCheckpoint(path, self.store.replacing, facts)

    def _put(
        self, plan: Plan, name: str, model: Classifier, losses: Sequence[float], seconds: float
    ) -> ModelResult:
        """Store a model that was just made: its weights and its outputs."""
        spec, key = plan.spec, plan.models[name]
        arrays = {"history/loss": np.array(losses), **self._answers(spec, name, model)}
        plain = compose.as_plain(spec)
        facts = {"key": key, "model": name, "spec": plain, "seed": spec.seed}
        facts["outputs"] = hdf5.digest(hdf5.GroupContent({}, arrays))
        checkpoints.save(self._stored.weights_of(plan, name), model, facts, self.store.replacing)
        digests = {"weights": checkpoints.digest(model.state_dict())}
        record = self.results.put("models", key, arrays, spec, seconds, model=name, **digests)
        self._models.put(cache_key(key, spec.imported), model)
        return model_of(record, name, labels_of(spec)[name])

    def _answers(self, spec: RunSpec, name: str, model: Classifier) -> dict[str, np.ndarray]:
        """The outputs on training and test set, checked; raises an error if they are unusable."""
        train, test = self.datasets.on_device(self.datasets.load(spec.data, Reporter()))
        arrays = {"outputs/train": _logits(model, train), "outputs/test": _logits(model, test)}
        supplied = compose.foreign_model(spec, name)
        if supplied is not None and not _is_finite(arrays):
            raise weights.unusable_weights_error(supplied, model)
        _check_finite(name, arrays)
        if model.guest is not None:
            _check_steady(model, arrays, train, test)
        return arrays


def _check_steady(
    model: Classifier, arrays: Mapping[str, np.ndarray], train: Samples, test: Samples
) -> None:
    """NetworkError if a user's network depends on the batch or is not deterministic."""
    rows = torch.linspace(0, len(train) - 1, min(COMPARED, len(train))).long()
    outputs = torch.from_numpy(arrays["outputs/train"])[rows].to(train.device)
    check_batch_independence(model, train.pixels(rows.to(train.device)), outputs)
    again = torch.from_numpy(_logits(model, test))
    check_repeatability(model, torch.from_numpy(arrays["outputs/test"]), again)


def _call(model: Classifier, name: str) -> None:
    """Tell a user's network which model of the study it is, for error messages."""
    if model.guest is not None:
        model.guest = replace(model.guest, model=name)


def _check_finite(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """TrainingError for non-finite outputs: the last loss precedes the last step."""
    if not _is_finite(arrays):
        raise TrainingError(
            f"The outputs of {name} are no longer finite: its last steps were too large. Lower its "
            "learning rate or clip the gradient (clip)."
        )


def _is_finite(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether all outputs of a model are finite."""
    return all(np.isfinite(arrays[part]).all() for part in ("outputs/train", "outputs/test"))


@torch.inference_mode()
def _logits(model: Classifier, samples: Samples) -> np.ndarray:
    """(n, K) float32 outputs on all samples."""
    batches = batches_of(samples, EVALUATION_VALUES // samples.x[0].numel())
    parts = batches.over(len(samples), lambda part: model(samples.pixels(part)).cpu())
    logits: np.ndarray = torch.cat(list(parts)).numpy()
    return logits
