"""Rows on networks that were trained: many Re-trains, the audit, the time to an interval."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.bench import audit, catalog, interval, retrains
from engine.bench.setting import Setting, digits, network
from engine.perturbations import BLOCK
from engine.results import Curve
from engine.runtime.progress import Reporter
from engine.spec import TrainSpec

QUICK = Setting(torch.device("cpu"), quick=True)


def test_the_two_ways_of_training_many_are_compared_weight_by_weight() -> None:
    samples, spec = digits(QUICK), TrainSpec(epochs=1)
    ones = [network("mlp", samples, str(j)) for j in range(3)]
    others = [network("mlp", samples, str(j)) for j in range(3)]
    assert retrains.equal(ones, others) == 3
    retrains.one_by_one(ones, samples, spec)
    assert retrains.equal(ones, others) == 0
    if retrains.together(others, samples, spec):
        assert retrains.equal(ones, others) == 3
        with torch.no_grad():
            others[1].head.bias[0] += 1e-7
        assert retrains.equal(ones, others) == 2


def test_many_re_trains_are_timed_alone_and_in_a_study() -> None:
    rows = list(catalog.run(["retrains"], QUICK, 1, Reporter()))
    assert len(rows) == 5
    assert rows[0].what == "5 Re-trains of digits' MLP against one by one"
    assert rows[1].facts["equal"] == 5 and rows[4].facts["equal"] == 5
    assert rows[2].what == "  5 made and stored, against 2 one by one"
    assert rows[2].facts["ratio"] > 0 and rows[3].met is None


def test_the_audit_is_timed_and_finds_nothing_wrong() -> None:
    cost, found = catalog.run(["audit"], QUICK, 1, Reporter())
    assert cost.target == "<= 2%" and found.met is True
    assert found.facts["answers"] == 5 * 8 * BLOCK * 11
    assert 0 < found.facts["asked"] < 0.03 * found.facts["answers"]
    assert 0 < cost.facts["cost"] < 0.1 and len(cost.facts["wall"]) == 2
    assert audit.MOST == 0.02


def test_the_time_to_an_interval_is_compared_with_a_plain_loop() -> None:
    whole, adaptive = catalog.run(["interval"], QUICK, 1, Reporter())
    assert whole.what == "interval of r, small CNN, digits, all draws"
    assert adaptive.what == "interval of r, small CNN, digits, 1.25x as wide"
    assert all(row.facts["ratio"] > 0 and row.facts["width"] > 0 for row in (whole, adaptive))


def test_widths_are_compared_where_there_is_an_interval() -> None:
    class Found:
        def __init__(self, *widths: float) -> None:
            high, low = np.array(widths), np.zeros(len(widths))
            self.curves = {"original": Curve(low, low, high, low, low, low)}

    full = Found(0.2, 0.4, 0.0, 0.1)
    assert interval._width(Found(0.4, 0.4, 9.0, 0.1), full) == pytest.approx(1.0)  # type: ignore[arg-type]
    assert interval._width(Found(0.4, 0.8, 9.0, 0.3), full) == pytest.approx(2.0)  # type: ignore[arg-type]
    assert interval._width(Found(1.0), Found(0.0)) == 1.0  # type: ignore[arg-type]
