"""The use cases: get a result from the store, or compute and put it.

Called by the command line and by the explorer alike. One Pipeline serves one thread.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine import (
    PROGRAM,
    belongings,
    bundle,
    checkpoints,
    doubt,
    embedding,
    exports,
    measuring,
    outputs,
    registry,
    sampled,
    slices,
    study,
    watching,
)
from engine.archive import (
    fingerprint_of,
    labels_of,
    provenance_of,
    study_arrays,
    study_attributes,
    study_of,
    summary_of,
)
from engine.attack import attack
from engine.belongings import Belongings
from engine.cores import use_cores
from engine.datasets.base import Dataset
from engine.embed import LAYOUT, Embedder
from engine.epochs import Epochs
from engine.errors import CheckpointError, SpecError, StoreError
from engine.forget import lost_classes
from engine.guest import attributed
from engine.labels import perturbation_named
from engine.neighborhood import copies_of, first_then_all, neighborhood_of
from engine.origins import sentence
from engine.perturb import BLOCK
from engine.recognition import smallest_taus
from engine.report import Reporter
from engine.residual import blocks_of, copies, correct, is_attack, summarize, verdicts
from engine.results import (
    Attack,
    Embedding,
    ModelResult,
    Neighborhood,
    Provenance,
    Recognition,
    Residual,
    Similarity,
    Slice,
    Study,
    StudySummary,
)
from engine.runtime import keep_freed_memory
from engine.similarity import Similarities
from engine.spec import DataSpec, RunSpec, as_imported, key, validate
from engine.store import Record, Store
from engine.workshop import Workshop

FIRST_DRAWS = 10  # a first curve at once ...
REFINE_BY = 30  # ... then refined in steps of this many draws


class Pipeline:
    """Computes what is missing and remembers everything in a store."""

    def __init__(self, store: Store, device: str = "auto", *, spare_cores: int = 0) -> None:
        """SpecError if the device is not here. spare_cores: that torch leaves to an interface."""
        use_cores(spare_cores)
        keep_freed_memory()
        self.store = store
        self.work = Workshop(store, device, spare_cores)
        self.embedder = Embedder()
        self.similarities = Similarities(self.work)

    def close(self) -> None:
        """End the helper process."""
        self.embedder.close()

    def dataset(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError or SpecError where that is impossible."""
        return self.work.dataset(spec, report)

    def compose(self, dataset: Dataset, **words: Any) -> RunSpec:
        """`study.compose`: the RunSpec that these words describe."""
        return study.compose(dataset, device=self.work.device.type, **words)

    # -- the study ------------------------------------------------------------------------
    @attributed()
    def run(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> Study:
        """The study of `spec`, from the store or computed; intermediate results are reported.

        Points: ('model', ModelResult) as each exists, ('loss', (stage, epoch, loss)),
        ('residual', Residual) from c = 10 draws on; where methods are to be watched, ('epochs',
        Epochs so far) after each epoch of one. Watching changes no result. Raises EngineError
        kinds and Cancelled; whatever was finished before stays in the store.
        """
        wanted = study.study_key(spec)
        world = self.work.world(spec.data.fingerprint)
        shelf = self.work.shelf(spec)
        record = shelf.get("studies", wanted, world=world)
        if record is not None:
            found = study_of(record)
            for name, result in self.work.models(spec).items():
                report.point("model", result)
                for epoch, loss in enumerate(result.loss, 1):
                    report.point("loss", (name, epoch, loss))
            report.point("residual", found.residual)
            doubt.say(self.work, spec, report)
            return found
        shelf.require_writable()
        self._say_imported(spec, report)
        self._say_lost_classes(spec, report)
        self.expect(spec, report, watch=watch)
        results: dict[str, ModelResult] = {}
        for name in study.model_keys(spec):
            result = self._model(spec, name, report, watch)
            results[name] = result
            report.point("model", result)
        doubt.say(self.work, spec, report)
        residual = self._measure(spec, report)
        table = measuring.table(self.work, spec, results, report)
        finished = Study(
            key=wanted,
            spec=study.as_plain(spec),
            forget=np.array(spec.forget),
            metrics=table,
            labels=labels_of(spec),
            residual=residual,
        )
        stored = self._put_study(spec, finished)
        report.point("residual", residual)
        return stored

    def study(self, key: str) -> Study:
        """The stored study whose key begins so; StoreError if there is none.

        It is held against its dataset where that was loaded before.
        """
        shelf, found = self.place(key)
        head = shelf.get("studies", found, arrays=False)
        world = None if head is None else self.work.world(fingerprint_of(head))
        record = shelf.get("studies", found, world=world)
        if record is None:
            raise CheckpointError(f"The study {key} is damaged and was set aside; run it again.")
        return study_of(record)

    def place(self, start: str) -> tuple[Store, str]:
        """(store, key) of the one study whose key begins so: made here, else from elsewhere.

        StoreError if there is none, or several.
        """
        imported = [one for one in self.store.imported.keys("studies") if one.startswith(start)]
        if imported and not any(one.startswith(start) for one in self.store.keys("studies")):
            return self.store.imported, self.store.imported.find("studies", start)
        return self.store, self.store.find("studies", start)

    def has_study(self, key: str) -> bool:
        """Whether a study lies under this key, made here or come from elsewhere."""
        return any(one.has("studies", key) for one in (self.store, self.store.imported))

    def studies(self) -> list[StudySummary]:
        """All stored studies, newest first, then those that came from elsewhere.

        The store tells of files that cannot be read now.
        """
        own = self.store.keys("studies")
        imported = [one for one in self.store.imported.keys("studies") if one not in own]
        places = [(self.store, one) for one in own]
        places += [(self.store.imported, one) for one in imported]
        found = []
        for shelf, name in places:
            try:
                record = shelf.get("studies", name, arrays=False)
            except StoreError as error:  # another program writes to it, or it is somebody else's
                self.store.tell(str(error))
                continue
            if record is not None:
                found.append(summary_of(record))
        return found

    def provenance(self, key: str) -> Provenance:
        """What a stored study was made of, with what, when; StoreError if there is none."""
        shelf, place = self.place(key)
        record = shelf.get("studies", place, arrays=False)
        if record is None:
            raise CheckpointError(f"The study {key} is damaged and was set aside; run it again.")
        found = provenance_of(record)
        return replace(found, spec=study.completed(found.spec))

    def spec_under(self, key: str) -> RunSpec:
        """The RunSpec of a stored study, without its results; errors as `provenance`."""
        apart = self.place(key)[0] is not self.store
        spec = study.from_plain(self.provenance(key).spec)
        return as_imported(spec) if apart else spec

    def belongings(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> Belongings:
        """The files that deleting these studies would remove; StoreError if there is no such."""
        places = [self.place(key) for key in keys]
        apart = [key for shelf, key in places if shelf is not self.store]
        own = belongings.belongings(
            self.store, [key for shelf, key in places if shelf is self.store], spared
        )
        if not apart:
            return own
        rest = belongings.belongings(self.store.imported, apart)
        return Belongings(own.keys + rest.keys, own.files + rest.files, own.size + rest.size)

    def delete_studies(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> Belongings:
        """Delete studies with all that no other study, nor one of `spared`, uses; what went."""
        found = self.belongings(keys, spared)
        belongings.delete(found)
        return found

    def spec_of(self, one: Study) -> RunSpec:
        """The RunSpec a stored study was made from."""
        spec = study.from_plain(one.spec)
        return as_imported(spec) if one.origins else spec

    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        return self.work.models(self._meant(spec))

    # -- watching methods -----------------------------------------------------------------
    @attributed()
    def epochs(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """What was seen of this method, epoch by epoch, when it was made.

        SpecError where it was not watched then, or is no method of this study.
        """
        spec = self._meant(spec)
        self._say_no_method(spec, model)
        record = watching.recorded(self.work, spec, model)
        return watching.epochs_of(record, self._scene(spec, report).blank)

    @attributed()
    def watch_again(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """Run this method once more to see its epochs, which are kept; the model stays as it is.

        SpecError if it is no method of this study; Cancelled, and then it goes on from there.
        """
        spec = self._meant(spec)
        self._say_no_method(spec, model)
        report.expect(self.work.cost(spec, model))
        report.expect(watching.cost(self.work, spec, model))
        recorder = watching.Recorder(self.work, spec, model, self._scene(spec, report), report)
        seconds, exact = self.work.again(spec, model, report, recorder.on)
        if not exact:
            report.log(
                f"{labels_of(spec)[model]}, run again, ended in other weights than those in the "
                "store: its epochs show the run just made."
            )
        return recorder.put(seconds, exact=exact)

    def _model(self, spec: RunSpec, name: str, report: Reporter, watch: bool) -> ModelResult:
        """One model of the study; a method that has to be made is watched if so asked."""
        if not (watch and self._unseen(spec, name)):
            return self.work.model(spec, name, report)
        recorder = watching.Recorder(self.work, spec, name, self._scene(spec, report), report)
        made = self.work.model(spec, name, report, recorder.on)
        if recorder.began:  # else another made it meanwhile, and keeps its epochs
            recorder.put(made.seconds)
        return made

    def _unseen(self, spec: RunSpec, name: str) -> bool:
        """Whether this is a method that is still to be made, and can be watched then."""
        return name in {one.name for one in spec.methods} and not self.work.made(spec, name)

    def _scene(self, spec: RunSpec, report: Reporter) -> watching.Scene:
        """What is watched: the Original's and the Re-trains' answers are those of the curves."""
        dataset = self.work.dataset(spec.data, report)
        watched = replace(spec, probe=watching.probe_of(spec))
        said = self._seen(watched, dataset, "", watching.references(spec), BLOCK, report)
        return watching.scene(self.work, spec, said)

    def _say_no_method(self, spec: RunSpec, model: str) -> None:
        methods = [one.name for one in spec.methods]
        if model not in methods:
            raise SpecError(
                f"Only unlearning methods are watched, and '{model}' is none of this study's. It "
                f"has: {', '.join(methods) or 'none'}."
            )

    # -- one sample, embeddings, files ------------------------------------------------------
    @attributed()
    def neighborhood(
        self, spec: RunSpec, sample: int, perturbation: str, tau: float, report: Reporter
    ) -> Neighborhood:
        """Perturbed copies of one sample and every model's verdicts on them.

        perturbation '' and tau < 0 mean the study's own, at the middle of its grid. What is not in
        the store yet is reported as the point 'neighborhood' from its first ten copies.
        """
        spec = self._meant(spec)
        dataset = self.work.dataset(spec.data, report)
        one = self.work.sample(dataset, sample)
        name, tau = _lens(spec, perturbation, tau)
        probe = replace(spec.probe.everywhere, perturbation=name, taus=(tau,))
        keys = study.model_keys(spec)
        source = spec.aim if is_attack(probe) else ""
        against = self.work.loaded(spec, source) if source else None
        copies = copies_of(one, probe, tau, len(dataset.classes), against)
        mark = key("neighborhood", keys, probe, probe.draws, sample, keys[source] if source else "")
        needs = {f"predictions/{model}": (len(copies),) for model in keys}

        def look() -> Record:
            models = {model: self.work.loaded(spec, model) for model in keys}
            started = time.monotonic()
            for found in first_then_all(models, copies, one.y, report):
                report.point("neighborhood", neighborhood_of(one, probe, copies, found))
            arrays = {f"predictions/{model}": value for model, value in found[0].items()}
            arrays |= {f"confidence/{model}": value for model, value in found[1].items()}
            return self.work.put(
                "neighborhoods", mark, arrays, spec, time.monotonic() - started, sample=sample,
                perturbation=name, tau=tau,
            )  # fmt: skip

        record = self.work.once(
            "neighborhoods", mark, spec, f"the copies of sample {sample}", look, report, needs
        )
        predictions = {model: record.arrays[f"predictions/{model}"] for model in keys}
        confidence = {model: record.arrays[f"confidence/{model}"] for model in keys}
        return neighborhood_of(one, probe, copies, (predictions, confidence))

    @attributed()
    def slice(
        self,
        spec: RunSpec,
        sample: int,
        directions: str,
        tau: float,
        size: int,
        report: Reporter,
        *,
        perturbation: str = "",
        towards: int = -1,
    ) -> Slice:
        """Every model's decision regions on a plane through one sample.

        directions: one of labels.DIRECTIONS, attacks aim at the first unlearned model; towards:
        number of the sample that 'chosen' leads to; size: odd number of points a side;
        perturbation '' and tau < 0 as in `neighborhood`. SpecError where there is no such sample
        or no such plane.
        """
        spec = self._meant(spec)
        dataset = self.work.dataset(spec.data, report)
        one = self.work.sample(dataset, sample)
        name, tau = _lens(spec, perturbation, tau)
        keys, seed = study.model_keys(spec), spec.probe.seed
        against = spec.aim
        chosen = self.work.sample(dataset, towards) if directions == "chosen" else None
        aim = f"{directions} {towards}" if chosen else directions
        mark = key("slice", keys, against, name, tau, seed, sample, aim, size)
        needs = {f"predictions/{model}": (size, size) for model in keys}

        def cut() -> Record:
            models = {model: self.work.loaded(spec, model) for model in keys}
            made = slices.cut(
                models, self.work.on_device(dataset)[0], one, directions,
                against=against, perturbation=name, tau=tau, size=size, seed=seed, report=report,
                towards=chosen,
            )  # fmt: skip
            arrays, facts = slices.packed(made)
            return self.work.put("slices", mark, arrays, spec, **facts)

        what = f"the decision regions around sample {sample}"
        record = self.work.once("slices", mark, spec, what, cut, report, needs)
        return slices.unpacked(record.arrays, record.attributes, list(keys))

    @attributed()
    def embed(self, spec: RunSpec, models: Sequence[str], report: Reporter) -> Embedding:
        """One joint UMAP of the features of these models, point by point comparable.

        The same retain, forget and test samples and perturbed copies in each; the order of the
        models does not matter. SpecError if the study has no such model.
        """
        spec = self._meant(spec)
        keys = study.model_keys(spec)
        for name in models:
            if name not in keys:
                raise SpecError(f"This study has no model '{name}'. It has: {', '.join(keys)}.")
        names = [name for name in keys if name in models]
        source = spec.aim if is_attack(spec.probe) else ""
        mark = self.embedding_key(spec, names)
        needs = {f"xy/{model}": (None, 2) for model in names}

        def lay_out() -> Record:
            started = time.monotonic()
            arrays = self._embedded(spec, names, source, report)
            seconds = time.monotonic() - started
            return self.work.put("embeddings", mark, arrays, spec, seconds)

        record = self.work.once("embeddings", mark, spec, "the embedding", lay_out, report, needs)
        return embedding.unpacked(record.arrays, names)

    @staticmethod
    def embedding_key(spec: RunSpec, names: Sequence[str]) -> str:
        """Key of the joint embedding of these models, which are in the order of the study."""
        keys, source = study.model_keys(spec), spec.aim if is_attack(spec.probe) else ""
        used = {name: keys[name] for name in names}
        decides = (used, keys.get(source, ""), spec.forget, spec.probe.everywhere, spec.seed)
        return key("joint embedding", *decides, embedding.LIMITS, LAYOUT)

    @attributed()
    def similarity(self, spec: RunSpec, a: str, b: str, report: Reporter) -> Similarity:
        """Linear CKA of models a and b with Original, the Re-trains and each other, layer by layer.

        SpecError if the study has no such model.
        """
        return self.similarities.of(self._meant(spec), a, b, report)

    @attributed()
    def recognition(
        self,
        spec: RunSpec,
        model: str,
        report: Reporter,
        *,
        perturbation: str = "",
        draws: int = 20,
    ) -> Recognition:
        """The smallest tau at which `model` recognizes each forget sample again.

        perturbation '' means the study's own; attacks aim at the true label. The study's grid of
        tau is searched along `draws` directions. SpecError if the study has no such model.
        """
        spec = self._meant(spec)
        keys = study.model_keys(spec)
        if model not in keys:
            raise SpecError(f"This study has no model '{model}'. It has: {', '.join(keys)}.")
        name = perturbation_named(perturbation or spec.probe.perturbation).name
        probe = replace(spec.probe.everywhere, perturbation=name, target="true", draws=draws)
        probe = validate(probe)
        mark = key("recognition", keys[model], probe, probe.draws, spec.forget)

        def search() -> Record:
            samples, _ = self.work.on_device(self.work.dataset(spec.data, report))
            rows = torch.tensor(spec.forget, device=self.work.device)
            source = self.work.loaded(spec, model, report)
            report.stage(f"recognition by {model}")
            started = time.monotonic()
            taus = smallest_taus(
                source, samples.pixels(rows), samples.y[rows], spec.forget, probe,
                samples.n_classes, report,
            )  # fmt: skip
            arrays = {"samples": np.array(spec.forget), "taus": taus}
            seconds = time.monotonic() - started
            return self.work.put(
                "recognitions", mark, arrays, spec, seconds, model=model, perturbation=name,
                draws=draws,
            )  # fmt: skip

        what, needs = f"the recognition by {model}", {"taus": (len(spec.forget),)}
        record = self.work.once("recognitions", mark, spec, what, search, report, needs)
        found = record.arrays
        limit = probe.taus[-1]
        return Recognition(model, name, probe.draws, limit, found["samples"], found["taus"])

    def attack(
        self,
        spec: RunSpec,
        a: str,
        b: str,
        report: Reporter,
        *,
        score: str = "confidence",
        members: str = "forget",
        matched: bool = True,
    ) -> Attack:
        """Membership inference on models `a` and `b`: milliseconds, so it is not stored.

        score, members, matched: see engine.attack. SpecError if the study has no such models, or
        there is nobody to attack.
        """
        spec = self._meant(spec)
        dataset, models = self.work.dataset(spec.data, report), self.work.models(spec)
        for name in (a, b):
            if name not in models:
                raise SpecError(f"This study has no model '{name}'. It has: {', '.join(models)}.")
        return attack(
            {name: models[name] for name in (a, b)}, dataset.train_y, dataset.test_y,
            np.array(spec.forget),
            score=score, members=members, matched=matched, seed=spec.seed,
            validation=dataset.validation,
        )  # fmt: skip

    @attributed()
    def export_checkpoint(
        self, spec: RunSpec, model: str, out: Path, report: Reporter | None = None
    ) -> Path:
        """Copy a model's weights, with its spec and key, to `out`: .safetensors, else for torch.

        `report` hears how to build the network, where it is not the study's plain one.
        """
        spec = self._meant(spec)
        keys = study.model_keys(spec)
        model = "retrain-0" if model == "retrain" else model
        if model not in keys:
            raise SpecError(f"This study has no model '{model}'. It has: {', '.join(keys)}.")
        path = self.work.shelf(spec).path("checkpoints", keys[model], ".pt")
        facts = checkpoints.load(path)[1]
        net, head = self.work.loaded(spec, model), self.work.head(spec, model)
        if head:
            form = registry.get("method", head).facts["form"].format(layer=net.head_name)
            facts |= {"head": head, "form": form}
            (report or Reporter()).log(form)
        checkpoints.save(out, net, facts, outputs.output)
        return out

    @attributed()
    def figure(self, one: Study, kind: str, out: Path, **options: Any) -> list[Path]:
        """Draw a figure of a study, one of exports.KINDS, with its numbers as CSV beside it.

        Returns the files written; SpecError for an unknown kind, format or size.
        """
        spec = self.spec_of(one)
        spec = replace(spec, data=self.work.located(spec.data))
        facts = {"version": PROGRAM, "key": one.key, "seed": str(spec.seed)}
        if one.origins:
            facts["origin"] = sentence(one.origins)
        return exports.draw(exports.Order(self, one, spec, out, facts), kind, options)

    def save_bundle(
        self,
        one: Study,
        out: Path,
        session: Mapping[str, Any],
        report: Reporter,
        *,
        images: bool = True,
    ) -> Path:
        """Write a study with all that belongs to it, with or without its samples, to one file.

        session: JSON data that says how it was seen. StoreError where that is impossible.
        """
        dataset = self.work.dataset(self.spec_of(one).data, report) if images else None
        shelf = self.store.imported if one.origins else self.store
        return bundle.save(shelf, one.key, out, session, dataset, report)

    def open_bundle(self, path: Path, report: Reporter, source: str = "") -> bundle.Opened:
        """Bring a bundle into the store; StoreError where it is none that can be trusted.

        It lies apart, marked with where it came from: `source`, or the file's name.
        """
        return bundle.open_bundle(self.store, path, report, source)

    def find_data(self, key: str, root: str, report: Reporter) -> Dataset:
        """The dataset of a stored study, which lies in `root` now; that is remembered.

        DataError where other data lie there.
        """
        return self.work.move_dataset(self.spec_of(self.study(key)).data, root, report)

    # -- measuring --------------------------------------------------------------------------
    def _measure(self, spec: RunSpec, report: Reporter) -> Residual:
        """Residual knowledge of all models, reported from the first ten draws on."""
        if spec.probe.adaptive:
            return sampled.measure(self.work, spec, report)
        dataset = self.work.dataset(spec.data, report)
        y = dataset.train_y[list(spec.forget)]
        wanted = spec.probe.draws
        stages = [*range(min(FIRST_DRAWS, wanted), wanted, REFINE_BY), wanted]
        residual: Residual | None = None
        report.stage("residual knowledge")
        for draws in dict.fromkeys(stages):
            predictions: dict[str, np.ndarray] = {}
            for source, viewers in _groups(spec).items():
                predictions |= self._seen(spec, dataset, source, viewers, draws, report)
            residual = summarize(
                spec.probe,
                draws,
                np.array(spec.forget),
                y,
                predictions,
                ["original", *spec.unlearned],
                [f"retrain-{j}" for j in range(spec.retrains)],
            )
            if draws < wanted:
                report.point("residual", residual)
        assert residual is not None
        return residual

    def _seen(
        self,
        spec: RunSpec,
        dataset: Dataset,
        source: str,
        viewers: Sequence[str],
        draws: int,
        report: Reporter,
    ) -> dict[str, np.ndarray]:
        """(n_f, T, >= draws) predictions by name ('viewer@source' where the two differ)."""
        marks = {viewer: study.counts_key(spec, viewer, source) for viewer in viewers}
        known, need = self._answers(spec, marks), blocks_of(draws)
        short = [marks[viewer] for viewer, found in known.items() if _blocks(found) < need]
        if short:
            with self.work.shelf(spec).making("counts", short, "residual knowledge", report):
                known = self._answers(spec, marks)  # another may just have asked
                for done in sorted({_blocks(found) for found in known.values()} & {*range(need)}):
                    late = [viewer for viewer, found in known.items() if _blocks(found) == done]
                    more = range(done, need)
                    self._extend(spec, dataset, source, late, more, known, marks, report)
        names = {
            viewer: viewer if source in ("", viewer) else f"{viewer}@{source}" for viewer in viewers
        }
        return {names[viewer]: found for viewer, found in known.items() if found is not None}

    def _answers(self, spec: RunSpec, marks: Mapping[str, str]) -> dict[str, np.ndarray | None]:
        """viewer -> the predictions that are in the store under its key."""
        needs = {"predictions": (len(spec.forget), len(spec.probe.taus), None)}
        found = {}
        for viewer, mark in marks.items():
            record = self.work.stored("counts", mark, spec, needs)
            found[viewer] = record.arrays["predictions"] if record is not None else None
        return found

    def _extend(
        self,
        spec: RunSpec,
        dataset: Dataset,
        source: str,
        viewers: Sequence[str],
        blocks: range,
        known: dict[str, np.ndarray | None],
        marks: Mapping[str, str],
        report: Reporter,
    ) -> None:
        samples, _ = self.work.on_device(dataset)
        rows = torch.tensor(spec.forget, device=self.work.device)
        started = time.monotonic()
        more = verdicts(
            {viewer: self.work.loaded(spec, viewer) for viewer in viewers},
            samples.pixels(rows),
            samples.y[rows],
            spec.forget,
            spec.probe,
            blocks,
            samples.n_classes,
            report,
            self.work.loaded(spec, source) if source else None,
        )
        seconds = (time.monotonic() - started) / len(viewers)
        y = dataset.train_y[list(spec.forget)]
        for viewer, found in more.items():
            before = known[viewer]
            whole = found if before is None else np.concatenate([before, found], axis=2)
            known[viewer] = whole
            arrays = {
                "predictions": whole,
                "counts": correct(whole, y, whole.shape[2]),
                "samples": np.array(spec.forget),
                "taus": np.array(spec.probe.taus),
            }
            self.work.put(
                "counts", marks[viewer], arrays, spec, seconds, viewer=viewer, source=source,
                draws=whole.shape[2],
            )  # fmt: skip

    def _embedded(
        self, spec: RunSpec, names: Sequence[str], source: str, report: Reporter
    ) -> dict[str, np.ndarray]:
        report.stage("embedding")
        self.embedder.warm_up()
        dataset = self.work.dataset(spec.data, report)
        who = embedding.cast(spec, dataset)
        report.expect(len(who.sample) * len(names))
        against = self.work.loaded(spec, source) if source else None
        x = embedding.pixels(who, self.work.on_device(dataset), spec.probe, against, report)
        views = {
            name: embedding.seen(self.work.loaded(spec, name), x, who.label, report)
            for name in names
        }
        features = [one.features for one in views.values()]
        return embedding.packed(
            who, views, self.embedder.fit(features, who.anchors, spec.seed, report)
        )

    # -- bookkeeping --------------------------------------------------------------------------
    def _meant(self, spec: RunSpec) -> RunSpec:
        """The spec, of imported models where its study came from elsewhere and was not made here.

        For whoever looks at a study; what is run makes its own.
        """
        mark = study.study_key(spec) if not spec.imported else ""
        apart = self.store.imported.has("studies", mark) and not self.store.has("studies", mark)
        return as_imported(spec) if apart else spec

    def _put_study(self, spec: RunSpec, finished: Study) -> Study:
        record = self.work.put(
            "studies",
            finished.key,
            study_arrays(finished),
            spec,
            float(np.nansum([row["seconds"] for row in finished.metrics.values()])),
            **study_attributes(finished),
        )
        return study_of(record)

    def expect(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> None:
        """Tell the report how many sample passes this study takes, were nothing of it stored."""
        for name in study.model_keys(spec):
            report.expect(self.work.cost(spec, name))
        watched = [name for name in study.model_keys(spec) if watch and self._unseen(spec, name)]
        report.expect(sum(watching.cost(self.work, spec, name) for name in watched))
        report.expect(watching.cost_of_references(spec) if watched else 0.0)
        report.expect(measuring.cost(self.work, spec))
        for viewers in _groups(spec).values():
            report.expect(len(viewers) * copies(spec.probe, len(spec.forget)))

    def _say_imported(self, spec: RunSpec, report: Reporter) -> None:
        """Tell of models that came from elsewhere under keys of this study, which makes its own."""
        keys = study.model_keys(spec)
        there = [name for name, mark in keys.items() if self.store.imported.has("models", mark)]
        if there and not spec.imported:
            report.log(
                f"Imported models of the same settings ({', '.join(there)}) are not used: this "
                "study makes its own. Where they are to be trusted, run it with --trust-imported."
            )

    def _say_lost_classes(self, spec: RunSpec, report: Reporter) -> None:
        dataset = self.work.dataset(spec.data, report)
        for lost in lost_classes(spec.forget, dataset.train_y, dataset.validation):
            report.log(
                f"No sample of class {dataset.classes[lost]} is retained (class unlearning): "
                "Re-train cannot recognize it, so r is undefined for most of its samples."
            )


def _lens(spec: RunSpec, perturbation: str, tau: float) -> tuple[str, float]:
    """(perturbation, tau) to look at a sample with: '' and tau < 0 mean the study's own.

    SpecError where there is no such perturbation.
    """
    name = perturbation_named(perturbation or spec.probe.perturbation).name
    return name, spec.probe.taus[len(spec.probe.taus) // 2] if tau < 0 else tau


def _groups(spec: RunSpec) -> dict[str, list[str]]:
    """source -> viewers of its copies: one group for random draws, one per attacked model else."""
    names = list(study.model_keys(spec))
    if not is_attack(spec.probe):
        return {"": names}
    retrains = [name for name in names if name.startswith("retrain-")]
    return {name: list(dict.fromkeys([name, *retrains])) for name in names}


def _blocks(found: np.ndarray | None) -> int:
    return 0 if found is None else found.shape[2] // BLOCK
