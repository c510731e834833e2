"""Decision regions on a plane, against plain loops and models whose regions are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from composed import compose
from torch import Tensor, nn

from engine.errors import Cancelled, SpecError
from engine.perturbations import every
from engine.pipeline.pipeline import Pipeline
from engine.residual.decision_slice import (
    Plane,
    attack_direction,
    ball_outline,
    nearest_other,
    orthonormal,
    plane_through,
    regions,
    slice_through,
    steps_within,
)
from engine.residual.slice_arrays import packed, unpacked
from engine.results import COARSE, DIRECTIONS, FINE, Slice
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator

D, TAU, SAMPLE, CHOSEN = 6, 0.1, 4, 11


class Halves(nn.Module):
    """Predicts class 1 if the first value exceeds a level; steeper means more confident."""

    def __init__(self, level: float, steepness: float = 5.0) -> None:
        super().__init__()
        self.level, self.steepness = level, steepness

    def forward(self, x: Tensor) -> Tensor:
        above = self.steepness * (x.flatten(1)[:, 0] - self.level)
        return torch.stack([-above, above], 1)


@pytest.fixture
def samples() -> Samples:
    """40 samples of six values, class 1 where the first exceeds a half."""
    x = np.random.default_rng(3).random((40, D), np.float32) * 0.8 + 0.1
    y = (x[:, 0] > 0.5).astype(np.int64)
    return Samples.on(torch.device("cpu"), x, y, 2)


MODELS: Mapping[str, nn.Module] = {"original": Halves(0.5), "gd": Halves(0.45)}


def sliced(samples: Samples, directions: str = "random", size: int = 9, **changes: str) -> Slice:
    perturbation = changes.get("perturbation", "gaussian")
    return slice_through(
        MODELS, samples, samples.one(SAMPLE), directions,
        against="gd", perturbation=perturbation, tau=TAU, size=size, seed=7, report=Reporter(),
        towards=samples.one(CHOSEN),
    )  # fmt: skip


# -- directions -----------------------------------------------------------------------------------
@pytest.mark.parametrize("directions", DIRECTIONS)
def test_directions_are_orthonormal(directions: str, samples: Samples) -> None:
    one, other = samples.one(SAMPLE), samples.one(CHOSEN)
    plane = plane_through(samples, one, directions, 7, MODELS["gd"], other)
    pair = torch.stack([plane.first, plane.second]).double()
    torch.testing.assert_close(pair @ pair.T, torch.eye(2).double(), atol=1e-6, rtol=0)


def test_the_first_direction_is_kept_and_the_second_made_upright() -> None:
    one, other = orthonormal(torch.tensor([3.0, 0.0, 4.0]), torch.tensor([1.0, 2.0, 0.0]))
    torch.testing.assert_close(one, torch.tensor([0.6, 0.0, 0.8]))
    assert float(one @ other) == pytest.approx(0, abs=1e-7)
    assert float(other[1]) > 0


def test_the_attack_leads_to_the_nearest_side_of_the_other_class(samples: Samples) -> None:
    x, y = samples.x[SAMPLE], int(samples.y[SAMPLE])
    found = attack_direction(MODELS["gd"], x, y)
    away = -1.0 if y == 1 else 1.0
    assert found.tolist() == [away, 0, 0, 0, 0, 0]  # only the first value matters to this model
    assert all(parameter.grad is None for parameter in MODELS["gd"].parameters())


def test_a_loss_without_slope_is_said(samples: Samples) -> None:
    with pytest.raises(SpecError, match="gradient of the loss is zero"):
        attack_direction(Halves(0.5, 0.0), samples.x[SAMPLE], 1)


def test_the_nearest_sample_of_another_class_is_found_as_by_a_loop(samples: Samples) -> None:
    found, distance = nearest_other(samples, samples.one(SAMPLE))
    others = [i for i in range(len(samples)) if samples.y[i] != samples.y[SAMPLE]]
    lengths = [float((samples.x[i] - samples.x[SAMPLE]).norm()) for i in others]
    assert found == others[int(np.argmin(lengths))]
    assert distance == pytest.approx(min(lengths), rel=1e-5)
    plane = plane_through(samples, samples.one(SAMPLE), "sample", 7, MODELS["gd"])
    there = plane.points(torch.tensor([distance]), torch.tensor([0.0]))
    torch.testing.assert_close(there[0], samples.x[found])


def test_a_chosen_sample_lies_to_the_right_whatever_its_class(samples: Samples) -> None:
    for number in (CHOSEN, int((samples.y == samples.y[SAMPLE]).nonzero()[0])):
        other = samples.one(number)
        plane = plane_through(samples, samples.one(SAMPLE), "chosen", 7, MODELS["gd"], other)
        assert plane.other == number
        assert plane.distance == pytest.approx(float((other.x - samples.x[SAMPLE]).norm()))
        there = plane.points(torch.tensor([plane.distance]), torch.tensor([0.0]))
        torch.testing.assert_close(there[0], other.x)


def test_without_another_sample_to_look_towards_it_is_asked_for(samples: Samples) -> None:
    one = samples.one(SAMPLE)
    for towards in (None, one):
        with pytest.raises(SpecError, match="Choose another sample as the direction"):
            plane_through(samples, one, "chosen", 7, MODELS["gd"], towards)


def test_equal_samples_of_another_class_are_passed_over() -> None:
    x = np.array([[0, 0], [0, 0], [1, 1]], np.float32)
    samples = Samples.on(torch.device("cpu"), x, np.array([0, 1, 1]), 2)
    assert nearest_other(samples, samples.one(0))[0] == 2


def test_images_of_bytes_are_compared_as_pixels() -> None:
    x = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1).repeat(4, axis=2)
    samples = Samples.on(torch.device("cpu"), x, np.array([0, 1, 1]), 2)
    assert nearest_other(samples, samples.one(0)) == (1, pytest.approx(0.4))


def test_what_has_no_plane_is_said(samples: Samples) -> None:
    one_class = Samples(samples.x, torch.zeros_like(samples.y), 2)
    with pytest.raises(SpecError, match="another class"):
        plane_through(one_class, one_class.one(SAMPLE), "sample", 7, MODELS["gd"])
    with pytest.raises(SpecError, match="two input values"):
        plane_through(
            Samples(samples.x[:, :1], samples.y, 2),
            Samples(samples.x[:, :1], samples.y, 2).one(0),
            "random",
            7,
            MODELS["gd"],
        )
    with pytest.raises(SpecError, match="sample"):
        plane_through(samples, samples.one(SAMPLE), "sampel", 7, MODELS["gd"])
    for size in (1, 16):
        with pytest.raises(SpecError, match="odd"):
            steps_within(1.0, size)


# -- the tau ball ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "radius"), [("gaussian", TAU * D**0.5), ("l2", TAU)])
def test_round_balls_have_their_l2_radius(name: str, radius: float, samples: Samples) -> None:
    np.testing.assert_allclose(
        np.linalg.norm(sliced(samples, perturbation=name).ball, axis=1), radius
    )


@pytest.mark.parametrize("name", ["linf", "fgsm", "pgd"])
def test_the_outline_of_an_l_inf_ball_lies_on_it(name: str) -> None:
    first, second = orthonormal(*torch.randn(2, D, generator=generator(1)))
    ball = torch.from_numpy(ball_outline(name, TAU, first, second)).float()
    reached = (ball @ torch.stack([first, second])).abs().amax(1)
    torch.testing.assert_close(reached, torch.full_like(reached, TAU))


def test_one_step_of_fgsm_ends_on_the_outline() -> None:
    first, second = orthonormal(torch.tensor([1.0, -1, 1, 1, -1, 1]), torch.ones(D))
    assert ball_outline("fgsm", TAU, first, second)[0] == pytest.approx([TAU * D**0.5, 0])


def test_the_share_of_the_ball_is_counted_inside_it_only(samples: Samples) -> None:
    one = sliced(samples, size=FINE)
    x, y = np.meshgrid(one.steps, one.steps)
    circle = np.hypot(x, y) < TAU * D**0.5 * 0.99
    assert one.inside()[circle].all()
    assert not one.inside()[np.hypot(x, y) > TAU * D**0.5].any()
    right = one.predictions["gd"][one.inside()] == one.label
    assert one.recognized()["gd"] == pytest.approx(100 * right.mean())


@pytest.mark.parametrize("name", [one.name for one in every() if one.outline])
def test_without_a_norm_the_ball_is_the_sample_itself(name: str, samples: Samples) -> None:
    one = slice_through(
        MODELS, samples, samples.one(SAMPLE), "random",
        against="gd", perturbation=name, tau=0.0, size=5, seed=7, report=Reporter(),
    )  # fmt: skip
    assert one.steps[-1] == pytest.approx(0.05 * D**0.5)
    assert one.inside().sum() == 1
    assert one.recognized()["gd"] in (0.0, 100.0)


# -- regions --------------------------------------------------------------------------------------
def test_regions_equal_a_plain_loop(samples: Samples) -> None:
    plane = plane_through(samples, samples.one(SAMPLE), "random", 7, MODELS["gd"])
    steps = steps_within(1.2, 15)  # 225 points: two batches; as far as clamping matters
    predictions, confidence = regions(MODELS, plane, steps, 1, Reporter())
    for name, model in MODELS.items():
        for i, up in enumerate(steps):
            for j, along in enumerate(steps):
                x = (plane.x + float(along) * plane.first + float(up) * plane.second).clamp(0, 1)
                logits = model(x[None])[0]
                assert predictions[name][i, j] == int(logits.argmax())
                assert confidence[name][i, j] == pytest.approx(
                    float(logits.softmax(0)[1]), abs=1e-5
                )


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_the_middle_is_the_sample_itself(directions: str, samples: Samples) -> None:
    one = sliced(samples, directions)
    assert one.steps[4] == 0
    for name, model in MODELS.items():
        assert one.predictions[name][4, 4] == int(model(samples.x[SAMPLE][None]).argmax())


def test_the_right_half_towards_another_class_becomes_that_class(samples: Samples) -> None:
    one = sliced(samples, "sample")
    there = int(np.abs(one.steps - one.distance).argmin())
    assert one.distance < one.steps[-1]
    assert one.predictions["original"][4, there] == int(samples.y[one.other]) != one.label


def test_points_stay_pixels() -> None:
    plane = Plane(torch.tensor([0.5, 0.9]), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert plane.points(torch.tensor([-2.0]), torch.tensor([2.0])).tolist() == [[0.0, 1.0]]


def test_the_coarse_points_are_among_the_fine_ones(samples: Samples) -> None:
    coarse, fine = sliced(samples, size=COARSE), sliced(samples, size=FINE)
    np.testing.assert_array_equal(fine.steps[::4], coarse.steps)
    np.testing.assert_array_equal(fine.predictions["gd"][::4, ::4], coarse.predictions["gd"])


def test_slices_are_the_same_every_time_and_unlike_for_another_seed(samples: Samples) -> None:
    one, same = packed(sliced(samples))[0], packed(sliced(samples))[0]
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
    first = [
        plane_through(samples, samples.one(SAMPLE), "random", s, MODELS["gd"]).first for s in (7, 8)
    ]
    assert not torch.allclose(*first)


def test_cancelling_stops_between_batches(samples: Samples) -> None:
    report = Reporter()
    report.cancel()
    plane = plane_through(samples, samples.one(SAMPLE), "random", 7, MODELS["gd"])
    with pytest.raises(Cancelled):
        regions(MODELS, plane, steps_within(1.0, 3), 1, report)


def test_packing_loses_nothing(samples: Samples) -> None:
    one = sliced(samples, "attack")
    again = unpacked(*packed(one), ["original", "gd"])
    assert list(again.predictions) == ["original", "gd"]
    assert (again.against, again.other, again.tau) == ("gd", -1, TAU)
    np.testing.assert_array_equal(again.confidence["gd"], one.confidence["gd"])


# -- by the pipeline ------------------------------------------------------------------------------
def test_the_pipeline_cuts_once_and_remembers(pipeline: Pipeline) -> None:
    spec = compose(pipeline, training={"epochs": 1}, retrains=1, draws=10)
    pipeline.run(spec, Reporter())
    made = pipeline.slice(spec, 3, "attack", -1.0, 5, Reporter())
    assert list(made.predictions) == ["original", "retrain-0", "rurk", "gd"]
    assert (made.against, made.perturbation) == ("rurk", "gaussian")
    assert made.tau == spec.probe.taus[len(spec.probe.taus) // 2]
    stopped = Reporter()
    stopped.cancel()  # any computation would raise
    again = pipeline.slice(spec, 3, "attack", -1.0, 5, stopped)
    np.testing.assert_array_equal(again.predictions["gd"], made.predictions["gd"])
    with pytest.raises(Cancelled):
        pipeline.slice(spec, 3, "attack", -1.0, 5, stopped, perturbation="linf")
    turned = replace(spec, methods=spec.methods[::-1])  # the same models, another one attacked
    assert pipeline.slice(turned, 3, "attack", -1.0, 5, Reporter()).against == "gd"
    with pytest.raises(SpecError, match="There is no sample"):
        pipeline.slice(spec, 10_000, "random", -1.0, 5, Reporter())
