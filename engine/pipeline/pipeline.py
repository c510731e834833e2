"""The use cases: get a result from the store, or compute and put it.

Called by the command line and by the explorer alike. One Pipeline serves one thread. It is the
door to all that a study is asked for; each method says what comes back, and hands the work to the
module that knows how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import registry
from engine.analysis.epoch_series import Epochs
from engine.datasets.base import Dataset
from engine.embedding.joint_umap import Embedder
from engine.errors import SpecError
from engine.membership.attack import attack
from engine.membership.results import Attack
from engine.pipeline import bundle, embedding
from engine.pipeline import sample as one_sample
from engine.pipeline.method_epochs import MethodEpochs
from engine.pipeline.models import Workshop
from engine.pipeline.recent_plans import RecentPlans
from engine.pipeline.residual import Measurement
from engine.pipeline.run import StudyRun
from engine.pipeline.similarity import Similarities
from engine.pipeline.studies import StudyCatalog, spec_of
from engine.pipeline.study_files import Belongings
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
from engine.runtime.cores import use_cores
from engine.runtime.device import keep_freed_memory
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec, as_imported
from engine.storage import output_files
from engine.storage.store import Store
from engine.study import compose as study
from engine.study.plan import Plan
from engine.training import checkpoints
from engine.user_code.calls import attributed


class Pipeline:
    """Computes what is missing and remembers everything in a store."""

    def __init__(self, store: Store, device: str = "auto", *, spare_cores: int = 0) -> None:
        """SpecError if the device is not here. spare_cores: that torch leaves to an interface."""
        use_cores(spare_cores)
        keep_freed_memory()
        self.store = store
        self._plans = RecentPlans()
        self.work = Workshop(store, device, spare_cores)
        self.embedder = Embedder()
        self.similarities = Similarities(self.work)
        self.catalog = StudyCatalog(store, self.work.datasets)
        self.measurement = Measurement(self.work)
        self.method_epochs = MethodEpochs(self.work, self.measurement)
        self._runs = StudyRun(self.work, self.measurement, self.method_epochs)

    def close(self) -> None:
        """End the helper process."""
        self.embedder.close()

    def dataset(self, spec: DataSpec, report: Reporter) -> Dataset:
        """The dataset, loaded once; DataError or SpecError where that is impossible."""
        return self.work.datasets.load(spec, report)

    def find_data(self, key: str, root: str, report: Reporter) -> Dataset:
        """The dataset of a stored study, which lies in `root` now; that is remembered.

        DataError where other data lie there.
        """
        return self.work.datasets.move(self.spec_of(self.study(key)).data, root, report)

    def compose(self, dataset: Dataset, **words: Any) -> RunSpec:
        """`study.compose`: the RunSpec that these words describe."""
        return study.compose(dataset, device=self.work.device.type, **words)

    def plan(self, spec: RunSpec) -> Plan:
        """The plan of this study, the same one as long as others are not asked for in between."""
        return self._plans.of(spec)

    def _plan_of_stored(self, spec: RunSpec) -> Plan:
        """The plan, of imported models where its study came from elsewhere and was not made here.

        For whoever looks at a study; what is run makes its own.
        """
        plan = self.plan(spec)
        if not spec.imported and self.catalog.is_imported(plan.key):
            return self.plan(as_imported(spec))
        return plan

    # -- studies --------------------------------------------------------------------------
    @attributed()
    def run(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> Study:
        """The study of `spec`, from the store or computed; intermediate results are reported.

        Points: ('model', ModelResult) as each exists, ('loss', (stage, epoch, loss)),
        ('residual', Residual) from c = 10 draws on; where methods are to be watched, ('epochs',
        Epochs so far) after each epoch of one. Watching changes no result. Raises EngineError
        kinds and Cancelled; whatever was finished before stays in the store.
        """
        return self._runs.run(self.plan(spec), report, watch=watch)

    def expect(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> None:
        """Tell the report how many sample passes this study takes, were nothing of it stored."""
        self._runs.expect(self.plan(spec), report, watch=watch)

    def study(self, key: str) -> Study:
        """The stored study whose key begins so; StoreError if there is none.

        It is held against its dataset where that was loaded before.
        """
        return self.catalog.study(key)

    def place(self, start: str) -> tuple[Store, str]:
        """(store, key) of the one study whose key begins so; StoreError if not exactly one does."""
        return self.catalog.place(start)

    def has_study(self, key: str) -> bool:
        """Whether a study lies under this key, made here or come from elsewhere."""
        return self.catalog.has(key)

    def studies(self) -> list[StudySummary]:
        """All stored studies, newest first, then those that came from elsewhere.

        The store tells of files that cannot be read now.
        """
        return self.catalog.summaries()

    def provenance(self, key: str) -> Provenance:
        """What a stored study was made of, with what, when; StoreError if there is none."""
        return self.catalog.provenance(key)

    def spec_under(self, key: str) -> RunSpec:
        """The RunSpec of a stored study, without its results; errors as `provenance`."""
        return self.catalog.spec_under(key)

    def spec_of(self, one: Study) -> RunSpec:
        """The RunSpec a stored study was made from."""
        return spec_of(one)

    def belongings(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> Belongings:
        """The files that deleting these studies would remove; StoreError if there is no such."""
        return self.catalog.belongings(keys, spared)

    def delete_studies(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> Belongings:
        """Delete studies with all that no other study, nor one of `spared`, uses; what went."""
        return self.catalog.delete(keys, spared)

    # -- models and methods ---------------------------------------------------------------
    def models(self, spec: RunSpec) -> dict[str, ModelResult]:
        """The models of this study that are in the store."""
        return self.work.models(self._plan_of_stored(spec))

    @attributed()
    def epochs(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """What was seen of this method, epoch by epoch, when it was made.

        SpecError where it was not watched then, or is no method of this study.
        """
        return self.method_epochs.of(self._plan_of_stored(spec), model, report)

    @attributed()
    def watch_again(self, spec: RunSpec, model: str, report: Reporter) -> Epochs:
        """Run this method once more to see its epochs, which are kept; the model stays as it is.

        SpecError if it is no method of this study; Cancelled, and then it goes on from there.
        """
        return self.method_epochs.again(self._plan_of_stored(spec), model, report)

    # -- samples, embeddings, comparisons -------------------------------------------------
    @attributed()
    def neighborhood(
        self, spec: RunSpec, sample: int, perturbation: str, tau: float, report: Reporter
    ) -> Neighborhood:
        """Perturbed copies of one sample and every model's verdicts on them.

        perturbation '' and tau < 0 mean the study's own, at the middle of its grid. What is not in
        the store yet is reported as the point 'neighborhood' from its first ten copies.
        """
        plan = self._plan_of_stored(spec)
        return one_sample.neighborhood(self.work, plan, sample, perturbation, tau, report)

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

        directions, size, perturbation, towards, errors: see `one_sample.decision_slice`.
        """
        return one_sample.decision_slice(
            self.work, self._plan_of_stored(spec), sample, directions, tau, size, report,
            perturbation=perturbation, towards=towards,
        )  # fmt: skip

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
        return one_sample.recognition(
            self.work, self._plan_of_stored(spec), model, report,
            perturbation=perturbation, draws=draws,
        )  # fmt: skip

    @attributed()
    def embed(self, spec: RunSpec, models: Sequence[str], report: Reporter) -> Embedding:
        """One joint UMAP of the features of these models, point by point comparable.

        The same retain, forget and test samples and perturbed copies in each; the order of the
        models does not matter. SpecError if the study has no such model.
        """
        plan = self._plan_of_stored(spec)
        return embedding.embed(self.work, self.embedder, plan, models, report)

    @attributed()
    def similarity(self, spec: RunSpec, a: str, b: str, report: Reporter) -> Similarity:
        """Linear CKA of models a and b with Original, the Re-trains and each other, layer by layer.

        SpecError if the study has no such model.
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
        """Membership inference on models `a` and `b`: milliseconds, so it is not stored.

        score, members, matched: see engine.membership.attack. SpecError if the study has no such
        models, or there is nobody to attack.
        """
        dataset, models = self.dataset(spec.data, report), self.models(spec)
        for name in (a, b):
            if name not in models:
                raise SpecError(f"This study has no model '{name}'. It has: {', '.join(models)}.")
        return attack(
            {name: models[name] for name in (a, b)}, dataset.train_y, dataset.test_y,
            np.array(spec.forget),
            score=score, members=members, matched=matched, seed=spec.seed,
            validation=dataset.validation,
        )  # fmt: skip

    # -- files ------------------------------------------------------------------------------
    @attributed()
    def export_checkpoint(
        self, spec: RunSpec, model: str, out: Path, report: Reporter | None = None
    ) -> Path:
        """Copy a model's weights, with its spec and key, to `out`: .safetensors, else for torch.

        `report` hears how to build the network, where it is not the study's plain one.
        """
        plan = self._plan_of_stored(spec)
        model = "retrain-0" if model == "retrain" else model
        plan.require(model)
        shelf = self.work.results.shelf(plan.spec)
        path = shelf.path("checkpoints", plan.models[model], ".pt")
        facts = checkpoints.load(path)[1]
        net, head = self.work.loaded(plan, model), self.work.maker.head(plan.spec, model)
        if head:
            form = registry.get("method", head).facts["form"].format(layer=net.head_name)
            facts |= {"head": head, "form": form}
            (report or Reporter()).log(form)
        checkpoints.save(out, net, facts, output_files.output)
        return out

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
        dataset = self.dataset(self.spec_of(one).data, report) if images else None
        shelf = self.store.imported if one.origins else self.store
        return bundle.save(shelf, one.key, out, session, dataset, report)

    def open_bundle(self, path: Path, report: Reporter, source: str = "") -> bundle.Opened:
        """Bring a bundle into the store; StoreError where it is none that can be trusted.

        It lies apart, marked with where it came from: `source`, or the file's name.
        """
        return bundle.open_bundle(self.store, path, report, source)
