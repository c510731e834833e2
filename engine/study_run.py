"""A whole study, from the store or computed: its models, their residual knowledge, its measures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine import doubt, measuring, study
from engine.archive import labels_of, study_arrays, study_attributes, study_of
from engine.forget import lost_classes
from engine.measurement import Measurement
from engine.method_epochs import MethodEpochs
from engine.report import Reporter
from engine.results import ModelResult, Study
from engine.spec import RunSpec
from engine.workshop import Workshop


class StudyRun:
    """Runs studies; whatever is finished before an error or a stop stays in the store."""

    def __init__(self, work: Workshop, measurement: Measurement, epochs: MethodEpochs) -> None:
        self._work, self._measurement, self._epochs = work, measurement, epochs

    def run(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> Study:
        """The study of `spec`; points and errors as `Pipeline.run` states them."""
        stored = self._stored(spec, report)
        if stored is not None:
            return stored
        self._work.results.shelf(spec).require_writable()
        self._log_imported(spec, report)
        self._log_lost_classes(spec, report)
        self.expect(spec, report, watch=watch)
        results: dict[str, ModelResult] = {}
        make = self._epochs.watched if watch else self._work.model
        for name in study.model_keys(spec):
            results[name] = make(spec, name, report)
            report.point("model", results[name])
        doubt.say(self._work, spec, report)
        made = self._measured(spec, results, report)
        report.point("residual", made.residual)
        return made

    def expect(self, spec: RunSpec, report: Reporter, *, watch: bool = False) -> None:
        """Tell the report how many sample passes this study takes, were nothing of it stored."""
        for name in study.model_keys(spec):
            report.expect(self._work.maker.cost(spec, name))
        report.expect(self._epochs.cost(spec) if watch else 0.0)
        report.expect(measuring.cost(self._work, spec))
        report.expect(self._measurement.cost(spec))

    def _stored(self, spec: RunSpec, report: Reporter) -> Study | None:
        """The study if it is in the store; it is reported as if it were made now."""
        world = self._work.datasets.world(spec.data.fingerprint)
        record = self._work.results.shelf(spec).get("studies", study.study_key(spec), world=world)
        if record is None:
            return None
        stored = study_of(record)
        for name, result in self._work.models(spec).items():
            report.point("model", result)
            for epoch, loss in enumerate(result.loss, 1):
                report.point("loss", (name, epoch, loss))
        report.point("residual", stored.residual)
        doubt.say(self._work, spec, report)
        return stored

    def _measured(
        self, spec: RunSpec, results: Mapping[str, ModelResult], report: Reporter
    ) -> Study:
        """The study of these models, with all that is measured of them, put into the store."""
        residual = self._measurement.residual(spec, report)
        metrics = measuring.table(self._work, spec, results, report)
        made = Study(
            key=study.study_key(spec),
            spec=study.as_plain(spec),
            forget=np.array(spec.forget),
            metrics=metrics,
            labels=labels_of(spec),
            residual=residual,
        )
        seconds = float(np.nansum([row["seconds"] for row in metrics.values()]))
        facts = study_attributes(made)
        record = self._work.results.put(
            "studies", made.key, study_arrays(made), spec, seconds, **facts
        )
        return study_of(record)

    def _log_imported(self, spec: RunSpec, report: Reporter) -> None:
        """Tell of models that came from elsewhere under keys of this study, which makes its own."""
        imported = self._work.store.imported
        there = [n for n, mark in study.model_keys(spec).items() if imported.has("models", mark)]
        if there and not spec.imported:
            report.log(
                f"Imported models of the same settings ({', '.join(there)}) are not used: this "
                "study makes its own. Where they are to be trusted, run it with --trust-imported."
            )

    def _log_lost_classes(self, spec: RunSpec, report: Reporter) -> None:
        """Tell of classes that are forgotten as a whole."""
        dataset = self._work.datasets.load(spec.data, report)
        for lost in lost_classes(spec.forget, dataset.train_y, dataset.validation):
            report.log(
                f"No sample of class {dataset.classes[lost]} is retained (class unlearning): "
                "Re-train cannot recognize it, so r is undefined for most of its samples."
            )
