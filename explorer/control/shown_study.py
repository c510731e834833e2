"""The study on the screen: shown live, complete, or cleared. No widgets."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.spec import RunSpec
from engine.study.keys import judged_models
from explorer.control.slice import SampleProbe
from explorer.jobs.study_tasks import StudyResults
from explorer.state.app_state import AppState
from explorer.state.ranking import ranking
from explorer.state.study_form import StudyForm


class ShownStudy(QObject):
    """Puts a study's results into `AppState` and tracks whose results are shown."""

    completed = Signal()  # a study is shown

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self.spec: RunSpec | None = None  # of the shown results
        self.form: StudyForm | None = None  # one that describes them, None if there is none
        self.generation = 0  # results of an earlier generation are ignored
        self._start: int | None = None  # the sample that a study was shown with: its worst

    def clear(self) -> None:
        """Clear all results; pending jobs for them will be ignored."""
        self.generation += 1
        self.spec = self.form = None
        state = self._state
        state.study = state.residual = state.neighborhood = None
        state.models, state.losses, state.epochs = {}, {}, {}

    def show_spec(self, spec: RunSpec, form: StudyForm | None) -> None:
        """Set the study whose results will be shown, and a form that describes it."""
        self.spec, self.form = spec, form

    def complete(self, results: StudyResults) -> None:
        """Show a finished study."""
        state = self._state
        self.spec, self.form = results.spec, results.form
        with state.at_once():
            state.losses = {name: model.loss for name, model in results.models.items()}
            state.models = results.models
            state.residual = results.study.residual
            state.study = results.study
            if state.selection.current in (None, self._start):  # the user chose no other
                first = ranking(state)
                self._start = int(first.order[0]) if first is not None else None
                state.selection = replace(state.selection, current=self._start)
        self.completed.emit()

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
    return {*retrains, *judged_models(spec)}
