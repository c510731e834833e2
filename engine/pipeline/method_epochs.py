"""The epochs of a study's methods: watched during a run, read from the store, or watched again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.epoch_series import Epochs
from engine.errors import SpecError
from engine.perturbations import BLOCK
from engine.pipeline import stored_epochs
from engine.pipeline.models import StudyModels
from engine.pipeline.records import labels_of
from engine.pipeline.residual import ResidualMeasurement
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study.plan import Plan
from engine.study.viewpoint import probe_of, references

if TYPE_CHECKING:
    from engine.pipeline.epoch_recorder import WatchScene


class MethodEpochs:
    """Watches methods and provides the observations."""

    def __init__(self, work: StudyModels, measurement: ResidualMeasurement) -> None:
        self._work, self._measurement = work, measurement

    def of(self, plan: Plan, model: str, report: Reporter) -> Epochs:
        """The stored observations of this method, epoch by epoch.

        SpecError if it was not watched when it was made, or is not a method of this study.
        """
        _require_method(plan.spec, model)
        record = stored_epochs.stored_epochs(self._work, plan, model)
        answers = self._reference_predictions(plan, report)
        blank = stored_epochs.blank_epochs(self._work, plan.spec, answers)
        return stored_epochs.epochs_of(record, blank)

    def again(self, plan: Plan, model: str, report: Reporter) -> Epochs:
        """Run this method once more to observe and store its epochs; the model is unchanged.

        SpecError if it is not a method of this study. Raises Cancelled; the next call resumes from
        the last finished epoch.
        """
        from engine.pipeline.epoch_recorder import Recorder

        _require_method(plan.spec, model)
        report.expect(self._work.maker.cost(plan.spec, model))
        report.expect(stored_epochs.cost(self._work, plan.spec, model))
        recorder = Recorder(self._work, plan, model, self.scene(plan, report), report)
        seconds, exact = self._work.again(plan, model, report, recorder.on)
        if not exact:
            report.log(
                f"{labels_of(plan.spec)[model]}, run again, ended with other weights than those in "
                "the store: its epochs show the new run."
            )
        return recorder.put(seconds, exact=exact)

    def watched(self, plan: Plan, name: str, report: Reporter) -> ModelResult:
        """One model of the study; a method that has to be run is watched."""
        if not self.is_due(plan, name):
            return self._work.model(plan, name, report)
        from engine.pipeline.epoch_recorder import Recorder

        recorder = Recorder(self._work, plan, name, self.scene(plan, report), report)
        result = self._work.model(plan, name, report, recorder.on)
        if recorder.began:  # else another process made it meanwhile and stored its epochs
            recorder.put(result.seconds)
        return result

    def is_due(self, plan: Plan, name: str) -> bool:
        """Whether this is a method that has yet to be run, and so can be watched."""
        return name in {one.name for one in plan.spec.methods} and not self._work.made(plan, name)

    def scene(self, plan: Plan, report: Reporter) -> WatchScene:
        """What is watched; Original and Re-trains enter with their predictions for the curves."""
        from engine.pipeline import epoch_recorder

        answers = self._reference_predictions(plan, report)
        return epoch_recorder.scene(self._work, plan.spec, answers)

    def _reference_predictions(self, plan: Plan, report: Reporter) -> dict[str, np.ndarray]:
        """The predictions of Original and Re-trains on the watched copies."""
        spec = plan.spec
        probed = Plan.of(replace(spec, probe=probe_of(spec)))
        return self._measurement.predictions(probed, "", references(spec), BLOCK, report)


def _require_method(spec: RunSpec, model: str) -> None:
    """Raise SpecError if this is not a method of the study."""
    methods = [one.name for one in spec.methods]
    if model not in methods:
        raise SpecError(
            f"Only unlearning methods are watched, and this study has no method '{model}'. It "
            f"has: {', '.join(methods) or 'none'}."
        )
