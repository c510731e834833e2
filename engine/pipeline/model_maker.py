"""Making the models of a study: which network, from which weights, by which method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from engine import registry
from engine.external import weights
from engine.external.network import network
from engine.methods.base import Problem
from engine.models.base import Classifier, adopt_body, is_small
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.pretraining import Pretraining
from engine.runtime.cores import use_cores
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import derive, generator
from engine.spec import ModelSpec, RunSpec
from engine.study import compose
from engine.study.costs import cost_of_model, method_named
from engine.training.ensemble import Member, is_eligible
from engine.training.sgd import Resume, train_from_scratch


class ModelMaker:
    """Makes the models of studies, and blank networks to load stored weights into."""

    def __init__(
        self,
        datasets: LoadedDatasets,
        pretraining: Pretraining,
        device: torch.device,
        spare_cores: int = 0,
    ) -> None:
        """spare_cores: cores that torch leaves free for the interface."""
        self._datasets, self._pretraining = datasets, pretraining
        self._device, self._spare_cores = device, spare_cores
        self._small: dict[tuple[ModelSpec, str], bool] = {}  # network, fingerprint of the data

    def cost(self, spec: RunSpec, name: str) -> float:
        """Sample passes that making this model takes."""
        if compose.foreign_model(spec, name) is not None:  # even if the data are missing
            return 0.0
        return cost_of_model(spec, name, len(self._datasets.load(spec.data, Reporter()).pool))

    def make(
        self,
        spec: RunSpec,
        name: str,
        original: Callable[[], Classifier],
        report: Reporter,
        resume: Resume,
    ) -> Classifier:
        """The model called `name`: adopted if supplied, otherwise trained or unlearned.

        original: returns the Original, which methods start from. Raises what training raises.
        """
        supplied = compose.foreign_model(spec, name)
        if supplied is not None:
            blank = self._fresh(spec, "blank")
            return weights.load_foreign(supplied, blank, spec.model.name, spec.data.name, report)
        if name == "original":
            return self._train(spec, report, resume)
        method = method_named(spec, name)
        unlearn: Callable[[Problem, Any], Classifier] = registry.get("method", method.name).make
        return unlearn(self._problem(spec, name, original, report, resume), method.config)

    def companions(
        self, spec: RunSpec, epochs: Mapping[str, Resume], report: Reporter
    ) -> tuple[list[Member], Samples, torch.Tensor]:
        """Re-trains, fresh or pre-trained, to be trained side by side; the samples, and S_r.

        epochs: the last finished epoch of each Re-train by name. Seeds are those of `_problem`.
        """
        dataset = self._datasets.load(spec.data, report)
        samples, _ = self._datasets.on_device(dataset)
        members = [
            Member(name, self._beginning(spec, name, report), derive(spec.seed, name), epoch)
            for name, epoch in epochs.items()
        ]
        return members, samples, torch.from_numpy(dataset.retained(spec.forget)).to(self._device)

    def trains_side_by_side(self, spec: RunSpec) -> bool:
        """Whether that is possible for the Re-trains of this study, and faster."""
        if self._device.type != "cpu":
            return False
        blank = self._fresh(spec, "blank")
        dataset = self._datasets.load(spec.data, Reporter())
        samples, _ = self._datasets.on_device(dataset)
        return is_eligible(blank, samples, spec.train) and is_small(blank, dataset.shape)

    def _train(self, spec: RunSpec, report: Reporter, resume: Resume) -> Classifier:
        """The Original, trained on the whole training set."""
        dataset = self._datasets.load(spec.data, report)
        samples, _ = self._datasets.on_device(dataset)
        model = self._beginning(spec, "original", report)
        train_from_scratch(
            model,
            samples,
            torch.from_numpy(dataset.pool).to(self._device),
            spec.train,
            seed=derive(spec.seed, "original"),
            report=report,
            resume=resume,
        )
        return model

    def _problem(
        self,
        spec: RunSpec,
        name: str,
        original: Callable[[], Classifier],
        report: Reporter,
        resume: Resume,
    ) -> Problem:
        """The input of the method that makes the model called `name`."""
        dataset = self._datasets.load(spec.data, report)
        samples, _ = self._datasets.on_device(dataset)
        number = name.removeprefix("retrain-") if name.startswith("retrain-") else ""

        def salted(salt: str) -> str:
            return f"{salt}-{number}" if number else salt

        return Problem(
            original=original(),
            samples=samples,
            retain=torch.from_numpy(dataset.retained(spec.forget)).to(self._device),
            forget=torch.tensor(spec.forget, device=self._device),
            seed=derive(spec.seed, name),
            train=spec.train,
            fresh=lambda salt: self._fresh(spec, salted(salt)),
            beginning=lambda salt: self._beginning(spec, salted(salt), report),
            initial=lambda: self._initial(spec, report),
            report=report,
            resume=resume,
        )

    def blank(self, spec: RunSpec, name: str) -> Classifier:
        """A network to load the named model's weights into."""
        model = self._fresh(spec, "blank")
        head = self.head(spec, name)
        if head:
            weights.adapt(model, head)
        return model

    def head(self, spec: RunSpec, name: str) -> str:
        """The method whose last layer the named model has; '' if it has the network's own."""
        supplied = compose.foreign_model(spec, name)
        if supplied is not None:
            return supplied.head
        original = compose.foreign_model(spec, "original")
        beginning = "" if original is None or name.startswith("retrain-") else original.head
        return weights.head_of({"model": method_named(spec, name).name}) or beginning

    def take_cores(self, spec: RunSpec, model: Classifier) -> None:
        """Use as many threads as suit the study's network, of which `model` is an instance."""
        dataset = self._datasets.load(spec.data, Reporter())
        key = (spec.model, dataset.spec.fingerprint)
        if key not in self._small:
            self._small[key] = is_small(model, dataset.shape)
        use_cores(self._spare_cores, 1 if self._small[key] else None)

    def _fresh(self, spec: RunSpec, salt: str) -> Classifier:
        dataset = self._datasets.load(spec.data, Reporter())
        model = network(spec.model, dataset, generator(spec.seed, "weights", salt))
        self.take_cores(spec, model)
        return model.to(self._device)

    def _initial(self, spec: RunSpec, report: Reporter) -> Classifier:
        """The initial weights of the Original, as far as they are known."""
        if compose.foreign_model(spec, "original"):
            report.log(
                "The initial weights of the supplied Original are unknown; freshly drawn ones are "
                "used instead."
            )
        return self._beginning(spec, "original", report)

    def _beginning(self, spec: RunSpec, salt: str, report: Reporter) -> Classifier:
        """The start of training: a fresh network, pre-trained except for its head if requested."""
        model = self._fresh(spec, salt)
        if spec.pretrain is not None:
            past = self._pretraining.network(
                spec.model, spec.pretrain, report, imported=spec.imported
            )
            adopt_body(model, past)
        return model
