"""The models of a study: made, kept in the store, and loaded again."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engine import checkpoints, foreign, registry, study
from engine.archive import model_of
from engine.datasets import base as datasets
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, DataError
from engine.methods.base import Problem
from engine.models.base import Classifier, adopt_body
from engine.network import network
from engine.report import Reporter
from engine.results import ModelResult
from engine.runtime import choose_device, derive, generator
from engine.samples import Samples
from engine.spec import DataSpec, MethodSpec, ModelSpec, PretrainSpec, RunSpec, to_plain
from engine.store import Record, Store
from engine.train import cost_of_training, train_from_scratch

KEPT_MODELS = 32
EVALUATION_VALUES = 1_000_000  # input values per forward when a whole dataset is evaluated


class Workshop:
    """Trains what is missing and remembers data and models in use. Serves one thread."""

    def __init__(self, store: Store, device: str = "auto") -> None:
        """SpecError if the device is not here."""
        self.store = store
        self.device = choose_device(device)
        self._datasets: OrderedDict[DataSpec, Dataset] = OrderedDict()
        self._samples: dict[str, tuple[Samples, Samples]] = {}
        self._models: OrderedDict[str, Classifier] = OrderedDict()

    def dataset(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError where that is impossible or its content changed."""
        expected, spec = spec.fingerprint, replace(spec, fingerprint="")
        if spec not in self._datasets:
            self._datasets[spec] = datasets.load(spec, report)
            while len(self._datasets) > 2:
                self._datasets.popitem(last=False)
                self._samples.clear()
        found = self._datasets[spec]
        if expected and found.spec.fingerprint != expected:
            raise DataError(
                f"The data of '{spec.name}' {f'in {spec.root} ' if spec.root else ''}are no longer "
                "those this study was made with. Put the old files back, or start a new study."
            )
        return found

    def on_device(self, dataset: Dataset) -> tuple[Samples, Samples]:
        """(training, test) samples on the device."""
        mark = dataset.spec.fingerprint
        if mark not in self._samples:
            n = len(dataset.classes)
            self._samples = {
                mark: (
                    Samples.on(self.device, dataset.train_x, dataset.train_y, n),
                    Samples.on(self.device, dataset.test_x, dataset.test_y, n),
                )
            }
        return self._samples[mark]

    def located(self, spec: DataSpec) -> DataSpec:
        """The same data where it was loaded from in this session, if it was."""
        for known, dataset in self._datasets.items():
            if dataset.spec.fingerprint == spec.fingerprint:
                return known
        return spec

    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        found = {}
        for name, mark in study.model_keys(spec).items():
            result = self._stored_model(name, mark)
            if result is not None:
                found[name] = result
        return found

    def model(self, spec: RunSpec, name: str, report: Reporter) -> ModelResult:
        """One model of the study, from the store or trained now."""
        mark = study.model_keys(spec)[name]
        stored = self._stored_model(name, mark)
        if stored is not None and self.store.path("checkpoints", mark, ".pt").is_file():
            report.forgo(self.cost(spec, name))
            for epoch, loss in enumerate(stored.loss, 1):
                report.point("loss", (name, epoch, loss))
            return stored
        report.stage(name)
        kept = checkpoints.KeptEpoch(self.store.path("partial", mark, ".pt"), self.store.replacing)
        started = time.monotonic()
        earlier = kept.seconds
        for epoch, loss in enumerate(kept.losses, 1):
            report.point("loss", (name, epoch, loss))
        try:
            model = self._make(spec, name, report, kept)
        except BaseException:  # cancelled, failed or interrupted: what was learned is kept
            kept.flush()
            raise
        seconds = earlier + time.monotonic() - started
        if study.given(spec, name):
            seconds = math.nan  # whoever trained it may know
        result = self._put_model(spec, name, mark, model, kept.losses, seconds)
        kept.discard()
        return result

    def loaded(self, spec: RunSpec, name: str, report: Reporter | None = None) -> Classifier:
        """The model itself, on the device, in eval mode; not to be changed.

        A model whose checkpoint is missing or damaged is trained again.
        """
        mark = study.model_keys(spec)[name]
        if mark not in self._models:
            path = self.store.path("checkpoints", mark, ".pt")
            try:
                state, _ = checkpoints.load(path)
                model = self._blank(spec, name)
                checkpoints.load_into(model, state, str(path))
                self._remember(mark, model.eval())
            except CheckpointError as error:
                if path.is_file():
                    self.store.set_aside(path, str(error))
                self.model(spec, name, report or Reporter())
        self._models.move_to_end(mark)
        return self._models[mark]

    def put(
        self,
        kind: str,
        mark: str,
        arrays: Mapping[str, np.ndarray],
        spec: RunSpec,
        seconds: float,
        **attributes: Any,
    ) -> Record:
        """Store a result of this study."""
        return self.store.put(
            kind,
            mark,
            arrays,
            spec=study.as_plain(spec),
            seed=spec.seed,
            seconds=seconds,
            device=str(self.device),
            **attributes,
        )

    def cost(self, spec: RunSpec, name: str) -> float:
        """Sample passes that making this model takes."""
        if study.given(spec, name):
            return 0.0
        n_forget = len(spec.forget)
        n = len(self.dataset(spec.data, Reporter()).train_y)
        if name == "original":
            return cost_of_training(spec.train, n)
        method = _method_named(spec, name)
        cost = registry.get("method", method.name).facts.get("cost")
        return float(cost(method.config, n - n_forget, n_forget, spec.train)) if cost else 0.0

    # -- pre-training -----------------------------------------------------------------------
    def pretrained(self, model: ModelSpec, spec: PretrainSpec, report: Reporter) -> Classifier:
        """The network that Original and Re-trains start from, from the store or trained now.

        It is kept as a checkpoint without any other result. Raises what training raises.
        """
        mark = study.pretrained_key(model, spec)
        if mark not in self._models:
            self._remember(mark, self._pretrain(model, spec, mark, report).eval())
        self._models.move_to_end(mark)
        return self._models[mark]

    def cost_of_pretraining(self, model: ModelSpec, spec: PretrainSpec) -> float:
        """Sample passes that are still to be made; 0 where the result is in the store."""
        if self.store.path("checkpoints", study.pretrained_key(model, spec), ".pt").is_file():
            return 0.0
        return cost_of_training(spec.train, len(self.dataset(spec.data, Reporter()).train_y))

    def _pretrain(
        self, model: ModelSpec, spec: PretrainSpec, mark: str, report: Reporter
    ) -> Classifier:
        dataset = self.dataset(spec.data, report)
        net = network(model, dataset, generator(spec.seed, "weights", "pretrained"))
        net = net.to(self.device)
        path = self.store.path("checkpoints", mark, ".pt")
        if path.is_file():
            try:
                checkpoints.load_into(net, checkpoints.load(path)[0], str(path))
                return net
            except CheckpointError as error:
                self.store.set_aside(path, str(error))
        report.stage("pre-training")
        report.expect(cost_of_training(spec.train, len(dataset.train_y)))
        samples = Samples.on(self.device, dataset.train_x, dataset.train_y, len(dataset.classes))
        kept = checkpoints.KeptEpoch(self.store.path("partial", mark, ".pt"), self.store.replacing)
        seed = derive(spec.seed, "pretrained")
        every = torch.arange(len(samples), device=self.device)
        try:
            train_from_scratch(
                net, samples, every, spec.train, seed=seed, report=report, resume=kept
            )
        except BaseException:  # as in `model`: what was learned is kept
            kept.flush()
            raise
        facts = {"key": mark, "model": "pretrained", "spec": to_plain(spec), "seed": spec.seed}
        checkpoints.save(path, net, facts, self.store.replacing)
        kept.discard()
        return net

    # -- making models ----------------------------------------------------------------------
    def _make(
        self, spec: RunSpec, name: str, report: Reporter, kept: checkpoints.KeptEpoch
    ) -> Classifier:
        dataset = self.dataset(spec.data, report)
        samples, _ = self.on_device(dataset)
        theirs = study.given(spec, name)
        if theirs is not None:
            blank = self._fresh(spec, "blank")
            return foreign.adopt(theirs, blank, spec.model.name, spec.data.name)
        if name == "original":
            model = self._beginning(spec, "original", report)
            train_from_scratch(
                model,
                samples,
                torch.arange(len(samples), device=self.device),
                spec.train,
                seed=derive(spec.seed, "original"),
                report=report,
                resume=kept,
            )
            return model
        forget = torch.tensor(spec.forget, device=self.device)
        kept_rows = torch.ones(len(samples), dtype=torch.bool, device=self.device)
        kept_rows[forget] = False
        number = name.removeprefix("retrain-") if name.startswith("retrain-") else ""
        method = _method_named(spec, name)

        def salted(salt: str) -> str:
            return f"{salt}-{number}" if number else salt

        problem = Problem(
            original=self.loaded(spec, "original"),
            samples=samples,
            retain=kept_rows.nonzero().flatten(),
            forget=forget,
            seed=derive(spec.seed, name),
            train=spec.train,
            fresh=lambda salt: self._fresh(spec, salted(salt)),
            beginning=lambda salt: self._beginning(spec, salted(salt), report),
            initial=lambda: self._initial(spec, report),
            report=report,
            resume=kept,
        )
        unlearn: Callable[[Problem, Any], Classifier] = registry.get("method", method.name).make
        return unlearn(problem, method.config)

    def _fresh(self, spec: RunSpec, salt: str) -> Classifier:
        dataset = self.dataset(spec.data, Reporter())
        return network(spec.model, dataset, generator(spec.seed, "weights", salt)).to(self.device)

    def _initial(self, spec: RunSpec, report: Reporter) -> Classifier:
        """The weights the Original started from, as far as they are known."""
        if study.given(spec, "original"):
            report.log(
                "The weights that the given Original started from are unknown; freshly drawn ones "
                "stand for them."
            )
        return self._beginning(spec, "original", report)

    def _beginning(self, spec: RunSpec, salt: str, report: Reporter) -> Classifier:
        """What training starts from: a fresh network, all but its head pre-trained if so asked."""
        model = self._fresh(spec, salt)
        if spec.pretrain is not None:
            adopt_body(model, self.pretrained(spec.model, spec.pretrain, report))
        return model

    def _blank(self, spec: RunSpec, name: str) -> Classifier:
        """A network that the named model's weights fit into."""
        model = self._fresh(spec, "blank")
        if study.given(spec, name):
            return model
        method = _method_named(spec, name)
        adapt = registry.get("method", method.name).facts.get("adapt")
        if adapt:
            adapt(model, method.config)
        return model

    def _put_model(
        self,
        spec: RunSpec,
        name: str,
        mark: str,
        model: Classifier,
        losses: Sequence[float],
        seconds: float,
    ) -> ModelResult:
        train, test = self.on_device(self.dataset(spec.data, Reporter()))
        arrays = {
            "history/loss": np.array(losses),
            "outputs/train": _logits(model, train),
            "outputs/test": _logits(model, test),
        }
        plain = study.as_plain(spec)
        facts = {"key": mark, "model": name, "spec": plain, "seed": spec.seed}
        path = self.store.path("checkpoints", mark, ".pt")
        checkpoints.save(path, model, facts, self.store.replacing)
        record = self.put("models", mark, arrays, spec, seconds, model=name)
        self._remember(mark, model)
        return model_of(record, name)

    def _stored_model(self, name: str, mark: str) -> ModelResult | None:
        record = self.store.get("models", mark)
        return model_of(record, name) if record is not None else None

    def _remember(self, mark: str, model: Classifier) -> None:
        self._models[mark] = model
        while len(self._models) > KEPT_MODELS:
            self._models.popitem(last=False)


def _method_named(spec: RunSpec, name: str) -> MethodSpec:
    """The method that makes the model called `name`."""
    if name == "original" or name.startswith("retrain-"):
        config = registry.get("method", "retrain").config
        assert config is not None
        return MethodSpec("retrain", config())
    return next(method for method in spec.methods if method.name == name)


@torch.inference_mode()
def _logits(model: Classifier, samples: Samples) -> np.ndarray:
    """(n, K) float32 outputs on all samples."""
    rows = max(1, EVALUATION_VALUES // samples.x[0].numel())
    parts = torch.arange(len(samples), device=samples.device).split(rows)
    logits: np.ndarray = torch.cat([model(samples.pixels(part)) for part in parts]).cpu().numpy()
    return logits
