"""The sources of curves: the open study, studies beside it, and published values."""

from __future__ import annotations

from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import StudyRun, run_of, runs_beside
from engine.paper.published import published_for
from explorer.state.app_state import AppState


def curve_set_of(state: AppState, *, mean: bool) -> CurveSet:
    """All curves to draw now; mean: average over studies that differ only in their seed."""
    study, residual, dataset = state.study, state.residual, state.dataset
    paper = None
    if study is not None and dataset is not None:
        paper = published_for(study.spec, dataset)
    if residual is None:
        return CurveSet(mean=mean, paper=paper)
    labels = {name: model.label for name, model in state.models.items()}
    open_one = StudyRun("", "", residual, labels) if study is None else run_of(study)
    return CurveSet([open_one, *runs_beside(study, state.beside or ())], mean=mean, paper=paper)


def models_of(state: AppState) -> list[str]:
    """The models that have any curve: of r, the null band, or the loss."""
    names = [*(state.residual.curves if state.residual else ())]
    names += ["retrain"] if names else []
    return names + [name for name in state.losses if name not in names]
