"""From the form to the studies that it describes."""

from __future__ import annotations

from explorer.state import form_grid
from explorer.state.app_state import AppState
from explorer.state.queued_run import Order
from explorer.state.remembered import LeftDataset
from explorer.state.study_form import StudyForm


def orders_of(state: AppState) -> list[Order]:
    """The studies that Run would start; [] while no dataset is open. SpecError if too many."""
    dataset = state.dataset
    if dataset is None:
        return []
    fingerprint, label = dataset.spec.fingerprint, dataset.label
    return [
        Order(form, _forget_of(form, state, dataset.spec.seed), fingerprint, label, swept)
        for form, swept in form_grid.studies_of(state.form)
    ]


def left_dataset(state: AppState) -> LeftDataset | None:
    """What is chosen and shown on the open dataset; None while none is open."""
    if state.dataset is None:
        return None
    study = state.study.key if state.study is not None else ""
    return LeftDataset(state.form, state.forget, state.dataset.spec.fingerprint, study)


def _forget_of(form: StudyForm, state: AppState, seed: int) -> tuple[int, ...]:
    """The forget set; () if it must be drawn from its description because the seed differs."""
    return () if form.forget and form.seed != seed else state.forget
