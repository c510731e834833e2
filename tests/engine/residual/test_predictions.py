from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from needs import needs
from scipy import integrate, stats
from torch import nn

from engine.residual import predictions
from engine.residual.posterior import posterior
from engine.residual.predictions import predict_copies
from engine.residual.ratio import LEVEL, curve, null_band, resampling_weights
from engine.residual.summary import summarize
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

PROBE = ProbeSpec("gaussian", (0.0, 0.3), draws=20, seed=4)


def test_the_mean_is_the_papers_over_defined_samples_averaged_over_retrains() -> None:
    u = np.array([[10], [5], [4]])
    a = np.array([[[5], [5], [0]], [[10], [10], [2]]])
    found = curve(u, a, resampling_weights(3, 1))
    first, second = (2 + 1) / 2, (1 + 0.5 + 2) / 3
    assert found.mean[0] == pytest.approx((first + second) / 2)
    assert found.undefined.tolist() == [1]
    assert found.pooled[0] == pytest.approx(19 / ((10 + 22) / 2))
    # u > a: samples 0 and 2 against the first Re-train, sample 2 against the second
    assert found.prevalence[0] == pytest.approx(100 * (2 + 1) / 6)


def test_a_forget_set_no_retrain_recognizes_is_undefined_everywhere() -> None:
    u, a = np.full((4, 2), 7), np.zeros((2, 4, 2), dtype=int)
    found = curve(u, a, resampling_weights(4, 1))
    for values in (found.mean, found.low, found.high, found.pooled):
        assert np.isnan(values).all()
    assert found.undefined.tolist() == [4, 4]
    assert found.prevalence.tolist() == [100, 100]


def test_one_sample_has_an_interval_of_no_width() -> None:
    found = curve(np.array([[6]]), np.array([[[3]]]), resampling_weights(1, 1))
    assert found.low[0] == found.mean[0] == found.high[0] == 2


def test_the_interval_covers_the_true_mean_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(3)
    hits, trials, n = 0, 400, 80
    for trial in range(trials):
        a = rng.integers(60, 101, (1, n, 1))
        ratio = rng.normal(1.2, 0.2, (n, 1))
        found = curve(ratio * a[0], a, resampling_weights(n, trial))
        hits += bool(found.low[0] <= 1.2 <= found.high[0])
    spread = 4 * math.sqrt(LEVEL * (1 - LEVEL) / trials)
    assert hits / trials == pytest.approx(LEVEL, abs=spread)


@pytest.mark.parametrize(("u", "a", "draws"), [(0, 0, 10), (3, 7, 10), (10, 0, 10), (60, 50, 100)])
def test_the_posterior_is_the_integral_over_two_betas(u: int, a: int, draws: int) -> None:
    m = stats.beta(u + 0.5, draws - u + 0.5)
    r = stats.beta(a + 0.5, draws - a + 0.5)
    # substituting the quantile of the Re-train's posterior removes its singular ends
    expected = integrate.quad(lambda q: m.sf(r.ppf(q)), 0, 1, limit=200)[0]
    found = posterior(np.array([[u]]), np.array([[[a]]]), draws)[0, 0]
    assert found == pytest.approx(expected, abs=2e-5)


def test_the_posterior_is_fair_and_exact_at_the_largest_grids() -> None:
    same = posterior(np.array([[40]]), np.array([[[40]]]), 100)[0, 0]
    assert same == pytest.approx(0.5, abs=1e-12)
    over = posterior(np.array([[700]]), np.array([[[600]]]), 1000)[0, 0]
    under = posterior(np.array([[600]]), np.array([[[700]]]), 1000)[0, 0]
    assert over + under == pytest.approx(1, abs=1e-9)
    assert over > 0.999


def test_the_null_band_holds_every_ordered_pair() -> None:
    counts = {
        "retrain-0": np.array([[8], [6]]),
        "retrain-1": np.array([[4], [6]]),
        "retrain-2": np.array([[6], [6]]),
    }
    low, high = null_band(counts, list(counts), resampling_weights(2, 1))
    assert low[0] == pytest.approx(0.5)  # 4/8 and 6/6: resampling one sample twice gives 0.5
    assert high[0] == pytest.approx(2.0)
    alone, _ = null_band(counts, ["retrain-0"], resampling_weights(2, 1))
    assert np.isnan(alone).all()


class Threshold(nn.Module):
    """Predicts class 1 if the mean exceeds a level; records its inputs."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level
        self.shown: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x.clone())
        above = x.flatten(1).mean(1) - self.level
        return torch.stack([-above, above], 1)


def see(
    models: dict[str, nn.Module], blocks: range = range(2), n: int = 3, probe: ProbeSpec = PROBE
) -> dict[str, np.ndarray]:
    x = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    y = torch.ones(n, dtype=torch.long)
    return predict_copies(models, x, y, list(range(n)), probe, blocks, 2, Reporter())


def test_every_model_sees_the_same_copies() -> None:
    one, two = Threshold(0.5), Threshold(0.6)
    see({"one": one, "two": two})
    assert len(one.shown) == 4
    assert all(torch.equal(a, b) for a, b in zip(one.shown, two.shown, strict=True))
    assert all(x.min() >= 0 and x.max() <= 1 for x in one.shown)


def test_verdicts_are_those_of_a_plain_loop_however_the_work_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Threshold(0.5)
    whole = see({"m": model})["m"]
    assert whole.shape == (3, 2, 20)
    assert whole.dtype == np.uint8
    assert (whole[:, 0] == whole[:, 0, :1]).all()  # tau = 0: one prediction for all draws
    halves = [see({"m": model}, range(i, i + 1))["m"] for i in range(2)]
    assert (np.concatenate(halves, 2) == whole).all()
    monkeypatch.setattr(predictions, "BATCH_VALUES", 16)
    assert (see({"m": model})["m"] == whole).all()


@needs("torchattacks")
def test_attacks_are_made_against_the_source_and_shown_to_all() -> None:
    torch_seed = torch.Generator().manual_seed(2)
    source, viewer = (nn.Sequential(nn.Flatten(), nn.Linear(16, 2)).eval() for _ in range(2))
    for model in (source, viewer):
        model[1].weight.data.normal_(generator=torch_seed)
    x = 0.2 + 0.6 * torch.rand(4, 1, 4, 4, generator=torch_seed)
    y = source(x).argmax(1)
    probe = ProbeSpec("fgsm", (0.0, 0.5), target="none")
    found = predict_copies(
        {"source": source, "viewer": viewer}, x, y, [0, 1, 2, 3], probe, range(1), 2, Reporter(),
        source,
    )  # fmt: skip
    right = (found["source"] == y.numpy()[:, None, None]).mean((0, 2))
    assert right[0] == 1
    assert right[1] < 0.5


def test_changing_only_the_seed_moves_r_within_its_interval() -> None:
    models: dict[str, nn.Module] = {
        "retrain-0": Threshold(0.52), "retrain-1": Threshold(0.5), "gd": Threshold(0.48),
    }  # fmt: skip
    n, inside = 40, 0
    reference = None
    for seed in range(20):
        probe = replace(PROBE, seed=seed, taus=(0.3,), draws=40)
        found = see(models, range(4), n, probe)
        y = np.ones(n, dtype=int)
        one = summarize(
            probe, 40, np.arange(n), y, found, ["gd"], ["retrain-0", "retrain-1"]
        ).curves["gd"]
        reference = reference or one
        inside += bool(reference.low[0] <= one.mean[0] <= reference.high[0])
    assert inside >= 18


def test_a_summary_keeps_integer_counts_and_cuts_to_the_draws_asked_for() -> None:
    rng = np.random.default_rng(1)
    y = np.array([0, 1, 2])
    found = {name: rng.integers(0, 3, (3, 2, 20)).astype(np.uint8) for name in ("gd", "retrain-0")}
    one = summarize(PROBE, 15, np.array([4, 8, 9]), y, found, ["gd"], ["retrain-0"])
    expected = (found["gd"][:, :, :15] == y[:, None, None]).sum(2)
    assert (one.counts["gd"] == expected).all()
    assert one.counts["gd"].dtype == np.int32
    assert one.predictions["gd"].shape == (3, 2, 15)
    assert one.draws == 15
    assert np.isnan(one.null_high).all()
    assert one.ratio("retrain-0")[one.counts["retrain-0"] > 0] == pytest.approx(1)
