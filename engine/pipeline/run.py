"""A complete study, from the store or computed: models, residual knowledge and measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.forget_sets.forget_set import unretained_classes
from engine.pipeline import original_check
from engine.pipeline.method_epochs import MethodEpochs
from engine.pipeline.models import StudyModels
from engine.pipeline.records import labels_of, study_arrays, study_attributes, study_of
from engine.pipeline.residual import ResidualMeasurement
from engine.results import ModelResult, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study import compose
from engine.study.costs import sizes_of
from engine.study.plan import COUNTS, EPOCHS, MEASURES, MODELS, Plan


class StudyComputation:
    """Runs studies; everything finished before an error or a stop remains in the store."""

    def __init__(
        self, work: StudyModels, measurement: ResidualMeasurement, epochs: MethodEpochs
    ) -> None:
        self._work, self._measurement, self._epochs = work, measurement, epochs

    def run(self, plan: Plan, report: Reporter, *, watch: bool = False) -> Study:
        """The study of this plan; report points and errors as documented in `Pipeline.run`."""
        stored = self._stored(plan, report)
        if stored is not None:
            return stored
        self._work.results.shelf(plan.spec).require_writable()
        self._log_imported(plan, report)
        self._log_lost_classes(plan.spec, report)
        self.expect(plan, report, watch=watch)
        results = self._models(plan, report, watch)
        original_check.warn(self._work, plan, report)
        study = self._measured(plan, results, report)
        report.point("residual", study.residual)
        return study

    def _models(self, plan: Plan, report: Reporter, watch: bool) -> dict[str, ModelResult]:
        """All models of the study, each reported: Re-trains side by side where that is possible."""
        make = self._epochs.watched if watch else self._work.model
        results: dict[str, ModelResult] = {}
        together: dict[str, ModelResult] = {}
        for name in plan.models:
            if name == "retrain-0":
                together = {one.name: one for one in self._work.retrains(plan, report)}
            results[name] = together.get(name) or make(plan, name, report)
            report.point("model", results[name])
        return results

    def expect(self, plan: Plan, report: Reporter, *, watch: bool = False) -> None:
        """Announce to the report the sample passes this study takes if none of it is stored.

        Pre-training announces its own.
        """
        sizes = sizes_of(self._work.datasets.load(plan.spec.data, Reporter()))
        due = [name for name in plan.models if watch and self._epochs.is_due(plan, name)]
        report.expect(Plan.of(plan.spec, sizes, due).cost(MODELS, EPOCHS, COUNTS, MEASURES))

    def _stored(self, plan: Plan, report: Reporter) -> Study | None:
        """The study if it is in the store, reported as if it were made now; else None."""
        world = self._work.datasets.world(plan.spec.data.fingerprint)
        record = self._work.results.shelf(plan.spec).get("studies", plan.key, world=world)
        if record is None:
            return None
        stored = study_of(record)
        residual = replace(stored.residual, fdr=plan.spec.probe.fdr)  # no part of the key
        stored = replace(stored, residual=residual)
        for name, result in self._work.models(plan).items():
            report.point("model", result)
            for epoch, loss in enumerate(result.loss, 1):
                report.point("loss", (name, epoch, loss))
        report.point("residual", stored.residual)
        original_check.warn(self._work, plan, report)
        return stored

    def _measured(self, plan: Plan, results: Mapping[str, ModelResult], report: Reporter) -> Study:
        """The study of these models with all measurements; it is stored."""
        from engine.pipeline import metrics as measuring

        residual = self._measurement.residual(plan, report)
        metrics = measuring.table(self._work, plan, results, report)
        study = Study(
            key=plan.key,
            spec=compose.as_plain(plan.spec),
            forget=np.array(plan.spec.forget),
            metrics=metrics,
            labels=labels_of(plan.spec),
            residual=residual,
        )
        arrays, facts = study_arrays(study), study_attributes(study)
        seconds = float(np.nansum([row["seconds"] for row in metrics.values()]))
        record = self._work.results.put("studies", study.key, arrays, plan.spec, seconds, **facts)
        return study_of(record)

    def _log_imported(self, plan: Plan, report: Reporter) -> None:
        """Log which imported models have the keys of this study but are not used."""
        imported = self._work.store.imported
        unused = [name for name, key in plan.models.items() if imported.has("models", key)]
        if unused and not plan.spec.imported:
            report.log(
                f"Imported models of the same settings ({', '.join(unused)}) are not used: this "
                "study makes its own. The command line can use them: run --trust-imported."
            )

    def _log_lost_classes(self, spec: RunSpec, report: Reporter) -> None:
        """Log which classes are forgotten completely."""
        dataset = self._work.datasets.load(spec.data, report)
        for lost in unretained_classes(spec.forget, dataset.train_y, dataset.validation):
            report.log(
                f"No sample of class {dataset.classes[lost]} is retained (class unlearning): "
                "Re-train cannot recognize it, so r is undefined for most of its samples."
            )
