"""The sources of curves: the open study, studies beside it, and published values."""

from __future__ import annotations

from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import StudyRun, run_of, runs_beside
from engine.paper.published import published_for
from engine.results import Study
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
    beside = [one for one in state.beside or () if same_dataset(study, one)]
    return CurveSet([open_one, *runs_beside(study, beside)], mean=mean, paper=paper)


def same_dataset(study: Study | None, other: Study) -> bool:
    """Whether two studies are of the same dataset: curves of another have another tau and task."""
    if study is None:
        return False
    own, others = study.spec["data"], other.spec["data"]
    return all(own.get(part, "") == others.get(part, "") for part in ("name", "root"))


def models_of(state: AppState) -> list[str]:
    """The models that have any curve: of r, the null band, or the loss."""
    names = [*(state.residual.curves if state.residual else ())]
    names += ["retrain"] if names else []
    return names + [name for name in state.losses if name not in names]


def probe_tau(state: AppState) -> float | None:
    """The norm that all views show, None where it is not one of the shown residual knowledge.

    By default it is the middle of the grid, as for the neighborhood.
    """
    residual, (perturbation, tau) = state.residual, state.probe
    if residual is None or not len(residual.taus):
        return None
    if tau < 0:
        return float(residual.taus[len(residual.taus) // 2])
    inside = residual.taus.min() <= tau <= residual.taus.max()
    same = perturbation in ("", residual.perturbation)
    return float(tau) if inside and same else None
