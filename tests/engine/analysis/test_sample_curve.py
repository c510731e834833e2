"""A sample's curve, the forget set's spread and the order of the worst follow from counts."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.ranking import neighbor_in, worst_first
from engine.analysis.sample_curve import own_curve, own_curves, row_of, spread
from engine.drawing.difference_image import amplified, around_gray
from engine.results import Curve, Residual

SAMPLES = np.array([4, 9, 2, 30])


def measured() -> Residual:
    """Two taus, c = 10; sample 30 is recognized by no Re-train at the second tau."""
    counts = {
        "original": np.array([[10, 8], [10, 9], [10, 10], [10, 7]], np.int32),
        "retrain-0": np.array([[10, 4], [5, 9], [10, 2], [10, 0]], np.int32),
        "retrain-1": np.array([[5, 4], [5, 3], [10, 0], [10, 0]], np.int32),
        "gd": np.array([[10, 4], [10, 9], [0, 10], [10, 6]], np.int32),
    }
    none = np.full(2, np.nan)
    curve = Curve(none, none, none, none, np.zeros(2), none)
    return Residual(
        "gaussian", np.array([0.0, 0.2]), 10, SAMPLES, counts, {"original": curve, "gd": curve},
        none, none, {},
    )  # fmt: skip


def test_the_curve_of_a_sample_is_its_row_of_the_ratios_with_intervals() -> None:
    residual = measured()
    assert row_of(residual, 9) == 1 and row_of(residual, 5) is None
    found = own_curve(residual, "gd", 1)
    assert found.r == pytest.approx(residual.ratio("gd")[1])
    assert (found.low < found.r).all() and (found.r < found.high).all()
    assert list(own_curves(residual, 9)) == ["original", "gd"]
    assert own_curves(residual, 5) == {}


def test_undefined_places_stay_undefined() -> None:
    found = own_curves(measured(), 30)["gd"]
    assert np.isfinite(found.r[0]) and np.isnan([found.r[1], found.low[1], found.high[1]]).all()
    assert found.against.tolist() == [2, 0]


def test_the_spread_leaves_undefined_samples_out_and_counts_them() -> None:
    residual = measured()
    found = spread(residual, "gd")
    own = residual.ratio("gd")
    assert found.undefined.tolist() == [0, 1]
    assert found.median == pytest.approx(np.nanmedian(own, axis=0))
    low, high = found.most
    assert (low <= found.half[0]).all() and (found.half[1] <= high).all()
    assert high[1] == pytest.approx(np.percentile(own[:3, 1], 95))


def test_a_tau_at_which_nothing_is_defined_has_no_spread() -> None:
    residual = measured()
    for name in ("retrain-0", "retrain-1"):
        residual.counts[name][:, 1] = 0
    found = spread(residual, "gd")
    assert np.isnan([found.median[1], found.half[0][1], found.most[1][1]]).all()
    assert found.undefined[1] == len(SAMPLES)


def test_the_worst_come_first_and_undefined_ones_last() -> None:
    residual = measured()
    # r of gd at the second tau: 1; 9/9 and 9/3 average 2; 10/2 = 5; undefined
    assert worst_first(residual, "gd", 1).tolist() == [2, 9, 4, 30]
    residual.counts["retrain-0"][2, 1] = 0
    assert worst_first(residual, "gd", 1).tolist() == [9, 4, 2, 30]  # 10 against 6 copies


def test_steps_stop_at_both_ends_and_begin_with_the_worst() -> None:
    order = np.array([2, 9, 4])
    assert neighbor_in(order, 9, 1) == 4 and neighbor_in(order, 9, -1) == 2
    assert neighbor_in(order, 4, 1) is None and neighbor_in(order, 2, -1) is None
    assert neighbor_in(order, 77, 1) == neighbor_in(order, None, -1) == 2
    assert neighbor_in(np.array([], int), 2, 1) is None


def test_changes_are_amplified_to_full_range_and_come_back_by_the_factor() -> None:
    sample = np.full((1, 2, 2), 0.5, np.float32)
    copies = sample + np.array([0.1, -0.05], np.float32).reshape(2, 1, 1, 1)
    changes, factor = amplified(copies, sample)
    assert factor == pytest.approx(10)
    assert changes[0] == pytest.approx(1) and changes[1] == pytest.approx(-0.5, abs=1e-6)
    assert sample + changes / factor == pytest.approx(copies)
    assert around_gray(changes)[1] == pytest.approx(0.25, abs=1e-6)


def test_without_a_change_there_is_nothing_to_amplify() -> None:
    sample = np.full(4, 0.3, np.float32)
    changes, factor = amplified(np.stack([sample, sample]), sample)
    assert factor == 0 and not changes.any()
    assert around_gray(changes) == pytest.approx(0.5)
