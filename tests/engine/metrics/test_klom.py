"""KLoM against a plain loop, and over the studies of other seeds in a store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.metrics.base import log_odds
from engine.metrics.klom import KLoM, divergence_of_margins, klom
from engine.pipeline import siblings
from engine.pipeline.metrics import table
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.verification import verify
from tests.engine.metrics.test_retrain_agreement import case_of


def by_hand(a: Sequence[float], b: Sequence[float]) -> float:
    """KL of two histograms of 20 bins, in a plain loop over bins."""
    a, b = ([min(100.0, max(-100.0, value)) for value in one] for one in (a, b))
    low, high = min(*a, *b), max(*a, *b)
    if low == high:
        return 0.0
    total = 0.0
    for k in range(20):
        p, q = (
            sum(1 for value in one if min(19, int((value - low) / (high - low) * 20)) == k)
            / len(one)
            for one in (a, b)
        )
        if p > 0:
            total += p * math.log(p / max(q, 1e-5))
    return total


def test_it_is_the_divergence_of_histograms() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0, 30, (40, 6)), rng.normal(20, 60, (40, 6))
    expected = [by_hand(a[:, i].tolist(), b[:, i].tolist()) for i in range(6)]
    assert divergence_of_margins(a, b) == pytest.approx(expected)
    assert divergence_of_margins(a, a) == pytest.approx(np.zeros(6))
    assert divergence_of_margins(a[:, :1] * 0, a[:, :1] * 0).tolist() == [0]
    assert np.isnan(divergence_of_margins(a[:, :1] * np.nan, a[:, :1])).all()


def test_it_grows_with_the_shift_and_is_small_for_one_distribution() -> None:
    rng = np.random.default_rng(6)
    retrains = rng.normal(0, 1, (4000, 5))
    found = [
        divergence_of_margins(rng.normal(shift, 1, (4000, 5)), retrains).mean()
        for shift in (0.0, 0.5, 2.0)
    ]
    assert found[0] < 0.03
    assert found[1] == pytest.approx(0.125, abs=0.04)  # of two normals: shift^2 / 2
    assert found[2] > 1


def test_it_needs_as_many_of_both_as_the_setting_says() -> None:
    rng = np.random.default_rng(7)
    unlearned, retrains = rng.normal(1, 1, (6, 2)), rng.normal(0, 1, (4, 2))
    case = case_of(np.zeros((4, 2)), over_seeds=lambda rows: (unlearned, retrains))
    expected = divergence_of_margins(unlearned[:4], retrains).mean()
    assert klom(case, KLoM(models=4)) == expected
    assert math.isnan(klom(case, KLoM(models=5)))
    assert math.isnan(klom(case_of(np.zeros((4, 2))), KLoM(models=2)))


def compose(pipeline: Pipeline, seed: int, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual = {
        "methods": ("gd",), "training": {"epochs": 3}, "draws": 10, "retrains": 3,
        "forget": "indices:1,5,60,90", "taus": "0,0.1",
    }  # fmt: skip
    return pipeline.compose(iris, seed=seed, **usual | words)


def test_it_reads_the_studies_of_other_seeds_that_were_made_in_the_same_way(
    pipeline: Pipeline,
) -> None:
    alike = [compose(pipeline, seed) for seed in (1, 2, 3)]
    unlike = [
        compose(pipeline, 4, training={"epochs": 4}),
        compose(pipeline, 5, forget="indices:2,5,60,90"),
        compose(pipeline, 6, settings={"gd": {"lr": "0.02"}}),
    ]
    for spec in (*alike, *unlike):
        pipeline.run(spec, Reporter())
    assert [one.seed for one in siblings.siblings(pipeline.work, alike[0])] == [2, 3, 5, 6]
    asked = compose(pipeline, 1, measures=["klom"], settings={"klom": {"models": "2"}})
    study = pipeline.run(asked, Reporter())
    y, rows = pipeline.dataset(asked.data, Reporter()).train_y, np.array(asked.forget)

    def margins(names: Sequence[str], specs: Sequence[RunSpec]) -> np.ndarray:
        outputs = [pipeline.models(spec)[name].train_logits for spec in specs for name in names]
        return np.stack([log_odds(one[rows], y[rows]) for one in outputs])

    pool = margins(("retrain-0", "retrain-1", "retrain-2"), [*alike, unlike[2]])
    expected = divergence_of_margins(margins(("gd",), alike), pool[:3]).mean()
    assert study.metrics["gd"]["klom"] == pytest.approx(expected)
    originals = divergence_of_margins(margins(("original",), [*alike, unlike[2]]), pool[:4])
    assert study.metrics["original"]["klom"] == pytest.approx(originals.mean())
    null = divergence_of_margins(pool[::2][:4], pool[1::2][:4]).mean()
    assert study.metrics["retrain"]["klom"] == pytest.approx(null)


def test_too_few_seeds_are_said_and_what_is_stored_later_is_no_fault(pipeline: Pipeline) -> None:
    said: list[str] = []
    report = Reporter()
    report.on_log = said.append  # type: ignore[method-assign, assignment]
    asked = compose(pipeline, 1, measures=["klom"], settings={"klom": {"models": "2"}})
    study = pipeline.run(asked, report)
    assert math.isnan(study.metrics["gd"]["klom"])
    assert any("KLoM is undefined" in one for one in said)
    for seed in (2, 3):
        pipeline.run(compose(pipeline, seed), Reporter())
    plan, models = pipeline.plan(asked), pipeline.models(asked)
    assert math.isfinite(table(pipeline.work, plan, models, Reporter())["gd"]["klom"])
    later = compose(pipeline, 1, measures=["klom"], settings={"klom": {"models": "3"}})
    assert math.isfinite(pipeline.run(later, Reporter()).metrics["gd"]["klom"])
    assert not verify(pipeline, 2, 1, Reporter()).wrong
