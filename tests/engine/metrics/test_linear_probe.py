"""The linear probe against scikit-learn, and where it is undefined."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.metrics import Case
from engine.metrics.linear_probe import LinearProbe, linear_probe, recovered
from engine.pipeline.features import features_of
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

N, FORGET = 300, 60


def case_of(features: np.ndarray, y: np.ndarray, forget: np.ndarray) -> Case:
    logits = np.zeros((len(y), 3))
    return Case(
        logits, logits[:2], y, y[:2], forget, 1.0, 1, logits, features=lambda rows: features[rows]
    )


def drawn(apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, N)
    features = rng.normal(0, 1, (N, 5)).astype(np.float32)
    features[np.arange(N), y] += apart
    return features, y


def test_it_is_the_accuracy_of_a_logistic_regression_on_retain_features() -> None:
    features, y = drawn(1.5)
    case = case_of(features, y, np.arange(FORGET))
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    fitted.fit(features[FORGET:].astype(np.float64), y[FORGET:])
    expected = 100 * fitted.score(features[:FORGET].astype(np.float64), y[:FORGET])
    assert linear_probe(case, LinearProbe()) == pytest.approx(expected)
    assert 40 < expected < 100


def test_features_without_the_class_recover_no_more_than_chance() -> None:
    known, blind = (
        np.mean([
            linear_probe(case_of(*drawn(apart, seed), np.arange(FORGET)), LinearProbe())
            for seed in range(8)
        ])
        for apart in (4.0, 0.0)
    )  # fmt: skip
    assert known > 95
    assert blind == pytest.approx(100 / 3, abs=6)


def test_classes_that_are_not_retained_are_left_out() -> None:
    features, y = drawn(4.0)
    whole = np.flatnonzero(y == 2)
    assert math.isnan(linear_probe(case_of(features, y, whole), LinearProbe()))
    others = np.flatnonzero(y == 0)[:10]
    forget = np.concatenate([whole, others])
    fitted = np.setdiff1d(np.arange(N), forget)
    expected = recovered(features[fitted], y[fitted], features[others], y[others])
    assert linear_probe(case_of(features, y, forget), LinearProbe()) == expected


def test_it_is_undefined_without_two_classes_or_finite_features() -> None:
    features, y = drawn(2.0)
    assert math.isnan(linear_probe(case_of(features, y * 0, np.arange(9)), LinearProbe()))
    broken = np.where(np.arange(N)[:, None] == 80, np.nan, features)
    assert math.isnan(linear_probe(case_of(broken, y, np.arange(9)), LinearProbe()))


def test_constant_features_name_the_most_frequent_class() -> None:
    features, y = drawn(2.0)
    assert recovered(features * 0, np.array([1] * 200 + [0] * 100), features[:4], y[:4]) == 100 * (
        np.mean(y[:4] == 1)
    )


def test_many_retain_samples_are_subsampled_by_the_seed() -> None:
    case = case_of(*drawn(1.0), np.arange(FORGET))
    few = LinearProbe(most=12)
    assert linear_probe(case, few) == linear_probe(case, few)
    assert len({linear_probe(replace(case, seed=seed), few) for seed in range(9)}) > 1


def test_the_features_are_those_before_the_last_layer(pipeline: Pipeline) -> None:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(iris, methods=("gd",), training={"epochs": 3}, draws=10, retrains=1)
    pipeline.run(spec, Reporter())
    plan, rows = pipeline.plan(spec), np.array([5, 0, 17])
    found = features_of(pipeline.work, plan, "original", rows, Reporter())
    head = pipeline.work.loaded(plan, "original").head
    weight, bias = (one.detach().numpy() for one in (head.weight, head.bias))
    expected = pipeline.models(spec)["original"].train_logits[rows]
    assert found @ weight.T + bias == pytest.approx(expected, abs=1e-4)  # type: ignore[operator]
