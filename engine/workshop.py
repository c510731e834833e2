"""The models of a study: made, kept in the store, and loaded again."""

from __future__ import annotations

import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine import checkpoints, foreign, hdf5, kept, registry, study
from engine.archive import model_of
from engine.batching import SMALLER, batches_of, fitting
from engine.cores import use_cores
from engine.datasets import base as datasets
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, DataError, LinkError, SpecError, TrainingError
from engine.guest import attributed
from engine.methods.base import Problem
from engine.models.base import Classifier, adopt_body, is_small
from engine.network import network
from engine.places import absolute, exists, is_relative
from engine.report import Reporter
from engine.results import ModelResult
from engine.runtime import choose_device, derive, generator
from engine.samples import Sample, Samples, as_pixels
from engine.sound import Shape
from engine.spec import FOLLOW, DataSpec, MethodSpec, ModelSpec, PretrainSpec, RunSpec, to_plain
from engine.store import Record, Store, versions
from engine.train import Resume, cost_of_training, train_from_scratch
from engine.trial import check_again, check_company
from engine.watch import Watch
from engine.world import World

Watching = Callable[[Resume], Watch]  # what looks at the epochs that are kept there

COMPARED = 32  # samples that somebody's own network is asked about alone, too
KEPT_MODELS = 32
PLACES = "places"  # kind of records: where a person said that data lie
RELATIVE = (
    "The study was kept with the relative folder '{}': go to the folder it was made in, or say "
    "where the data are now (File > Find the data)."
)
EVALUATION_VALUES = 1_000_000  # input values per forward when a whole dataset is evaluated


class Workshop:
    """Trains what is missing and remembers data and models in use. Serves one thread."""

    def __init__(self, store: Store, device: str = "auto", spare_cores: int = 0) -> None:
        """SpecError if the device is not here. spare_cores: that torch leaves to an interface."""
        self.store = store
        self._spare_cores = spare_cores
        self._small: dict[tuple[ModelSpec, str], bool] = {}  # network, fingerprint of the data
        self.device = choose_device(device)
        self._datasets: OrderedDict[DataSpec, Dataset] = OrderedDict()
        self._samples: dict[str, tuple[Samples, Samples]] = {}
        self._models: OrderedDict[str, Classifier] = OrderedDict()

    def dataset(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError where that is impossible or its content changed.

        What is not where the spec says is looked for where a person said it moved to, and among
        the datasets that came in bundles.
        """
        expected, named = spec.fingerprint, spec.root
        spec = replace(spec, fingerprint="", root=absolute(named))
        for known in self._datasets.values():
            if known.spec.fingerprint == expected:
                datasets.tell(known, report)
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

    def move_dataset(self, spec: DataSpec, root: str, report: Reporter) -> Dataset:
        """The dataset of `spec`, which lies in `root` on this machine; that is remembered.

        DataError where other data lie there.
        """
        root = absolute(root)
        there = replace(spec, root=root, fingerprint="")
        found = self._same(there, spec.fingerprint, report)
        self.store.put(
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
            self._hold(spec, datasets.load(spec, report))
        datasets.tell(self._datasets[spec], report)
        return self._datasets[spec]

    def _hold(self, spec: DataSpec, dataset: Dataset) -> None:
        self._datasets[spec] = dataset
        while len(self._datasets) > 2:
            self._datasets.popitem(last=False)
            self._samples.clear()

    def _elsewhere(self, expected: str, spec: DataSpec, report: Reporter) -> Dataset | None:
        """The dataset of this fingerprint where it moved to, or as it came in a bundle."""
        moved = self.store.get(PLACES, expected) if expected else None
        if moved is not None:
            with contextlib.suppress(DataError, SpecError):
                there = replace(spec, root=str(moved.attributes["root"]))
                return self._same(there, expected, report)
        record = self._sent(expected) if expected else None
        if record is None:
            return None
        found = kept.dataset_of(record)
        self._hold(found.spec, found)  # with its fingerprint: no spec of a folder is like it
        datasets.tell(found, report)
        return found

    def _sent(self, fingerprint: str) -> Record | None:
        """The samples as they came in a bundle; the fingerprint is of them, whoever sent them."""
        shelves = (self.store, self.store.imported)  # earlier versions kept both in one
        found = (shelf.get(kept.KIND, fingerprint) for shelf in shelves)
        return next((one for one in found if one is not None), None)

    def shelf(self, spec: RunSpec) -> Store:
        """Where the models and results of this study lie: apart, if they came from elsewhere."""
        return self.store.imported if spec.imported else self.store

    def stored(
        self, kind: str, mark: str, spec: RunSpec, needs: Mapping[str, Shape] | None = None
    ) -> Record | None:
        """A stored result on this study's data, or None: it speaks of nothing that they lack.

        needs: as `Store.get` takes them. Raises what `dataset` raises.
        """
        world = self.dataset(spec.data, Reporter()).world
        return self.shelf(spec).get(kind, mark, needs=needs, world=world)

    def once(
        self,
        kind: str,
        mark: str,
        spec: RunSpec,
        what: str,
        make: Callable[[], Record],
        report: Reporter,
        needs: Mapping[str, Shape] | None = None,
    ) -> Record:
        """The stored result, or the one that `make` stores now, in one process at a time.

        what: is made, for whoever waits. Raises as `stored`, `make` and `Store.making` do.
        """
        found = self.stored(kind, mark, spec, needs)
        if found is None:
            with self.shelf(spec).making(kind, [mark], what, report):
                found = self.stored(kind, mark, spec, needs)  # another may just have made it
                found = make() if found is None else found
        return found

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
            with fitting(f"The dataset {dataset.label}", self.device, SMALLER):
                self._samples = {
                    mark: (
                        Samples.on(self.device, dataset.train_x, dataset.train_y, n),
                        Samples.on(self.device, dataset.test_x, dataset.test_y, n),
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

    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        found, outputs = {}, self._outputs(spec)
        for name, mark in study.model_keys(spec).items():
            record = self.shelf(spec).get("models", mark, needs=outputs)
            if record is not None:
                found[name] = model_of(record, name)
        return found

    def made(self, spec: RunSpec, name: str) -> bool:
        """Whether this model lies in the store, with its weights."""
        mark = study.model_keys(spec)[name]
        return self.shelf(spec).has("models", mark) and self._weights_of(spec, mark).is_file()

    def model(
        self, spec: RunSpec, name: str, report: Reporter, watching: Watching | None = None
    ) -> ModelResult:
        """One model of the study, from the store or trained now, and then watched if so asked."""
        mark = study.model_keys(spec)[name]
        found = self._found(spec, name, mark, report)
        if found is not None:
            return found
        with self.shelf(spec).making("models", [mark], name, report):
            found = self._found(spec, name, mark, report)  # another may just have made it
            if found is not None:
                return found
            kept = self._kept(spec, name, mark)
            model, seconds = self._work_out(spec, name, report, kept, watching)
            if study.given(spec, name):
                seconds = math.nan  # whoever trained it may know
            try:
                result = self._put_model(spec, name, mark, model, kept.losses, seconds)
            except TrainingError:  # it would end there again
                kept.discard()
                raise
            kept.discard()
        return result

    def _found(self, spec: RunSpec, name: str, mark: str, report: Reporter) -> ModelResult | None:
        """The model if it is in the store with its weights."""
        shelf = self.shelf(spec)
        record = shelf.get("models", mark, needs=self._outputs(spec))
        if record is None or not self._weights_of(spec, mark).is_file():
            return None
        stored = model_of(record, name)
        report.forgo(self.cost(spec, name))
        for epoch, loss in enumerate(stored.loss, 1):
            report.point("loss", (name, epoch, loss))
        partial = shelf.path("partial", mark, ".pt")
        if shelf.writable and partial.is_file() and shelf.idle("models", mark):
            partial.unlink(missing_ok=True)  # of one killed at the very end
        return stored

    def again(
        self, spec: RunSpec, name: str, report: Reporter, watching: Watching
    ) -> tuple[float, bool]:
        """Make a stored model once more, to watch it; the one in the store stays.

        Returns the seconds that took without the watching, and whether the weights are the same.
        """
        mark = study.model_keys(spec)[name]
        stored = checkpoints.digest(self.loaded(spec, name, report).state_dict())
        with self.shelf(spec).making("models", [mark], name, report):
            kept = self._kept(spec, name, mark)
            model, seconds = self._work_out(spec, name, report, kept, watching)
            kept.discard()
        return seconds, checkpoints.digest(model.state_dict()) == stored

    def _weights_of(self, spec: RunSpec, mark: str) -> Path:
        return self.shelf(spec).path("checkpoints", mark, ".pt")

    def _kept(self, spec: RunSpec, name: str, mark: str) -> checkpoints.KeptEpoch:
        path = self.shelf(spec).path("partial", mark, ".pt")
        facts = {"key": mark, "model": name, "spec": study.as_plain(spec)}
        facts |= self._circumstances()
        return checkpoints.KeptEpoch(path, self.store.replacing, facts)

    def _work_out(
        self,
        spec: RunSpec,
        name: str,
        report: Reporter,
        kept: checkpoints.KeptEpoch,
        watching: Watching | None,
    ) -> tuple[Classifier, float]:
        """The model, and the seconds it took: those of earlier sessions too, of watching none."""
        report.stage(name)
        watch = watching(kept) if watching else None
        started, earlier = time.monotonic(), kept.seconds
        for epoch, loss in enumerate(kept.losses, 1):
            report.point("loss", (name, epoch, loss))
        try:
            if watch:
                watch.begin()
            with (
                attributed(name, over=True),
                fitting(f"{name}, with all that its making keeps,", self.device, SMALLER),
            ):
                model = self._make(spec, name, report, watch or kept)
            _call(model, name)
            if watch:
                watch.end(model)
        except BaseException:  # cancelled, failed or interrupted: what was learned is kept
            kept.flush()
            raise
        seconds = earlier + time.monotonic() - started
        return model, seconds - (watch.here if watch else 0.0)

    def loaded(self, spec: RunSpec, name: str, report: Reporter | None = None) -> Classifier:
        """The model itself, on the device, in eval mode; not to be changed.

        A model whose checkpoint is missing or damaged is trained again.
        """
        mark = study.model_keys(spec)[name]
        held = _held(mark, spec.imported)
        if held not in self._models:
            path = self._weights_of(spec, mark)
            try:
                state, _ = checkpoints.load(path)
                with fitting(f"The model {name}", self.device, SMALLER):
                    model = self._blank(spec, name)
                checkpoints.load_into(model, state, str(path))
                self._remember(held, model.eval())
            except CheckpointError as error:
                if path.is_file():
                    self.shelf(spec).set_aside(path, str(error))
                self.model(spec, name, report or Reporter())
        self._models.move_to_end(held)
        self._take_cores(spec, self._models[held])
        _call(self._models[held], name)
        return self._models[held]

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
        return self.shelf(spec).put(
            kind,
            mark,
            arrays,
            spec=study.as_plain(spec),
            seed=spec.seed,
            seconds=seconds,
            device=str(self.device),
            threads=torch.get_num_threads(),
            **attributes,
        )

    def cost(self, spec: RunSpec, name: str) -> float:
        """Sample passes that making this model takes."""
        if study.given(spec, name):
            return 0.0
        n_forget = len(spec.forget)
        n = len(self.dataset(spec.data, Reporter()).pool)
        if name == "original":
            return cost_of_training(spec.train, n)
        method = _method_named(spec, name)
        cost = registry.get("method", method.name).facts.get("cost")
        return float(cost(method.config, n - n_forget, n_forget, spec.train)) if cost else 0.0

    # -- pre-training -----------------------------------------------------------------------
    def pretrained(
        self, model: ModelSpec, spec: PretrainSpec, report: Reporter, *, imported: bool = False
    ) -> Classifier:
        """The network that Original and Re-trains start from, from the store or trained now.

        It is kept as a checkpoint without any other result; imported: among what came from
        elsewhere. Raises what training raises.
        """
        mark = study.pretrained_key(model, spec)
        held = _held(mark, imported)
        shelf = self.store.imported if imported else self.store
        if held not in self._models:
            with shelf.making("models", [mark], "pre-training", report):
                self._remember(held, self._pretrain(model, spec, mark, shelf, report).eval())
        self._models.move_to_end(held)
        return self._models[held]

    def cost_of_pretraining(self, model: ModelSpec, spec: PretrainSpec) -> float:
        """Sample passes that are still to be made; 0 where the result is in the store."""
        if self.store.path("checkpoints", study.pretrained_key(model, spec), ".pt").is_file():
            return 0.0
        return cost_of_training(spec.train, len(self.dataset(spec.data, Reporter()).pool))

    def _pretrain(
        self, model: ModelSpec, spec: PretrainSpec, mark: str, shelf: Store, report: Reporter
    ) -> Classifier:
        dataset = self.dataset(spec.data, report)
        net = network(model, dataset, generator(spec.seed, "weights", "pretrained"))
        net = net.to(self.device)
        path = shelf.path("checkpoints", mark, ".pt")
        if path.is_file():
            try:
                checkpoints.load_into(net, checkpoints.load(path)[0], str(path))
                return net
            except CheckpointError as error:
                shelf.set_aside(path, str(error))
        report.stage("pre-training")
        report.expect(cost_of_training(spec.train, len(dataset.pool)))
        samples = Samples.on(self.device, dataset.train_x, dataset.train_y, len(dataset.classes))
        kept = checkpoints.KeptEpoch(shelf.path("partial", mark, ".pt"), shelf.replacing)
        seed = derive(spec.seed, "pretrained")
        every = torch.from_numpy(dataset.pool).to(self.device)
        try:
            train_from_scratch(
                net, samples, every, spec.train, seed=seed, report=report, resume=kept
            )
        except BaseException:  # as in `model`: what was learned is kept
            kept.flush()
            raise
        facts = {"key": mark, "model": "pretrained", "spec": to_plain(spec), "seed": spec.seed}
        facts |= self._circumstances()
        checkpoints.save(path, net, facts, shelf.replacing)
        kept.discard()
        return net

    def _circumstances(self) -> dict[str, Any]:
        """What training depends on beside its settings."""
        torch_version = versions().get("torch")
        threads = torch.get_num_threads()
        return {"device": str(self.device), "threads": threads, "torch": torch_version}

    # -- making models ----------------------------------------------------------------------
    def _make(self, spec: RunSpec, name: str, report: Reporter, kept: Resume) -> Classifier:
        dataset = self.dataset(spec.data, report)
        samples, _ = self.on_device(dataset)
        theirs = study.given(spec, name)
        if theirs is not None:
            blank = self._fresh(spec, "blank")
            return foreign.adopt(theirs, blank, spec.model.name, spec.data.name, report)
        if name == "original":
            model = self._beginning(spec, "original", report)
            train_from_scratch(
                model,
                samples,
                torch.from_numpy(dataset.pool).to(self.device),
                spec.train,
                seed=derive(spec.seed, "original"),
                report=report,
                resume=kept,
            )
            return model
        number = name.removeprefix("retrain-") if name.startswith("retrain-") else ""
        method = _method_named(spec, name)

        def salted(salt: str) -> str:
            return f"{salt}-{number}" if number else salt

        problem = Problem(
            original=self.loaded(spec, "original"),
            samples=samples,
            retain=torch.from_numpy(dataset.retained(spec.forget)).to(self.device),
            forget=torch.tensor(spec.forget, device=self.device),
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
        made = network(spec.model, dataset, generator(spec.seed, "weights", salt))
        self._take_cores(spec, made)
        return made.to(self.device)

    def _take_cores(self, spec: RunSpec, model: Classifier) -> None:
        """Compute with as many threads as suit the study's network, whichever of it this is."""
        dataset = self.dataset(spec.data, Reporter())
        mark = (spec.model, dataset.spec.fingerprint)
        if mark not in self._small:
            self._small[mark] = is_small(model, dataset.shape)
        use_cores(self._spare_cores, 1 if self._small[mark] else None)

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
            past = self.pretrained(spec.model, spec.pretrain, report, imported=spec.imported)
            adopt_body(model, past)
        return model

    def _blank(self, spec: RunSpec, name: str) -> Classifier:
        """A network that the named model's weights fit into."""
        model = self._fresh(spec, "blank")
        head = self.head(spec, name)
        if head:
            foreign.adapt(model, head)
        return model

    def head(self, spec: RunSpec, name: str) -> str:
        """The method whose last layer the named model has; '' where it is the network's own."""
        theirs = study.given(spec, name)
        if theirs is not None:
            return theirs.head
        original = study.given(spec, "original")
        beginning = "" if original is None or name.startswith("retrain-") else original.head
        return foreign.head_of({"model": _method_named(spec, name).name}) or beginning

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
        theirs = study.given(spec, name)
        if theirs is not None and not _is_finite(arrays):
            raise foreign.unusable(theirs, model)
        _check_finite(name, arrays)
        if model.guest is not None:
            _check_steady(model, arrays, train, test)
        plain = study.as_plain(spec)
        facts = {"key": mark, "model": name, "spec": plain, "seed": spec.seed}
        facts["outputs"] = hdf5.digest(hdf5.Group({}, arrays))
        path = self._weights_of(spec, mark)
        checkpoints.save(path, model, facts, self.store.replacing)
        weights = checkpoints.digest(model.state_dict())
        record = self.put("models", mark, arrays, spec, seconds, model=name, weights=weights)
        self._remember(_held(mark, spec.imported), model)
        return model_of(record, name)

    def _outputs(self, spec: RunSpec) -> dict[str, tuple[int, int]]:
        """The shapes that outputs on this study's data have; {} where the data are not there."""
        with contextlib.suppress(DataError, SpecError):
            dataset = self.dataset(spec.data, Reporter())
            parts = {"train": dataset.train_y, "test": dataset.test_y}
            classes = len(dataset.classes)
            return {f"outputs/{part}": (len(labels), classes) for part, labels in parts.items()}
        return {}

    def _remember(self, mark: str, model: Classifier) -> None:
        self._models[mark] = model
        while len(self._models) > KEPT_MODELS:
            self._models.popitem(last=False)


def _check_steady(
    model: Classifier, arrays: Mapping[str, np.ndarray], train: Samples, test: Samples
) -> None:
    """NetworkError where somebody's own network says something else alone, or once more."""
    rows = torch.linspace(0, len(train) - 1, min(COMPARED, len(train))).long()
    said = torch.from_numpy(arrays["outputs/train"])[rows].to(train.device)
    check_company(model, train.pixels(rows.to(train.device)), said)
    again = torch.from_numpy(_logits(model, test))
    check_again(model, torch.from_numpy(arrays["outputs/test"]), again)


def _call(model: Classifier, name: str) -> None:
    """Have somebody's own network know which model of the study it is, for sentences."""
    if model.guest is not None:
        model.guest = replace(model.guest, model=name)


def _held(mark: str, imported: bool) -> str:
    """What a model in memory goes by: one of the same key may have come from elsewhere."""
    return f"imported {mark}" if imported else mark


def _check_finite(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """TrainingError for outputs that are no numbers: the loss before a last step tells nothing."""
    if not _is_finite(arrays):
        raise TrainingError(
            f"The outputs of {name} are no finite numbers any more: its last steps were too "
            "large. Lower its learning rate or clip the gradient (clip)."
        )


def _is_finite(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether a model's outputs are numbers."""
    return all(np.isfinite(arrays[part]).all() for part in ("outputs/train", "outputs/test"))


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
    batches = batches_of(samples.x, EVALUATION_VALUES // samples.x[0].numel())
    parts = batches.over(len(samples), lambda part: model(as_pixels(samples.x[part])).cpu())
    logits: np.ndarray = torch.cat(list(parts)).numpy()
    return logits


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
