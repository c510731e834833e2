"""Samples held out for validation: no model learns, forgets or is judged by them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import registry
from engine.__main__ import main
from engine.analysis.contact_sheet import sample_cards
from engine.cli.parser import parser
from engine.comparison.pair import FORGET, RETAIN, TEST, compare
from engine.datasets.base import Dataset, load
from engine.embedding import points
from engine.errors import DataError, SpecError
from engine.forget_sets.forget_set import unretained_classes
from engine.membership.attack import member_rows
from engine.paper import presets
from engine.paper.published import published_for
from engine.pipeline import bundled_data as kept
from engine.pipeline import epoch_recorder
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec, to_plain
from engine.storage.store import Store
from engine.study import compose
from engine.study.command_line import command_line
from engine.study.family import family
from engine.sweeps import reproduce

FIFTH = DataSpec("digits", validation=0.2)


def in_words(spec: DataSpec) -> tuple[Dataset, list[str]]:
    """The dataset, and what is told of how it was read."""
    dataset = load(spec)
    return dataset, list(dataset.notes)


# -- what is held out -----------------------------------------------------------------------------
def test_a_fifth_of_each_class_is_held_out_and_numbers_stay() -> None:
    whole = load(DataSpec("digits"))
    digits, said = in_words(FIFTH)
    assert said == [
        "287 of 1,438 training samples are held out for validation (20 % of each class)."
    ]
    assert np.array_equal(digits.train_x, whole.train_x) and len(digits) == len(whole)
    held, all_of = (np.bincount(y) for y in (digits.train_y[digits.validation], digits.train_y))
    assert np.array_equal(held, np.round(0.2 * all_of))
    assert len(digits.pool) == 1438 - 287
    assert not np.isin(digits.pool, digits.validation).any()
    first = int(digits.validation[0])
    assert digits.is_held_out(first) and not digits.is_test(first)
    assert digits.name_of(first) == whole.name_of(first)
    assert not digits.is_held_out(int(digits.pool[0])) and not digits.is_held_out(1438)


def test_nothing_is_held_out_unless_asked_for() -> None:
    plain, said = in_words(DataSpec("digits"))
    assert said == [] and len(plain.validation) == 0 and len(plain.pool) == len(plain.train_y)
    assert plain.spec.fingerprint == "40f6fd9f1195126c7f46"  # as it was before anything could be


def test_what_is_held_out_is_drawn_by_the_seed_and_part_of_the_fingerprint() -> None:
    first, other = load(FIFTH), load(replace(FIFTH, seed=7))
    assert not np.array_equal(first.validation, other.validation)
    assert np.array_equal(first.validation, load(FIFTH).validation)
    marks = {load(one).spec.fingerprint for one in (FIFTH, replace(FIFTH, seed=7))}
    assert len(marks | {load(DataSpec("digits")).spec.fingerprint}) == 3
    assert load(FIFTH).spec.fingerprint in marks
    half = load(replace(FIFTH, validation=0.5))
    assert len(half.validation) == pytest.approx(1438 / 2, abs=5)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_cannot_be_held_out_is_refused(share: float) -> None:
    with pytest.raises(SpecError, match=r"data\.validation must be"):
        load(replace(FIFTH, validation=share))


# -- what is forgotten ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["class:8", "class:8:0.5", "class:8:50", "random:300", "random:50%"]
)
def test_no_forget_set_is_drawn_from_what_is_held_out(text: str) -> None:
    digits = load(FIFTH)
    spec = compose.compose(digits, forget=text)
    assert not np.isin(spec.forget, digits.validation).any()
    kept = np.flatnonzero(digits.train_y[digits.pool] == 8)
    sizes = {"class:8": len(kept), "class:8:0.5": round(len(kept) / 2), "class:8:50": 50,
             "random:300": 300, "random:50%": round(len(digits.pool) / 2)}  # fmt: skip
    assert len(spec.forget) == sizes[text]


def test_a_forget_set_that_names_a_sample_held_out_is_refused(tmp_path: Path) -> None:
    digits = load(FIFTH)
    held, learned = int(digits.validation[3]), int(digits.pool[3])
    listed = tmp_path / "list.csv"
    listed.write_text(f"{learned}\n{held}\n")
    for forget in ([learned, held], f"indices:{listed}"):
        with pytest.raises(SpecError, match=f"Sample {held} is held out for validation") as caught:
            compose.compose(digits, forget=forget)
        assert "1 of the 2 selected samples are" in str(caught.value)
    with pytest.raises(SpecError, match="requests 1200 samples; choose 1 to 1151"):
        compose.compose(digits, forget="random:1200")
    with pytest.raises(SpecError, match="entire training set"):
        compose.compose(digits, forget=digits.pool.tolist())


def test_a_class_without_retained_samples_is_lost_whatever_is_held_out_of_it() -> None:
    digits = load(FIFTH)
    spec = compose.compose(digits, forget="class:8")
    assert unretained_classes(spec.forget, digits.train_y, digits.validation) == [8]


# -- what models see ------------------------------------------------------------------------------
class Twins:
    """The Iris flowers twice, under two names: in the second what is held out is rubbish."""

    def __init__(self) -> None:
        self.plain = load(DataSpec("iris", validation=0.2))
        x, y = self.plain.train_x.copy(), self.plain.train_y.copy()
        x[self.plain.validation] = 1.0
        self.spoiled = replace(self.plain, train_x=x, train_y=y)

    def register(self) -> None:
        for name, found in (("flowers", self.plain), ("spoiled", self.spoiled)):
            registry.register("dataset", name)(
                lambda spec, report, one=found: replace(one, spec=spec)
            )


@pytest.fixture
def twins() -> Iterator[Twins]:
    found = Twins()
    found.register()
    yield found
    for name in ("flowers", "spoiled"):
        registry._entries.pop(("dataset", name))


def test_what_is_held_out_changes_no_model_and_no_measure(twins: Twins, tmp_path: Path) -> None:
    studies: list[Study] = []
    weights: list[dict[str, torch.Tensor]] = []
    for name in ("flowers", "spoiled"):
        pipeline = Pipeline(Store(tmp_path / name), "cpu")
        data = pipeline.dataset(DataSpec(name, validation=0.2), Reporter())
        assert np.array_equal(data.validation, twins.plain.validation)
        spec = pipeline.compose(
            data, model="mlp", forget="class:1:0.5", methods=["gd", "ssd"],
            training={"epochs": 8}, retrains=1, draws=10, taus="0,0.1", measures=["relearn-epochs"],
        )  # fmt: skip
        studies.append(pipeline.run(spec, Reporter()))
        plan = pipeline.plan(spec)
        models = {one: pipeline.work.loaded(plan, one) for one in plan.models}
        weights.append(
            {
                one: torch.cat([weight.flatten() for weight in model.parameters()])
                for one, model in models.items()
            }
        )
    first, second = studies
    assert first.spec["data"]["fingerprint"] != second.spec["data"]["fingerprint"]
    assert first.forget.tolist() == second.forget.tolist()
    unlike = [name for name in weights[0] if not torch.equal(weights[0][name], weights[1][name])]
    assert unlike == []
    for model, row in first.metrics.items():
        other = second.metrics[model]
        assert {k: v for k, v in row.items() if k != "seconds"} == {
            k: v for k, v in other.items() if k != "seconds"
        }
    for model, counts in first.residual.counts.items():
        assert np.array_equal(counts, second.residual.counts[model])


def test_the_normalization_is_that_of_what_is_learned(twins: Twins) -> None:
    plain, spoiled = (load(DataSpec(name, validation=0.2)) for name in ("flowers", "spoiled"))
    assert plain.statistics() == spoiled.statistics()
    images, all_of_them = load(FIFTH), load(DataSpec("digits"))
    learned = images.train_x[images.pool] / 255
    assert images.statistics()[0] == pytest.approx([learned.mean()])
    assert images.statistics() != all_of_them.statistics()


# -- what is shown --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, RunSpec, Study]:
    pipeline = Pipeline(Store(tmp_path_factory.mktemp("store")), "cpu")
    iris = pipeline.dataset(DataSpec("iris", validation=0.25), Reporter())
    spec = pipeline.compose(
        iris, forget="class:1:0.5", methods=["gd"], training={"epochs": 3}, retrains=2, draws=10
    )
    return pipeline, spec, pipeline.run(spec, Reporter())


def test_views_show_it_neither_as_retained_nor_as_tested(
    made: tuple[Pipeline, RunSpec, Study],
) -> None:
    pipeline, spec, found = made
    data = pipeline.dataset(spec.data, Reporter())
    retained = data.retained(spec.forget)
    assert len(retained) + len(spec.forget) + len(data.validation) == len(data.train_y)
    models = pipeline.models(spec)

    def on(split: str) -> np.ndarray:
        pair = (models["original"], models["gd"])
        labels = (data.train_y, data.test_y)
        return compare(*pair, split, *labels, spec.forget, data.validation).samples

    assert np.array_equal(on(RETAIN), retained)
    assert np.array_equal(on(FORGET), spec.forget) and on(TEST).min() == len(data.train_y)
    members = member_rows(len(data.train_y), np.array(spec.forget), "retain", data.validation)
    assert np.array_equal(members, retained)
    shown = points.select_points(spec, data).sample
    assert not np.isin(shown, data.validation).any()
    sight = epoch_recorder.sight(pipeline.work, spec)
    assert np.array_equal(sight.retain.numpy(), retained)
    alike = pipeline.similarity(spec, "original", "gd", Reporter())
    assert alike.samples["retain"] == len(retained)
    rows = [int(data.validation[0]), int(retained[0]), spec.forget[0], len(data.train_y)]
    seen = sample_cards(data, rows, models["gd"], spec.forget, found.residual)
    assert [one.split for one in seen] == ["validation", "retain", "forget", "test"]


def test_retain_accuracy_and_membership_are_of_what_is_retained(
    made: tuple[Pipeline, RunSpec, Study],
) -> None:
    pipeline, spec, found = made
    data, model = pipeline.dataset(spec.data, Reporter()), pipeline.models(spec)["gd"]
    rows = data.retained(spec.forget)
    right = model.train_logits[rows].argmax(1) == data.train_y[rows]
    assert found.metrics["gd"]["retain_acc"] == pytest.approx(100 * right.mean())


def test_a_bundle_knows_what_is_held_out(
    made: tuple[Pipeline, RunSpec, Study], tmp_path: Path
) -> None:
    pipeline, spec, found = made
    data = pipeline.dataset(spec.data, Reporter())
    again = kept.dataset_of(kept.record_of(data))
    assert np.array_equal(again.validation, data.validation)
    assert again.spec.fingerprint == data.spec.fingerprint
    record = kept.record_of(replace(data, spec=replace(data.spec, validation=0.5)))
    with pytest.raises(DataError, match="do not match its key"):
        kept.dataset_of(record)
    path = pipeline.save_bundle(found, tmp_path / "study.rkx", {}, Reporter())
    other = Pipeline(Store(tmp_path / "elsewhere"), "cpu")
    opened = other.study(other.open_bundle(path, Reporter()).key)
    assert to_plain(other.spec_of(opened)) == to_plain(spec)
    assert len(other.dataset(spec.data, Reporter()).validation) == len(data.validation)


def test_a_stored_study_goes_on_from_its_spec(made: tuple[Pipeline, RunSpec, Study]) -> None:
    pipeline, spec, found = made
    again = Pipeline(pipeline.store, "cpu")
    assert again.spec_of(again.study(found.key)) == spec
    assert compose.study_key(again.spec_of(found)) == found.key
    assert len(again.dataset(spec.data, Reporter()).validation) == 30
    plain = compose.as_plain(spec)
    older = {**plain, "data": {k: v for k, v in plain["data"].items() if k != "validation"}}
    assert compose.from_plain(older).data.validation == 0
    assert family(older) != family(plain)
    assert family(older) == family({**plain, "data": {**plain["data"], "validation": 0.0}})


# -- command line and presets ---------------------------------------------------------------------
def test_the_command_line_holds_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--dataset", "iris", "--validation", "0.25", "--methods", "gd", "--draws", "10",
             "--retrains", "1", "--set", "train.epochs=2", "--store", str(tmp_path)]  # fmt: skip
    assert main(words) == 0
    said = capsys.readouterr()
    assert "30 of 120 training samples are held out" in said.out + said.err
    pipeline = Pipeline(Store(tmp_path), "cpu")
    (one,) = pipeline.studies()
    spec = pipeline.spec_under(one.key)
    data = pipeline.dataset(spec.data, Reporter())
    assert spec.data.validation == 0.25 and len(data.validation) == 30
    line = shlex.split(command_line(spec, data, "class:1:0.5"))
    assert line[line.index("--validation") + 1] == "0.25"
    assert parser().parse_args(line[1:]).validation == 0.25
    plain = load(DataSpec("iris"))
    assert "--validation" not in command_line(compose.compose(plain), plain, "class:1:0.5")
    assert main(["run", "--dataset", "iris", "--validation", "1", "--store", str(tmp_path)]) == 2


def test_the_paper_holds_a_fifth_of_cifar_10_out() -> None:
    shares = {name: presets.preset(name).validation for name in presets.names()}
    assert {name for name, share in shares.items() if share} == {"cifar10", "cifar10-class"}
    assert shares["cifar10"] == shares["cifar10-class"] == 0.2
    assert presets.preset("cifar10", quick=True).validation == 0.2
    assert not [one for one in presets.preset("cifar10").differences if "validation" in one]


def test_a_preset_holds_out_by_each_seed(pipeline: Pipeline) -> None:
    preset = replace(presets.preset("digits"), validation=0.2, seeds=(1, 2), methods=("gd",))
    trials = list(reproduce.trials_of(pipeline, preset, Reporter()))
    assert [trial.spec.data.validation for trial in trials] == [0.2, 0.2]
    assert len({trial.spec.data.fingerprint for trial in trials}) == 2


def cifar(validation: float) -> Dataset:
    """As many labels as CIFAR-10 has, without its images."""
    y = np.repeat(np.arange(10), 5000)
    x = np.zeros((len(y), 1, 1, 1), np.uint8)
    advice = load(DataSpec("digits")).recommended
    names = tuple("abcdefghij")
    found = Dataset(DataSpec("cifar10"), "CIFAR-10", names, x, y, x[:10], y[:10], advice)
    held = np.arange(len(y))[:: round(1 / validation)] if validation else found.validation
    return replace(found, spec=replace(found.spec, validation=validation), validation=held)


@pytest.mark.parametrize(("share", "said"), [(0.2, False), (0.0, True)])
def test_a_study_that_holds_out_otherwise_than_the_paper_says_so(share: float, said: bool) -> None:
    data = cifar(share)
    assert len(data.pool) == (40_000 if share else 50_000)
    spec = compose.as_plain(
        compose.compose(data, model="mlp", methods=["gd"], forget="class:0:2000")
    )
    spec["model"]["name"] = "resnet18"
    found = published_for(spec, data)
    assert found is not None and found.preset == "cifar10"
    words = "nothing held out for validation instead of 20 %"
    assert (words in found.otherwise) == said


def test_settings_tell_of_it(made: tuple[Pipeline, RunSpec, Study]) -> None:
    from engine.study.differences import differences

    plain: dict[str, Any] = compose.as_plain(made[1])
    other = {**plain, "data": {**plain["data"], "validation": 0.0}}
    assert [one.setting for one in differences(other, plain)] == ["data.validation"]
