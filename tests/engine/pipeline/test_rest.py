"""What a pipeline gives back when other data are opened, and that nothing changes by it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec

QUIET = Reporter()


def tiny(pipeline: Pipeline) -> RunSpec:
    """A study on digits that takes a second."""
    dataset = pipeline.dataset(DataSpec("digits"), QUIET)
    return pipeline.compose(
        dataset, model="mlp", forget="class:8:5", methods=["gd"], retrains=1, taus="0.03", draws=8,
        training={"epochs": 1},
    )  # fmt: skip


@pytest.fixture
def spec(pipeline: Pipeline) -> RunSpec:
    made = tiny(pipeline)
    pipeline.run(made, QUIET)
    return made


def held(pipeline: Pipeline, spec: RunSpec) -> list[weakref.ref[object]]:
    """References to the study's networks, samples and dataset."""
    work = pipeline.work
    dataset = work.datasets.load(spec.data, QUIET)
    network = work.loaded(pipeline.plan(spec), "gd")
    return [weakref.ref(one) for one in (network, work.datasets.on_device(dataset)[0], dataset)]


def test_other_data_and_their_networks_are_dropped(pipeline: Pipeline, spec: RunSpec) -> None:
    references = held(pipeline, spec)
    other = pipeline.dataset(DataSpec("iris"), QUIET)
    pipeline.rest(other.spec.fingerprint)
    gc.collect()
    assert [reference() for reference in references] == [None] * 3
    assert pipeline.dataset(DataSpec("iris"), QUIET) is other


@pytest.mark.parametrize("keep", [True, False])
def test_data_on_the_screen_and_their_networks_stay(
    pipeline: Pipeline, spec: RunSpec, keep: bool
) -> None:
    references = held(pipeline, spec)
    pipeline.rest(spec.data.fingerprint if keep else "")
    gc.collect()
    assert all(reference() is not None for reference in references)


def test_results_are_the_same_afterwards(pipeline: Pipeline, spec: RunSpec) -> None:
    before = pipeline.neighborhood(spec, 3, "", 0.03, QUIET)
    pipeline.rest(pipeline.dataset(DataSpec("iris"), QUIET).spec.fingerprint)
    after = pipeline.neighborhood(spec, 4, "", 0.03, QUIET)  # computed with networks read again
    again = pipeline.neighborhood(spec, 3, "", 0.03, QUIET)
    np.testing.assert_array_equal(before.copies, again.copies)
    assert after.copies.shape == before.copies.shape


def test_statistics_are_those_of_all_values_at_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.datasets import _dataset, base

    for share in (0.0, 0.2):
        dataset = base.load(DataSpec("digits", validation=share))
        whole = dataset.statistics()
        monkeypatch.setattr(_dataset, "COUNTED", 100)
        assert dataset.statistics() == whole
        monkeypatch.undo()
        pixels = dataset.train_x[dataset.pool].astype(np.float64) / 255
        np.testing.assert_allclose(whole[0], pixels.mean((0, 2, 3)))
        np.testing.assert_allclose(whole[1], pixels.std((0, 2, 3)))
