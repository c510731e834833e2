"""The study on the screen: shown as it grows, complete, or cleared. No widgets."""

from __future__ import annotations

import functools
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.spec import RunSpec
from explorer.control.slice import Sight
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.jobs.study_tasks import StudyResults
from explorer.state.app_state import AppState


class ShownStudy(QObject):
    """Knows whose results `AppState` shows, and puts them there."""

    completed = Signal()  # a study is shown

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._jobs = state, jobs
        self.spec: RunSpec | None = None  # of the results that are shown
        self.generation = 0  # results of an earlier one are not shown any more

    def clear(self) -> None:
        """Show no results; whatever still runs for them will not be shown either."""
        self.generation += 1
        self.spec = None
        state = self._state
        state.study = state.residual = state.neighborhood = None
        state.models, state.losses, state.epochs = {}, {}, {}

    def show_spec(self, spec: RunSpec) -> None:
        """What is going to be shown are results of this study."""
        self.spec = spec

    def complete(self, found: StudyResults) -> None:
        """Show a finished study."""
        state = self._state
        self.spec = found.spec
        with state.at_once():
            state.losses = {name: model.loss for name, model in found.models.items()}
            state.models = found.models
            state.residual = found.study.residual
            state.study = found.study
            if state.selection.current is None:  # show where there is most to see
                worst = found.study.residual.worst_sample()
                state.selection = replace(state.selection, current=worst)
        self.completed.emit()
        ready = functools.partial(probe_tasks.prepare_verdicts, found.study.residual)
        self._jobs.submit(Job("Preparing verdicts", ready, PROBE, "verdicts"))

    def whole(self) -> RunSpec | None:
        """The spec of the study that is shown, None before all its models exist."""
        whole = self.spec is not None and _names(self.spec) <= set(self._state.models)
        return self.spec if whole else None

    def sight(self) -> Sight | None:
        """What can be looked at, or None without a current sample or before all models exist."""
        current, spec = self._state.selection.current, self.whole()
        if current is None or spec is None:
            return None
        perturbation, tau = self._state.probe
        taus = spec.probe.taus
        tau = tau if tau >= 0 else taus[len(taus) // 2]
        return Sight(spec, current, (perturbation or spec.probe.perturbation, tau))


def _names(spec: RunSpec) -> set[str]:
    """The models that a study has once all of them exist."""
    retrains = {f"retrain-{number}" for number in range(spec.retrains)}
    return {"original", *retrains, *(method.name for method in spec.methods)}
