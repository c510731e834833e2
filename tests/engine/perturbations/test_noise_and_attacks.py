from __future__ import annotations

import math

import pytest
import torch
from needs import needs
from torch import nn

from engine.errors import SpecError
from engine.perturbations import BLOCK, Attack, AttackInputs, Noise, named, names
from engine.perturbations._attack import other_labels
from engine.perturbations._noise import drawn as drawn_by
from engine.runtime.seeds import generator
from engine.spec import ProbeSpec

CPU = torch.device("cpu")
MANY = list(range(300))


def random(name: str) -> Noise:
    kind = named(name)
    assert isinstance(kind, Noise) and not kind.attack
    return kind


def noise(name: str, samples: list[int] = MANY, block: int = 0, seed: int = 5) -> torch.Tensor:
    return random(name).noise(samples, (1, 4, 4), seed, block, CPU)


def attacked_copies(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, samples: list[int], probe: ProbeSpec,
    tau: float, block: int, n_classes: int,
) -> torch.Tensor:  # fmt: skip
    return named(probe.perturbation).copies(probe, tau, x, y, samples, block, n_classes, model)


def linear() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    return model.eval()


def test_gaussian_noise_has_mean_zero_and_the_asked_deviation() -> None:
    drawn = noise("gaussian") * 0.3
    n = drawn.numel()
    assert abs(drawn.mean()) < 4 * 0.3 / math.sqrt(n)
    assert float(drawn.std()) == pytest.approx(0.3, rel=4 / math.sqrt(2 * n))


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", ["gaussian", "l2", "linf"])
def test_noise_is_the_same_however_many_threads_draw_it(name: str, inference: bool) -> None:
    draw = random(name).draw
    with torch.inference_mode(inference):
        alone = drawn_by(name, draw, MANY[:21], 16, 5, 3, 1)
        together = drawn_by(name, draw, MANY[:21], 16, 5, 3, 8)
    assert torch.equal(alone, together) and together.is_inference() == inference
    assert torch.equal(alone[7:9], drawn_by(name, draw, MANY[7:9], 16, 5, 3, 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_noise_on_a_gpu_is_that_of_the_processor() -> None:
    there = random("gaussian").noise(MANY, (1, 4, 4), 5, 0, torch.device("cuda"))
    assert there.is_cuda and torch.equal(there.cpu(), noise("gaussian"))


def test_the_l2_ball_is_filled_uniformly() -> None:
    lengths = noise("l2").flatten(2).norm(dim=2).flatten()
    assert lengths.max() <= 1 + 1e-6
    # uniform in a d-ball: the length to the power of d is uniform in [0, 1]
    assert float((lengths**16).mean()) == pytest.approx(
        0.5, abs=4 * math.sqrt(1 / 12 / len(lengths))
    )


def test_the_linf_ball_is_filled_uniformly() -> None:
    drawn = noise("linf")
    assert drawn.abs().max() <= 1
    assert float(drawn.var()) == pytest.approx(1 / 3, rel=0.02)


@pytest.mark.parametrize("name", ["gaussian", "l2", "linf"])
def test_a_sample_keeps_its_noise_in_any_company(name: str) -> None:
    assert torch.equal(noise(name, [3, 7, 9])[1], noise(name, [7])[0])
    assert not torch.equal(noise(name, [7]), noise(name, [8]))
    assert not torch.equal(noise(name, [7], block=0), noise(name, [7], block=1))
    assert not torch.equal(noise(name, [7], seed=5), noise(name, [7], seed=6))


@pytest.mark.parametrize("name", ["gaussian", "l2", "linf"])
def test_each_sample_and_block_has_the_numbers_of_its_own_generator(name: str) -> None:
    drawn = noise(name, [7, 8], block=3).reshape(2, BLOCK, 16)
    for own, sample in zip(drawn, [7, 8], strict=True):
        rng = generator(5, "noise", name, sample, 3)
        if name == "linf":
            expected = torch.empty(BLOCK, 16).uniform_(-1, 1, generator=rng)
        else:
            expected = torch.empty(BLOCK, 16).normal_(generator=rng)
        if name == "l2":
            length = torch.rand(BLOCK, 1, generator=rng) ** (1 / 16)
            expected = expected * length / expected.norm(dim=1, keepdim=True)
        torch.testing.assert_close(own, expected, rtol=0, atol=0 if name != "l2" else 1e-6)


def test_draws_do_not_depend_on_the_global_generator() -> None:
    torch.manual_seed(0)
    first = noise("gaussian", [1])
    torch.manual_seed(1)
    assert torch.equal(first, noise("gaussian", [1]))


def test_copies_stay_in_the_pixel_range_and_at_tau_zero_they_are_the_sample() -> None:
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    copies = random("gaussian").moved(x, noise("gaussian", [0, 1]), 2.0)
    assert copies.shape == (2, BLOCK, 1, 4, 4)
    assert copies.min() == 0
    assert copies.max() == 1
    assert torch.equal(random("gaussian").moved(x, noise("gaussian", [0, 1]), 0.0)[:, 0], x)


def test_other_labels_are_other_and_all_of_them() -> None:
    y = torch.tensor([0, 2])
    drawn = torch.cat([other_labels(y, BLOCK, 3, [10, 11], 1, block) for block in range(20)], 1)
    assert (drawn != y[:, None]).all()
    assert set(drawn[0].tolist()) == {1, 2}
    assert set(drawn[1].tolist()) == {0, 1}


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
@pytest.mark.parametrize("target", ["other", "true", "none"])
@needs("torchattacks")
def test_attacks_stay_in_the_ball_and_do_what_their_target_says(name: str, target: str) -> None:
    model = linear()
    x = 0.25 + 0.5 * torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    probe = ProbeSpec(name, (0.1,), steps=5, step_size=0.05, target=target)
    copies = attacked_copies(model, x, y, list(range(6)), probe, 0.1, 0, 3)
    assert copies.shape == (6, BLOCK, 1, 4, 4)
    assert (copies - x[:, None]).abs().max() <= 0.1 + 1e-6
    before = model(x).log_softmax(1)[torch.arange(6), y].mean()
    after = model(copies[:, 0]).log_softmax(1)[torch.arange(6), y].mean()
    assert (after > before) if target == "true" else (after < before)
    again = attacked_copies(model, x, y, list(range(6)), probe, 0.1, 0, 3)
    assert torch.equal(copies, again)


def pgd(samples: list[int], start: str = "own", target: str = "other") -> torch.Tensor:
    """(n, BLOCK, 1, 4, 4) copies of some of ten samples, made in one call."""
    x = torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    probe = ProbeSpec("pgd", (0.1,), steps=4, step_size=0.03, start=start, target=target)
    rows = torch.tensor(samples)
    return attacked_copies(linear(), x[rows], rows % 3, samples, probe, 0.1, 1, 3)


@pytest.mark.parametrize("target", ["other", "none"])
@needs("torchattacks")
def test_pgd_of_a_sample_is_its_own_and_what_the_library_makes_of_it_alone(target: str) -> None:
    together = pgd([2, 5, 7, 9], target=target)
    for place, sample in enumerate([2, 5, 7, 9]):
        assert torch.equal(together[place], pgd([sample], target=target)[0])
        assert torch.equal(together[place], pgd([sample], "shared", target)[0])
    assert torch.equal(pgd([9, 2], target=target), together[[3, 0]])
    shared = pgd([2, 5, 7, 9], "shared", target)
    assert not torch.equal(shared[0], pgd([2], "shared", target)[0])  # what studies before had


def test_pgd_from_its_own_start_leaves_modes_and_the_global_generator_alone() -> None:
    model = nn.Sequential(linear(), nn.BatchNorm1d(3)).train()
    model[0].eval()
    state = torch.random.get_rng_state()
    x, y = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1])
    probe = ProbeSpec("pgd", (0.1,), steps=2, start="own")
    copies = attacked_copies(model, x, y, [4, 8], probe, 0.1, 0, 3)
    assert (copies - x[:, None]).abs().max() <= 0.1 + 1e-6
    assert [part.training for part in model] == [False, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model[1].num_batches_tracked == 0
    assert torch.equal(state, torch.random.get_rng_state())


@needs("torchattacks")
def test_an_attack_leaves_mode_gradients_output_and_the_global_generator_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = nn.Sequential(linear(), nn.BatchNorm1d(3)).train()
    model[0].eval()
    state = torch.random.get_rng_state()
    x = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    y = torch.zeros(4).long()
    target = torch.ones(4).long()
    kind = named("pgd")
    assert isinstance(kind, Attack)
    kind.against(AttackInputs(model, x, y, target, 0.1, 2, 0.05, seed=1))
    assert [part.training for part in model] == [False, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model[1].num_batches_tracked == 0
    assert torch.equal(state, torch.random.get_rng_state())
    assert capsys.readouterr().out == ""


def test_an_unknown_perturbation_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
        named("gausian")
    assert names() == ["gaussian", "l2", "linf", "words", "fgsm", "pgd"]
