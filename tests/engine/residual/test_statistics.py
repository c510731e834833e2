"""Bounds of every curve, coverage of intervals, and calibration of posteriors."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.residual import over_seeds
from engine.residual.disagreement import (
    disagreement,
    disagreement_bounds,
    disagreement_per_sample,
    perturbed_unlearn_accuracy,
)
from engine.residual.posterior import exceedance, posterior
from engine.residual.ratio import LEVEL, curve, resampling_weights
from engine.residual.summary import summarize
from engine.results import Residual, Study
from engine.spec import ProbeSpec

DRAWS = 100
TAUS = (0.0, 0.1, 0.2)


def measured(
    predictions: dict[str, np.ndarray], y: np.ndarray, *, seed: int = 1, kind: str = "gaussian"
) -> Residual:
    """The residual knowledge of 'gd' given these predictions (n, T, c)."""
    _, taus, draws = predictions["gd"].shape
    probe = ProbeSpec(kind, TAUS[:taus], draws, seed)
    retrains = [name for name in predictions if name.startswith("retrain-") and "@" not in name]
    return summarize(probe, draws, np.arange(len(y)), y, predictions, ["gd"], retrains)


def drawn(p: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """(n, T, draws) uint8 predictions that are right (0) with probability p (n, T)."""
    return (rng.random((*p.shape, draws)) >= p[:, :, None]).astype(np.uint8)


# -- disagreement ----------------------------------------------------------------------------------
@st.composite
def any_predictions(draw: st.DrawFn) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Arbitrary predictions of a model and one to three Re-trains on the same copies."""
    n, taus, draws = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 12))
    classes, retrains = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.integers(0, classes, n)
    found = {}
    for name in ["gd", *(f"retrain-{j}" for j in range(retrains))]:
        answers = rng.integers(0, classes, (n, taus, draws)).astype(np.uint8)
        right = rng.random(answers.shape) < draw(st.sampled_from([0.0, 0.3, 0.9, 1.0]))
        found[name] = np.where(right, y[:, None, None], answers).astype(np.uint8)
    return found, y


@given(any_predictions())
@settings(max_examples=150)
def test_the_bounds_hold_on_any_predictions(case: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    one = measured(*case)
    low, high = disagreement_bounds(one, "gd")
    found = disagreement_per_sample(one, "gd")
    assert (low <= found + 1e-12).all()
    assert (found <= high + 1e-12).all()
    whole = disagreement(one, "gd")
    assert (whole.low <= whole.mean + 1e-12).all()
    assert (whole.mean <= whole.high + 1e-12).all()


def test_the_bounds_are_those_of_the_paper_and_are_reached() -> None:
    y = np.zeros(2, dtype=int)
    right = np.array([[8], [5]])  # of ten
    predictions = {
        "gd": (np.arange(10) >= right[:, :, None]).astype(np.uint8),
        "retrain-0": (np.arange(10) >= np.array([[4], [5]])[:, :, None]).astype(np.uint8),
    }
    one = measured(predictions, y)
    low, high = disagreement_bounds(one, "gd")
    r, a = one.ratio("gd"), one.counts["retrain-0"] / 10
    assert low[0] == pytest.approx(a * np.abs(r - 1))
    assert high[0] == pytest.approx(np.minimum(1, 2 - a * (1 + r)))
    assert disagreement(one, "gd").mean[0] == pytest.approx((0.4 + 0) / 2)  # the lower bound
    apart = {**predictions, "gd": predictions["gd"][:, :, ::-1].copy()}
    assert disagreement_per_sample(measured(apart, y), "gd")[0, 1, 0] == 1  # the upper bound


def test_attacked_copies_are_compared_with_what_retrain_said_of_the_same_copies() -> None:
    same = np.zeros((2, 1, 10), np.uint8)
    predictions = {"gd": same, "retrain-0": 1 - same, "retrain-0@gd": same}
    one = measured(predictions, np.zeros(2, dtype=int), kind="fgsm")
    assert disagreement(one, "gd").mean[0] == 0


def test_without_predictions_there_are_bounds_alone() -> None:
    rng = np.random.default_rng(1)
    p = np.full((3, 2), 0.5)
    one = measured({"gd": drawn(p, rng), "retrain-0": drawn(p, rng)}, np.zeros(3, dtype=int))
    found = disagreement(replace(one, predictions={}), "gd")
    assert np.isnan(found.mean).all()
    assert np.isfinite(found.low).all()


def test_perturbed_unlearn_accuracy_is_what_is_not_recognized() -> None:
    predictions = {"gd": np.array([[[0, 0, 0, 1]], [[1, 1, 0, 0]]], np.uint8)}
    one = measured({**predictions, "retrain-0": predictions["gd"]}, np.zeros(2, dtype=int))
    assert perturbed_unlearn_accuracy(one, "gd") == pytest.approx([37.5])


# -- intervals of one study ------------------------------------------------------------------------
def truth(n: int, rng: np.random.Generator, excess: float = 1.15) -> tuple[np.ndarray, np.ndarray]:
    """(n, 1) probabilities of recognition by m and by a, with a ratio that varies by sample."""
    a = rng.uniform(0.6, 0.85, (n, 1))
    return np.clip(a * rng.normal(excess, 0.12, (n, 1)), 0, 1), a


def test_the_interval_covers_the_true_residual_knowledge_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(7)
    m, a = truth(400_000, rng)
    expected = float((m / a).mean())  # over the population that forget sets are drawn from
    hits, trials, n = 0, 400, 80
    for trial in range(trials):
        m, a = truth(n, rng)
        u, counts = rng.binomial(DRAWS, m), rng.binomial(DRAWS, a)
        found = curve(u, counts[None], resampling_weights(n, trial))
        hits += bool(found.low[0] <= expected <= found.high[0])
    spread = 4 * math.sqrt(LEVEL * (1 - LEVEL) / trials)
    assert hits / trials == pytest.approx(LEVEL, abs=spread)


def test_another_seed_of_the_draws_moves_r_within_its_interval() -> None:
    rng = np.random.default_rng(3)
    inside, repeats = 0, 200
    for repeat in range(repeats):
        m, a = truth(60, rng)
        weights = resampling_weights(60, repeat)
        first, second = (
            curve(rng.binomial(DRAWS, m), rng.binomial(DRAWS, a)[None], weights) for _ in range(2)
        )
        inside += bool(first.low[0] <= second.mean[0] <= first.high[0])
    assert inside >= 0.9 * repeats


# -- posteriors of single samples ------------------------------------------------------------------
@pytest.mark.parametrize(("u", "a", "margin"), [(0, 0, 0.05), (60, 50, 0.05), (99, 98, 0.1)])
def test_the_exceedance_is_the_integral_over_two_betas(u: int, a: int, margin: float) -> None:
    m, r = stats.beta(u + 0.5, DRAWS - u + 0.5), stats.beta(a + 0.5, DRAWS - a + 0.5)
    expected = float(m.sf(r.ppf((np.arange(200_000) + 0.5) / 200_000) + margin).mean())
    found = exceedance(np.array([[u]]), np.array([[[a]]]), DRAWS, margin)[0, 0]
    assert found == pytest.approx(expected, abs=1e-6)


def test_without_a_margin_it_is_the_posterior() -> None:
    rng = np.random.default_rng(1)
    u, a = rng.integers(0, DRAWS + 1, (20, 3)), rng.integers(0, DRAWS + 1, (2, 20, 3))
    assert exceedance(u, a, DRAWS) == pytest.approx(posterior(u, a, DRAWS), abs=1e-9)


def counted(u: list[list[int]], a: list[list[int]]) -> Residual:
    """A Residual with these counts (n, T) out of `DRAWS`."""
    order = np.arange(DRAWS)
    predictions = {
        name: (order >= np.array(counts)[:, :, None]).astype(np.uint8)
        for name, counts in (("gd", u), ("retrain-0", a))
    }
    return measured(predictions, np.zeros(len(u), dtype=int))


def test_a_posterior_is_wrong_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(5)
    p, q = rng.beta(0.5, 0.5, (20_000, 1)), rng.beta(0.5, 0.5, (20_000, 1))  # the prior
    u, a = rng.binomial(DRAWS, p), rng.binomial(DRAWS, q)
    exceeds, matters = posterior(u, a[None], DRAWS), exceedance(u, a[None], DRAWS, 0.05)
    for low in np.arange(0, 1, 0.1):  # a posterior of 0.3 is right three times in ten
        near = (exceeds >= low) & (exceeds < low + 0.1)
        error = 4 * math.sqrt(0.25 / near.sum())
        assert (p > q)[near].mean() == pytest.approx(exceeds[near].mean(), abs=error)
    assert (p > q)[exceeds > 0.95].mean() >= 0.95
    assert (p <= q + 0.05)[1 - matters > 0.95].mean() >= 0.95


# -- several seeds ---------------------------------------------------------------------------------
def study_of(residual: Residual, **metrics: float) -> Study:
    rows = {name: dict(metrics) for name in ("gd", "retrain")}
    return Study("k", {}, residual.samples, rows, {}, residual)


def studies_of(rng: np.random.Generator, seeds: int, n: int, between: float) -> list[Study]:
    """Studies of one forget set whose true r differs from seed to seed by `between`."""
    m, a = truth(n, rng)
    found = []
    for seed in range(seeds):
        shifted = np.clip(m + a * rng.normal(0, between), 0, 1)
        predictions = {"gd": drawn(shifted, rng), "retrain-0": drawn(a, rng)}
        found.append(study_of(measured(predictions, np.zeros(n, dtype=int), seed=seed)))
    return found


def test_measures_over_seeds_have_mean_and_deviation() -> None:
    rng = np.random.default_rng(2)
    one = studies_of(rng, 1, 5, 0)[0].residual
    found = over_seeds.spreads([study_of(one, test_acc=v, seconds=1.0) for v in (90, 92, 97)])
    assert found["gd"]["test_acc"] == over_seeds.Spread(93, pytest.approx(math.sqrt(26 / 3)), 3)
    assert found["retrain"]["seconds"].deviation == 0
    alone = over_seeds.spreads([study_of(one, test_acc=90.0)])["gd"]["test_acc"]
    assert (alone.mean, alone.n) == (90, 1)
    assert math.isnan(alone.deviation)
    assert over_seeds.spread([1.0, math.nan, 3.0]) == over_seeds.Spread(2, 1, 2)
    both = over_seeds.spreads(
        [study_of(one, test_acc=90.0, mia_acc=3.0), study_of(one, test_acc=1)]
    )
    assert set(both["gd"]) == {"test_acc"}


def test_one_seed_keeps_its_own_interval() -> None:
    one = studies_of(np.random.default_rng(1), 1, 20, 0)
    found = over_seeds.seed_curve(one, "gd")
    own = one[0].residual.curves["gd"]
    assert (found.low, found.mean, found.high) == (own.low, own.mean, own.high)


def test_the_interval_over_seeds_covers_when_seeds_differ_and_when_they_do_not() -> None:
    rng = np.random.default_rng(11)
    m, a = truth(400_000, rng)
    expected, trials = float((m / a).mean()), 120
    for between in (0.0, 0.15):
        hits, widths = 0, []
        for _ in range(trials):
            found = over_seeds.seed_curve(studies_of(rng, 3, 40, between), "gd")
            hits += bool(found.low[0] <= expected <= found.high[0])
            widths.append(float(found.high[0] - found.low[0]))
        assert hits / trials >= LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / trials)
        assert np.median(widths) < (0.3 if between == 0 else 1.2)  # and is informative, too


def test_forget_sets_may_differ_from_seed_to_seed() -> None:
    rng = np.random.default_rng(4)
    found = studies_of(rng, 3, 12, 0.05)
    shifted = [
        replace(one, residual=replace(one.residual, samples=one.residual.samples + 6 * i))
        for i, one in enumerate(found)
    ]
    together = over_seeds.seed_curve(shifted, "gd")
    assert together.low[0] < together.mean[0] < together.high[0]
    assert together.mean == pytest.approx(over_seeds.seed_curve(found, "gd").mean)


def test_nothing_defined_stays_undefined_without_a_warning() -> None:
    never = counted([[5], [5]], [[0], [0]])
    found = over_seeds.seed_curve([study_of(never), study_of(never)], "gd")
    for values in (found.mean, found.low, found.high, found.deviation):
        assert np.isnan(values).all()


def test_the_null_band_over_seeds_holds_every_seeds_band() -> None:
    def banded(low: Any, high: Any) -> Residual:
        one = counted([[5], [5]], [[5], [5]])
        return replace(one, null_low=np.array(low), null_high=np.array(high))

    low, high = over_seeds.null_band_envelope(
        [banded([0.9, 0.8], [1.1, 1.2]), banded([0.85, np.nan], [1.05, np.nan])]
    )
    assert (low.tolist(), high.tolist()) == ([0.85, 0.8], [1.1, 1.2])


def test_prevalence_over_seeds() -> None:
    first, second = counted([[9], [2]], [[5], [5]]), counted([[9], [7]], [[5], [5]])
    mean, deviation = over_seeds.seed_prevalence([study_of(first), study_of(second)], "gd")
    assert mean.tolist() == [75]
    assert deviation == pytest.approx([25])
