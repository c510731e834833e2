"""Every measure against an independent computation: by hand, scikit-learn or a plain loop."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import SVC
from torch import nn
from torch.nn.functional import cross_entropy

from engine import metrics, registry
from engine.errors import Cancelled, SpecError
from engine.metrics import Case, Metric
from engine.metrics.mia_acc import MIA, Split, called_nonmembers, mia_acc, split_of
from engine.metrics.relearn_epochs import MOST, RelearnEpochs, relearn_epochs
from engine.models.base import Classifier, build
from engine.pipeline.metrics import measures_of, table
from engine.pipeline.pipeline import Pipeline
from engine.report.settings import settings_of as every_setting
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, RunSpec, to_plain
from engine.study import compose as study
from engine.study.differences import Difference, differences, settings_of
from engine.study.family import family
from engine.training import relearn

OUT_OF_BALANCE = {"mia-acc": {"balanced": "false"}}
REQUESTED = {  # measures that train, or need networks or other studies
    "relearn_epochs", "relearn_retain", "relearn_test", "relearn_few", "linear_probe", "klom",
}  # fmt: skip
NAMES = {
    "retain_acc", "unlearn_acc", "test_acc", "mia_acc", "avg_gap", "seconds", "tow", "tow_mia",
    "js_divergence", *REQUESTED,
}  # fmt: skip


def logits_for(p: np.ndarray, y: np.ndarray, classes: int = 3) -> np.ndarray:
    """(n, K) logits: class y (n,) has probability p (n,), the others share the rest."""
    found = np.tile(np.log((1 - p) / (classes - 1))[:, None], (1, classes))
    found[np.arange(len(y)), y] = np.log(p)
    return found


def case_of(
    retain: np.ndarray, forget: np.ndarray, test: np.ndarray, *, whole: bool = False, seed: int = 1
) -> Case:
    """A case with these probabilities of the true class; `whole`: all of class 2 is forgotten."""
    rng = np.random.default_rng(seed)
    kept = rng.integers(0, 2 if whole else 3, len(retain))
    kept[:3] = np.arange(3) % (2 if whole else 3)
    gone = np.full(len(forget), 2) if whole else rng.integers(0, 3, len(forget))
    y, other = np.concatenate([kept, gone]), rng.integers(0, 3, len(test))
    train_logits = logits_for(np.concatenate([retain, forget]), y)
    return Case(
        train_logits=train_logits,
        test_logits=logits_for(test, other),
        train_y=y,
        test_y=other,
        forget=np.arange(len(retain), len(y)),
        seconds=2.5,
        seed=seed,
        original_logits=train_logits,
    )


# -- what a measure says of itself -----------------------------------------------------------------
def test_every_measure_is_registered_and_knows_unit_direction_and_cost() -> None:
    entries = {entry.facts["metric"].name: entry for entry in registry.all_of("metric")}
    assert set(entries) == NAMES == {one.name for one in metrics.METRICS}
    for name, entry in entries.items():
        metric: Metric = entry.facts["metric"]
        assert entry.name == name.replace("_", "-")
        assert metric.unit and metric.help and metric.cost and metric.label == entry.label
        assert metric.better in {"up", "down", "retrain"}
        assert metric.trains == (name in REQUESTED)


def test_naming_the_measures_imports_nothing_heavy() -> None:
    code = (
        "import sys; from engine import metrics, registry; registry.all_of('metric');"
        "assert not {'torch', 'sklearn', 'scipy'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("relearn_epochs", 31.0, ">30"), ("relearn_epochs", 2.0, "2.00"), ("seconds", 0.26, "0.3"),
        ("mia_acc", math.nan, "-"), ("retain_acc", 99.456, "99.46"),
    ],
)  # fmt: skip
def test_a_value_is_written_as_tables_show_it(name: str, value: float, text: str) -> None:
    metric = next(one for one in metrics.METRICS if one.name == name)
    assert metric.text(value) == text


# -- accuracies and gap ----------------------------------------------------------------------------
def test_accuracies_are_shares_of_their_sets() -> None:
    half = np.array([0.9, 0.1, 0.9, 0.1])
    case = case_of(np.array([0.9, 0.9, 0.9, 0.2]), half, np.array([0.9, 0.1, 0.1, 0.1, 0.1]))
    made = {name: registry.get("metric", name).make for name in registry.names("metric")}
    assert made["retain-acc"](case, None) == 75
    assert made["unlearn-acc"](case, None) == 50
    assert made["test-acc"](case, None) == 20
    assert made["seconds"](case, None) == 2.5
    sets = (case.train_logits, case.test_logits, case.train_y, case.test_y, case.forget)
    assert metrics.accuracies(*sets) == {"retain_acc": 75, "unlearn_acc": 50, "test_acc": 20}


def test_the_average_gap_is_over_four_accuracies_and_over_three_without_mia() -> None:
    retrain = {"retain_acc": 100.0, "unlearn_acc": 10.0, "test_acc": 90.0, "mia_acc": 20.0}
    row = {"retain_acc": 99.0, "unlearn_acc": 6.0, "test_acc": 92.0, "mia_acc": 19.0}
    assert metrics.average_gap(row, retrain) == pytest.approx((1 + 4 + 2 + 1) / 4)
    three = {name: value for name, value in row.items() if name != "mia_acc"}
    assert metrics.average_gap(three, retrain) == pytest.approx((1 + 4 + 2) / 3)
    assert metrics.average_gap({**row, "mia_acc": math.nan}, retrain) == pytest.approx(7 / 3)


# -- membership inference --------------------------------------------------------------------------
def random_case(seed: int, whole: bool = False) -> Case:
    rng = np.random.default_rng(seed)
    return case_of(
        rng.beta(6, 1, 300), rng.beta(3, 2, 60), rng.beta(2, 2, 120), whole=whole, seed=seed
    )


@pytest.mark.parametrize("seed", range(4))
def test_mia_is_the_svm_of_the_paper(seed: int) -> None:
    case = random_case(seed)

    def confidence(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
        return torch.from_numpy(logits).softmax(1).numpy()[np.arange(len(y)), y]

    p, q = confidence(case.train_logits, case.train_y), confidence(case.test_logits, case.test_y)
    drawn = numpy_generator(seed, "mia", "seen").choice(p[:300], 120, replace=False)
    for seen, config in ((drawn, MIA()), (p[:300], MIA(balanced=False))):
        attacker = SVC(C=3, gamma="auto", kernel="rbf")
        member = np.array([1] * len(seen) + [0] * 120)
        attacker.fit(np.concatenate([seen, q])[:, None], member)
        expected = 100 * float((attacker.predict(p[300:, None]) == 0).mean())
        assert mia_acc(case, config) == pytest.approx(expected)
        assert 0 < expected < 100


def test_two_points_are_told_apart_at_their_middle() -> None:
    # one member and one non-member: the decision changes sign exactly halfway for any C and gamma
    judged = np.array([0.9, 0.81, 0.79, 0.2])
    split = Split(np.array([1.0]), np.array([0.6]), judged)
    assert called_nonmembers(split) == 50


def test_forget_samples_like_members_are_called_members_and_like_the_test_set_non_members() -> None:
    seen, unseen = np.full(50, 0.99), np.full(50, 0.3)
    assert mia_acc(case_of(seen, np.full(10, 0.99), unseen), MIA()) == 0
    assert mia_acc(case_of(seen, np.full(10, 0.3), unseen), MIA()) == 100


def test_balanced_means_equally_many_members_and_non_members() -> None:
    rng = np.random.default_rng(2)
    # eight members per non-member, indistinguishable: unbalanced, everything is called a member
    case = case_of(rng.random(800), rng.random(100), rng.random(20))
    assert mia_acc(case, MIA(balanced=False)) == 0
    assert mia_acc(case, MIA()) > 0
    assert mia_acc(case, MIA()) == mia_acc(case, MIA())


def splits_heard(monkeypatch: pytest.MonkeyPatch) -> list[Split]:
    """The splits that attacks receive from now on."""
    heard: list[Split] = []

    def listen(split: Split) -> float:
        heard.append(split)
        return 0.0

    monkeypatch.setattr(metrics.mia_acc, "called_nonmembers", listen)
    return heard


@pytest.mark.parametrize(("seen", "unseen"), [(30, 400), (400, 30), (30, 30)])
def test_a_balanced_attack_learns_from_equally_many(
    seen: int, unseen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = splits_heard(monkeypatch)
    rng = np.random.default_rng(2)
    case = case_of(rng.random(seen), rng.random(20), rng.random(unseen))
    for config in (MIA(), MIA(most=40), MIA(balanced=False)):
        mia_acc(case, config)
    sizes = [(len(one.members), len(one.nonmembers), len(one.judged)) for one in heard]
    assert sizes == [(30, 30, 20), (20, 20, 20), (seen, unseen, 20)]
    assert len(np.unique(heard[0].members)) == 30  # without replacement


def test_class_unlearning_is_balanced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = splits_heard(monkeypatch)
    case = random_case(3, whole=True)
    for config in (MIA(), MIA(balanced=False)):
        mia_acc(case, config)
    sizes = [(len(one.members), len(one.nonmembers), len(one.judged)) for one in heard]
    assert sizes == [(30, 30, 30), (300, 30, 30)]


def test_many_samples_are_reduced_in_proportion_by_the_seed() -> None:
    case = random_case(1)

    def found(most: int, seed: int = 1) -> float:
        return mia_acc(replace(case, seed=seed), MIA(balanced=False, most=most))

    assert found(100) == found(100)
    assert len({found(20, seed) for seed in range(8)}) > 1
    assert found(420) == found(5000)  # 300 + 120: nothing to subsample


def test_class_unlearning_is_judged_on_the_held_out_half_of_the_class() -> None:
    case = random_case(3, whole=True)
    split = split_of(case)
    assert (len(split.members), len(split.nonmembers), len(split.judged)) == (300, 30, 30)
    p = np.exp(case.train_logits[case.forget, 2])
    together = np.sort(np.concatenate([split.nonmembers, split.judged]))
    assert together == pytest.approx(np.sort(p))
    single = replace(case, forget=case.forget[:1])
    assert len(split_of(single).judged) == 1


# -- re-learning -----------------------------------------------------------------------------------
def forgotten(losses: list[float]) -> tuple[Case, list[int]]:
    """A case with these losses on S_f, and a list that grows as they are consumed."""
    asked: list[int] = []

    def ask(config: Any) -> Iterator[float]:
        for i, loss in enumerate(losses):
            asked.append(i)
            yield loss

    case = case_of(np.full(5, 0.9), np.full(4, 0.5), np.full(5, 0.9))
    return replace(case, relearn=ask), asked


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([1.04 * math.log(2), 0.0], 0),  # checked before training
        ([1.06 * math.log(2), 1.04 * math.log(2), 0.0], 1),
        ([5.0] * 30 + [0.1], 30),
        ([5.0] * 31, 31),
        ([5.0, math.nan], 31),
    ],
)
def test_relearning_ends_at_the_first_loss_within_five_percent(
    losses: list[float], epochs: int
) -> None:
    case, asked = forgotten(losses)
    assert relearn_epochs(case, RelearnEpochs()) == epochs
    assert len(asked) == min(epochs + 1, len(losses))


def toy() -> tuple[Classifier, Samples]:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(24, 4, generator=rng)
    y = (x.sum(1) > 2).long()
    model = build("mlp", (4,), 2, (np.zeros(4), np.ones(4)), rng)
    return model.eval(), Samples(x, y, 2)


def test_the_epochs_are_those_of_plain_sgd() -> None:
    model, samples = toy()
    forget = torch.tensor([1, 5, 7, 11])
    config = RelearnEpochs(data="forget", lr=0.3, momentum=0.9, weight_decay=0.01, batch=8)
    found = list(relearn.losses(model, samples, forget, config, 3, Reporter()))
    net = toy()[0].double()
    steps = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9, weight_decay=0.01)
    x, y = samples.x[forget].double(), samples.y[forget]
    expected = []
    for _ in range(MOST + 1):  # S_f fits one batch, so that its order does not matter
        loss = cross_entropy(net(x), y)
        expected.append(float(loss.detach()))
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert found == pytest.approx(expected, rel=1e-4)


def test_relearning_leaves_the_model_alone_and_reports_no_training_curve() -> None:
    model, samples = toy()
    before = [p.clone() for p in model.parameters()]
    heard: list[str] = []
    report = Reporter()
    report.on_point = lambda channel, data: heard.append(channel)  # type: ignore[method-assign]
    forget = torch.tensor([2, 3])
    config = RelearnEpochs()
    report.expect(relearn.cost(config, 24, 2))
    for epoch, _ in enumerate(relearn.losses(model, samples, forget, config, 1, report)):
        if epoch == 3:
            break
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert heard == []
    first = list(relearn.losses(model, samples, forget, config, 1, Reporter()))
    assert first == list(relearn.losses(model, samples, forget, config, 1, Reporter()))
    assert first != list(relearn.losses(model, samples, forget, config, 2, Reporter()))


def test_relearning_stops_when_asked_to_and_where_it_diverges() -> None:
    model, samples = toy()
    forget = torch.tensor([2, 3])
    report = Reporter()
    epochs = relearn.losses(model, samples, forget, RelearnEpochs(), 1, report)
    next(epochs)
    report.cancel()
    with pytest.raises(Cancelled):
        next(epochs)
    said: list[str] = []
    report = Reporter()
    report.on_log = said.append  # type: ignore[method-assign]
    wild = RelearnEpochs(lr=100.0, momentum=0.9999, weight_decay=10.0)
    assert len(list(relearn.losses(model, samples, forget, wild, 1, report))) < MOST + 1
    assert "Re-learning stopped" in said[0]


# -- in a study ------------------------------------------------------------------------------------
def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual = {"methods": ("gd",), "training": {"epochs": 6}, "draws": 10, "retrains": 2}
    return pipeline.compose(iris, **usual | words)


def test_a_study_has_mia_and_gap_and_what_was_asked_for(pipeline: Pipeline) -> None:
    spec = compose(pipeline, measures=["relearn_epochs"])
    found = pipeline.run(spec, Reporter()).metrics
    for row in found.values():
        assert set(row) == NAMES - REQUESTED | {"relearn_epochs", "relearn_epochs_censored"}
    assert found["original"]["relearn_epochs"] == 0
    assert found["retrain"]["avg_gap"] == 0
    expected = metrics.average_gap(found["gd"], found["retrain"])
    assert found["gd"]["avg_gap"] == expected
    usual = pipeline.run(compose(pipeline), Reporter()).metrics
    assert set(usual["gd"]) == NAMES - REQUESTED


def test_a_measure_is_taken_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run(compose(pipeline, measures=["relearn-epochs"]), Reporter())

    def refuse(*_: Any) -> Iterator[float]:
        raise AssertionError("re-learned again")

    monkeypatch.setattr(relearn, "losses", refuse)
    again = compose(pipeline, measures=["relearn-epochs"], draws=20)  # another study
    assert "relearn_epochs" in pipeline.run(again, Reporter()).metrics["gd"]


def test_measures_change_the_key_of_the_study_alone(pipeline: Pipeline) -> None:
    usual = compose(pipeline)
    asked = compose(pipeline, settings={"mia-acc": {"most": "100"}})
    assert [one.config for one in usual.measures] == [MIA()]
    assert [one.config for one in asked.measures] == [MIA(most=100)]
    assert study.model_keys(usual) == study.model_keys(asked)
    assert study.study_key(usual) != study.study_key(asked)
    assert study.from_plain(study.as_plain(asked)) == asked
    with pytest.raises(
        SpecError, match=r"no metric 'relern-epochs'\. Did you mean 'relearn-epochs'"
    ):
        compose(pipeline, measures=["relern-epochs"])
    with pytest.raises(SpecError, match=r"relearn-epochs\.data"):
        compose(pipeline, settings={"relearn-epochs": {"data": "retain"}})


def config_of_mia(spec: RunSpec) -> MIA:
    (found,) = (config for entry, config in measures_of(spec) if entry.name == "mia-acc")
    assert isinstance(found, MIA)
    return found


def test_a_study_that_does_not_say_how_was_measured_out_of_balance(pipeline: Pipeline) -> None:
    usual, as_before = compose(pipeline), compose(pipeline, settings=OUT_OF_BALANCE)
    assert config_of_mia(usual) == MIA(balanced=True)
    assert config_of_mia(as_before) == MIA(balanced=False)
    plain = {**study.as_plain(usual), "measures": []}
    older = study.from_plain(plain)
    plain.pop("measures")
    assert older == study.from_plain(plain) == as_before  # so that stored ones are found again
    assert study.study_key(older) != study.study_key(usual)
    assert settings_of(plain)["mia-acc.balanced"] == "false"
    assert differences(plain, study.as_plain(usual)) == [
        Difference("mia-acc.balanced", "false", "true")
    ]
    assert family(plain) != family(study.as_plain(usual))
    said = {(one.owner, one.name): one for one in every_setting(older, None)}
    assert said["mia-acc", "balanced"].value is False and said["mia-acc", "balanced"].changed
    relearned = compose(pipeline, measures=["relearn-epochs"])
    assert family(study.as_plain(relearned)) == family(study.as_plain(usual))


def test_keys_of_measures_that_older_versions_wrote_have_not_changed(pipeline: Pipeline) -> None:
    plain = study.as_plain(compose(pipeline, settings=OUT_OF_BALANCE))
    for config in ({"balanced": False, "most": 100}, {"balanced": True, "most": 5000}):
        measures = [{"name": "mia-acc", "config": config}]
        spec = study.from_plain({**plain, "measures": measures})
        assert to_plain(spec, keyed=True)["measures"] == measures
        assert config_of_mia(spec) == MIA(**config)  # type: ignore[arg-type]


def test_both_ways_of_measuring_are_kept_and_verified(pipeline: Pipeline) -> None:
    found = [
        pipeline.run(compose(pipeline, settings=settings), Reporter())
        for settings in ({}, OUT_OF_BALANCE)
    ]
    specs = [pipeline.spec_of(one) for one in found]
    assert [config_of_mia(spec).balanced for spec in specs] == [True, False]
    values = {row["mia_acc"] for one in found for row in one.metrics.values()}
    assert len(values) > 1
    for one, spec in zip(found, specs, strict=True):
        again = table(pipeline.work, pipeline.plan(spec), pipeline.models(spec), Reporter())
        assert again == one.metrics


def test_a_frozen_layer_is_no_obstacle_to_relearning() -> None:
    model, samples = toy()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    epochs = relearn.losses(model, samples, torch.tensor([2, 3]), RelearnEpochs(), 1, Reporter())
    assert next(epochs) != next(epochs)
    assert isinstance(model, nn.Module)
    assert not any(p.requires_grad for p in model.parameters())
