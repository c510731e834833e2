"""The use cases: get a result from the store, or compute and store it.

`Pipeline` is the entry point for the command line and the explorer, one instance per thread. Its
methods document what they return and delegate the work to the other modules of this package.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.analysis.epoch_series import Epochs
from engine.datasets.base import Dataset
from engine.embedding.joint_umap import Embedder
from engine.membership.results import Attack
from engine.pipeline import bundle, embedding, membership
from engine.pipeline import sample as one_sample
from engine.pipeline.compute_device import Loading
from engine.pipeline.method_epochs import MethodEpochs
from engine.pipeline.models import StudyModels
from engine.pipeline.recent_plans import RecentPlans
from engine.pipeline.residual import ResidualMeasurement
from engine.pipeline.run import StudyComputation
from engine.pipeline.similarity import Similarities
from engine.pipeline.studies import StudyCatalog, spec_of
from engine.pipeline.study_files import StudyFiles
from engine.provenance import Provenance
from engine.results import (
    Embedding,
    ModelResult,
    Neighborhood,
    Recognition,
    Similarity,
    Slice,
    Study,
    StudySummary,
)
from engine.runtime.device import keep_freed_memory
from engine.runtime.memory import give_back
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec, as_imported
from engine.storage.store import Store
from engine.study import compose as study
from engine.study.plan import Plan
from engine.user_code.attribution import attributed_errors


class Pipeline:
    """Computes missing results and keeps everything in a store."""

    def __init__(
        self,
        store: Store,
        device: str = "auto",
        *,
        spare_cores: int = 0,
        loading: Loading = contextlib.nullcontext,
    ) -> None:
        """SpecError if the device is missing.

        spare_cores: left free by torch for the interface; loading: the context in which torch is
        imported, once something must be computed.
        """
        keep_freed_memory()
        self.store = store
        self._plans = RecentPlans()
        self.work = StudyModels(store, device, spare_cores, loading)
        self.embedder = Embedder()
        self.similarities = Similarities(self.work)
        self.catalog = StudyCatalog(store, self.work.datasets)
        self.measurement = ResidualMeasurement(self.work)
        self.method_epochs = MethodEpochs(self.work, self.measurement)
        self._runs = StudyComputation(self.work, self.measurement, self.method_epochs)

    def close(self) -> None:
        """End the helper process."""
        self.embedder.close()

    def warm_up(self) -> None:
        """Import torch and set up the device, lest the first computation has to wait for that."""
        self.work.warm_up()

    def rest(self, fingerprint: str = "") -> None:
        """Give back memory: what belongs to data other than these ('': any), and what was freed.

        Whatever is needed again is read from the store again.
        """
        if fingerprint and self.work.keep_only(fingerprint):
            self.similarities.clear()
        self.work.free_cache()
        give_back()

    def dataset(self, spec: DataSpec, report: Reporter, *, anew: bool = False) -> Dataset:
        """The dataset, loaded once; DataError or SpecError if that is impossible.

        anew: read it again, because its files may have changed since.
        """
        return self.work.datasets.load(spec, report, anew=anew)

    def find_data(self, key: str, root: str, report: Reporter) -> Dataset:
        """The dataset of a stored study, now located in `root`; the new location is stored.

        DataError if `root` holds other data.
        """
        return self.work.datasets.move(self.spec_of(self.study(key)).data, root, report)

    def compose(self, dataset: Dataset, **words: Any) -> RunSpec:
        """The RunSpec that these settings describe; see `study.compose`."""
        return study.compose(dataset, device=lambda: self.work.device.type, **words)

    def plan(self, spec: RunSpec) -> Plan:
        """The plan of this study; recent plans are cached."""
        return self._plans.of(spec)

    def _plan_of_stored(self, spec: RunSpec) -> Plan:
        """The plan, with imported models if the study was imported and not made here.

        For viewing a study; a run always makes its own models.
        """
        plan = self.plan(spec)
        if not spec.imported and self.catalog.is_imported(plan.key):
            return self.plan(as_imported(spec))
        return plan

    # -- studies --------------------------------------------------------------------------
    @attributed_errors()
    def run(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> Study:
        """The study of `spec`, from the store or computed; intermediate results are reported.

        Report points: ('model', ModelResult) as each is ready, ('loss', (stage, epoch, loss)),
        ('residual', Residual) from c = 10 draws on; with `watch`, ('epochs', Epochs so far) after
        each epoch of a method. Watching changes no result. Raises EngineErrors and Cancelled;
        everything finished before stays in the store.
        """
        return self._runs.run(self.plan(spec), report, watch=watch)

    def expect(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> None:
        """Announce to the report the sample passes this study takes if none of it is stored."""
        self._runs.expect(self.plan(spec), report, watch=watch)

    def study(self, key: str) -> Study:
        """The stored study whose key starts with `key`; StoreError if there is none.

        It is validated against its dataset if that is loaded.
        """
        return self.catalog.study(key)

    def place(self, start: str) -> tuple[Store, str]:
        """(store, key) of the study whose key starts with `start`; StoreError unless unique."""
        return self.catalog.place(start)

    def has_study(self, key: str) -> bool:
        """Whether there is a study under this key, made here or imported."""
        return self.catalog.has(key)

    def studies(self) -> list[StudySummary]:
        """All stored studies, newest first, followed by the imported ones.

        The store reports files that cannot be read.
        """
        return self.catalog.summaries()

    def provenance(self, key: str) -> Provenance:
        """How, with what and when a stored study was made; StoreError if there is none."""
        return self.catalog.provenance(key)

    def spec_under(self, key: str) -> RunSpec:
        """The RunSpec of a stored study, without its results; raises as `provenance`."""
        return self.catalog.spec_under(key)

    def spec_of(self, one: Study) -> RunSpec:
        """The RunSpec a stored study was made from."""
        return spec_of(one)

    def belongings(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> StudyFiles:
        """The files that deleting these studies would remove; StoreError if one does not exist."""
        return self.catalog.belongings(keys, spared)

    def delete_studies(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> StudyFiles:
        """Delete studies and all files that no other study nor `spared` uses; returns them."""
        return self.catalog.delete(keys, spared)

    # -- models and methods ---------------------------------------------------------------
    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        return self.work.models(self._plan_of_stored(spec))

    @attributed_errors()
    def epochs(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """The stored observations of this method, epoch by epoch.

        SpecError if it was not watched when it was made, or is not a method of this study.
        """
        return self.method_epochs.of(self._plan_of_stored(spec), model, report)

    @attributed_errors()
    def watch_again(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """Run this method once more to observe and store its epochs; the model is unchanged.

        SpecError if it is not a method of this study. Raises Cancelled; the next call resumes from
        the last finished epoch.
        """
        return self.method_epochs.again(self._plan_of_stored(spec), model, report)

    # -- samples, embeddings, comparisons -------------------------------------------------
    @attributed_errors()
    def neighborhood(
        self, spec: RunSpec, sample: int, perturbation: str, tau: float, report: Reporter
    ) -> Neighborhood:
        """Perturbed copies of one sample and every model's predictions on them.

        perturbation '' and tau < 0 mean the study's own, at the middle of its grid. A result that
        is not stored yet is reported as the point 'neighborhood' from its first ten copies on.
        """
        plan = self._plan_of_stored(spec)
        return one_sample.neighborhood(self.work, plan, sample, perturbation, tau, report)

    @attributed_errors()
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

        directions, size, perturbation, towards, errors: see `one_sample.decision_slice`.
        """
        return one_sample.decision_slice(
            self.work, self._plan_of_stored(spec), sample, directions, tau, size, report,
            perturbation=perturbation, towards=towards,
        )  # fmt: skip

    @attributed_errors()
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

        perturbation '' means the study's own; attacks target the true label. The study's tau
        grid is searched along `draws` directions. SpecError if the study has no such model.
        """
        return one_sample.recognition(
            self.work, self._plan_of_stored(spec), model, report,
            perturbation=perturbation, draws=draws,
        )  # fmt: skip

    @attributed_errors()
    def embed(self, spec: RunSpec, models: Sequence[str], report: Reporter) -> Embedding:
        """One joint UMAP of the features of these models, comparable point by point.

        All models share the same retain, forget and test samples and perturbed copies; the order
        of the models does not matter. SpecError if the study lacks one of them.
        """
        plan = self._plan_of_stored(spec)
        return embedding.embed(self.work, self.embedder, plan, models, report)

    @attributed_errors()
    def similarity(self, spec: RunSpec, a: str, b: str, report: Reporter) -> Similarity:
        """Linear CKA of models a and b with Original, the Re-trains and each other, layer by layer.

        SpecError if the study lacks one of them.
        """
        return self.similarities.of(self._plan_of_stored(spec), a, b, report)

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
        """Membership inference on models `a` and `b`; takes milliseconds, so it is not stored.

        score, members, matched: see engine.membership.attack. SpecError if the study has no such
        models, there are no samples to attack, or too few models to compare with.
        """
        return membership.infer(
            self.work, self._plan_of_stored(spec), dict.fromkeys((a, b)), report,
            score=score, members=members, matched=matched,
        )  # fmt: skip

    # -- files ------------------------------------------------------------------------------
    @attributed_errors()
    def export_checkpoint(
        self, spec: RunSpec, model: str, out: Path, report: Reporter | None = None
    ) -> Path:
        """Write a model's weights, spec and key to `out`: as .safetensors, or else for torch.

        The log of `report` states how to build the network if it is not the study's plain one.
        """
        from engine.pipeline import checkpoint_export

        plan = self._plan_of_stored(spec)
        model = "retrain-0" if model == "retrain" else model
        plan.require(model)
        return checkpoint_export.export(self.work, plan, model, out, report or Reporter())

    def save_bundle(
        self,
        one: Study,
        out: Path,
        session: Mapping[str, Any],
        report: Reporter,
        *,
        images: bool = True,
    ) -> Path:
        """Write a study with all its files, with or without its samples, to one bundle.

        session: JSON data on the state of the window. StoreError if that is impossible.
        """
        dataset = self.dataset(self.spec_of(one).data, report) if images else None
        shelf = self.store.imported if one.origins else self.store
        annotation = self.catalog.annotations.get(one.key)
        return bundle.save(shelf, one.key, out, session, dataset, report, annotation)

    def open_bundle(
        self, path: Path, report: Reporter, source: str = "", kinds: Collection[str] = bundle.ALL
    ) -> bundle.ImportedBundle:
        """Import a bundle into the store; StoreError if it is not a valid bundle.

        It is stored apart, marked with its origin: `source`, or the file's name. kinds: of the
        records to import.
        """
        return bundle.open_bundle(self.store, path, report, source, kinds)
