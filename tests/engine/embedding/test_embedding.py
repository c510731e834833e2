"""Who is shown in an embedding, what its colors say, and which points are remarkable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.highlights import FORGOTTEN, LOST, RECOGNIZED, highlights
from engine.analysis.point_colors import (
    CLASS,
    LEVELS,
    LOSS,
    PREDICTION,
    RADIUS,
    RATIO,
    VERDICT,
    PanelData,
    colors_of_points,
)
from engine.embedding.points import MOST, STEPS, TRAILS, select_points, stratified_sample, trail
from engine.errors import SpecError
from engine.pipeline.pipeline import Pipeline
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Curve, Embedding, Residual
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store


@pytest.fixture
def spec(tmp_path: object) -> tuple[Pipeline, RunSpec]:
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")  # type: ignore[operator]
    dataset = pipeline.dataset(DataSpec("digits"), Reporter())
    return pipeline, pipeline.compose(dataset, forget="random:600", methods=("gd",))


def test_many_samples_are_thinned_class_by_class_and_the_same_for_every_model(
    spec: tuple[Pipeline, RunSpec],
) -> None:
    pipeline, run = spec
    dataset = pipeline.dataset(run.data, Reporter())
    who = select_points(run, dataset)
    counts = {kind: int((who.kind == kind).sum()) for kind in (RETAIN, FORGET, TEST, PERTURBED)}
    assert counts[RETAIN] == 838 and counts[TEST] == len(dataset.test_y)  # fewer than the most
    assert counts[FORGET] == pytest.approx(MOST[FORGET], abs=5)
    assert counts[PERTURBED] == pytest.approx(TRAILS * STEPS, abs=25)
    assert (np.bincount(who.label[who.kind == FORGET], minlength=10) > 35).all()
    assert set(who.sample[who.kind == FORGET]) <= set(run.forget)
    assert (who.sample[who.kind == TEST] >= len(dataset.train_y)).all()
    assert (who.label == dataset.labels[who.sample]).all()
    copies = who.sample[who.kind == PERTURBED]
    assert set(copies) <= set(who.sample[who.kind == FORGET])
    assert (who.tau[who.kind == PERTURBED].reshape(-1, STEPS)[0] == trail(run.probe.taus)).all()
    assert (select_points(run, dataset).sample == who.sample).all()
    assert (select_points(replace(run, seed=7), dataset).sample != who.sample).any()


@pytest.mark.parametrize(
    ("taus", "steps"),
    [
        ([0, 0.1, 0.2], [0.1, 0.2]),
        ([0.0], []),
        ([float(t) for t in range(11)], [2, 4, 6, 8, 10]),
        ([1, 2, 3, 4, 5, 6, 7], [1, 3, 4, 6, 7]),
    ],
)
def test_a_trail_goes_evenly_through_the_grid_to_its_end(
    taus: list[float], steps: list[float]
) -> None:
    found = trail(taus)
    assert found[-1:] == steps[-1:] and len(found) == len(steps)
    assert found == sorted(set(found))
    if len(taus) != 7:
        assert found == steps


def test_a_small_pool_is_kept_whole() -> None:
    pool = np.arange(5)
    assert stratified_sample(pool, 5, np.zeros(5, int), np.random.default_rng(0)) is pool


# -- colors and highlights ------------------------------------------------------------------------
def scene(**changes: object) -> PanelData:
    """Two retained, two forgotten and one test sample, and a copy of sample 3."""
    kind = np.array([RETAIN, RETAIN, FORGET, FORGET, TEST, PERTURBED])
    sample, label = np.array([0, 1, 2, 3, 4, 3]), np.array([0, 1, 1, 1, 0, 1])
    said = np.array([0, 0, 1, 0, 1, 0])
    xy = np.zeros((6, 2), np.float32)
    loss = np.array([0.0, 10, 0.1, np.inf, np.nan, 100])
    shown = Embedding({"gd": xy}, sample, kind, label, 0.1 * (kind == PERTURBED), {"gd": said},
                      {"gd": loss})  # fmt: skip
    taus, draws = np.array([0.0, 0.1]), 100
    counts = {"gd": np.array([[50, 100], [90, 100]]), "retrain-0": np.array([[50, 25], [0, 100]])}
    flat = np.ones(2)
    curve = Curve(flat, flat, flat, flat, flat, flat)
    counts["retrain-1"] = counts["retrain-0"]
    weak = {"gd": np.ones((2, 2))}
    residual = Residual(
        "gaussian", taus, draws, np.array([3, 2]), counts, {"gd": curve}, flat, flat, {},
        q_values={"gd": np.array([0.01, 0.5])}, e_values=weak, absence=weak,
        certified_radius={"gd": np.array([0.2, 0.0])},
    )  # fmt: skip
    return replace(PanelData(shown, "gd", ("cat", "dog"), residual, 1), **changes)  # type: ignore[arg-type]


def test_class_and_prediction_number_the_classes() -> None:
    assert colors_of_points(CLASS, scene()).number.tolist() == [0, 1, 1, 1, 0, 1]
    assert colors_of_points(PREDICTION, scene()).number.tolist() == [0, 0, 1, 0, 1, 0]
    assert [group.name for group in colors_of_points(CLASS, scene()).groups] == ["cat", "dog"]


def test_r_is_placed_on_the_samples_it_belongs_to() -> None:
    found = colors_of_points(RATIO, scene())
    apart, undefined = LEVELS + 1, LEVELS
    middle = round((LEVELS - 1) / 2)
    assert found.number.tolist() == [apart, apart, middle, LEVELS - 1, apart, LEVELS - 1]
    assert found.scale is not None and "τ 0.1 (Gaussian)" in found.scale.title
    at_zero = colors_of_points(RATIO, scene(column=0)).number
    assert at_zero[2] == undefined and at_zero[3] == middle


def test_a_model_that_was_not_measured_has_no_colors_of_r() -> None:
    for changes in ({"residual": None}, {"model": "gd", "residual": None}):
        assert set(colors_of_points(RATIO, scene(**changes)).number) == {LEVELS + 1}
        groups = colors_of_points(VERDICT, scene(**changes))
        assert {groups.groups[n].name for n in groups.number} == {"not measured"}


def test_a_certified_radius_is_a_color_and_0_is_none() -> None:
    found = colors_of_points(RADIUS, scene())
    assert found.number[3] == found.number[5] == LEVELS - 1
    assert found.groups[found.number[2]].name == "nothing certified"
    assert found.groups[found.number[0]].name == "not measured"
    assert found.scale is not None and found.scale.ticks[-1] == (1.0, "0.2")


def test_a_verdict_is_that_of_the_sample_over_all_tau() -> None:
    names = [
        colors_of_points(VERDICT, scene()).groups[n].name
        for n in colors_of_points(VERDICT, scene()).number
    ]
    assert names[3] == names[5] == "residual (q ≤ 0.05)"
    assert names[0] == "not measured" and names[2] == "undecided"


def test_loss_is_logarithmic_and_bears_whatever_a_diverged_model_says() -> None:
    number = colors_of_points(LOSS, scene()).number
    assert number[0] == 0 and number[1] == number[3] == number[5] == LEVELS - 1
    assert number[2] == round((LEVELS - 1) / 2)
    assert number[4] == LEVELS - 1  # NaN is no small loss
    light, dark = (colors_of_points(LOSS, scene(dark=ground)).groups for ground in (False, True))
    assert [one.color for one in light] == [one.color for one in dark][::-1]


def test_an_unknown_color_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match="verdict"):
        colors_of_points("verdikt", scene())


def test_highlights_are_those_of_the_kind_and_the_comparison() -> None:
    original, retrained = np.array([True, True, True, True, True]), np.array([1, 1, 0.3, 1, 1])
    found = highlights(scene().shown, "gd", original, retrained)
    assert np.flatnonzero(found[FORGOTTEN]).tolist() == [3]
    assert np.flatnonzero(found[RECOGNIZED]).tolist() == [2]
    assert np.flatnonzero(found[LOST]).tolist() == [1, 4]
    half = highlights(scene().shown, "gd", ~original, np.full(5, 0.5))
    assert not half[RECOGNIZED].any() and not half[LOST].any()
