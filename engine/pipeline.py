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

from engine import checkpoints, measuring, slices, study
from engine.archive import (
    PROGRAM,
    labels_of,
    study_arrays,
    study_attributes,
    study_of,
    summary_of,
)
from engine.datasets.base import Dataset
from engine.embed import Embedder
from engine.errors import CheckpointError, SpecError
from engine.forget import lost_classes
from engine.labels import perturbation_named
from engine.models.base import Classifier
from engine.neighborhood import copies_of, views_on
from engine.perturb import BLOCK
from engine.recognition import smallest_taus
from engine.report import Reporter
from engine.residual import blocks_of, correct, is_attack, summarize, verdicts
from engine.results import (
    FORGET,
    PERTURBED,
    RETAIN,
    Embedding,
    ModelResult,
    Neighborhood,
    Recognition,
    Residual,
    Slice,
    Study,
    StudySummary,
)
from engine.runtime import limit_threads, numpy_generator, require
from engine.samples import as_pixels
from engine.spec import DataSpec, RunSpec, key, validate
from engine.store import Store
from engine.workshop import Workshop

FIRST_DRAWS = 10  # a first curve at once ...
REFINE_BY = 30  # ... then refined in steps of this many draws
EMBEDDED_RETAIN = 1200
EMBEDDED_FORGET = 500


class Pipeline:
    """Computes what is missing and remembers everything in a store."""

    def __init__(self, store: Store, device: str = "auto") -> None:
        """SpecError if the device is not here."""
        limit_threads()
        self.store = store
        self.work = Workshop(store, device)
        self.embedder = Embedder()

    def close(self) -> None:
        """End the helper process."""
        self.embedder.close()

    def dataset(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError or SpecError where that is impossible."""
        return self.work.dataset(spec, report)

    def compose(self, dataset: Dataset, **words: Any) -> RunSpec:
        """`study.compose`: the RunSpec that these words describe."""
        return study.compose(dataset, **words)

    # -- the study ------------------------------------------------------------------------
    def run(self, spec: RunSpec, report: Reporter) -> Study:
        """The study of `spec`, from the store or computed; intermediate results are reported.

        Points: ('model', ModelResult) as each exists, ('loss', (stage, epoch, loss)),
        ('residual', Residual) from c = 10 draws on. Raises EngineError kinds and Cancelled;
        whatever was finished before stays in the store.
        """
        wanted = study.study_key(spec)
        record = self.store.get("studies", wanted)
        if record is not None:
            found = study_of(record)
            for name, result in self.work.models(spec).items():
                report.point("model", result)
                for epoch, loss in enumerate(result.loss, 1):
                    report.point("loss", (name, epoch, loss))
            report.point("residual", found.residual)
            return found
        self._say_lost_classes(spec, report)
        self.expect(spec, report)
        results: dict[str, ModelResult] = {}
        for name in study.model_keys(spec):
            result = self.work.model(spec, name, report)
            results[name] = result
            report.point("model", result)
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
        """The stored study whose key begins so; StoreError if there is none."""
        record = self.store.get("studies", self.store.find("studies", key))
        if record is None:
            raise CheckpointError(f"The study {key} is damaged and was set aside; run it again.")
        return study_of(record)

    def studies(self) -> list[StudySummary]:
        """All stored studies, newest first."""
        found = []
        for name in self.store.keys("studies"):
            record = self.store.get("studies", name, arrays=False)
            if record is not None:
                found.append(summary_of(record))
        return found

    def spec_of(self, one: Study) -> RunSpec:
        """The RunSpec a stored study was made from."""
        return study.from_plain(one.spec)

    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        return self.work.models(spec)

    # -- one sample, embeddings, files ------------------------------------------------------
    def neighborhood(
        self, spec: RunSpec, sample: int, perturbation: str, tau: float, report: Reporter
    ) -> Neighborhood:
        """Perturbed copies of one training sample and every model's verdicts on them.

        perturbation '' and tau < 0 mean the study's own, at the middle of its grid.
        """
        dataset = self.work.dataset(spec.data, report)
        name, tau = _lens(spec, dataset, sample, perturbation, tau)
        probe = replace(spec.probe, perturbation=name, taus=(tau,))
        names = list(study.model_keys(spec))
        source = next(iter(study.unlearned(spec)), "original")
        label = int(dataset.train_y[sample])
        samples, _ = self.work.on_device(dataset)
        x = samples.pixels(torch.tensor([sample], device=self.work.device))[0]
        against = self.work.loaded(spec, source) if is_attack(probe) else None
        copies = copies_of(x, label, sample, probe, tau, len(dataset.classes), against)
        keys = study.model_keys(spec)
        attacked = keys[source] if is_attack(probe) else ""
        mark = key("neighborhood", keys, probe, probe.draws, sample, attacked)
        record = self.store.get("neighborhoods", mark)
        if record is None:
            models = {one: self.work.loaded(spec, one) for one in names}
            report.check()
            started = time.monotonic()
            predictions, confidence = views_on(models, copies, label)
            arrays = {f"predictions/{one}": value for one, value in predictions.items()}
            arrays |= {f"confidence/{one}": value for one, value in confidence.items()}
            record = self.work.put(
                "neighborhoods", mark, arrays, spec, time.monotonic() - started, sample=sample
            )
        predictions = {one: record.arrays[f"predictions/{one}"] for one in names}
        return Neighborhood(
            sample=sample,
            label=label,
            perturbation=name,
            tau=tau,
            copies=copies.cpu().numpy(),
            predictions=predictions,
            confidence={one: record.arrays[f"confidence/{one}"] for one in names},
            counts={one: int((found == label).sum()) for one, found in predictions.items()},
        )

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
    ) -> Slice:
        """Every model's decision regions on a plane through one training sample.

        directions: one of labels.DIRECTIONS, attacks aim at the first unlearned model; size: odd
        number of points a side; perturbation '' and tau < 0 as in `neighborhood`. SpecError where
        there is no such sample or no such plane.
        """
        dataset = self.work.dataset(spec.data, report)
        name, tau = _lens(spec, dataset, sample, perturbation, tau)
        keys, seed = study.model_keys(spec), spec.probe.seed
        against = next(iter(study.unlearned(spec)), "original")
        mark = key("slice", keys, against, name, tau, seed, sample, directions, size)
        record = self.store.get("slices", mark)
        if record is None:
            models = {one: self.work.loaded(spec, one) for one in keys}
            made = slices.cut(
                models, self.work.on_device(dataset)[0], sample, directions,
                against=against, perturbation=name, tau=tau, size=size, seed=seed, report=report,
            )  # fmt: skip
            arrays, facts = slices.packed(made)
            record = self.work.put("slices", mark, arrays, spec, **facts)
        return slices.unpacked(record.arrays, record.attributes, list(keys))

    def embed(self, spec: RunSpec, model: str, report: Reporter) -> Embedding:
        """UMAP of the model's features of retain, forget and perturbed samples."""
        mark = key("embedding", study.model_keys(spec)[model], spec.forget, spec.probe, spec.seed)
        record = self.store.get("embeddings", mark)
        if record is None:
            report.stage(f"embedding of {model}")
            self.embedder.warm_up()
            started = time.monotonic()
            arrays = self._embedded(spec, model, report)
            record = self.work.put("embeddings", mark, arrays, spec, time.monotonic() - started)
        found = record.arrays
        return Embedding(model, found["xy"], found["sample"], found["kind"], found["label"])

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
        keys = study.model_keys(spec)
        if model not in keys:
            raise SpecError(f"This study has no model '{model}'. It has: {', '.join(keys)}.")
        name = perturbation_named(perturbation or spec.probe.perturbation).name
        probe = validate(replace(spec.probe, perturbation=name, target="true", draws=draws))
        mark = key("recognition", keys[model], probe, probe.draws, spec.forget)
        record = self.store.get("recognitions", mark)
        if record is None:
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
            record = self.work.put("recognitions", mark, arrays, spec, seconds, model=model)
        found = record.arrays
        limit = probe.taus[-1]
        return Recognition(model, name, probe.draws, limit, found["samples"], found["taus"])

    def export_checkpoint(self, spec: RunSpec, model: str, out: Path) -> Path:
        """Copy a model's weights, with its spec and key, to `out`."""
        keys = study.model_keys(spec)
        model = "retrain-0" if model == "retrain" else model
        if model not in keys:
            raise SpecError(f"This study has no model '{model}'. It has: {', '.join(keys)}.")
        facts = checkpoints.load(self.store.path("checkpoints", keys[model], ".pt"))[1]
        checkpoints.save(out, self.work.loaded(spec, model), facts, self.store.replacing)
        return out

    def figure(self, one: Study, kind: str, out: Path, **options: Any) -> list[Path]:
        """Draw a figure of a study with its numbers as CSV beside it; returns the files.

        kind: 'curves', 'neighborhood' (option sample, tau), 'embedding' (option model), 'metrics'.
        """
        require("matplotlib", "Figures need")
        from engine import figures

        spec, quiet = self.spec_of(one), Reporter()
        facts = {"version": PROGRAM, "key": one.key, "seed": str(spec.seed)}
        spec = replace(spec, data=self.work.located(spec.data))
        if kind == "curves":
            return figures.curves(one.residual, one.labels, out, facts=facts, **options)
        if kind == "metrics":
            return figures.metrics_table(one, out, facts=facts, **options)
        if kind == "neighborhood":
            sample = options.pop("sample", None)
            tau = options.pop("tau", -1.0)
            sample = one.residual.worst_sample() if sample is None else sample
            near = self.neighborhood(spec, sample, "", tau, quiet)
            dataset = self.work.dataset(spec.data, quiet)
            return figures.neighborhood(
                near,
                dataset.classes,
                one.labels,
                out,
                facts=facts,
                original=as_pixels(torch.from_numpy(dataset.train_x[sample])).numpy(),
                **options,
            )
        if kind == "embedding":
            model = options.pop("model", None) or next(iter(study.unlearned(spec)), "original")
            cloud = self.embed(spec, model, quiet)
            classes = self.work.dataset(spec.data, quiet).classes
            return figures.embedding(cloud, classes, one.labels, out, facts=facts, **options)
        raise SpecError(
            f"There is no figure '{kind}'. Known: curves, embedding, metrics, neighborhood."
        )

    # -- measuring --------------------------------------------------------------------------
    def _measure(self, spec: RunSpec, report: Reporter) -> Residual:
        """Residual knowledge of all models, reported from the first ten draws on."""
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
                ["original", *study.unlearned(spec)],
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
        keys = study.model_keys(spec)
        marks = {
            viewer: key("counts", keys[viewer], keys.get(source, ""), spec.probe, spec.forget)
            for viewer in viewers
        }
        records = {viewer: self.store.get("counts", mark) for viewer, mark in marks.items()}
        known = {
            viewer: record.arrays["predictions"] if record is not None else None
            for viewer, record in records.items()
        }
        need = blocks_of(draws)
        for done in sorted({_blocks(found) for found in known.values()}):
            if done >= need:
                continue
            late = [viewer for viewer, found in known.items() if _blocks(found) == done]
            self._extend(spec, dataset, source, late, range(done, need), known, marks, report)
        names = {
            viewer: viewer if source in ("", viewer) else f"{viewer}@{source}" for viewer in viewers
        }
        return {names[viewer]: found for viewer, found in known.items() if found is not None}

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

    def _embedded(self, spec: RunSpec, name: str, report: Reporter) -> dict[str, np.ndarray]:
        dataset = self.work.dataset(spec.data, report)
        samples, _ = self.work.on_device(dataset)
        rng = numpy_generator(spec.seed, "embedding", name)
        forget = _some(np.array(spec.forget), EMBEDDED_FORGET, dataset.train_y, rng)
        others = np.setdiff1d(np.arange(len(samples)), spec.forget)
        retain = _some(others, EMBEDDED_RETAIN, dataset.train_y, rng)
        tau = spec.probe.taus[len(spec.probe.taus) // 2]
        model = self.work.loaded(spec, name)
        copies = []
        for sample in forget:
            x = samples.pixels(torch.tensor([sample], device=self.work.device))[0]
            probe = replace(spec.probe, draws=1)
            label = int(dataset.train_y[sample])
            copies.append(copies_of(x, label, int(sample), probe, tau, samples.n_classes, model))
        own = np.concatenate([retain, forget])
        rows = torch.from_numpy(own).to(self.work.device)
        features = np.concatenate(
            [_features(model, samples.pixels(rows)), _features(model, torch.cat(copies))]
        )
        report.check()
        xy = self.embedder.fit(features, spec.seed, report)
        sample = np.concatenate([own, forget])
        kinds = [(RETAIN, len(retain)), (FORGET, len(forget)), (PERTURBED, len(forget))]
        return {
            "xy": xy,
            "sample": sample,
            "kind": np.concatenate([np.full(n, kind, np.uint8) for kind, n in kinds]),
            "label": dataset.train_y[sample],
        }

    # -- bookkeeping --------------------------------------------------------------------------
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

    def expect(self, spec: RunSpec, report: Reporter) -> None:
        """Tell the report how many sample passes this study takes, were nothing of it stored."""
        for name in study.model_keys(spec):
            report.expect(self.work.cost(spec, name))
        report.expect(measuring.cost(self.work, spec))
        for viewers in _groups(spec).values():
            share = sum(1 / BLOCK if tau == 0 else 1 for tau in spec.probe.taus)
            copies = len(spec.forget) * blocks_of(spec.probe.draws) * BLOCK
            report.expect(len(viewers) * copies * share)

    def _say_lost_classes(self, spec: RunSpec, report: Reporter) -> None:
        dataset = self.work.dataset(spec.data, report)
        for lost in lost_classes(spec.forget, dataset.train_y):
            report.log(
                f"No sample of class {dataset.classes[lost]} is retained (class unlearning): "
                "Re-train cannot recognize it, so r is undefined for most of its samples."
            )


def _lens(
    spec: RunSpec, dataset: Dataset, sample: int, perturbation: str, tau: float
) -> tuple[str, float]:
    """(perturbation, tau) to look at a sample with: '' and tau < 0 mean the study's own.

    SpecError where there is no such sample or perturbation.
    """
    if not 0 <= sample < len(dataset.train_y):
        raise SpecError(
            f"Sample {sample} is not in the training set (0 to {len(dataset.train_y) - 1})."
        )
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


def _some(pool: np.ndarray, most: int, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At most `most` of the indices in `pool`, each class in proportion, sorted."""
    if len(pool) <= most:
        return pool
    chosen = []
    for label in np.unique(labels[pool]):
        members = pool[labels[pool] == label]
        share = max(1, round(most * len(members) / len(pool)))
        chosen.append(rng.choice(members, min(share, len(members)), replace=False))
    return np.sort(np.concatenate(chosen))


@torch.inference_mode()
def _features(model: Classifier, x: torch.Tensor, batch: int = 200) -> np.ndarray:
    """(n, width) penultimate activations."""
    features: np.ndarray = (
        torch.cat([model.features(part) for part in x.split(batch)]).cpu().numpy()
    )
    return features
