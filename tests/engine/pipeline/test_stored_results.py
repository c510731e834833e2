"""Results that are made once, and networks and plans that stay in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.models.base import Classifier
from engine.pipeline.loaded_models import LoadedModels, cache_key
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.recent_plans import RecentPlans
from engine.pipeline.stored_results import Product, Recipe
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec, as_imported
from engine.storage.store import Record


@pytest.fixture
def spec(pipeline: Pipeline) -> RunSpec:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    return pipeline.compose(data, methods=("gd",), retrains=1)


def recipe(make: Callable[[], Product], width: int) -> Recipe[float]:
    def unpack(record: Record) -> float:
        return float(record.arrays["taus"].sum()) + float(record.attributes["more"])

    needs = {"taus": (width,)}
    return Recipe("recognitions", "a1", needs, "the recognition by gd", make, unpack)


def test_a_result_is_made_once_and_made_again_where_it_lacks_something(
    pipeline: Pipeline, spec: RunSpec
) -> None:
    made: list[int] = []

    def maker(width: int) -> Callable[[], Product]:
        def make() -> Product:
            made.append(width)
            arrays = {"samples": np.arange(width), "taus": np.full(width, 2.0)}
            return Product(arrays, 1.5, {"more": 10})

        return make

    for width in (3, 3, 4, 4):
        one = recipe(maker(width), width)
        assert pipeline.work.results.obtain(one, spec, Reporter()) == 2 * width + 10
    assert made == [3, 4]
    record = pipeline.store.get("recognitions", "a1")
    assert record is not None
    assert (record.attributes["seconds"], record.attributes["seed"]) == (1.5, spec.seed)


def test_what_fails_to_be_made_leaves_nothing(pipeline: Pipeline, spec: RunSpec) -> None:
    def fail() -> Product:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        pipeline.work.results.obtain(recipe(fail, 3), spec, Reporter())
    assert not pipeline.store.has("recognitions", "a1")
    assert list(pipeline.store.root.glob("locks/*")) == []


def test_results_of_imported_models_lie_apart(pipeline: Pipeline, spec: RunSpec) -> None:
    shelf = pipeline.work.results.shelf
    assert shelf(spec) is pipeline.store
    assert shelf(as_imported(spec)) is pipeline.store.imported


def test_the_networks_used_last_stay_in_memory(pipeline: Pipeline, spec: RunSpec) -> None:
    pipeline.run(spec, Reporter())
    plan = pipeline.plan(spec)
    one: Classifier = pipeline.work.loaded(plan, "gd")
    assert pipeline.work.loaded(plan, "gd") is one
    models = LoadedModels(most=2)
    models.put("a", one)
    models.put("b", one)
    assert models["a"] is one  # so b is the one not used for longest
    models.put("c", one)
    assert [name for name in "abc" if name in models] == ["a", "c"]
    with pytest.raises(KeyError):
        models["b"]
    assert cache_key("a", imported=True) != cache_key("a", imported=False)


def test_a_plan_is_made_once_for_equal_settings(spec: RunSpec) -> None:
    plans = RecentPlans(most=2)
    first = plans.of(spec)
    assert plans.of(replace(spec)) is first
    assert plans.of(as_imported(spec)) is not first
    assert plans.of(as_imported(spec)).spec.imported and not plans.of(spec).spec.imported
    assert first.models == plans.of(as_imported(spec)).models
    plans.of(replace(spec, seed=1))
    plans.of(replace(spec, seed=2))
    assert plans.of(spec) is not first and plans.of(spec) == first
