"""The study on the screen: shown live, complete, or cleared. No widgets."""

from __future__ import annotations

import functools
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.spec import RunSpec
from explorer.control.slice import SampleProbe
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.jobs.study_tasks import StudyResults
from explorer.state.app_state import AppState
from explorer.state.ranking import ranking


class ShownStudy(QObject):
    """Puts a study's results into `AppState` and tracks whose results are shown."""

    completed = Signal()  # a study is shown

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs = state, jobs
        self.spec: RunSpec | None = None  # of the shown results
        self.generation = 0  # results of an earlier generation are ignored

    def clear(self) -> None:
        """Clear all results; pending jobs for them will be ignored."""
        self.generation += 1
        self.spec = None
        state = self._state
        state.study = state.residual = state.neighborhood = None
        state.models, state.losses, state.epochs = {}, {}, {}

    def show_spec(self, spec: RunSpec) -> None:
        """Set the study whose results will be shown."""
        self.spec = spec

    def complete(self, results: StudyResults) -> None:
        """Show a finished study."""
        state = self._state
        self.spec = results.spec
        with state.at_once():
            state.losses = {name: model.loss for name, model in results.models.items()}
            state.models = results.models
            state.residual = results.study.residual
            state.study = results.study
            if state.selection.current is None:  # start at the most interesting sample
                first = ranking(state)
                worst = int(first.order[0]) if first is not None else None
                state.selection = replace(state.selection, current=worst)
        self.completed.emit()
        ready = functools.partial(probe_tasks.prepare_verdicts, results.study.residual)
        self._jobs.submit(Job("Preparing verdicts", ready, PROBE, "verdicts"))

    def complete_spec(self) -> RunSpec | None:
        """The spec of the shown study, None until all its models exist."""
        is_complete = self.spec is not None and _names(self.spec) <= set(self._state.models)
        return self.spec if is_complete else None

    def probe(self) -> SampleProbe | None:
        """The probe of the current sample; None without one, or until all models exist."""
        current, spec = self._state.selection.current, self.complete_spec()
        if current is None or spec is None:
            return None
        perturbation, tau = self._state.probe
        taus = spec.probe.taus
        tau = tau if tau >= 0 else taus[len(taus) // 2]
        return SampleProbe(spec, current, (perturbation or spec.probe.perturbation, tau))


def _names(spec: RunSpec) -> set[str]:
    """Names of all models of a complete study."""
    retrains = {f"retrain-{number}" for number in range(spec.retrains)}
    return {"original", *retrains, *(method.name for method in spec.methods)}
