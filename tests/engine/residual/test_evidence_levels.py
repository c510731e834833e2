"""Error rates of everything that is claimed, where the truth is known: simulations, fixed seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from engine.residual.allocation import Answers, allocate, complete
from engine.residual.certificate import certificate, certified_share
from engine.residual.discoveries import sample_q_values
from engine.residual.e_process import (
    absence_e_values,
    confidence_sequence,
    e_values,
    log_e_value,
    ratio_sequence,
)
from engine.residual.prediction import prediction, retrains_for_a_claim
from engine.residual.summary import summarize
from engine.residual.verdict import NONE, RESIDUAL, verdict_columns, verdicts
from engine.results import Curve, Residual
from engine.spec import ProbeSpec

TAUS = (0.1, 0.2, 0.3)
DRAWS = 100


def population(
    rng: np.random.Generator, n: int, retrains: int, residual: float = 0.0
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(model -> (n, T, c) which copies it recognizes, (n,) which samples are truly residual).

    Samples differ in how hard they are, models in what they make of each sample, and models that
    see the same copy answer alike more often than chance. residual: share of samples that gd
    recognizes far more often.
    """
    hard, slope = rng.normal(0, 2, (n, 1)), np.linspace(0, -1, len(TAUS))
    own = rng.normal(0, 1, (retrains + 1, n, 1)) + rng.normal(0, 0.1, (retrains + 1, 1, 1))
    z = hard + slope + own + rng.normal(0, 0.2, (retrains + 1, n, len(TAUS)))
    truth = np.arange(n) < residual * n
    z[0, truth] += 4
    p = 1 / (1 + np.exp(-z))
    shared, alone = (
        rng.random((n, len(TAUS), DRAWS)),
        rng.random((retrains + 1, *z.shape[1:], DRAWS)),
    )
    u = np.where(rng.random(shared.shape) < 0.5, shared, alone)
    names = ["gd", *(f"retrain-{j}" for j in range(retrains))]
    return {
        name: one < share[:, :, None] for name, one, share in zip(names, u, p, strict=True)
    }, truth


def measured(
    right: dict[str, np.ndarray], draws: int, *more: np.ndarray, anytime: bool = False
) -> Residual:
    n = len(right["gd"])
    probe = ProbeSpec("l2", TAUS, DRAWS, adaptive=25.0 * bool(more))
    said = {name: (~one).astype(np.uint8) for name, one in right.items()}
    names = [name for name in right if name != "gd"]
    y = np.zeros(n, int)
    return summarize(probe, draws, np.arange(n), y, said, ["gd"], names, *more, anytime=anytime)


Looks = list[Residual]


def all_draws(right: dict[str, np.ndarray]) -> Looks:
    """What all draws show."""
    return [measured(right, DRAWS)]


def looks(right: dict[str, np.ndarray]) -> Looks:
    """What somebody sees who looks after every 25 draws, to stop when most is discovered."""
    return [measured(right, draws, anytime=True) for draws in range(25, DRAWS + 1, 25)]


def adaptive_draws(right: dict[str, np.ndarray]) -> Looks:
    """What draws show that go where r is uncertain."""
    margins = {name: np.where(one, 1.0, -1.0) for name, one in right.items()}
    fixed = np.zeros(right["gd"].shape[:2], bool)
    names = [name for name in right if name != "gd"]
    drawn = allocate(lambda _: Answers(right, margins), ["gd"], names, fixed, DRAWS, 0.25)
    parts = complete(lambda _: Answers(right, margins), drawn, verdict_columns(TAUS), DRAWS)
    return [measured(right, DRAWS, *parts)]


def discovered(seen: Looks, fdr: float) -> np.ndarray:
    """(n,) the samples discovered at the look that discovers most."""
    each = [verdicts(replace(one, fdr=fdr), "gd") == RESIDUAL for one in seen]
    return max(each, key=lambda one: int(one.sum()))


# -- the rate of false discoveries -----------------------------------------------------------------
@pytest.mark.parametrize("of", [all_draws, looks, adaptive_draws])
@pytest.mark.parametrize(("residual", "retrains"), [(0.0, 4), (0.0, 20), (0.3, 4), (0.3, 20)])
def test_false_discoveries_are_as_rare_as_stated(
    of: Callable[[dict[str, np.ndarray]], Looks], residual: float, retrains: int
) -> None:
    rng, trials, n = np.random.default_rng(retrains), 30 if retrains < 10 else 12, 40
    false: dict[float, list[float]] = {0.05: [], 0.2: []}
    power: dict[float, list[float]] = {0.05: [], 0.2: []}
    for _ in range(trials):
        right, truth = population(rng, n, retrains, residual)
        seen = of(right)
        for fdr in false:
            found = discovered(seen, fdr)
            false[fdr].append((found & ~truth).sum() / max(1, found.sum()))
            power[fdr].append(found[truth].mean() if truth.any() else 0)
    for fdr, rates in false.items():
        error = 3 * max(np.std(rates), np.sqrt(fdr * (1 - fdr)) * (not residual)) / np.sqrt(trials)
        assert np.mean(rates) <= fdr + error
    assert not residual or np.mean(power[0.2]) > 0.25


def test_a_re_train_that_knows_single_samples_is_no_discovery() -> None:
    """Every model recognizes a few samples of its own: a Re-train does no more than chance."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(50):
        shares = rng.uniform(0, 0.1, (6, 30, 3))
        for model in shares:
            model[rng.choice(30, 2, replace=False)] = 0.9
        e = np.full((30, 3), 1e9)  # the copies leave no doubt
        found += int((sample_q_values(shares[0], shares[1:], None, e) <= 0.05).sum())
    assert found <= 0.05 * 50 * 2


def test_models_with_copies_of_their_own_are_judged_by_as_many() -> None:
    rng, n, k = np.random.default_rng(5), 30, 4
    level = rng.uniform(0.2, 0.6, (1, n, 2))

    def answers() -> np.ndarray:
        return np.clip(level + rng.normal(0, 0.08, (k, n, 2)), 0, 1)

    false = 0
    e = np.full((n, 2), 1e9)
    for _ in range(60):
        own = np.clip(level[0] + rng.normal(0, 0.08, (n, 2)), 0, 1)
        q = sample_q_values(own, answers(), [answers() for _ in range(k)], e)
        false += bool((q <= 0.05).any())
    assert false / 60 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    strong = np.clip(level[0] + 0.4 * (np.arange(n) < 10)[:, None], 0, 1)
    q = sample_q_values(strong, answers(), [answers() for _ in range(k)], e)
    assert (q[:10] <= 0.05).mean() > 0.8


def test_a_sample_without_excess_is_called_none_and_rarely_wrongly() -> None:
    rng, n = np.random.default_rng(8), 400
    base = rng.uniform(0, 1, (n, 1, 1))
    excess = np.where(np.arange(n) < 200, 0.06, 0.0)[:, None, None]  # six copies in a hundred
    right = {
        name: rng.random((n, 3, DRAWS)) < np.clip(base * 0.9 + more, 0, 1)
        for name, more in (("gd", excess), ("retrain-0", 0), ("retrain-1", 0))
    }
    codes = verdicts(measured(right, DRAWS), "gd")
    assert (codes[:200] == NONE).mean() <= 0.05
    nobody = {name: np.zeros_like(one) for name, one in right.items()}
    assert (verdicts(measured(nobody, DRAWS), "gd") == NONE).all()


# -- whenever somebody looks -----------------------------------------------------------------------
def test_an_e_value_of_20_is_reached_by_at_most_one_fair_coin_in_twenty() -> None:
    rng, walks = np.random.default_rng(1), 4000
    wins = np.cumsum(rng.random((walks, 500)) < 0.5, 1)
    e = log_e_value(wins, np.broadcast_to(np.arange(1, 501), wins.shape))
    ever = (e >= np.log(20)).any(1).mean()
    assert ever <= 0.05
    lead = stats.beta(wins + 0.5, np.arange(1, 501) - wins + 0.5).sf(0.5)
    assert (lead[:, 9::10] > 0.95).any(1).mean() > 0.2  # the posterior that verdicts were made of


def test_e_values_are_at_most_one_on_average_and_grow_where_there_is_something() -> None:
    rng = np.random.default_rng(2)
    m, a = rng.random((4000, 1, 40)) < 0.6, rng.random((4000, 1, 40)) < 0.6
    assert e_values(m, [a]).mean() <= 1.1
    drawn = np.full((4000, 1), 40)
    ahead = rng.random((4000, 1, 40)) < 0.65
    assert absence_e_values(ahead, [a], drawn).mean() <= 1.1  # exactly the margin ahead
    assert np.median(e_values(rng.random((500, 1, 40)) < 0.95, [a[:500]])) > 100


@pytest.mark.parametrize("p", [0.0, 0.02, 0.5, 1.0])
def test_a_confidence_sequence_misses_at_most_once_in_twenty_walks(p: float) -> None:
    rng, walks = np.random.default_rng(4), 1500
    counts = np.cumsum(rng.random((walks, 200)) < p, 1)
    low, high = confidence_sequence(counts, np.arange(1, 201), 0.95)
    assert ((low > p) | (high < p)).any(1).mean() <= 0.05
    assert (low <= counts / np.arange(1, 201)).all()


def test_the_sequence_of_r_covers_it_at_every_look() -> None:
    rng, walks = np.random.default_rng(6), 300
    u = np.cumsum(rng.random((walks, 150)) < 0.8, 1)
    a = np.cumsum(rng.random((2, walks, 150)) < 0.4, 2)
    low, high = ratio_sequence(u, a, np.arange(1, 151))
    with np.errstate(invalid="ignore"):
        assert ((low > 2) | (high < 2)).any(1).mean() <= 0.05


# -- one more Re-train -----------------------------------------------------------------------------
def of_totals(shares: np.ndarray) -> Residual:
    """The last of the models with these shares (k + 1, T) is gd, the others Re-trains."""
    counts = np.broadcast_to(np.rint(10_000 * shares)[:, None], (len(shares), 50, shares.shape[1]))
    names = [*(f"retrain-{j}" for j in range(len(shares) - 1)), "gd"]
    taus, none = np.arange(1, shares.shape[1] + 1) / 10, np.full(shares.shape[1], np.nan)
    made = dict(zip(names, counts.astype(int), strict=True))
    pooled = counts[-1, 0] / counts[:-1, 0].mean(0)
    one = Curve(none, none, none, pooled, none, none)
    return Residual("l2", taus, 10_000, np.arange(50), made, {"gd": one}, none, none, {})


@pytest.mark.parametrize("retrains", [3, 10])
def test_one_more_re_train_lies_inside_as_often_as_stated(retrains: int) -> None:
    rng, trials, taus = np.random.default_rng(retrains), 1500, 4
    each = np.zeros(taus)
    whole = 0
    for _ in range(trials):
        common = rng.normal(0, 0.05, (retrains + 1, 1))  # norms of one model go together
        shares = 0.3 * np.exp(common + rng.normal(0, 0.03, (retrains + 1, taus)))
        study = of_totals(shares)
        own, ratio = prediction(study), study.curves["gd"].pooled
        each += (own.low <= ratio) & (ratio <= own.high)
        whole += bool(((own.grid_low <= ratio) & (ratio <= own.grid_high)).all())
    error = 3 * np.sqrt(0.95 * 0.05 / trials)
    assert np.abs(each / trials - 0.95).max() <= error + 0.005
    assert whole / trials >= 0.95 - error


def test_the_number_of_re_trains_that_a_claim_takes_suffices() -> None:
    shares = np.array([[0.30, 0.30], [0.31, 0.32], [0.29, 0.31], [0.34, 0.37]])
    study = of_totals(shares)
    own = prediction(study)
    needed = retrains_for_a_claim(study, own)
    assert needed is not None and needed > 3
    ratio = study.curves["gd"].pooled
    assert ((own.grid_low <= ratio) & (ratio <= own.grid_high)).all()

    def outside(k: int) -> bool:
        t = stats.t(k - 1).ppf(1 - 0.05 / 4)
        width = t * np.sqrt(own.spread**2 * (1 + 1 / k) + own.error**2)
        return bool((np.abs(np.log(ratio) - own.center) > width).any())

    assert outside(needed) and not outside(needed - 1)
    alone = of_totals(shares[2:])
    assert retrains_for_a_claim(alone, prediction(alone)) is None
    assert np.isnan(prediction(alone).low).all()


# -- certified -------------------------------------------------------------------------------------
def test_no_shift_within_the_certified_radius_turns_the_tables() -> None:
    """On a line, where smoothed probabilities are known: gd from 0.3 on, Re-train from 0.62."""
    sigma, rng = 0.2, np.random.default_rng(9)
    x = rng.uniform(0.1, 0.9, 300)

    def smooth(at: np.ndarray, threshold: float) -> np.ndarray:
        return np.asarray(stats.norm.sf((threshold - at) / sigma))

    counts = {
        "gd": rng.binomial(DRAWS, smooth(x, 0.3))[:, None],
        "retrain-0": rng.binomial(DRAWS, smooth(x, 0.62))[:, None],
    }
    none = np.array([np.nan])
    study = Residual(
        "gaussian", np.array([sigma]), DRAWS, np.arange(300), counts, {}, none, none, {}
    )
    for anytime in (False, True):
        own = certificate(study, "gd", anytime=anytime)
        assert own is not None
        radius = own.radius
        assert (radius > 0).mean() > 0.5 and (own.absence == 0).all()
        worst = np.ones(300, bool)
        ratio = np.zeros(300)
        for shift in np.linspace(-1, 1, 401):
            within = np.abs(shift) <= radius
            m, a = smooth(x + shift, 0.3), smooth(x + shift, 0.62)
            worst &= ~within | (m >= a)
            ratio = np.maximum(ratio, np.where(np.abs(shift) <= 0.05, m / a, 0))
        assert worst.all()
        assert (own.ratio_bound(0.05)[:, 0] >= ratio).mean() >= 0.95
    shares = certified_share(radius, np.array([0.0, radius.max(), 2 * radius.max()]))
    assert shares[0] == pytest.approx(100 * (radius > 0).mean()) and shares[2] == 0


def test_a_model_that_forgot_has_certified_absence_and_other_noise_has_none() -> None:
    counts = {"gd": np.array([[1]]), "retrain-0": np.array([[95]])}
    none = np.array([np.nan])
    study = Residual("gaussian", np.array([0.1]), 100, np.arange(1), counts, {}, none, none, {})
    own = certificate(study, "gd", anytime=False)
    assert own is not None and own.radius[0] == 0 and own.absence[0] > 0.1
    other = Residual("l2", np.array([0.1]), 100, np.arange(1), counts, {}, none, none, {})
    assert certificate(other, "gd", anytime=False) is None
