"""Smallest tau of recognition, on models for which the answer is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from needs import needs
from torch import nn

from engine.errors import Cancelled, SpecError
from engine.perturbations import Attack, AttackInputs, Noise, named
from engine.pipeline.pipeline import Pipeline
from engine.residual.disagreement import disagreement, disagreement_bounds, disagreement_per_sample
from engine.residual.smallest_tau import smallest_taus
from engine.runtime.libraries import torchattacks
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed
from engine.spec import DataSpec, ProbeSpec, RunSpec

GRID = (0.0, 0.1, 0.2, 0.3)


class Plane(nn.Module):
    """Predicts class 1 if the first value exceeds a level."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        above = x.flatten(1)[:, 0] - self.level
        return torch.stack([-above, above], 1)


def found_by(model: nn.Module, x: torch.Tensor, probe: ProbeSpec) -> np.ndarray:
    y = torch.ones(len(x), dtype=torch.long)
    return smallest_taus(model, x, y, list(range(len(x))), probe, 2, Reporter())


def samples(*firsts: float) -> torch.Tensor:
    x = torch.full((len(firsts), 1, 2, 2), 0.5)
    x[:, 0, 0, 0] = torch.tensor(firsts)
    return x


@needs("torchattacks")
def test_an_attack_reaches_the_plane_at_its_distance() -> None:
    probe = ProbeSpec("fgsm", GRID, draws=1)
    found = found_by(Plane(0.5), samples(0.6, 0.43, 0.25, 0.15), probe)
    assert found[:3] == pytest.approx([0.0, 0.07, 0.25], abs=0.1 / 1000 + 1e-6)
    assert np.isnan(found[3])  # 0.35 away: beyond the grid


def test_random_directions_are_followed_to_where_the_first_is_recognized() -> None:
    probe = ProbeSpec("linf", GRID, draws=15, seed=3)
    x = samples(0.45, 0.4, 0.3)
    found = found_by(Plane(0.5), x, probe)
    kind = named("linf")
    assert isinstance(kind, Noise)
    blocks = [kind.noise([0, 1, 2], (1, 2, 2), 3, block, x.device) for block in (0, 1)]
    pull = torch.cat(blocks, 1)[:, :15, 0, 0, 0].max(1).values
    expected = ((0.5 - x[:, 0, 0, 0]) / pull).numpy()
    assert found == pytest.approx(
        np.where(expected <= 0.3, expected, np.nan), abs=2e-4, nan_ok=True
    )
    assert np.isfinite(found[:2]).all()
    just_there = kind.moved(x, torch.cat(blocks, 1), float(found[0]))[0, :15]
    assert (just_there[:, 0, 0, 0] > 0.5).any()


def test_more_directions_never_find_it_later() -> None:
    x = samples(*np.linspace(0.3, 0.49, 12).tolist())
    few, many = (found_by(Plane(0.5), x, ProbeSpec("gaussian", GRID, draws=n)) for n in (5, 30))
    assert (np.nan_to_num(many, nan=9) <= np.nan_to_num(few, nan=9) + 1e-4).all()


def test_the_search_stops_when_asked_to() -> None:
    report = Reporter()
    report.cancel()
    with pytest.raises(Cancelled):
        smallest_taus(
            Plane(0.5), samples(0.4), torch.ones(1).long(), [0], ProbeSpec(taus=GRID), 2, report
        )


# -- in a study ------------------------------------------------------------------------------------
def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual = {"methods": ("gd", "ga"), "training": {"epochs": 6}, "draws": 20, "retrains": 2}
    return pipeline.compose(iris, **usual | words)


@pytest.mark.parametrize(
    "perturbation", ["gaussian", "linf", pytest.param("pgd", marks=needs("torchattacks"))]
)
def test_the_bounds_of_the_disagreement_hold_on_every_measured_curve(
    pipeline: Pipeline, perturbation: str
) -> None:
    probe = {"steps": 3, "step_size": 0.05, "target": "none"}
    spec = compose(pipeline, perturbation=perturbation, probe=probe)
    residual = pipeline.run(spec, Reporter()).residual
    assert set(residual.curves) == {"original", "gd", "ga"}
    for name in residual.curves:
        low, high = disagreement_bounds(residual, name)
        found = disagreement_per_sample(residual, name)
        assert (low <= found + 1e-12).all() and (found <= high + 1e-12).all()
        whole = disagreement(residual, name)
        assert np.isfinite(whole.mean).all()


def test_recognition_is_computed_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = compose(pipeline)
    pipeline.run(spec, Reporter())
    first = pipeline.recognition(spec, "gd", Reporter(), draws=10)
    assert first.samples.tolist() == list(spec.forget)
    known = first.taus[np.isfinite(first.taus)]
    assert ((known >= 0) & (known <= first.limit)).all()
    at_zero = pipeline.run(spec, Reporter()).residual.counts["gd"][:, 0] > 0
    assert ((first.taus == 0) == at_zero).all()
    monkeypatch.setattr("engine.residual.smallest_tau.smallest_taus", None)
    again = pipeline.recognition(spec, "gd", Reporter(), draws=10)
    assert np.array_equal(again.taus, first.taus, equal_nan=True)


@needs("torchattacks")
def test_attacks_towards_the_true_label_find_it_sooner_than_chance(pipeline: Pipeline) -> None:
    spec = compose(pipeline, probe={"step_size": 0.05})
    pipeline.run(spec, Reporter())
    by_chance = pipeline.recognition(spec, "ga", Reporter(), perturbation="linf", draws=10).taus
    attacked = pipeline.recognition(spec, "ga", Reporter(), perturbation="pgd", draws=10).taus
    far = 9.0
    assert (np.nan_to_num(attacked, nan=far) <= np.nan_to_num(by_chance, nan=far) + 0.01).all()


def test_bad_words_get_a_sentence(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    with pytest.raises(SpecError, match=r"no model 'rurk'\. It has: original"):
        pipeline.recognition(spec, "rurk", Reporter())
    with pytest.raises(SpecError, match="draws must be at least 1"):
        pipeline.recognition(spec, "gd", Reporter(), draws=0)
    with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
        pipeline.recognition(spec, "gd", Reporter(), perturbation="gausian")


# -- the attacks themselves ------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["fgsm", "pgd"])
@pytest.mark.parametrize("aim", ["other", "true", "none"])
@needs("torchattacks")
def test_attacks_are_those_of_torchattacks_called_plainly(name: str, aim: str) -> None:
    rng = torch.Generator().manual_seed(4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4)).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=rng) / 2
    x, y = torch.rand(5, 3, 2, 2, generator=rng), torch.tensor([0, 1, 2, 3, 0])
    target = {"other": (y + 2) % 4, "true": y, "none": None}[aim]
    library = torchattacks()
    if name == "fgsm":
        plain = library.FGSM(model, eps=0.07)
    else:
        plain = library.PGD(model, eps=0.07, alpha=0.02, steps=3, random_start=True)
    if target is not None:
        plain.set_mode_targeted_by_label(quiet=True)
    with borrowed_global_seed(9, "attack"):
        expected = plain(x, y if target is None else target)
    kind = named(name)
    assert isinstance(kind, Attack)
    found = kind.against(AttackInputs(model, x, y, target, 0.07, 3, 0.02, seed=9))
    assert torch.equal(found, expected)
    if name == "fgsm":  # and the definition: one signed step, down the loss where it is targeted
        point = x.clone().requires_grad_()
        loss = nn.functional.cross_entropy(model(point), y if target is None else target)
        (slope,) = torch.autograd.grad(loss, point)
        step = 0.07 * slope.sign() * (1 if target is None else -1)
        assert torch.allclose(found, (x + step).clamp(0, 1))


def test_settings_of_the_attack_reach_it_from_words(pipeline: Pipeline) -> None:
    words = {"steps": "5", "step_size": "0.02", "target": "true", "taus": "0:0.2:3", "draws": "7"}
    spec = compose(pipeline, perturbation="pgd", settings={"probe": words})
    expected = ProbeSpec("pgd", (0.0, 0.1, 0.2), 7, spec.probe.seed, 5, 0.02, "true", start="own")
    assert spec.probe == expected
    assert replace(spec.probe, steps=6) != spec.probe
    for wrong, says in [
        ({"target": "treu"}, "Did you mean 'true'"),
        ({"steps": "0"}, r"probe\.steps must be at least 1"),
        ({"step_size": "0"}, r"probe\.step_size must be more than 0"),
        ({"taus": "0.2,0.1"}, "must ascend"),
        ({"perturbation": "gausian"}, "Did you mean 'gaussian'"),
    ]:
        with pytest.raises(SpecError, match=says):
            compose(pipeline, settings={"probe": wrong})
