"""The epochs of a study's methods: watched while a method is made, read back, or watched again."""

from __future__ import annotations

from dataclasses import replace

from engine.analysis.epoch_series import Epochs
from engine.errors import SpecError
from engine.perturbations import BLOCK
from engine.pipeline import epoch_recorder
from engine.pipeline.models import Workshop
from engine.pipeline.records import labels_of
from engine.pipeline.residual import Measurement
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study.plan import Plan
from engine.study.viewpoint import probe_of, references


class MethodEpochs:
    """Has methods watched, and tells what was seen of them."""

    def __init__(self, work: Workshop, measurement: Measurement) -> None:
        self._work, self._measurement = work, measurement

    def of(self, plan: Plan, model: str, report: Reporter) -> Epochs:
        """What was seen of this method, epoch by epoch, when it was made.

        SpecError where it was not watched then, or is no method of this study.
        """
        _require_method(plan.spec, model)
        record = epoch_recorder.recorded(self._work, plan, model)
        return epoch_recorder.epochs_of(record, self.scene(plan, report).blank)

    def again(self, plan: Plan, model: str, report: Reporter) -> Epochs:
        """Run this method once more to see its epochs, which are kept; the model stays as it is.

        SpecError if it is no method of this study; Cancelled, and then it goes on from there.
        """
        _require_method(plan.spec, model)
        report.expect(self._work.maker.cost(plan.spec, model))
        report.expect(epoch_recorder.cost(self._work, plan.spec, model))
        recorder = epoch_recorder.Recorder(
            self._work, plan, model, self.scene(plan, report), report
        )
        seconds, exact = self._work.again(plan, model, report, recorder.on)
        if not exact:
            report.log(
                f"{labels_of(plan.spec)[model]}, run again, ended in other weights than those in "
                "the store: its epochs show the run just made."
            )
        return recorder.put(seconds, exact=exact)

    def watched(self, plan: Plan, name: str, report: Reporter) -> ModelResult:
        """One model of the study; where it is a method that has to be made, it is watched."""
        if not self.is_due(plan, name):
            return self._work.model(plan, name, report)
        recorder = epoch_recorder.Recorder(self._work, plan, name, self.scene(plan, report), report)
        made = self._work.model(plan, name, report, recorder.on)
        if recorder.began:  # else another made it meanwhile, and keeps its epochs
            recorder.put(made.seconds)
        return made

    def is_due(self, plan: Plan, name: str) -> bool:
        """Whether this is a method that is still to be made, and can be watched then."""
        return name in {one.name for one in plan.spec.methods} and not self._work.made(plan, name)

    def scene(self, plan: Plan, report: Reporter) -> epoch_recorder.Scene:
        """What is watched: the Original's and the Re-trains' answers are those of the curves."""
        spec = plan.spec
        probed = Plan.of(replace(spec, probe=probe_of(spec)))
        answers = self._measurement.predictions(probed, "", references(spec), BLOCK, report)
        return epoch_recorder.scene(self._work, spec, answers)


def _require_method(spec: RunSpec, model: str) -> None:
    """SpecError where this is no method of the study."""
    methods = [one.name for one in spec.methods]
    if model not in methods:
        raise SpecError(
            f"Only unlearning methods are watched, and '{model}' is none of this study's. It "
            f"has: {', '.join(methods) or 'none'}."
        )
