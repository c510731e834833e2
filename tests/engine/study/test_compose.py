from __future__ import annotations

from typing import Any

import pytest

from engine.datasets.base import Dataset, load
from engine.errors import SpecError
from engine.spec import DataSpec, ModelSpec, RunSpec, TrainSpec, key, to_plain
from engine.study import compose


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(DataSpec("iris"))


def test_empty_words_mean_the_datasets_recommendation(iris: Dataset) -> None:
    spec = compose.compose(iris)
    assert spec.model.name == "mlp"
    assert spec.train == iris.recommended.train
    assert len(spec.forget) == 7
    assert [method.name for method in spec.methods] == ["rurk", "gd", "ga"]
    assert spec.methods[0].config.tau == iris.recommended.methods["rurk"]["tau"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"model": "resnet19"}, "no model 'resnet19'. Did you mean 'resnet18'"),
        ({"methods": ["rukr"]}, "no method 'rukr'"),
        ({"methods": []}, "Name at least one method"),
        ({"settings": {"rurk": {"tau": -1}}}, r"rurk\.tau must be at least 0"),
        ({"settings": {"rurk": {"epochs": 1.5}}}, r"rurk\.epochs must be a whole number"),
        ({"settings": {"rurk": {"search": "pdg"}}}, "Did you mean 'pgd'"),
        ({"settings": {"rurk": {"lambda-a": 1}}}, "Did you mean 'lambda_a'"),
        ({"settings": {"gd": {"lr": 1}}, "methods": ["rurk"]}, "settings for 'gd'"),
        ({"settings": {"dg": {"lr": 1}}}, "no method 'dg'. Did you mean 'gd'"),
        ({"settings": {"train": {"epochs": 0}}}, r"train\.epochs must be at least 1"),
        ({"retrains": 0}, "retrains must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"taus": "0.1,-0.2"}, "at least 0, but is -0.2"),
        ({"taus": "0.2,0.1"}, "must ascend"),
        ({"perturbation": "gausian"}, "Did you mean 'gaussian'"),
        ({"forget": "class:setos"}, "Did you mean 'setosa'"),
        ({"forget": []}, "forget set is empty"),
        ({"forget": [500]}, "Index 500 is not in the training set"),
        ({"forget": "random:100%"}, "retain set S_r is empty"),
    ],
)
def test_bad_words_get_a_sentence(iris: Dataset, words: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        compose.compose(iris, **words)


def test_settings_of_training_and_measuring_have_owners_too(iris: Dataset) -> None:
    spec = compose.compose(iris, settings={"train": {"epochs": "3"}, "probe": {"steps": 5}})
    assert spec.train.epochs == 3
    assert spec.probe.steps == 5


def test_naming_retrain_adds_nothing_for_it_is_always_there(iris: Dataset) -> None:
    spec = compose.compose(iris, methods=["retrain"])
    assert spec.methods == ()
    assert set(compose.model_keys(spec)) == {"original", "retrain-0", "retrain-1", "retrain-2"}


def test_a_spec_survives_json(iris: Dataset) -> None:
    spec = compose.compose(iris, settings={"rurk": {"tau": 0.07}}, perturbation="pgd")
    again = compose.from_plain(compose.as_plain(spec))
    assert again == spec
    assert compose.study_key(again) == compose.study_key(spec)
    with pytest.raises(SpecError, match="cannot be read by this version"):
        compose.from_plain({"data": {}})


def variants(spec: RunSpec, iris: Dataset) -> dict[str, RunSpec]:
    return {
        "seed": compose.compose(iris, seed=1),
        "epochs": compose.compose(iris, training={"epochs": 3}),
        "forget": compose.compose(iris, forget=[1, 2]),
        "method": compose.compose(iris, settings={"gd": {"lr": 0.02}}),
        "draws": compose.compose(iris, draws=50),
        "taus": compose.compose(iris, taus="0,0.1"),
    }


def test_keys_change_with_what_matters_and_only_with_that(iris: Dataset) -> None:
    spec = compose.compose(iris)
    others = variants(spec, iris)
    assert len({compose.study_key(one) for one in [spec, *others.values()]}) == 7
    same = {
        name: compose.original_key(one) == compose.original_key(spec)
        for name, one in others.items()
    }
    assert same == {
        "seed": False, "epochs": False, "forget": True, "method": True, "draws": True, "taus": True,
    }  # fmt: skip
    keys, changed = compose.model_keys(spec), compose.model_keys(others["method"])
    assert [name for name in keys if keys[name] != changed[name]] == ["gd"]


# -- the number format of training ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "native", "settled"),
    [
        (ModelSpec("resnet18"), True, "bfloat16"),
        (ModelSpec("resnet18"), False, "float32"),
        (ModelSpec("mlp"), True, "float32"),
        (ModelSpec("net.py:make", source="hash"), True, "float32"),
    ],
)
def test_auto_is_settled_by_network_and_processor(
    network: ModelSpec, native: bool, settled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "native_bfloat16", lambda kind: native)
    found = compose.settled(TrainSpec(precision="auto"), network, "cpu")
    assert found == TrainSpec(precision=settled)
    asked = TrainSpec(precision="bfloat16")
    assert compose.settled(asked, network, "cpu") == asked


def test_studies_in_float32_keep_the_keys_they_had() -> None:
    assert "precision" not in to_plain(TrainSpec(), keyed=True)
    assert key(TrainSpec(precision="bfloat16")) != key(TrainSpec())


@pytest.mark.parametrize(
    ("words", "settled"),
    [
        ({"model": "cnn"}, "inferred"),
        ({"model": "mlp"}, "asked"),
        ({"model": "mlp", "probe": {"between": "inferred"}}, "inferred"),
        ({"model": "cnn", "probe": {"between": "asked"}}, "asked"),
        ({"model": "cnn", "perturbation": "pgd"}, "asked"),
        ({"model": "cnn", "probe": {"adaptive": 25}}, "asked"),
    ],
)
def test_whether_every_copy_is_asked_about_is_settled_by_network_and_perturbation(
    words: dict[str, Any], settled: str
) -> None:
    found = compose.compose(load(DataSpec("digits")), **words).probe
    assert found.between == settled
    assert ("between" in to_plain(found, keyed=True)) == (settled == "inferred")


@pytest.mark.parametrize(
    ("perturbation", "model", "asked", "settled"),
    [
        ("pgd", "cnn", {}, "bfloat16"),
        ("fgsm", "cnn", {}, "folded"),
        ("pgd", "mlp", {}, "float32"),
        ("pgd", "cnn", {"arithmetic": "float32"}, "float32"),
        ("gaussian", "cnn", {"arithmetic": "bfloat16"}, "float32"),
    ],
)
def test_the_arithmetic_of_attacks_is_settled_for_the_device_and_enters_no_other_key(
    monkeypatch: pytest.MonkeyPatch,
    perturbation: str,
    model: str,
    asked: dict[str, str],
    settled: str,
) -> None:
    monkeypatch.setattr(compose, "native_bfloat16", lambda kind: True)
    data = load(DataSpec("digits"))
    found = compose.compose(data, perturbation=perturbation, model=model, probe=asked).probe
    assert found.arithmetic == settled


@pytest.mark.parametrize("name", ["gaussian", "l2", "linf", "fgsm", "pgd"])
def test_only_pgd_of_new_studies_starts_from_the_samples_own_draw(iris: Dataset, name: str) -> None:
    now = compose.compose(iris, perturbation=name)
    asked = compose.compose(iris, perturbation=name, settings={"probe": {"start": "shared"}})
    plain = compose.as_plain(asked)
    del plain["probe"]["start"]  # as it was stored before there was a choice
    earlier = compose.from_plain(plain)
    assert earlier.probe.start == asked.probe.start == "shared"
    assert "start" not in to_plain(earlier.probe, keyed=True)
    assert compose.study_key(earlier) == compose.study_key(asked)
    assert (compose.study_key(now) == compose.study_key(earlier)) == (name != "pgd")
    assert (compose.counts_key(now, "gd", "gd") == compose.counts_key(earlier, "gd", "gd")) == (
        name != "pgd"
    )
    assert now.probe.start == ("own" if name == "pgd" else "shared")
