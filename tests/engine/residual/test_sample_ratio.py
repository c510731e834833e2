"""A sample's ratio: its interval has the promised coverage, and is NaN where undefined."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from engine.residual.sample_ratio import LEVEL, Ratio, ratio_of, ratios_around
from engine.results import Neighborhood


def one(u: int, a: int | tuple[int, ...], draws: int = 100) -> Ratio:
    others = (a,) if isinstance(a, int) else a
    return ratio_of(np.array(u), np.array(others), draws)


def below(r: float, u: int, a: int, draws: int) -> float:
    """Pr[p / q <= r] by a fine sum over q: an independent computation of the posterior."""
    p = stats.beta(u + 0.5, draws - u + 0.5)
    q = stats.beta(a + 0.5, draws - a + 0.5).ppf((np.arange(100_000) + 0.5) / 100_000)
    return float(p.cdf(np.minimum(1, r * q)).mean())


@pytest.mark.parametrize(
    ("u", "a", "draws"),
    [(50, 50, 100), (100, 100, 100), (1, 1, 100), (90, 1, 100), (10, 3, 10), (5, 100, 100)],
)
def test_the_ends_are_the_posteriors_quantiles(u: int, a: int, draws: int) -> None:
    found = one(u, a, draws)
    assert below(float(found.low), u, a, draws) == pytest.approx((1 - LEVEL) / 2, abs=0.003)
    assert below(float(found.high), u, a, draws) == pytest.approx((1 + LEVEL) / 2, abs=0.003)


@pytest.mark.parametrize(
    ("p", "q"),
    [(0.5, (0.5,)), (0.9, (0.3,)), (0.2, (0.8,)), (0.97, (0.05,)), (0.5, (0.4, 0.5, 0.7)),
     (0.99, (0.95, 0.9, 0.99))],
)  # fmt: skip
def test_it_covers_the_true_ratio_as_often_as_it_says(p: float, q: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    u = rng.binomial(100, p, 2000)
    a = np.stack([rng.binomial(100, chance, 2000) for chance in q])
    found, true = ratio_of(u, a, 100), np.mean([p / chance for chance in q])
    whole = (a > 0).all(0)
    held = ((found.low <= true) & (true <= found.high))[whole].mean()
    assert 0.92 < held < 0.98


@settings(max_examples=150)
@given(st.data())
def test_the_interval_holds_its_point_and_more_draws_narrow_it(data: st.DataObject) -> None:
    draws = data.draw(st.integers(5, 120))
    u = data.draw(st.integers(0, draws))
    a = data.draw(st.lists(st.integers(1, draws), min_size=1, max_size=3))
    found, more = one(u, tuple(a), draws), one(10 * u, tuple(10 * n for n in a), 10 * draws)
    assert 0 <= found.low <= found.r <= found.high < np.inf
    assert more.r == pytest.approx(float(found.r))
    assert more.high - more.low <= found.high - found.low
    assert found.r == pytest.approx(np.mean([u / n for n in a]))


def test_a_count_of_none_leaves_r_undefined_or_at_zero() -> None:
    undefined = one(90, (0, 0))
    assert np.isnan([undefined.r, undefined.low, undefined.high]).all()
    assert undefined.against == 0
    nothing = one(0, 30)
    assert (nothing.r, nothing.low) == (0, 0)
    assert 0.05 < nothing.high < 0.15
    partly = one(40, (0, 80))
    assert partly.r == pytest.approx(0.5)
    assert partly.against == 1
    assert (partly.low, partly.high) == (one(40, 80).low, one(40, 80).high)


def test_shapes_are_kept_and_each_place_stands_alone() -> None:
    u = np.array([[10, 20, 30], [0, 100, 50]])
    a = np.stack([np.full((2, 3), 40), np.array([[0, 20, 60], [1, 100, 0]])])
    found = ratio_of(u, a, 100)
    assert found.r.shape == found.low.shape == found.against.shape == (2, 3)
    assert found.against.tolist() == [[1, 2, 2], [2, 2, 1]]
    assert found.high[1, 2] == one(50, (40, 0)).high


def test_counts_beyond_the_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 10"):
        one(11, 5, 10)
    with pytest.raises(ValueError, match="between 0 and 10"):
        one(1, -1, 10)


def test_a_neighborhood_is_compared_with_its_own_retrains() -> None:
    shown = around({"original": 9, "retrain-0": 3, "retrain-1": 0, "gd": 6})
    found = ratios_around(shown)
    assert list(found) == ["original", "gd"]
    assert found["gd"].r == 2 and found["gd"].against == 1
    assert found["original"].low > found["gd"].low
    assert ratios_around(around({"original": 9, "gd": 6})) == {}


def around(counts: dict[str, int]) -> Neighborhood:
    copies: NDArray[np.float32] = np.zeros((10, 4), np.float32)
    said = {name: np.arange(10) >= right for name, right in counts.items()}
    sure = {name: np.full(10, 0.5) for name in counts}
    return Neighborhood(3, 0, "l2", 0.1, copies, said, sure, counts)
