"""The form of a stored study describes just that study, in as few settings as possible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.datasets.base import Dataset
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.store import Store
from explorer.jobs.study_forms import form_of
from explorer.jobs.study_tasks import compose
from explorer.state.study_form import StudyForm

USUAL = StudyForm(dataset="iris", methods=("rurk", "gd", "ga"))


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(Store(tmp_path / "store"), "cpu")


def data(pipeline: Pipeline, seed: int) -> Dataset:
    return pipeline.dataset(DataSpec("iris", seed=seed), Reporter())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 7, "retrains": 2, "draws": 20},
        {"training": {"epochs": 3, "lr": 0.2}},
        {"settings": {"gd": {"lr": 0.5}}, "methods": ("gd", "scrub")},
        {"perturbation": "pgd", "taus": "0,0.1", "probe": {"steps": 3}},
        {"forget": "class:2"},
        {"probe": {"adaptive": 25.0}},
        {"normalize": "0.5,0.5,0.5,0.5/0.25,0.25,0.25,0.25"},
    ],
)
def test_it_composes_to_the_same_study_and_states_only_what_differs(
    pipeline: Pipeline, changes: dict[str, Any]
) -> None:
    form = replace(USUAL, **changes)
    dataset = data(pipeline, form.seed)
    spec = compose(form, form.forget or dataset.recommended.forget, dataset, pipeline)
    found = form_of(spec, dataset)
    assert (
        pipeline.plan(compose(found, spec.forget, dataset, pipeline)).key == pipeline.plan(spec).key
    )
    assert found == replace(form, forget=form.forget or dataset.recommended.forget)


def test_samples_that_no_short_text_describes_leave_the_forget_set_unsaid(
    pipeline: Pipeline,
) -> None:
    dataset = data(pipeline, 131)
    spec = compose(USUAL, (1, 5, 60), dataset, pipeline)
    assert form_of(spec, dataset).forget == ""
