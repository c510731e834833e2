"""The plan of a study: complete, in order, and the same wherever it is made."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SpecError
from engine.pipeline import epoch_recorder, metrics, stored_epochs
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import (
    DataSpec,
    ForeignSpec,
    ModelSpec,
    PretrainSpec,
    ProbeSpec,
    RunSpec,
    TrainSpec,
    as_imported,
)
from engine.study import compose as study
from engine.study import costs, keys, viewpoint
from engine.study.plan import COUNTS, EPOCHS, MEASURES, MODELS, STUDIES, WEIGHTS, Plan
from engine.study.viewpoint import Sizes

ROOT = Path(__file__).parents[3]
SIZES = Sizes(pool=120, train=120, test=30, pretraining=500)
WORDS = {"training": {"epochs": 2}, "draws": 12, "retrains": 2, "taus": "0,0.1,0.3"}


class Bar(Reporter):
    """Adds up what is announced."""

    total = 0.0

    def expect(self, units: float) -> None:
        self.total += units


def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    return pipeline.compose(iris, **{**WORDS, "methods": ("gd", "ga"), **words})


def attacked(spec: RunSpec) -> RunSpec:
    return replace(spec, probe=replace(spec.probe, perturbation="fgsm"))


def adaptive(spec: RunSpec) -> RunSpec:
    return replace(spec, probe=replace(spec.probe, adaptive=5.0))


def pretrained(spec: RunSpec) -> RunSpec:
    past = PretrainSpec(spec.data, TrainSpec(epochs=3), 7)
    return replace(spec, pretrain=past)


def given(spec: RunSpec) -> RunSpec:
    names = {"original": "a", "retrain-1": "b", "theirs": "c"}
    return replace(spec, foreign=tuple(ForeignSpec(*one) for one in names.items()))


def twice(spec: RunSpec) -> RunSpec:
    """The same weights under two names."""
    return replace(spec, foreign=(ForeignSpec("original", "a"), ForeignSpec("theirs", "a")))


def plain(spec: RunSpec) -> RunSpec:
    return spec


KINDS: list[Callable[[RunSpec], RunSpec]] = [
    plain, attacked, adaptive, pretrained, given, twice, as_imported,
]  # fmt: skip


@pytest.fixture
def spec(pipeline: Pipeline) -> RunSpec:
    return compose(pipeline, measures=("relearn-epochs",))


# -- a graph --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("watch", [(), ("gd", "ga")])
def test_every_result_comes_after_those_it_needs(
    spec: RunSpec, kind: Callable[[RunSpec], RunSpec], watch: tuple[str, ...]
) -> None:
    plan = Plan.of(kind(spec), SIZES, watch)
    before: set[str] = set()
    for one in plan:
        assert set(one.needs) <= before, one
        assert len(set(one.needs)) == len(one.needs)
        before.add(one.key)
    assert len(before) == len(plan)  # each key once
    assert plan.results[-1].kind == STUDIES


@pytest.mark.parametrize("kind", KINDS)
def test_batches_come_in_an_order_that_they_can_be_made_in(
    spec: RunSpec, kind: Callable[[RunSpec], RunSpec]
) -> None:
    plan = Plan.of(kind(spec), SIZES, ("gd",))
    before: set[str] = set()
    for batch in plan.batches:
        own = {one.key for one in batch}
        assert {key for one in batch for key in one.needs} <= before | own
        assert len({one.batch for one in batch}) == 1
        before |= own
    assert before == {one.key for one in plan}
    assert {one.kind for one in plan.batches[-1]} == {STUDIES}


def test_the_study_needs_everything_but_what_others_start_from(spec: RunSpec) -> None:
    plan = Plan.of(pretrained(spec))
    rest = {one.key for one in plan} - {plan.key}
    assert set(plan[plan.key].needs) == rest - {plan.pretrained}


def test_retrains_wait_for_no_original_and_methods_do(spec: RunSpec) -> None:
    plan = Plan.of(spec)
    assert plan[plan.models["original"]].needs == plan[plan.models["retrain-0"]].needs == ()
    assert plan[plan.models["gd"]].needs == (plan.models["original"],)


def test_pre_training_comes_before_whatever_is_trained(spec: RunSpec) -> None:
    plan = Plan.of(pretrained(spec))
    assert plan.results[0].kind == WEIGHTS and plan.results[0].key == plan.pretrained
    assert all(plan.pretrained in one.needs for one in plan.of_kind(MODELS))
    assert Plan.of(spec).pretrained == "" and not Plan.of(spec).of_kind(WEIGHTS)


def test_given_weights_need_nothing_and_cost_nothing(spec: RunSpec) -> None:
    plan = Plan.of(given(spec), SIZES)
    for name in ("original", "retrain-1", "theirs"):
        assert plan[plan.models[name]].needs == () and plan[plan.models[name]].cost == 0
    assert (plan[plan.models["retrain-0"]].cost or 0) > 0
    everything = tuple(ForeignSpec(name, name) for name in ("original", "retrain-0", "retrain-1"))
    alone = replace(pretrained(spec), methods=(), foreign=everything)
    assert not Plan.of(alone).of_kind(WEIGHTS)


def test_attacked_copies_are_shown_to_the_model_attacked_and_to_every_retrain(
    spec: RunSpec,
) -> None:
    plan = Plan.of(attacked(spec))
    shown = {(one.source, one.model) for one in plan.of_kind(COUNTS)}
    retrains = ("retrain-0", "retrain-1")
    names = ("original", *retrains, "gd", "ga")
    assert shown == {(a, b) for a in names for b in (a, *retrains)}
    one = plan[plan.counts("retrain-0", "gd")]
    assert set(one.needs) == {plan.models["retrain-0"], plan.models["gd"]}
    assert one.batch == plan[plan.counts("gd", "gd")].batch


def test_adaptive_answers_are_made_in_one_go_from_all_models(spec: RunSpec) -> None:
    plan = Plan.of(adaptive(spec))
    counts = plan.of_kind(COUNTS)
    assert len(counts) == len(plan.models)
    assert len({one.batch for one in counts}) == 1 and counts[0].batch
    assert all(set(one.needs) == set(plan.models.values()) for one in counts)


def test_a_watched_method_is_made_with_its_epochs(spec: RunSpec) -> None:
    with pytest.raises(SpecError, match="before the data are loaded"):
        Plan.of(spec, watch=("gd",))
    usual, other = Plan.of(spec, SIZES, ("gd",)), Plan.of(attacked(spec), SIZES, ("gd",))
    assert Plan.of(spec, SIZES, ("gd", "original", "rurk")) == usual  # only methods of the study
    (epochs,) = usual.of_kind(EPOCHS)
    assert epochs.batch == usual[usual.models["gd"]].batch != ""
    assert usual.counts("retrain-0") in epochs.needs
    apart = {one.key for one in other.of_kind(COUNTS)} - {
        one.key for one in Plan.of(attacked(spec)).of_kind(COUNTS)
    }
    assert len(apart) == 3 and apart <= {*other.of_kind(EPOCHS)[0].needs}


# -- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_those_of_the_study(spec: RunSpec, kind: Callable[[RunSpec], RunSpec]) -> None:
    one = kind(spec)
    plan = Plan.of(one)
    assert plan.key == study.study_key(one)
    assert plan.models == study.model_keys(one)
    assert list(plan.models) == list(study.model_keys(one))  # in that order
    assert {result.key for result in plan.of_kind(MODELS)} == set(plan.models.values())
    for source, viewers in plan.groups.items():
        for viewer in viewers:
            assert plan.counts(viewer, source) == study.counts_key(one, viewer, source)
            assert plan.counts(viewer, source) in plan
    for entry, config in metrics.measures_of(one):
        for name in plan.models:
            mark = keys.measure_key(one, name, entry.name, config)
            assert (mark in plan) == bool(entry.facts.get("kept"))
            assert plan.measure(name, entry.name, config) == mark


def test_a_name_of_no_model_is_said_with_those_that_there_are(spec: RunSpec) -> None:
    plan = Plan.of(spec)
    plan.require()
    plan.require("original", "gd")
    with pytest.raises(SpecError, match=r"no model 'ntk'\. It has: original, retrain-0, .* ga\."):
        plan.require("gd", "ntk")


def test_keys_are_still_those_of_earlier_versions() -> None:
    """Literally, so that a change of the arithmetic of keys cannot go unnoticed."""
    data, net = DataSpec("iris", fingerprint="f"), ModelSpec("mlp")
    plan = Plan.of(RunSpec(data, net, TrainSpec(), forget=(1, 5), methods=(), retrains=1))
    assert plan.models == {
        "original": "74c72f56cb7ac9e5c391",
        "retrain-0": "3236016b82c28774e8e5",
    }
    assert plan.key == "c614fe4f7fe972be924d"
    assert plan.counts("original") == "23b87353802f816bccd0"


# -- costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [plain, attacked, adaptive, given, twice])
@pytest.mark.parametrize("watched", [False, True])
def test_costs_add_up_to_what_a_run_announces(
    pipeline: Pipeline, spec: RunSpec, kind: Callable[[RunSpec], RunSpec], watched: bool
) -> None:
    one, bar = kind(spec), Bar()
    pipeline.expect(one, bar, watch=watched)
    dataset = pipeline.dataset(one.data, Reporter())
    watch = [method.name for method in one.methods] if watched else []
    plan = Plan.of(one, costs.sizes_of(dataset), watch)
    assert plan.cost() == pytest.approx(bar.total)
    assert plan.cost(MODELS) == sum(pipeline.work.maker.cost(one, name) for name in plan.models)
    assert plan.cost(MEASURES) == pytest.approx(metrics.cost(pipeline.work, one))
    assert plan.cost(EPOCHS) == sum(stored_epochs.cost(pipeline.work, one, name) for name in watch)


def test_pre_training_costs_its_epochs_over_its_own_data(spec: RunSpec) -> None:
    plan = Plan.of(pretrained(spec), SIZES)
    assert plan.cost(WEIGHTS) == 3 * 3 * 500  # forward and backward, epochs, samples


def test_what_is_held_out_of_training_is_counted_apart(pipeline: Pipeline) -> None:
    held = pipeline.dataset(DataSpec("iris", validation=0.2), Reporter())
    sizes = costs.sizes_of(held, held)
    assert sizes == Sizes(len(held.pool), len(held.train_y), len(held.test_y), len(held.pool))
    assert sizes.pool < sizes.train


def test_a_cost_is_unknown_before_the_data_are(spec: RunSpec) -> None:
    plan = Plan.of(spec)
    assert {one.cost for one in plan} == {None}
    with pytest.raises(SpecError, match="until its data are loaded"):
        plan.cost()


# -- what a run writes ----------------------------------------------------------------------------


def written(pipeline: Pipeline, spec: RunSpec) -> set[tuple[str, str]]:
    """(kind, key) of every file in the store; weights that go with a model's record count once."""
    shelf = pipeline.work.results.shelf(spec)
    files = [path for path in shelf.root.rglob("*") if path.suffix in (".h5", ".pt")]
    found = {(path.parent.name, path.stem) for path in files}
    models = {key for kind, key in found if kind == MODELS}
    return {(kind, key) for kind, key in found if not (kind == WEIGHTS and key in models)}


@pytest.mark.parametrize("kind", [plain, attacked, adaptive, pretrained])
@pytest.mark.parametrize("watched", [False, True])
def test_a_run_writes_exactly_what_the_plan_names(
    pipeline: Pipeline, spec: RunSpec, kind: Callable[[RunSpec], RunSpec], watched: bool
) -> None:
    one = kind(spec)
    pipeline.run(one, Reporter(), watch=watched)
    dataset = pipeline.dataset(one.data, Reporter())
    watch = [method.name for method in one.methods] if watched else []
    plan = Plan.of(one, costs.sizes_of(dataset), watch)
    assert written(pipeline, one) == {(result.kind, result.key) for result in plan}
    for result in plan.of_kind(COUNTS):
        record = pipeline.store.get(COUNTS, result.key, arrays=False)
        assert record is not None and record.attributes["viewer"] == result.model
        assert record.attributes["source"] == result.source
        assert record.attributes["draws"] >= result.draws or one.probe.adaptive


def test_a_run_on_given_weights_writes_exactly_what_the_plan_names(
    pipeline: Pipeline, spec: RunSpec, tmp_path: Path
) -> None:
    pipeline.run(spec, Reporter())
    weights = {
        name: pipeline.export_checkpoint(spec, model, tmp_path / f"{name}.pt")
        for name, model in {"original": "original", "retrain-1": "retrain-1", "x": "ga"}.items()
    }
    before = written(pipeline, spec)
    one = compose(pipeline, methods=("gd",), weights=weights)
    plan = Plan.of(one)
    pipeline.run(one, Reporter())
    named = {(result.kind, result.key) for result in plan}
    assert written(pipeline, one) - before == named - before
    assert named <= written(pipeline, one)


# -- a value --------------------------------------------------------------------------------------


def test_a_plan_is_frozen_and_can_be_a_key(spec: RunSpec) -> None:
    plan = Plan.of(spec, SIZES)
    with pytest.raises(FrozenInstanceError):
        plan.spec = spec  # type: ignore[misc]
    assert {plan: 1}[Plan.of(spec, SIZES)] == 1
    assert plan != Plan.of(spec)
    assert "no such key" not in plan
    with pytest.raises(KeyError):
        plan["no such key"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_survives_pickle_and_json(spec: RunSpec, kind: Callable[[RunSpec], RunSpec]) -> None:
    plan = Plan.of(kind(spec), SIZES, ("gd",))
    assert pickle.loads(pickle.dumps(plan)) == plan
    again = Plan.from_plain(json.loads(json.dumps(plan.as_plain())))
    assert again == plan and again.spec.imported == plan.spec.imported


def test_a_plan_of_another_version_is_refused(spec: RunSpec) -> None:
    plain = Plan.of(spec).as_plain()
    other = {**plain, "results": plain["results"][:-1]}
    with pytest.raises(SpecError, match="another version"):
        Plan.from_plain(other)
    with pytest.raises(SpecError, match="not a plan of a study"):
        Plan.from_plain({"spec": plain["spec"]})


def test_a_plan_is_the_same_in_another_process(spec: RunSpec, tmp_path: Path) -> None:
    plan = Plan.of(spec, SIZES, ("gd",))
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan.as_plain()))
    code = f"""
import json, sys
from pathlib import Path
from engine.study.plan import Plan
from engine.study.viewpoint import Sizes
plan = Plan.from_plain(json.loads(Path({str(file)!r}).read_text()))
print(json.dumps([one.key for one in plan]), [len(batch) for batch in plan.batches])
"""
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        expected = f"{json.dumps([one.key for one in plan])} {[len(b) for b in plan.batches]}"
        assert done.stdout.strip() == expected


def test_watched_samples_need_no_more_than_sizes(pipeline: Pipeline, spec: RunSpec) -> None:
    dataset = pipeline.dataset(spec.data, Reporter())
    seen = epoch_recorder.sight(pipeline.work, spec)
    assert viewpoint.watched_samples(spec, len(dataset.train_y)).tolist() == list(seen.rows)
    assert viewpoint.watch_key(spec, viewpoint.watched_samples(spec, 120)) == seen.mark
    assert viewpoint.probe_of(attacked(spec)).perturbation == "gaussian"
    assert isinstance(viewpoint.probe_of(spec), ProbeSpec)
