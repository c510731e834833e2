"""Ranks with ties, the objectives, and the table of a contest."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.results import Curve, Residual, Study
from engine.tuning.objective import OBJECTIVES, objective, residual_distance
from engine.tuning.ranking import Evaluation, null_range, text
from engine.tuning.ranks import interval, ranks

TAUS = np.array([0.0, 0.1, 0.2])


def residual(pooled: dict[str, list[float]], retrains: tuple[int, ...] = (10, 12)) -> Residual:
    none = np.full(3, np.nan)
    curves = {
        name: Curve(none, none, none, np.array(values), none, none)
        for name, values in pooled.items()
    }
    counts = {f"retrain-{i}": np.full((2, 3), count) for i, count in enumerate(retrains)}
    return Residual("gaussian", TAUS, 20, np.arange(2), counts, curves, none, none, {})


def study(seed: int, gaps: dict[str, float], pooled: dict[str, list[float]]) -> Study:
    metrics = {name: {"avg_gap": gap} for name, gap in gaps.items()}
    return Study("", {"seed": seed}, np.arange(2), metrics, {}, residual(pooled))


def test_an_interval_is_students() -> None:
    one = interval([1.0, 2.0, 4.0])
    assert one.mean == pytest.approx(7 / 3)
    spread = np.std([1.0, 2.0, 4.0], ddof=1)
    assert one.half_width == pytest.approx(4.3026527 * spread / math.sqrt(3), rel=1e-6)
    assert interval([2.0]).low == -math.inf


def test_what_the_seeds_cannot_tell_apart_shares_a_rank() -> None:
    values = {
        "worst": [9.0, 10.0, 9.5],
        "best": [1.0, 2.0, 1.5],
        "second": [2.0, 3.1, 2.5],  # about one behind on every seed
        "third": [3.0, 4.0, 3.5],
    }
    found = ranks(values)
    order = ["best", "second", "third", "worst"]
    assert [(name, one.rank) for name, one in found.items()] == list(
        zip(order, (1, 2, 3, 4), strict=True)
    )
    noisy = ranks({**values, "noisy": [1.0, 6.0, 1.4]})  # between second and third
    assert [one.rank for one in noisy.values()] == [1, 1, 1, 4, 5]  # second before it as well
    assert noisy["noisy"].behind.low < 0 < noisy["second"].behind.low
    assert found["best"].behind.mean == 0
    assert found["worst"].behind.mean == pytest.approx(8)
    assert found["second"].behind.low > 0
    assert {one.rank for one in ranks({"a": [1.0], "b": [5.0]}).values()} == {1}  # one seed


def test_distances_count_too_few_and_too_many_copies_alike() -> None:
    found = residual(
        {"half": [1, 0.5, 1], "twice": [1, 2, 1], "same": [5, 1, 1], "dead": [1, 0, 0]}
    )
    assert residual_distance(found, "half") == pytest.approx(residual_distance(found, "twice"))
    assert residual_distance(found, "same") == 0  # tau = 0 does not count
    assert residual_distance(found, "dead") == pytest.approx(math.log(2 * 2 * 20))
    unknown = residual({"a": [1, np.nan, 2], "b": [1, np.nan, np.nan]})
    assert residual_distance(unknown, "a") == pytest.approx(math.log(2))
    assert math.isnan(residual_distance(unknown, "b"))


def test_a_destroyed_model_does_not_win_by_its_residual_knowledge() -> None:
    gaps = {"original": 10.0, "destroyed": 60.0, "good": 2.0}
    one = study(1, gaps, {"original": [1, 2, 2], "destroyed": [1, 1, 1], "good": [1, 1.1, 1.1]})
    of = objective("rk").of
    assert residual_distance(one.residual, "destroyed") == 0
    assert of(one, "original") == pytest.approx(2)
    assert of(one, "good") == pytest.approx(0.2 + math.log(1.1) / math.log(2))
    assert of(one, "destroyed") == pytest.approx(6)
    assert objective("gap").of(one, "good") == 2
    like = study(1, {"original": 10.0, "good": 2.0}, {"original": [1, 1, 1], "good": [1, 1, 1]})
    assert math.isnan(of(like, "good"))  # nothing to repair: no scale
    assert not OBJECTIVES["gap"].measures_residual


def test_the_null_range_is_between_retrains() -> None:
    low, high = null_range([residual({}, (10, 10)), residual({}, (10, 12))])
    assert (low, high) == (pytest.approx(10 / 12), pytest.approx(1.2))
    assert all(map(math.isnan, null_range([residual({}, (10,))])))


def test_the_table_shows_both_rankings_and_who_is_missing() -> None:
    pooled = {name: [1.0, 1.2, 1.5] for name in ("original", "gd", "ga", "rurk")}
    before = [
        study(s, {"original": 8, "gd": 1 + s / 9, "ga": 7 + s / 9}, pooled) for s in (1, 2, 3)
    ]
    after = [
        study(s, {"original": 8, "gd": 1 + s / 9, "ga": 0.5 + s / 9, "rurk": 3.0}, pooled)
        for s in (1, 2, 3)
    ]
    found = text(
        Evaluation(tuple(before), ("gd", "ga")), Evaluation(tuple(after), ("gd", "ga", "rurk"))
    ).splitlines()
    rows = {line.split()[1]: line.split() for line in found[1:5]}
    assert list(rows) == ["GA", "GD", "RURK", "Original"]
    assert [rows[name][0] for name in rows] == ["1", "2", "3", "-"]
    assert [rows[name][-2:] for name in ("GA", "GD")] == [["2", "(2)"], ["1", "(1)"]]
    assert [rows[name][-1] for name in ("RURK", "Original")] == ["-", "-"]
    assert rows["GD"][5:8] == ["+0.50", "[0.50,", "0.50]"]
    assert rows["Original"][2:5] == ["8.00", "±", "0.00"]
    assert "between 0.833 and 1.200" in "\n".join(found)
    assert "seeds 1, 2, 3" in "\n".join(found)
