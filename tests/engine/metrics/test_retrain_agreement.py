"""ToW, ToW-MIA and Jensen-Shannon divergence against scipy and by hand, with their nulls."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax

from engine.analysis.model_table import QUANTITIES, board
from engine.metrics import METRICS, Case
from engine.metrics.base import Nothing
from engine.metrics.js_divergence import divergence, js_divergence
from engine.metrics.tow import tow, tug_of_war
from engine.metrics.tow_mia import tow_mia
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.tables.study_text import study_table
from tests.engine import made

RETRAIN = {"retain_acc": 98.0, "unlearn_acc": 20.0, "test_acc": 90.0, "mia_acc": 60.0}
NEW = ("tow", "tow_mia", "js_divergence")


def case_of(logits: np.ndarray, *retrains: np.ndarray, **words: Any) -> Case:
    y = np.zeros(len(logits), np.int64)
    return Case(
        logits, logits[:2], y, y[:2], np.array([1, 3]), 1.0, 1, logits, retrains=retrains, **words
    )


# -- tug of war ------------------------------------------------------------------------------------
def test_tow_is_the_product_of_the_three_agreements() -> None:
    row = {"retain_acc": 97.0, "unlearn_acc": 30.0, "test_acc": 85.0, "mia_acc": 10.0}
    case = case_of(np.zeros((4, 2)), figures=row, reference=RETRAIN)
    assert tow(case, Nothing()) == pytest.approx(0.9 * 0.99 * 0.95)
    assert tow_mia(case, Nothing()) == pytest.approx(0.5 * 0.99 * 0.95)
    assert tug_of_war(RETRAIN, RETRAIN) == 1


@pytest.mark.parametrize("lacking", ["retain_acc", "unlearn_acc", "test_acc"])
def test_tow_is_undefined_where_an_accuracy_is(lacking: str) -> None:
    assert math.isnan(tug_of_war({**RETRAIN, lacking: math.nan}, RETRAIN))
    without = {name: value for name, value in RETRAIN.items() if name != lacking}
    assert math.isnan(tug_of_war(without, RETRAIN))


# -- Jensen-Shannon divergence ---------------------------------------------------------------------
def test_the_divergence_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 4, (40, 5)), rng.normal(0, 4, (40, 5)).astype(np.float32)
    expected = jensenshannon(softmax(a, 1), softmax(b.astype(np.float64), 1), base=2, axis=1) ** 2
    assert divergence(a, b) == pytest.approx(expected, abs=1e-12)
    assert divergence(a, b) == pytest.approx(divergence(b, a), abs=1e-12)
    assert (divergence(a, a + 7) >= 0).all() and divergence(a, a + 7).max() < 1e-12


def test_certain_predictions_have_a_finite_divergence() -> None:
    certain = np.array([[0.0, -np.inf], [2000.0, 0.0]])
    assert divergence(certain, certain).tolist() == [0, 0]
    assert divergence(certain, -np.nan_to_num(certain, neginf=-2000.0)) == pytest.approx([1.0, 1.0])


def test_it_is_averaged_over_forget_samples_and_the_other_retrains() -> None:
    rng = np.random.default_rng(4)
    own, *retrains = rng.normal(0, 2, (4, 6, 3))
    pairs = [divergence(own[[1, 3]], one[[1, 3]]).mean() for one in retrains]
    assert js_divergence(case_of(own, *retrains), Nothing()) == pytest.approx(np.mean(pairs))
    assert math.isnan(js_divergence(case_of(own), Nothing()))


# -- in a study ------------------------------------------------------------------------------------
def run(pipeline: Pipeline, retrains: int) -> Any:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        iris, methods=("gd",), training={"epochs": 6}, draws=10, retrains=retrains
    )
    return spec, pipeline.run(spec, Reporter())


def test_the_row_of_retrain_is_the_null_of_each_against_the_others(pipeline: Pipeline) -> None:
    spec, study = run(pipeline, 3)
    models, rows = pipeline.models(spec), study.metrics
    forget = list(spec.forget)
    outputs = [models[f"retrain-{j}"].train_logits[forget] for j in range(3)]
    pairs = [divergence(a, b).mean() for a, b in itertools.permutations(outputs, 2)]
    assert rows["retrain"]["js_divergence"] == pytest.approx(np.mean(pairs))
    own = [divergence(models["gd"].train_logits[forget], one).mean() for one in outputs]
    assert rows["gd"]["js_divergence"] == pytest.approx(np.mean(own))
    assert rows["gd"]["tow"] == pytest.approx(tug_of_war(rows["gd"], rows["retrain"]))
    assert rows["retrain"]["tow"] == pytest.approx(_null_tow(pipeline, spec))


def _null_tow(pipeline: Pipeline, spec: Any) -> float:
    from engine.metrics import accuracies, mean_of

    dataset = pipeline.dataset(spec.data, Reporter())
    models = pipeline.models(spec)
    rows = [
        accuracies(
            models[f"retrain-{j}"].train_logits, models[f"retrain-{j}"].test_logits,
            dataset.train_y, dataset.test_y, np.array(spec.forget),
        )
        for j in range(3)
    ]  # fmt: skip
    return float(
        np.mean([tug_of_war(rows[j], mean_of([*rows[:j], *rows[j + 1 :]])) for j in range(3)])
    )


def test_a_single_retrain_has_no_null(pipeline: Pipeline) -> None:
    _, study = run(pipeline, 1)
    assert all(math.isnan(study.metrics["retrain"][name]) for name in NEW)
    assert all(math.isfinite(study.metrics["gd"][name]) for name in NEW)
    assert board(study).reference(0, "tow") != board(study).reference(0, "tow")  # NaN


# -- in tables -------------------------------------------------------------------------------------
def test_their_columns_come_last_and_older_studies_show_a_dash() -> None:
    names = [one.name for one in QUANTITIES if one.name != "certified"]
    assert set(names[-len(NEW) :]) <= {one.name for one in METRICS if one.further}
    older = made.study()
    rows = {name: {**row, "tow": 0.5} for name, row in older.metrics.items() if name != "gd"}
    mixed = replace(older, metrics={**older.metrics, **rows})
    assert set(NEW).isdisjoint(one.name for one in board(older).quantities)
    shown = board(mixed).quantity("tow")
    assert shown is not None
    texts = {row.model: shown.of(row.entry("tow")) for row in board(mixed).rows}
    assert set(texts.values()) <= {"0.500", "–"} and "0.500" in texts.values()
    assert "tow 0 to 1" in study_table(mixed)
