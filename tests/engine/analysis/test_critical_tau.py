"""How the smallest tau of re-recognition is distributed, with samples that are never recognized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.analysis.critical_tau import (
    distribution_of,
    missing_words,
    retrain_band,
    samples_beyond,
    samples_within,
    tau_of,
)
from engine.figures.critical_tau import critical_tau
from engine.results import Recognition

NAN = float("nan")


def search(model: str, *taus: float) -> Recognition:
    rows = 10 * np.arange(len(taus))
    return Recognition(model, "gaussian", 20, 0.4, rows, np.array(taus))


def test_a_distribution_counts_what_is_recognized_within_tau_and_what_never_is() -> None:
    one = distribution_of(search("gd", 0.3, 0.0, NAN, 0.1, 0.1))
    assert (one.total, one.missing) == (5, 1)
    assert [one.count(tau) for tau in (0.0, 0.0999, 0.1, 0.4)] == [1, 1, 3, 4]
    assert one.percent(0.1) == 60
    x, y = one.steps()
    assert x.tolist() == [0.0, 0.1, 0.1, 0.3, 0.3, 0.4]
    assert y.tolist() == pytest.approx([20, 20, 60, 60, 80, 80])


def test_a_model_that_recognizes_nothing_is_a_line_at_zero() -> None:
    x, y = distribution_of(search("gd", NAN, NAN)).steps()
    assert (x.tolist(), y.tolist()) == ([0.0, 0.4], [0.0, 0.0])


def test_the_band_is_between_the_lowest_and_the_highest_retrain() -> None:
    found = {
        "gd": search("gd", 0.0, 0.0),
        "retrain-0": search("retrain-0", 0.1, 0.2),
        "retrain-1": search("retrain-1", 0.0, NAN),
    }
    band = retrain_band(found)
    assert band is not None
    x, low, high = band
    assert x.tolist() == [0.0, 0.1, 0.1, 0.2, 0.2, 0.4]
    assert low.tolist() == [0, 0, 50, 50, 50, 50]
    assert high.tolist() == [50, 50, 50, 50, 100, 100]
    assert retrain_band({"retrain-0": found["retrain-0"], "gd": found["gd"]}) is None


def test_samples_of_a_range_are_the_ones_whose_tau_lies_in_it_smallest_first() -> None:
    one = search("gd", 0.3, 0.0, NAN, 0.1, 0.2)
    assert samples_within(one, 0.1, 0.3) == [30, 40, 0]
    assert samples_within(one, 0.31, 0.4) == []
    assert samples_beyond(one) == [20]
    assert (tau_of(one, 40), tau_of(one, 20), tau_of(one, 7)) == (0.2, float("inf"), None)


def test_what_is_missing_is_said_as_a_range_of_counts() -> None:
    every = [distribution_of(search("gd", 0.1, NAN)), distribution_of(search("ga", NAN, NAN))]
    assert missing_words(every, 0.4).startswith("1 to 2 samples of a model")
    assert missing_words([distribution_of(search("gd", 0.1))], 0.4) == ""


def test_the_figure_has_a_curve_a_model_and_every_sample_in_its_numbers(tmp_path: Path) -> None:
    found = {
        name: search(name, 0.0, 0.1, NAN) for name in ("original", "gd", "retrain-0", "retrain-1")
    }
    files = critical_tau(found, {"gd": "GD"}, tmp_path / "tau.svg", hidden=("original",))
    drawing = (tmp_path / "tau.svg").read_text(encoding="utf-8")
    assert "GD, 66.7 %" in drawing and "Original" not in drawing
    assert "Re-trains, lowest to highest" in drawing
    table = (tmp_path / "tau.csv").read_text(encoding="utf-8")
    assert "gd,GD,10,0.1,0.4" in table
    assert tmp_path / "tau.csv" in files
